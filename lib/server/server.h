/* SPDX-License-Identifier: Apache-2.0 */
/* A small HTTP/1.1 server for few connections (health, metrics, control-plane API): the one place that knows
 * libwebsockets, which carries the connections; the protocol is read by http_request.c. One event-loop thread of its
 * own; handlers run on it, or on a small pool when a route says that it may block. HTTP/2 and upgrades are refused, so
 * are request bodies without a length or over the cap. */
#pragma once

#include "lib/base/error.h"
#include "lib/base/metrics.h"
#include "lib/base/text.h"

typedef struct Server Server;

enum {
        SERVER_MAXIMUM_HEAD = 16 * 1024, /* bytes of request line and headers: 431 */
        SERVER_MAXIMUM_HEADERS = 100,
        SERVER_MAXIMUM_BODY = 256 * 1024, /* 413 */
        SERVER_MAXIMUM_CONNECTIONS = 256, /* a further one takes the place of the one that has idled longest */
        SERVER_MAXIMUM_POOL = 8,
        SERVER_READ_MS = 10000,  /* for a whole request, from its first byte (or from connecting) */
        SERVER_WRITE_MS = 30000, /* for a whole reply */
        SERVER_IDLE_MS = 90000   /* between two requests */
};

typedef struct ServerRequest {
        const char *method;        /* "GET", "POST", ...; a HEAD is given to the handler of GET as "GET" */
        const char *path;          /* without query, decoded once */
        const char *query;         /* raw, "" without one */
        const char *authorization; /* header value or NULL */
        const char *body;          /* with a NUL byte behind it; "" without one */
        size_t body_size;
} ServerRequest;

typedef struct ServerReply {
        int status;               /* 200 when the handler leaves it */
        const char *content_type; /* string constant; "text/plain; charset=utf-8" when the handler leaves it */
        const char *extra_header; /* e.g. "WWW-Authenticate: Bearer", string constant or NULL */
        Text body;                /* freed by the server */
} ServerReply;

typedef void ServerHandler(void *context, const ServerRequest *request, ServerReply *reply);

/* A route table, ended by a row whose path is NULL. A path ending in "*" matches by prefix; the first row that fits
 * counts. What no row has is answered with a JSON problem: 404, or 405 when only the method is another. */
typedef struct ServerRoute {
        const char *method;
        const char *path;
        ServerHandler *handler;
        void *context;
        bool may_block; /* run on the pool; the handler has a deadline of its own */
} ServerRoute;

typedef struct ServerOptions {
        const char *address;       /* numeric; NULL: all, IPv4 and IPv6 */
        int port;                  /* 0: any free one, see server_port */
        const ServerRoute *routes; /* must live as long as the server */
        int pool_threads;          /* 0: none; routes that may block then run on the loop */
        Metrics *
                metrics; /* NULL: none; else madbase_http_requests_total{method,route,code}, madbase_http_connections */
        int64_t read_ms, write_ms, idle_ms; /* 0: the values above */
} ServerOptions;

/* Listens and starts the threads. UNAVAILABLE when the port is taken, INVALID for an address that is none. */
bool server_start(const ServerOptions *options, Server **ret_server, Error *err) MUST_USE;
int server_port(const Server *server);
/* Stops listening, closes idle connections, lets requests under way end for at most `drain_ms`, ends the threads (a
 * handler on the pool is waited for). NULL is ignored. Not from a handler. */
void server_stop(Server *server, int64_t drain_ms);

/* Value of a query parameter, decoded ('+' is a blank) into `ret_value`; false when absent, broken or too long. The
 * first of several counts; "name" alone has the value "". */
bool server_query(const ServerRequest *request, const char *name, char *ret_value, size_t size);
/* Whether one of the parameters of this name has this value. */
bool server_query_is(const ServerRequest *request, const char *name, const char *value);
/* Makes the reply a JSON problem (RFC 9457) with this status and sentence; a body written before is dropped. */
void server_problem(ServerReply *reply, int status, const char *format, ...) PRINTF(3, 4);
