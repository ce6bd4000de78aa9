/* SPDX-License-Identifier: Apache-2.0 */
/* What members say of themselves, and the questions that the plan asks about it. A member that cannot be reached says
 * nothing: its last answer is not used to decide. */
#include <string.h>

#include "operator/controllers/statepillar/draft.h"

static bool is_leader_word(const char *role) {
        return strcmp(role, "primary") == 0 || strcmp(role, "master") == 0;
}

static void read_patroni(PillarMember *member) {
        const char *sync = json_find_string(member->answer, "/sync", "");
        const char *replication = json_find_string(member->answer, "/replication_state", "");

        member->role = json_find_string(member->answer, "/role", "");
        member->state = json_find_string(member->answer, "/state", "");
        member->lag = json_find_string(member->answer, "/lag", "");
        member->timeline = json_find_int(member->answer, "/timeline", 0);
        member->pending_restart = json_find_bool(member->answer, "/pending_restart", false);
        bool running = strcmp(member->state, "running") == 0;
        member->serves = running && (is_leader_word(member->role) || strcmp(replication, "streaming") == 0);
        if (running && *replication)
                member->state = replication;
        if (*sync)
                member->role = strcmp(sync, "sync") == 0 ? "sync_standby" : "quorum_standby";
}

static void read_redis(PillarMember *member) {
        bool syncing = json_find_bool(member->answer, "/syncing", false);

        member->role = json_find_string(member->answer, "/role", "");
        member->state = syncing ? "Syncing" : json_find_string(member->answer, "/link", "");
        member->lag = json_find_string(member->answer, "/lag", "");
        member->replicas = json_find_int(member->answer, "/replicas", 0);
        member->serves = !json_find_bool(member->answer, "/loading", false) &&
                         (is_leader_word(member->role) || strcmp(member->state, "Up") == 0);
}

static void read_sentinel(PillarMember *member) {
        member->known = json_find_int(member->answer, "/sentinels", 0);
        member->replicas = json_find_int(member->answer, "/replicas", 0);
        member->quorum_ok = json_find_bool(member->answer, "/quorum_ok", false);
        member->master = json_find_string(member->answer, "/master_ip", "");
        member->failing_over = json_find_bool(member->answer, "/failover_in_progress", false);
        member->serves = json_find_bool(member->answer, "/known", false);
}

void pillar_answer(const ProbeAnswer *answer, PillarSet set, PillarMember *member) {
        static void (*const readers[SET_COUNT])(PillarMember *) = {
                [SET_POSTGRES] = read_patroni,
                [SET_REDIS] = read_redis,
                [SET_SENTINEL] = read_sentinel,
        };

        /* etcd is not asked: its pod's readiness is its own word. */
        if (set == SET_ETCD)
                member->serves = member->ready;
        if (!answer)
                return;
        member->asked = answer->asked;
        member->reachable = answer->asked && answer->reachable;
        member->error = answer->error ? answer->error : "";
        member->answer = answer->answer;
        if (member->reachable && readers[set])
                readers[set](member);
}

bool pillar_has_addresses(const View *view, int count) {
        for (int i = 0; i < count; i++)
                if (!view->sets[SET_REDIS].members[i].address || !view->sets[SET_SENTINEL].members[i].address)
                        return false;
        return true;
}

/* Whether more Sentinels name `a` than `b`: an old master that came back does not know yet that it was replaced. */
static int votes(const View *view, const PillarMember *candidate) {
        int count = 0;

        for (int i = 0; i < PILLAR_MEMBERS_MAXIMUM; i++) {
                const PillarMember *sentinel = &view->sets[SET_SENTINEL].members[i];
                if (sentinel->reachable && candidate->address && strcmp(sentinel->master, candidate->address) == 0)
                        count++;
        }
        return count;
}

const PillarMember *pillar_leader(const View *view, PillarSet set) {
        const PillarMember *leader = NULL;

        for (int i = 0; i < PILLAR_MEMBERS_MAXIMUM; i++) {
                const PillarMember *member = &view->sets[set].members[i];
                if (!member->reachable || !is_leader_word(member->role))
                        continue;
                if (!leader || (set == SET_POSTGRES && member->timeline > leader->timeline) ||
                        (set == SET_REDIS && votes(view, member) > votes(view, leader)))
                        leader = member;
        }
        return leader;
}

bool pillar_follows(const PillarMember *member) {
        if (!member->reachable || is_leader_word(member->role))
                return false;
        return member->serves && strcmp(member->lag, "Streaming") == 0;
}

int pillar_serving(const View *view, PillarSet set, int count) {
        int serving = 0;

        for (int i = 0; i < count && i < PILLAR_MEMBERS_MAXIMUM; i++)
                if (view->sets[set].members[i].serves)
                        serving++;
        return serving;
}

const char *pillar_group(const View *view) {
        return arena_printf(view->arena, "%s.%s", view->namespace_, view->name);
}

bool pillar_all_serve(const View *view, const Target *target) {
        const PillarMember *primary = pillar_leader(view, SET_POSTGRES);
        const PillarMember *master = pillar_leader(view, SET_REDIS);
        int wanted = target->wanted;
        int64_t entry = view->entry ? object_value_int(view->entry, DEPLOYMENT_READY, 0) : 0;

        for (int set = SET_POSTGRES; set <= SET_SENTINEL; set++)
                if (pillar_serving(view, (PillarSet)set, wanted) < wanted)
                        return false;
        return wanted > 0 && primary && primary->serves && master && master->serves && entry >= wanted &&
               pillar_serving(view, SET_ETCD, target->etcd) >= target->etcd;
}

bool pillar_scaling(const Target *target) {
        return target->moving || target->joined != target->wanted;
}
