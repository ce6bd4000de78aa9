/* SPDX-License-Identifier: Apache-2.0 */
/* A small HTTP/1.1 server for few connections (health, metrics, control-plane API): the one place that knows
 * libwebsockets. One event-loop thread of its own; handlers run on it, or on a small pool when a route says that it may
 * block. HTTP/2 and upgrades are refused, so are request bodies without a length or over the cap. */
#pragma once

#include "lib/base/metrics.h"
#include "lib/base/text.h"
#include "lib/base/error.h"

typedef struct Server Server;

enum { SERVER_MAXIMUM_BODY = 256 * 1024, SERVER_MAXIMUM_CONNECTIONS = 256 };

typedef struct ServerRequest {
        const char *method;        /* "GET", "POST", ... */
        const char *path;          /* without query, decoded once */
        const char *query;         /* raw, "" without one */
        const char *authorization; /* header value or NULL */
        const char *body;
        size_t body_size;
} ServerRequest;

typedef struct ServerReply {
        int status;               /* 200 when the handler leaves it */
        const char *content_type; /* string constant; "text/plain; charset=utf-8" when the handler leaves it */
        const char *extra_header; /* e.g. "WWW-Authenticate: Bearer", string constant or NULL */
        Text body;
} ServerReply;

typedef void ServerHandler(void *context, const ServerRequest *request, ServerReply *reply);

/* A route table, ended by a row whose path is NULL. A path ending in "*" matches by prefix. */
typedef struct ServerRoute {
        const char *method;
        const char *path;
        ServerHandler *handler;
        void *context;
        bool may_block; /* run on the pool */
} ServerRoute;

typedef struct ServerOptions {
        const char *address; /* NULL: all */
        int port;            /* 0: any free one, see server_port */
        const ServerRoute *routes;
        int pool_threads;    /* 0: none; routes that may block then run on the loop */
} ServerOptions;

/* Listens and starts the thread. UNAVAILABLE when the port is taken. */
bool server_start(const ServerOptions *options, Server **ret_server, Error *err) MUST_USE;
int server_port(const Server *server);
/* Stops listening, lets requests under way end for at most `drain_ms`, ends the thread. */
void server_stop(Server *server, int64_t drain_ms);

/* Value of a query parameter, decoded into `ret_value`; false when absent or too long. */
bool server_query(const ServerRequest *request, const char *name, char *ret_value, size_t size);
