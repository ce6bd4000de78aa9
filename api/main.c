/* SPDX-License-Identifier: Apache-2.0 */
/* madbase-api: serves the control-plane API until a signal asks to stop. Readiness fails first, then the port closes,
 * so that no request meets a closed door. Exit status: 0 after a stop, 1 when it could not serve, 2 for wrong settings.
 */
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#include "api/api.h"
#include "api/settings.h"
#include "lib/base/alloc.h"
#include "lib/server/health.h"

enum { POOL_THREADS = 4 };

static const LogContext in_main = { .component = "main" };
/* The stop flag: /readyz fails from then on. */
static atomic_bool stopping;

static const char *environment(const char *name) {
        return getenv(name);
}

static bool check_stopping(void *context, char *ret_sentence, size_t size) {
        (void)context;
        if (!atomic_load(&stopping))
                return true;
        (void)snprintf(ret_sentence, size, "stopping");
        return false;
}

static int open_stop_fd(void) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        (void)sigprocmask(SIG_BLOCK, &set, NULL);
        (void)signal(SIGPIPE, SIG_IGN);
        return signalfd(-1, &set, SFD_CLOEXEC);
}

static void answer_version(void *context, const ServerRequest *request, ServerReply *reply) {
        (void)context;
        (void)request;
        text_append(&reply->body, "{\"version\":\"" MADBASE_VERSION "\"}");
        reply->content_type = "application/json";
}

static void answer_unknown(void *context, const ServerRequest *request, ServerReply *reply) {
        (void)context;
        (void)request;
        api_problem(reply, 404, "Not Found", "there is nothing here; GET /api/v1/openapi.json lists what there is");
}

static bool serve(const ApiSettings *settings, Api *api, Health *health, int stop_fd, Error *err) {
        const ServerRoute routes[] = {
                { "GET", "/api/v1/cluster/status", api_status, api, true },
                { "POST", "/api/v1/cluster/scale", api_scale, api, true },
                { "GET", "/api/v1/openapi.json", api_openapi, api, false },
                { "GET", "/version", answer_version, NULL, false },
                { "GET", "/healthz*", health_handle, health, false },
                { "GET", "/livez*", health_handle, health, false },
                { "GET", "/readyz*", health_handle, health, false },
                { "GET", "/metrics", health_handle, health, false },
                { "GET", "/*", answer_unknown, NULL, false },
                { "POST", "/*", answer_unknown, NULL, false },
                { 0 },
        };
        const ServerOptions options = { .port = settings->port, .routes = routes, .pool_threads = POOL_THREADS };
        struct pollfd stop = { .fd = stop_fd, .events = POLLIN };
        Server *server = NULL;

        if (!server_start(&options, &server, err))
                return false;
        log_info(&in_main, "madbase-api %s serves MadCluster %s/%s on port %d", MADBASE_VERSION, settings->namespace_,
                settings->cluster, server_port(server));
        while (poll(&stop, 1, -1) <= 0)
                ;
        atomic_store(&stopping, true);
        log_info(&in_main, "stopping: not ready from now on, the port closes in %lld s",
                (long long)(settings->drain_ms / 1000));
        /* Kubernetes takes the pod out of its Services meanwhile; a second signal ends the wait. */
        struct signalfd_siginfo first;
        (void)!read(stop_fd, &first, sizeof(first));
        (void)poll(&stop, 1, (int)settings->drain_ms);
        server_stop(server, settings->drain_ms);
        return true;
}

static int run(const ApiSettings *settings, int stop_fd) {
        Metrics *metrics = metrics_new();
        Health *health = health_new(metrics);
        Api api = { .namespace_ = settings->namespace_, .cluster = settings->cluster };
        Error err = { 0 };
        bool served = false;

        metrics_add_process(metrics, MADBASE_VERSION);
        health_add_ready(health, "stopping", check_stopping, NULL);
        if (http_new(&settings->kube, metrics, &api.http, &err)) {
                served = serve(settings, &api, health, stop_fd, &err);
                http_stop(api.http);
                http_free(api.http);
        }
        if (!served)
                log_error(&in_main, "%s", err.text);
        health_free(health);
        metrics_free(metrics);
        return served ? 0 : 1;
}

int main(int argc, char **argv) {
        CLEANUP(arena_done) Arena arena = { 0 };
        CLEANUP(cleanup_close) int stop_fd = -1;
        ApiSettings settings = { 0 };
        Error err = { 0 };

        alloc_tune();
        json_start();
        if (argc == 2 && !strcmp(argv[1], "--version")) {
                (void)printf("madbase-api " MADBASE_VERSION "\n");
                return 0;
        }
        if (argc > 1 || !api_settings_parse(environment, &arena, &settings, &err)) {
                (void)fprintf(stderr, "madbase-api: %s\n",
                        argc > 1 ? "takes no arguments but --version; its settings "
                                   "come from the environment"
                                 : err.text);
                return 2;
        }
        log_set_level(settings.log_level);
        stop_fd = open_stop_fd();
        return stop_fd < 0 ? 1 : run(&settings, stop_fd);
}
