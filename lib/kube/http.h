/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP to the API server by libcurl: TLS verified, credentials reloaded, Retry-After obeyed for all requests at once,
 * persistent connections, a deadline per request, every buffer capped. Blocking calls are safe from every thread (a
 * pool of handles); streams run on the watch thread (watch.h). Metrics: rest_client_requests_total and
 * rest_client_request_duration_seconds, by the names of client-go. */
#pragma once

#include "lib/base/metrics.h"
#include "lib/base/text.h"
#include "lib/kube/credentials.h"

typedef struct Http Http;

enum {
        HTTP_MAXIMUM_IN_FLIGHT = 32,          /* blocking requests of one process */
        HTTP_MAXIMUM_BODY = 64 * 1024 * 1024, /* of a reply that is collected whole */
        HTTP_CONNECT_TIMEOUT_MS = 5000
};

typedef struct HttpRequest {
        const char *method;       /* "GET", "PATCH", ... */
        const char *path;         /* with query, already escaped: "/api/v1/pods?limit=500" */
        const char *content_type; /* of the body; NULL without one */
        const char *body;
        size_t body_size;
        const char *authorization; /* a caller's header, passed on instead of all credentials of our own; NULL: ours */
        int64_t timeout_ms;        /* of the whole exchange; 0: 30 s */
        /* When set, a 2xx body is handed over as it comes and not collected; other bodies are collected. */
        bool (*on_bytes)(void *context, const char *bytes, size_t size, Error *err);
        void *context;
        bool ungated; /* held back neither by Retry-After of others nor by the cap (the lease) */
} HttpRequest;

typedef struct HttpResponse {
        int status;
        Text body;
        uint32_t retry_after_ms;
} HttpResponse;

/* `config` and `metrics` (may be NULL) must outlive the result. Reads the credentials once: NOT_FOUND or INVALID when
 * something named is not there. Proxies of the environment are not used. */
bool http_new(const KubeConfig *config, Metrics *metrics, Http **ret_http, Error *err) MUST_USE;
/* Only after the last request returned. */
void http_free(Http *http);
/* Makes requests under way and later ones fail with STOPPED, at once. Safe from every thread, not in signal handlers.
 */
void http_stop(Http *http);
/* Closes idle connections: for when nothing is going on. */
void http_trim(Http *http);
/* One exchange. True whenever a reply arrived, whatever its status; 401 was retried once where fresher credentials
 * could be had. A 429 with Retry-After holds back all later requests for that time; one that would have to wait beyond
 * its own timeout fails with THROTTLED. Errors: UNAVAILABLE (refused, reset, TLS), TIMEOUT, THROTTLED, TOO_LARGE,
 * UNAUTHORIZED (no credentials to offer), STOPPED, or on_bytes' own. */
bool http_exchange(Http *http, const HttpRequest *request, HttpResponse *ret_response, Error *err) MUST_USE;
void http_response_done(HttpResponse *response);
/* Turns a non-2xx reply into an Error by the table of reply and action (docs/architecture.md): code, reason, the
 * Status message and, for conflicts of field managers, the fields. Where a cause says more than the reason, `reason` is
 * the cause: NamespaceTerminating, FieldManagerConflict, ResourceVersionTooLarge, DisruptionBudget. Returns false
 * always. https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
bool http_error(const HttpResponse *response, const char *what, Error *err);
/* Appends `value` percent-encoded for a query or path segment. */
void http_escape(Text *url, const char *value);
