/* SPDX-License-Identifier: Apache-2.0 */
/* How each kind of target is looked at.
 * Law: a connection is kept as long as it answers; one that was closed in between is opened anew within the same look.
 */
#include "lib/remote/probe.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/remote/patroni.h"
#include "lib/remote/redis_state.h"
#include "lib/remote/sentinel.h"

typedef bool Look(const ProbeTarget *target, const ProbeTools *tools, Arena *arena, ProbeLook *look);

static bool look_at_patroni(const ProbeTarget *target, const ProbeTools *tools, Arena *arena, ProbeLook *look) {
        HttpGetTarget request = { .ca_pem = target->ca_pem, .timeout_ms = target->deadline_ms };
        bool is_ipv6 = strchr(target->host, ':') != NULL;
        PatroniState state;

        request.url = arena_printf(arena, "%s://%s%s%s:%d/patroni", target->ca_pem ? "https" : "http",
                is_ipv6 ? "[" : "", target->host, is_ipv6 ? "]" : "", target->port);
        if (!patroni_ask(tools->http, &request, arena, &state, &look->error))
                return false;
        look->answer = patroni_answer(&state);
        look->leads = patroni_is_primary(&state);
        look->follows = strcmp(state.role, "replica") == 0;
        look->streaming = strcmp(state.replication_state, "streaming") == 0;
        look->position = state.position;
        (void)snprintf(look->history, sizeof(look->history), "%s", state.system_id);
        return true;
}

static bool ask_redis(const ProbeTarget *target, const ProbeTools *tools, Arena *arena, ProbeLook *look) {
        RedisState state;

        (void)target;
        if (!redis_state_ask(*tools->redis, arena, &state, &look->error))
                return false;
        look->answer = redis_state_answer(&state);
        look->leads = redis_state_is_master(&state);
        look->follows = !look->leads;
        look->streaming = state.link_up && !state.syncing;
        look->position = state.offset;
        (void)snprintf(look->history, sizeof(look->history), "%s", state.replid);
        return true;
}

static bool ask_sentinel(const ProbeTarget *target, const ProbeTools *tools, Arena *arena, ProbeLook *look) {
        SentinelState state;

        if (!sentinel_ask(*tools->redis, target->group ? target->group : "", arena, &state, &look->error))
                return false;
        look->answer = sentinel_answer(&state);
        return true;
}

static bool connect_and_ask(const ProbeTarget *target, const ProbeTools *tools, Arena *arena, int64_t deadline_ms,
        Look *ask, ProbeLook *look) {
        RedisTarget where = { .host = target->host,
                .port = target->port,
                .password = target->password,
                .timeout_ms = deadline_ms - clock_now_ms() };

        if (!*tools->redis && !redis_connect(&where, tools->redis, &look->error))
                return false;
        redis_set_deadline(*tools->redis, deadline_ms);
        if (ask(target, tools, arena, look))
                return true;
        redis_close(TAKE(*tools->redis));
        return false;
}

static bool look_by_connection(
        const ProbeTarget *target, const ProbeTools *tools, Arena *arena, Look *ask, ProbeLook *look) {
        int64_t deadline_ms = clock_now_ms() + target->deadline_ms;
        bool kept = *tools->redis != NULL;

        if (connect_and_ask(target, tools, arena, deadline_ms, ask, look))
                return true;
        return kept && look->error.code == ERROR_UNAVAILABLE &&
               connect_and_ask(target, tools, arena, deadline_ms, ask, look);
}

static bool look_at_redis(const ProbeTarget *target, const ProbeTools *tools, Arena *arena, ProbeLook *look) {
        return look_by_connection(target, tools, arena, ask_redis, look);
}

static bool look_at_sentinel(const ProbeTarget *target, const ProbeTools *tools, Arena *arena, ProbeLook *look) {
        return look_by_connection(target, tools, arena, ask_sentinel, look);
}

static const struct {
        const char *name;
        Look *look;
} kinds[PROBE_KIND_COUNT] = {
        [PROBE_PATRONI] = { "patroni", look_at_patroni },
        [PROBE_REDIS] = { "redis", look_at_redis },
        [PROBE_SENTINEL] = { "sentinel", look_at_sentinel },
};

void probe_look(const ProbeTarget *target, const ProbeTools *tools, ProbeLook *ret_look) {
        CLEANUP(arena_done) Arena arena = { 0 };

        *ret_look = (ProbeLook){ .position = -1 };
        ret_look->ok = kinds[target->kind].look(target, tools, &arena, ret_look);
}

const char *probe_kind_name(ProbeKind kind) {
        return kinds[kind].name;
}
