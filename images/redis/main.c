/* SPDX-License-Identifier: Apache-2.0 */
/* madbase-redis: process 1 of a Redis or Sentinel pod, its probes and its preStop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "child.h"
#include "handover.h"
#include "log.h"
#include "member.h"
#include "probe.h"
#include "sentinel.h"
#include "settings.h"

static const char USAGE[] =
        "Usage: madbase-redis redis             run one Redis member until SIGTERM\n"
        "       madbase-redis sentinel          run one Sentinel until SIGTERM\n"
        "       madbase-redis handover          move the master off this member, for preStop\n"
        "       madbase-redis ready|live [sentinel]   for exec probes\n"
        "\n"
        "Environment: POD_NAME, this pod's name, which is also that of its Service.\n"
        "Folders: MADBASE_CONFIG (default /etc/madbase/config) with members, sentinels, addresses, group, quorum,\n"
        "redis.conf, sentinel.conf; MADBASE_SECRETS (/etc/madbase/secrets) with password, sentinel-password;\n"
        "MADBASE_DATA (/var/lib/madbase); MADBASE_RUN (/run/madbase).\n"
        "Ports: 6379 Redis, 26379 Sentinel, 16379 where members ask each other what they hold.\n";

static void folder_of(const char *variable, const char *otherwise, char *ret, size_t size) {
        const char *value = getenv(variable);
        snprintf(ret, size, "%s", value && *value ? value : otherwise);
}

static int run(const char *command, Settings *settings, bool sentinel) {
        char text[HANDOVER_TEXT_MAX];
        if (strcmp(command, "redis") == 0)
                return member_run(settings);
        if (strcmp(command, "sentinel") == 0)
                return sentinel_run(settings);
        if (!settings_read(settings, settings, text, sizeof text)) {
                puts(text);
                return 1;
        }
        if (strcmp(command, "ready") == 0)
                return probe_ready(settings, sentinel);
        if (strcmp(command, "live") == 0)
                return probe_live(settings, sentinel);
        if (strcmp(command, "handover") == 0) {
                HandoverResult result = handover(settings, text);
                puts(text);
                return result == HANDOVER_FAILED;
        }
        fputs(USAGE, stderr);
        return 2;
}

int main(int argc, char **argv) {
        if (argc < 2 || argc > 3) {
                fputs(USAGE, stderr);
                return 2;
        }
        if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
                fputs(USAGE, stdout);
                return 0;
        }
        Settings settings = { 0 };
        folder_of("POD_NAME", "", settings.pod, sizeof settings.pod);
        folder_of("MADBASE_CONFIG", "/etc/madbase/config", settings.config, sizeof settings.config);
        folder_of("MADBASE_SECRETS", "/etc/madbase/secrets", settings.secrets, sizeof settings.secrets);
        folder_of("MADBASE_RUN", "/run/madbase", settings.run, sizeof settings.run);
        folder_of("MADBASE_DATA", "/var/lib/madbase", settings.data, sizeof settings.data);
        /* A name server that is away must not hold up a decision for longer than it takes to ask twice. */
        setenv("RES_OPTIONS", "timeout:1 attempts:2", 0);
        umask(077);
        child_watch_signals();
        return run(argv[1], &settings, argc == 3 && strcmp(argv[2], "sentinel") == 0);
}
