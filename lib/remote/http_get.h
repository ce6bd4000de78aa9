/* SPDX-License-Identifier: Apache-2.0 */
/* Small HTTP(S) requests to members (Patroni's REST API) by libcurl: CA pinned, deadline, basic authentication. Proxies
 * of the environment are not used and redirects not followed. A client keeps a few connections; it belongs to one
 * thread at a time. */
#pragma once

#include "lib/base/error.h"
#include "lib/base/text.h"

typedef struct HttpGet HttpGet;

enum { HTTP_GET_MAXIMUM = 1024 * 1024 };

typedef struct HttpGetTarget {
        const char *url;
        const char *method;   /* NULL: GET; HEAD has no body in its reply */
        const char *body;     /* NULL: none; sent as application/json */
        const char *ca_pem;   /* NULL: the system's CAs; for https */
        const char *username; /* NULL: no authentication */
        const char *password;
        int64_t timeout_ms; /* of the whole request */
        size_t maximum;     /* bytes of the reply; 0: HTTP_GET_MAXIMUM */
} HttpGetTarget;

HttpGet *http_get_new(void);
void http_get_free(HttpGet *client);
/* For CLEANUP(http_get_cleanup). */
void http_get_cleanup(HttpGet **client);
/* True whenever a reply came, whatever its status. Errors: UNAVAILABLE, TIMEOUT, TOO_LARGE, UNAUTHORIZED (TLS not
 * verified), PROTOCOL (not HTTP), INVALID (a URL that is none). `ret_body` is cleared first, and empty after an error.
 */
bool http_get(HttpGet *client, const HttpGetTarget *target, int *ret_status, Text *ret_body, Error *err) MUST_USE;
