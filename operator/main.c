/* SPDX-License-Identifier: Apache-2.0 */
/* madbase-operator: reads flags and environment, finds the API server, runs the manager until a signal asks to stop.
 * Exit status: 0 after a stop, 1 when the work could not be done or leadership was lost, 2 for wrong usage. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"
#include "operator/controllers/controllers.h"
#include "operator/settings.h"

static const LogContext in_main = { .component = "main" };

static const char *environment(const char *name) {
        return getenv(name);
}

/* Milliseconds between the start of the process and now, from /proc: what the loader took counts, too. */
static int64_t age_ms(void) {
        char line[1024];
        CLEANUP(cleanup_file) FILE *file = fopen("/proc/self/stat", "re");
        const char *at = file && fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
        long long ticks;

        /* Field 22 counts clock ticks from boot; the name, field 2, may hold anything but ends at the last ')'. */
        for (int field = 2; at && field < 22; field++)
                at = strchr(at + 1, ' ');
        if (!at)
                return 0;
        ticks = strtoll(at, NULL, 10);
        return clock_now_ms() - ticks * 1000 / sysconf(_SC_CLK_TCK);
}

/* SIGTERM and SIGINT become readable bytes; no thread but this one ever sees a signal. */
static int open_stop_fd(void) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        (void)sigprocmask(SIG_BLOCK, &set, NULL);
        (void)signal(SIGPIPE, SIG_IGN);
        return signalfd(-1, &set, SFD_CLOEXEC);
}

static bool find_server(const Settings *settings, Arena *arena, KubeConfig *ret_config, Error *err) {
        if (settings->kubeconfig)
                return kube_config_load(settings->kubeconfig, settings->context, arena, ret_config, err);
        return kube_config_in_cluster(settings->service_host, settings->service_port, NULL, arena, ret_config, err);
}

static int run(const Settings *settings, int stop_fd, Arena *arena) {
        KubeConfig config = { 0 };
        Error err = { 0 };

        log_set_level(settings->log_level);
        if (!find_server(settings, arena, &config, &err)) {
                log_error(&in_main, "%s", err.text);
                return 1;
        }
        log_info(&in_main, "madbase-operator %s, API server %s", MADBASE_VERSION, config.server);
        ManagerOptions options = settings->manager;
        options.config = &config;
        options.controllers = controllers_all;
        if (!manager_run(&options, stop_fd, &err)) {
                log_error(&in_main, "%s", err.text);
                return 1;
        }
        return 0;
}

int main(int argc, char **argv) {
        int64_t entered_ms = clock_now_ms(), started_ms = entered_ms - age_ms();
        CLEANUP(arena_done) Arena arena = { 0 };
        CLEANUP(cleanup_close) int stop_fd = -1;
        Settings settings = { 0 };
        Error err = { 0 };

        alloc_tune();
        json_start();
        if (!settings_parse(argc, argv, environment, &arena, &settings, &err)) {
                (void)fprintf(stderr, "madbase-operator: %s\nTry --help.\n", err.text);
                return 2;
        }
        if (settings.help || settings.version) {
                (void)printf("%s", settings.help ? settings_help : "madbase-operator " MADBASE_VERSION "\n");
                return 0;
        }
        settings.manager.started_ms = started_ms;
        settings.manager.entered_ms = entered_ms;
        stop_fd = open_stop_fd();
        if (stop_fd < 0) {
                log_error(&in_main, "cannot open a descriptor for signals");
                return 1;
        }
        return run(&settings, stop_fd, &arena);
}
