/* SPDX-License-Identifier: Apache-2.0 */
/* The server from inside: exchange.c answers requests on a connection, loop.c carries connections, server.c starts and
 * stops both. All of it belongs to the loop's thread unless said otherwise. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include <libwebsockets.h>

#include "lib/server/connection.h"
#include "lib/server/pool.h"
#include "lib/server/server.h"

struct Server {
        ServerOptions options;
        struct lws_context *context;
        struct lws_vhost *vhost;
        struct lws *listener;
        int port;
        Pool *pool;
        Connection *connections;
        size_t count;
        bool draining, ended; /* of the loop's thread */
        lws_sorted_usec_list_t drain_end;
        atomic_bool stop;
        int64_t drain_ms; /* written before `stop` */
        Metric *requests, *open;
        pthread_t thread;
};

/* Each returns false when the connection is to be closed. Bytes that came; room to write; a timer that ran out. */
bool exchange_read(Server *server, Connection *connection, const char *bytes, size_t size);
bool exchange_write(Server *server, Connection *connection);
bool exchange_time_is_up(Server *server, Connection *connection);
/* Replies that the pool has ready. */
void exchange_take_replies(Server *server);
/* Calls exchange_time_is_up after this time, unless it is set anew. */
void exchange_set_timer(const Connection *connection, int64_t ms);

/* Takes the listening socket over; false with UNAVAILABLE when libwebsockets does not start (the socket is then
 * closed). */
bool loop_open(Server *server, int fd, Error *err) MUST_USE;
/* Carries connections until the server is told to stop, then lets the last ones end. */
void loop_run(Server *server);
/* Makes the loop look at `stop` and at the pool's replies. From any thread; `context` is the Server. */
void loop_wake(void *context);
