/* SPDX-License-Identifier: Apache-2.0 */
/* Probes run as a program of their own in the container. */
#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"

enum { SILENT_MS = 10000 };

static int ask_state(const Settings *settings, redisReply **ret) {
        CONTEXT port = call_connect("127.0.0.1", SETTINGS_MEMBER_PORT, settings->password, 1000);
        *ret = port ? CALL(port, "STATE") : NULL;
        if (!call_field(*ret, "phase")) {
                puts("the member does not answer");
                return 1;
        }
        return 0;
}

static int sentinel_knows(const Settings *settings) {
        CONTEXT sentinel = call_connect("127.0.0.1", SETTINGS_SENTINEL_PORT, settings->sentinel_password, 1000);
        REPLY master = sentinel ? CALL(sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", settings->group) : NULL;
        if (!master)
                puts("the Sentinel does not answer");
        else if (master->type != REDIS_REPLY_ARRAY)
                puts("the Sentinel knows no master");
        else
                return 0;
        return 1;
}

int probe_ready(const Settings *settings, bool sentinel) {
        if (sentinel)
                return sentinel_knows(settings);
        REPLY state = NULL;
        if (ask_state(settings, &state) != 0)
                return 1;
        const char *phase = call_field(state, "phase"), *linked = call_field(state, "linked");
        if (strcmp(phase, "Master") == 0 || (strcmp(phase, "Replica") == 0 && linked && strcmp(linked, "yes") == 0))
                return 0;
        printf("%s: %s\n", phase, call_field(state, "why"));
        return 1;
}

int probe_live(const Settings *settings, bool sentinel) {
        if (sentinel) {
                CONTEXT context = call_connect("127.0.0.1", SETTINGS_SENTINEL_PORT, settings->sentinel_password, 1000);
                return context ? 0 : 1;
        }
        REPLY state = NULL;
        if (ask_state(settings, &state) != 0)
                return 1;
        const char *phase = call_field(state, "phase"), *seen = call_field(state, "seen-ms-ago");
        long long ago = seen ? strtoll(seen, NULL, 10) : -1;
        if (strcmp(phase, "Loading") == 0 || (ago >= 0 && ago < SILENT_MS))
                return 0;
        printf("Redis last answered %lld ms ago\n", ago);
        return 1;
}
