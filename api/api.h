/* SPDX-License-Identifier: Apache-2.0 */
/* The control-plane API: a thin door to the MadCluster that this pod belongs to. It has no rights of its own: every
 * request to Kubernetes carries the caller's token, and what Kubernetes says of it is passed on. */
#pragma once

#include "lib/kube/client.h"
#include "lib/server/server.h"

typedef struct Api {
        Http *http;             /* without credentials of its own */
        const char *namespace_; /* of the MadCluster */
        const char *cluster;    /* its name */
} Api;

/* Handlers for the route table; `context` is the Api. All may block on Kubernetes for up to 10 s. */
ServerHandler api_status;  /* GET /api/v1/cluster/status */
ServerHandler api_scale;   /* POST /api/v1/cluster/scale */
ServerHandler api_openapi; /* GET /api/v1/openapi.json; does not block */

/* An answer in RFC 9457's form. `detail` is a sentence for people. */
void api_problem(ServerReply *reply, int status, const char *title, const char *detail);

/* What a scale request asks for. */
typedef struct ScaleRequest {
        int64_t target_db_count;
        bool min_ha_nodes; /* refuse less than 3 */
} ScaleRequest;
/* Reads and checks the body of POST /api/v1/cluster/scale; ERROR_INVALID with a sentence. Pure. */
bool api_parse_scale(const char *body, size_t size, ScaleRequest *ret_request, Error *err) MUST_USE;
/* The answer to GET /api/v1/cluster/status made of a MadCluster as Kubernetes holds it. The caller frees it. Pure. */
Json *api_describe(const Json *cluster);
