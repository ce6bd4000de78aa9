/* SPDX-License-Identifier: Apache-2.0 */
/* Starting and stopping the server. */
#include "lib/server/server.h"

#include "lib/base/alloc.h"
#include "lib/server/listener.h"
#include "lib/server/server_internal.h"

enum { STACK_SIZE = 256 * 1024 };

static void *run(void *server) {
        loop_run(server);
        return NULL;
}

static void set_defaults(ServerOptions *options) {
        if (options->read_ms <= 0)
                options->read_ms = SERVER_READ_MS;
        if (options->write_ms <= 0)
                options->write_ms = SERVER_WRITE_MS;
        if (options->idle_ms <= 0)
                options->idle_ms = SERVER_IDLE_MS;
}

static void register_metrics(Server *server) {
        static const char *const labels[] = { "method", "route", "code", NULL };

        server->requests = metrics_counter(server->options.metrics, "madbase_http_requests_total",
                "Requests answered, by method, route (as in the table, \"\" for none) and status.", labels);
        server->open =
                metrics_gauge(server->options.metrics, "madbase_http_connections", "Connections that are open.", NULL);
}

static void start_thread(Server *server) {
        pthread_attr_t attributes;

        (void)pthread_attr_init(&attributes);
        (void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
        if (pthread_create(&server->thread, &attributes, run, server) != 0)
                abort();
        (void)pthread_attr_destroy(&attributes);
}

bool server_start(const ServerOptions *options, Server **ret_server, Error *err) {
        Server *server;
        int fd, port;

        if (!listener_open(options->address, options->port, &fd, &port, err))
                return false;
        server = alloc_zero(sizeof(*server));
        server->options = *options;
        server->port = port;
        set_defaults(&server->options);
        register_metrics(server);
        if (!loop_open(server, fd, err)) {
                (void)close(fd);
                free(server);
                return false;
        }
        if (options->pool_threads > 0)
                server->pool = pool_new(options->pool_threads, loop_wake, server);
        start_thread(server);
        *ret_server = server;
        return true;
}

int server_port(const Server *server) {
        return server->port;
}

void server_stop(Server *server, int64_t drain_ms) {
        if (!server)
                return;
        server->drain_ms = drain_ms > 0 ? drain_ms : 0;
        atomic_store(&server->stop, true);
        loop_wake(server);
        (void)pthread_join(server->thread, NULL);
        pool_free(server->pool);
        free(server);
}
