/* SPDX-License-Identifier: Apache-2.0 */
/* /healthz, /readyz, /livez with a path per check ("/readyz/caches"), ?verbose and ?exclude=NAME, and /metrics:
 * the shapes that Kubernetes' own components answer with. */
#pragma once

#include "lib/server/server.h"

typedef struct Health Health;

/* A check fills a sentence when it fails. Called from the server's thread: must not block. */
typedef bool HealthCheck(void *context, char *ret_sentence, size_t size);

Health *health_new(Metrics *metrics);
void health_free(Health *health);
/* At start, before the server runs; at most 16 each. Names are string constants. */
void health_add_live(Health *health, const char *name, HealthCheck *check, void *context);
void health_add_ready(Health *health, const char *name, HealthCheck *check, void *context);
/* Handler for "/healthz*", "/livez*", "/readyz*" and "/metrics", to be put in a route table with the Health as context. */
void health_handle(void *health, const ServerRequest *request, ServerReply *reply);
