/* SPDX-License-Identifier: Apache-2.0 */
/* Starts and stops a pillar's program in order. On SIGTERM readiness fails first, for as long as Kubernetes needs to
 * take the pod out of its Services; then the ports close and requests under way end. */
#include "lib/program/program.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#include "lib/base/alloc.h"
#include "lib/base/json.h"
#include "lib/program/dependencies.h"
#include "lib/server/health.h"

typedef struct Running {
        const Program *program;
        const ProgramSettings *settings;
        Metrics *metrics;
        Health *health;
        Dependencies *dependencies;
        Server *public, *inner;
        int stop_fd;
} Running;

static const LogContext in_main = { .component = "main" };
/* The stop flag: /readyz fails from then on. */
static atomic_bool stopping;

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

static bool open_ports(Running *running, Error *err) {
        const ServerRoute inner[] = {
                { "GET", "/healthz*", health_handle, running->health, false },
                { "GET", "/livez*", health_handle, running->health, false },
                { "GET", "/readyz*", health_handle, running->health, false },
                { "GET", "/metrics", health_handle, running->health, false },
                { 0 },
        };
        static ServerRoute kept[ARRAY_LEN(inner)];
        ServerOptions options = { .port = running->settings->metrics_port, .routes = kept };

        memcpy(kept, inner, sizeof(inner));
        if (!server_start(&options, &running->inner, err))
                return false;
        options = (ServerOptions){
                .port = running->settings->port, .routes = running->program->routes, .metrics = running->metrics
        };
        return server_start(&options, &running->public, err);
}

static void wait_for_stop(const Running *running) {
        struct pollfd stop = { .fd = running->stop_fd, .events = POLLIN };
        struct signalfd_siginfo first;
        int64_t drain_ms = running->settings->drain_ms;

        while (poll(&stop, 1, -1) <= 0)
                ;
        (void)!read(running->stop_fd, &first, sizeof(first));
        atomic_store(&stopping, true);
        log_info(&in_main, "stopping: not ready from now on, the ports close in %lld s", (long long)(drain_ms / 1000));
        (void)poll(&stop, 1, (int)drain_ms); /* a second signal ends the wait */
}

static bool serve(Running *running, Error *err) {
        health_add_ready(running->health, "stopping", check_stopping, NULL);
        health_add_ready(running->health, "postgres", dependencies_check_postgres, running->dependencies);
        health_add_ready(running->health, "redis", dependencies_check_redis, running->dependencies);
        if (!open_ports(running, err))
                return false;
        log_info(&in_main, "%s %s serves on port %d, health and metrics on port %d", running->program->name,
                MADBASE_VERSION, server_port(running->public), server_port(running->inner));
        wait_for_stop(running);
        return true;
}

static int run(Running *running) {
        Error err = { 0 };
        bool served;

        running->metrics = metrics_new();
        running->health = health_new(running->metrics);
        metrics_add_process(running->metrics, MADBASE_VERSION);
        served = dependencies_start(running->settings, running->metrics, &running->dependencies, &err) &&
                 serve(running, &err);
        server_stop(running->public, running->settings->drain_ms);
        server_stop(running->inner, 0);
        dependencies_stop(running->dependencies);
        if (!served)
                log_error(&in_main, "%s", err.text);
        health_free(running->health);
        metrics_free(running->metrics);
        return served ? 0 : 1;
}

static void print_help(const Program *program) {
        (void)printf("Usage: %s [--version | --help]\n%s\n\n"
                     "Settings come from the environment:\n"
                     "  PORT           port it serves on (8080); 0: any free one\n"
                     "  METRICS_PORT   port of /healthz, /readyz and /metrics (9090)\n"
                     "  DATABASE_URL   PostgreSQL, through the entry; without it readiness does not look\n"
                     "  REDIS_URL      Redis, through the entry; without it readiness does not look\n"
                     "  DRAIN_SECONDS  how long it is not ready before the ports close on SIGTERM (5)\n"
                     "  LOG_LEVEL      debug, info, warn or error (info)\n",
                program->name, program->does);
}

int program_main(const Program *program, int argc, char **argv, const char *(*get)(const char *name)) {
        CLEANUP(arena_done) Arena arena = { 0 };
        CLEANUP(cleanup_close) int stop_fd = -1;
        ProgramSettings settings = { 0 };
        Error err = { 0 };

        alloc_tune();
        json_start();
        if (argc == 2 && !strcmp(argv[1], "--version")) {
                (void)printf("%s " MADBASE_VERSION "\n", program->name);
                return 0;
        }
        if (argc == 2 && !strcmp(argv[1], "--help")) {
                print_help(program);
                return 0;
        }
        if (argc > 1) {
                (void)fprintf(stderr, "%s: there is no option \"%s\"; try --help\n", program->name, argv[1]);
                return 2;
        }
        if (!program_settings_parse(get, &arena, &settings, &err)) {
                (void)fprintf(stderr, "%s: %s\n", program->name, err.text);
                return 2;
        }
        log_set_level(settings.log_level);
        stop_fd = open_stop_fd();
        if (stop_fd < 0)
                return 1;
        return run(&(Running){ .program = program, .settings = &settings, .stop_fd = stop_fd });
}
