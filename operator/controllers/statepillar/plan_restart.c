/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of PostgreSQL that need a restart of the server, as Patroni says they do: in place, without touching pods.
 * Replicas first, one at a time, then leadership moves, the old primary last. Where a setting shrinks that replicas may
 * not have smaller than their primary, the primary goes first, in place. */
#include "operator/controllers/statepillar/draft.h"

#include <stdlib.h>

/* https://www.postgresql.org/docs/17/hot-standby.html#HOT-STANDBY-ADMIN */
static const char *const shared[] = { "max_connections", "max_prepared_transactions", "max_locks_per_transaction",
        "max_wal_senders", "max_worker_processes" };

static bool shrinks(const PillarMember *member) {
        const Json *reason = json_get(member->answer, "pending_restart_reason");

        for (size_t i = 0; i < ARRAY_LEN(shared); i++) {
                const Json *change = json_get(reason, shared[i]);
                const char *old = json_find_string(change, "/old_value", ""),
                           *new = json_find_string(change, "/new_value", "");
                if (*old && *new &&strtoll(new, NULL, 10) < strtoll(old, NULL, 10))
                        return true;
        }
        return false;
}

static void restart_server(const PillarMember *member, Plan *plan) {
        Json *args = json_new_object();

        json_put_string(args, "member", member->name);
        draft_call(plan, "postgres-restart", args,
                arena_printf(plan->arena, "settings of %s wait for a restart of its PostgreSQL", member->name))
                ->event = "Restarting";
        plan->requeue_ms = 2000;
}

static const PillarMember *successor(const PillarStatefulSet *state) {
        for (int i = 0; i < state->replicas; i++)
                if (pillar_follows(&state->members[i]) && !state->members[i].pending_restart)
                        return &state->members[i];
        return NULL;
}

void pillar_plan_restart(const View *view, const Target *target, Plan *plan) {
        const PillarStatefulSet *state = &view->sets[SET_POSTGRES];
        const PillarMember *leader = pillar_leader(view, SET_POSTGRES), *replica = NULL;
        bool pending = false, settled = true;

        if (target->moving || !leader || pillar_serving(view, SET_POSTGRES, state->replicas) < state->replicas)
                return;
        for (int i = 0; i < state->replicas; i++) {
                const PillarMember *member = &state->members[i];
                if (!text_equal(object_value(member->pod, POD_ROLL), target->roll_hash[SET_POSTGRES]))
                        return; /* the pod restarts anyway */
                if (member->pending_restart && member != leader)
                        replica = member;
                pending = pending || member->pending_restart;
                settled = settled && member->settled;
        }
        if (!pending)
                return;
        if (!settled) {
                /* Members learn of a change one after the other. */
                plan->requeue_ms = 1000;
                return;
        }
        if (leader->pending_restart && (state->replicas == 1 || shrinks(leader)))
                restart_server(leader, plan);
        else if (replica && !shrinks(replica))
                restart_server(replica, plan);
        else if (replica && !leader->pending_restart)
                restart_server(replica, plan);
        else if (leader->pending_restart && successor(state))
                draft_move(view, plan, SET_POSTGRES, leader, successor(state), "restart");
}
