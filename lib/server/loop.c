/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop: libwebsockets carries raw sockets, timers and wake-ups; what the bytes mean is read elsewhere.
 * Law: all connections belong to the loop's thread; other threads reach it by the pool's lists, one flag and a wake-up.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/server/server_internal.h"

enum {
        SPARE_DESCRIPTORS = 32, /* the listener, the wake-up pipe, connections that are being thrown out */
        ACCEPTED_AT_ONCE = 16,
        PAUSE_MS = 100, /* before accepting again when the process is out of descriptors */
        READ_BUFFER = 4096
};

/* Lets libwebsockets close it from the loop, never under the feet of a caller. */
static void throw_out(Connection *connection) {
        connection->state = CONNECTION_ENDING;
        lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

static void link_connection(Server *server, Connection *connection) {
        connection->next = server->connections;
        if (connection->next)
                connection->next->previous = connection;
        server->connections = connection;
        metric_set(server->open, NULL, (double)++server->count);
}

static void unlink_connection(Server *server, Connection *connection) {
        if (connection->previous)
                connection->previous->next = connection->next;
        else
                server->connections = connection->next;
        if (connection->next)
                connection->next->previous = connection->previous;
        metric_set(server->open, NULL, (double)--server->count);
}

static void forget(Server *server, Connection *connection) {
        unlink_connection(server, connection);
        connection->wsi = NULL;
        if (connection->state != CONNECTION_WAITING)
                connection_free(connection);
        if (server->draining && server->count == 0)
                server->ended = true;
}

/* The one that has idled longest; where none idles, the one that has taken longest over its request. */
static Connection *find_victim(const Server *server) {
        Connection *victim = NULL;

        for (Connection *at = server->connections; at; at = at->next) {
                bool idler = at->in.size == 0;

                if (at->state == CONNECTION_READING &&
                        (!victim || (idler && victim->in.size > 0) ||
                                (idler == (victim->in.size == 0) && at->since_ms < victim->since_ms)))
                        victim = at;
        }
        return victim;
}

static bool make_room(Server *server) {
        Connection *victim = server->count < SERVER_MAXIMUM_CONNECTIONS ? NULL : find_victim(server);

        if (victim)
                throw_out(victim);
        return server->count < SERVER_MAXIMUM_CONNECTIONS + (victim ? ACCEPTED_AT_ONCE : 0);
}

static void welcome(Server *server, int fd) {
        lws_sock_file_fd_type descriptor = { .sockfd = fd };
        Connection *connection;
        struct lws *wsi;

        if (!make_room(server)) {
                (void)close(fd);
                return;
        }
        wsi = lws_adopt_descriptor_vhost(server->vhost, LWS_ADOPT_SOCKET, descriptor, "connection", NULL);
        if (!wsi)
                return; /* it closed the socket */
        connection = connection_new();
        connection->wsi = wsi;
        connection->since_ms = clock_now_ms();
        lws_set_opaque_user_data(wsi, connection);
        link_connection(server, connection);
        exchange_set_timer(connection, server->options.read_ms);
}

static void accept_some(Server *server, struct lws *listener) {
        for (int i = 0; i < ACCEPTED_AT_ONCE; i++) {
                int fd = accept4(lws_get_socket_fd(listener), NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

                if (fd >= 0) {
                        welcome(server, fd);
                        continue;
                }
                if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                        lws_rx_flow_control(listener, 0);
                        lws_set_timer_usecs(listener, PAUSE_MS * LWS_US_PER_MS);
                }
                return;
        }
}

void loop_wake(void *context) {
        const Server *server = context;

        lws_cancel_service(server->context);
}

static void end_drain(lws_sorted_usec_list_t *timer) {
        Server *server = lws_container_of(timer, Server, drain_end);

        server->ended = true;
        loop_wake(server); /* out of the wait that begins after this */
}

static void start_drain(Server *server) {
        server->draining = true;
        lws_set_timeout(server->listener, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
        for (Connection *at = server->connections; at; at = at->next)
                if (at->state == CONNECTION_READING && at->in.size == 0)
                        throw_out(at);
        server->ended = server->count == 0;
        lws_sul_schedule(server->context, 0, &server->drain_end, end_drain, (server->drain_ms + 1) * LWS_US_PER_MS);
}

static int on_listener(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t size) {
        Server *server = lws_context_user(lws_get_context(wsi));

        (void)user;
        (void)in;
        (void)size;
        if (reason == LWS_CALLBACK_RAW_RX_FILE)
                accept_some(server, wsi);
        else if (reason == LWS_CALLBACK_TIMER)
                (void)lws_rx_flow_control(wsi, 1);
        return 0;
}

static int on_connection(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t size) {
        Server *server = lws_context_user(lws_get_context(wsi));
        Connection *connection = lws_get_opaque_user_data(wsi);
        bool stays = true;

        (void)user;
        if (reason == LWS_CALLBACK_EVENT_WAIT_CANCELLED) {
                exchange_take_replies(server);
                if (atomic_load(&server->stop) && !server->draining)
                        start_drain(server);
        } else if (!connection)
                return 0;
        else if (reason == LWS_CALLBACK_RAW_RX)
                stays = exchange_read(server, connection, in, size);
        else if (reason == LWS_CALLBACK_RAW_WRITEABLE)
                stays = exchange_write(server, connection);
        else if (reason == LWS_CALLBACK_TIMER)
                stays = exchange_time_is_up(server, connection);
        else if (reason == LWS_CALLBACK_RAW_CLOSE)
                forget(server, connection);
        return stays ? 0 : -1;
}

static const struct lws_protocols protocols[] = {
        { .name = "connection", .callback = on_connection },
        { .name = "listener", .callback = on_listener },
        { 0 },
};

bool loop_open(Server *server, int fd, Error *err) {
        const struct lws_context_creation_info info = { .port = CONTEXT_PORT_NO_LISTEN_SERVER,
                .protocols = protocols,
                .options = LWS_SERVER_OPTION_NO_LWS_SYSTEM_STATES | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
                .vhost_name = "server",
                .fd_limit_per_thread = SERVER_MAXIMUM_CONNECTIONS + SPARE_DESCRIPTORS,
                .max_http_header_pool = 1,
                .pt_serv_buf_size = READ_BUFFER,
                .user = server };
        const lws_sock_file_fd_type descriptor = { .filefd = fd };

        lws_set_log_level(0, NULL);
        server->context = lws_create_context(&info);
        server->vhost = server->context ? lws_create_vhost(server->context, &info) : NULL;
        server->listener = server->vhost ? lws_adopt_descriptor_vhost(
                                                   server->vhost, LWS_ADOPT_RAW_FILE_DESC, descriptor, "listener", NULL)
                                         : NULL;
        if (server->listener)
                return true;
        lws_context_destroy(server->context);
        return error_set(err, ERROR_UNAVAILABLE, "libwebsockets does not start");
}

void loop_run(Server *server) {
        PoolJob *job;

        while (!server->ended && lws_service(server->context, 0) >= 0)
                ;
        if (server->pool)
                pool_stop(server->pool);
        while (server->pool && (job = pool_take_done(server->pool))) {
                Connection *connection = job->owner;

                connection->state = CONNECTION_ENDING;
                if (!connection->wsi)
                        connection_free(connection);
        }
        lws_sul_cancel(&server->drain_end);
        lws_context_destroy(server->context);
}
