/* SPDX-License-Identifier: Apache-2.0 */
/* One client's connection: the bytes that came, the request in them, the bytes of the reply. Knows nothing of sockets.
 * Belongs to the loop's thread, but for `job` while it is on the pool. Private to the server. */
#pragma once

#include "lib/server/http_request.h"
#include "lib/server/pool.h"

enum {
        CONNECTION_PAD = 32,         /* bytes before the reply that libwebsockets may use */
        CONNECTION_PIECE = 16 * 1024 /* written at once */
};

typedef enum ConnectionState {
        CONNECTION_READING, /* a request, or nothing */
        CONNECTION_WAITING, /* for a handler on the pool */
        CONNECTION_WRITING, /* the reply */
        CONNECTION_ENDING   /* told the client that nothing more comes; what it sends is dropped */
} ConnectionState;

typedef struct Connection {
        struct Connection *next, *previous;
        struct lws *wsi; /* NULL: the client went away while the handler ran */
        ConnectionState state;
        Text in;
        size_t scanned;
        bool has_head;
        bool closing; /* after this reply */
        HttpRequest parsed;
        Arena arena; /* of the request */
        PoolJob job;
        Text out;
        size_t sent;
        int64_t since_ms; /* of the last reply, or of connecting */
} Connection;

typedef enum ConnectionNews {
        CONNECTION_WANTS_MORE,
        CONNECTION_WANTS_CONTINUE, /* the same, and the client waits for "100 Continue" */
        CONNECTION_HAS_REQUEST,    /* in job.request */
        CONNECTION_IS_REFUSED      /* job.reply says why; the connection ends behind it */
} ConnectionNews;

Connection *connection_new(void);
void connection_free(Connection *connection);
/* In CONNECTION_READING: takes bytes in (0 to look at what is there already). */
ConnectionNews connection_read(Connection *connection, const char *bytes, size_t size);
/* Puts job.reply into `out` and goes on to CONNECTION_WRITING. */
void connection_reply(Connection *connection, const char *allow);
/* Makes job.reply a problem, the last one on this connection. */
void connection_refuse(Connection *connection, int status, const char *sentence);
/* The next piece of the reply; NULL when all of it was given. CONNECTION_PAD bytes before it may be overwritten. */
const char *connection_next_piece(Connection *connection, size_t *ret_size);
/* Forgets the request that was answered, and gives back memory that an idle connection does not need. */
void connection_next_request(Connection *connection, int64_t now_ms);
