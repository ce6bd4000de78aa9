/* SPDX-License-Identifier: Apache-2.0 */
/* Small HTTPS requests to members (Patroni's REST API) by libcurl: CA pinned, deadline, basic authentication. A client
 * keeps its connections; it belongs to one thread at a time. */
#pragma once

#include "lib/base/text.h"
#include "lib/base/error.h"

typedef struct HttpGet HttpGet;

typedef struct HttpGetTarget {
        const char *url;
        const char *method;   /* NULL: GET */
        const char *body;     /* NULL: none; sent as application/json */
        const char *ca_pem;   /* NULL: the system's CAs; for https */
        const char *username; /* NULL: no authentication */
        const char *password;
        int64_t timeout_ms;
        size_t maximum;       /* bytes of the reply; 0: 1 MiB */
} HttpGetTarget;

HttpGet *http_get_new(void);
void http_get_free(HttpGet *client);
/* True whenever a reply came, whatever its status. Errors: UNAVAILABLE, TIMEOUT, TOO_LARGE, UNAUTHORIZED (TLS not
 * verified). `ret_body` is cleared first. */
bool http_get(HttpGet *client, const HttpGetTarget *target, int *ret_status, Text *ret_body, Error *err) MUST_USE;
