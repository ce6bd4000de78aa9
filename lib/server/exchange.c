/* SPDX-License-Identifier: Apache-2.0 */
/* Requests in, replies out, on one connection at a time.
 * Law: while a request is answered nothing is read, so a client that sends more waits for its turn. */
#include <string.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/server/route.h"
#include "lib/server/server_internal.h"

_Static_assert(LWS_PRE <= CONNECTION_PAD, "libwebsockets wants more room before what is written");

enum { ENDING_MS = 2000 /* for a client to read the last reply and close */ };

void exchange_set_timer(const Connection *connection, int64_t ms) {
        lws_set_timer_usecs(connection->wsi, ms * LWS_US_PER_MS);
}

static void count_request(Server *server, const Connection *connection) {
        const PoolJob *job = &connection->job;
        int status = job->reply.status ? job->reply.status : 200;
        char code[16];
        const char *const values[] = { connection->has_head ? job->request.method : "",
                job->route ? job->route->path : "", code };

        (void)snprintf(code, sizeof(code), "%d", status);
        metric_add(server->requests, values, 1);
}

static void start_reply(Server *server, Connection *connection, const char *allow) {
        count_request(server, connection);
        if (server->draining)
                connection->closing = true;
        connection_reply(connection, allow);
        lws_rx_flow_control(connection->wsi, 0);
        exchange_set_timer(connection, server->options.write_ms);
        lws_callback_on_writable(connection->wsi);
}

static void dispatch(Server *server, Connection *connection) {
        char allow[ROUTE_ALLOW_SIZE];
        PoolJob *job = &connection->job;

        job->route = route_find(server->options.routes, job->request.method, job->request.path, allow);
        if (!job->route) {
                server_problem(&job->reply, *allow ? 405 : 404, "%s",
                        *allow ? "this path does not know the method" : "there is nothing at this path");
                start_reply(server, connection, *allow ? allow : NULL);
        } else if (job->route->may_block && server->pool) {
                job->owner = connection;
                connection->state = CONNECTION_WAITING;
                lws_rx_flow_control(connection->wsi, 0);
                pool_add(server->pool, job);
        } else {
                job->route->handler(job->route->context, &job->request, &job->reply);
                start_reply(server, connection, NULL);
        }
}

/* False to close the connection. */
bool exchange_read(Server *server, Connection *connection, const char *bytes, size_t size) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        unsigned char padded[CONNECTION_PAD + sizeof(go_on)];

        if (connection->state != CONNECTION_READING)
                return true;
        if (size > 0 && connection->in.size == 0)
                exchange_set_timer(connection, server->options.read_ms);
        switch (connection_read(connection, bytes, size)) {
        case CONNECTION_WANTS_MORE:
                break;
        case CONNECTION_WANTS_CONTINUE:
                memcpy(padded + CONNECTION_PAD, go_on, sizeof(go_on) - 1);
                return lws_write(connection->wsi, padded + CONNECTION_PAD, sizeof(go_on) - 1, LWS_WRITE_RAW) >= 0;
        case CONNECTION_HAS_REQUEST:
                dispatch(server, connection);
                break;
        case CONNECTION_IS_REFUSED:
                start_reply(server, connection, NULL);
                break;
        }
        return true;
}

/* Everything is with the kernel: end, or go on with the next request, which may have come already. */
static bool finish_reply(Server *server, Connection *connection) {
        if (connection->closing) {
                (void)shutdown(lws_get_socket_fd(connection->wsi), SHUT_WR);
                connection->state = CONNECTION_ENDING;
                exchange_set_timer(connection, ENDING_MS);
                return lws_rx_flow_control(connection->wsi, 1) >= 0;
        }
        connection_next_request(connection, clock_now_ms());
        exchange_set_timer(connection, connection->in.size ? server->options.read_ms : server->options.idle_ms);
        if (connection->in.size && !exchange_read(server, connection, "", 0))
                return false;
        return connection->state != CONNECTION_READING || lws_rx_flow_control(connection->wsi, 1) >= 0;
}

bool exchange_write(Server *server, Connection *connection) {
        size_t size = 0;
        const char *piece;

        if (connection->state != CONNECTION_WRITING)
                return true;
        piece = connection_next_piece(connection, &size);
        if (!piece)
                return finish_reply(server, connection);
        /* libwebsockets may write before the piece: that is the pad, or what was sent already. */
        if (lws_write(connection->wsi, (unsigned char *)(uintptr_t)piece, size, LWS_WRITE_RAW) < 0)
                return false;
        lws_callback_on_writable(connection->wsi);
        return true;
}

bool exchange_time_is_up(Server *server, Connection *connection) {
        const struct linger at_once = { .l_onoff = 1 };

        if (connection->state == CONNECTION_WAITING)
                return true; /* the handler has a deadline of its own */
        /* What the client does not read, the kernel need not keep for it. */
        if (connection->state == CONNECTION_WRITING)
                (void)setsockopt(lws_get_socket_fd(connection->wsi), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        if (connection->state != CONNECTION_READING || connection->in.size == 0)
                return false;
        connection_refuse(connection, 408, "the request did not arrive in time");
        start_reply(server, connection, NULL);
        return true;
}

void exchange_take_replies(Server *server) {
        PoolJob *job;

        while (server->pool && (job = pool_take_done(server->pool))) {
                Connection *connection = job->owner;

                if (connection->wsi)
                        start_reply(server, connection, NULL);
                else
                        connection_free(connection);
        }
}
