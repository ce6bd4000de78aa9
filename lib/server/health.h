/* SPDX-License-Identifier: Apache-2.0 */
/* /healthz, /readyz, /livez with a path per check ("/readyz/caches"), ?verbose and ?exclude=NAME, and /metrics:
 * the shapes that Kubernetes' own components answer with: 200 and "ok", or 500 and a line for each check. A check
 * called "ping" is always there and always passes. /healthz and /livez are the same.
 * https://kubernetes.io/docs/reference/using-api/health-checks/ */
#pragma once

#include "lib/server/server.h"

typedef struct Health Health;

enum { HEALTH_MAXIMUM_CHECKS = 16 };

/* A check fills a sentence when it fails. Called from the server's thread: must not block. */
typedef bool HealthCheck(void *context, char *ret_sentence, size_t size);

/* `metrics` is what /metrics shows; NULL: /metrics is not found. */
Health *health_new(Metrics *metrics);
void health_free(Health *health);
/* At start, before the server runs; at most HEALTH_MAXIMUM_CHECKS each (aborts beyond). Names are string constants. */
void health_add_live(Health *health, const char *name, HealthCheck *check, void *context);
void health_add_ready(Health *health, const char *name, HealthCheck *check, void *context);
/* Handler for "/healthz*", "/livez*", "/readyz*" and "/metrics", to be put in a route table with the Health as context.
 */
void health_handle(void *health, const ServerRequest *request, ServerReply *reply);
