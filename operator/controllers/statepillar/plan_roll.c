/* SPDX-License-Identifier: Apache-2.0 */
/* Restarts that the user asked for: replicas first, one at a time, each taking part again before the next; then
 * leadership moves; the old leader last. Pods that differ only because the operator is newer stay as they are. */
#include "operator/controllers/statepillar/draft.h"

static bool must_restart(const PillarMember *member, const char *roll) {
        return member->pod && !text_equal(object_value(member->pod, POD_ROLL), roll);
}

static bool all_serve(const PillarStatefulSet *state) {
        for (int i = 0; i < state->replicas; i++)
                if (!state->members[i].serves)
                        return false;
        return state->members_seen == state->replicas;
}

static void restart(const PillarMember *member, Plan *plan) {
        plan_delete(
                plan, member->pod, arena_printf(plan->arena, "%s restarts with what the spec says now", member->name))
                ->event = "Restarting";
}

/* A leader hands over before it restarts. Alone, it has nobody to hand over to. */
static void restart_leader(const View *view, PillarSet set, const PillarMember *leader, Plan *plan) {
        const PillarStatefulSet *state = &view->sets[set];

        if (state->replicas == 1) {
                restart(leader, plan);
                return;
        }
        for (int i = 0; i < state->replicas; i++) {
                const PillarMember *next = &state->members[i];
                if (next == leader || !pillar_follows(next))
                        continue;
                draft_move(view, plan, set, leader, next, "restart");
                return;
        }
}

/* Returns true while the set is not through. */
static bool roll_set(const View *view, const Target *target, PillarSet set, Plan *plan) {
        const PillarStatefulSet *state = &view->sets[set];
        const char *roll = target->roll_hash[set];
        const PillarMember *next = NULL;
        const PillarMember *leader = set == SET_POSTGRES || set == SET_REDIS ? pillar_leader(view, set) : NULL;

        for (int i = 0; i < state->replicas; i++) {
                const PillarMember *member = &state->members[i];
                if (!must_restart(member, roll))
                        continue;
                if (!member->serves && !member->ready) {
                        /* What does not work is mended first; the others are not touched meanwhile. */
                        if (!member->pod->deleting)
                                restart(member, plan);
                        return true;
                }
                if (!next || next == leader)
                        next = member;
                else if (member != leader)
                        next = member;
        }
        if (!next)
                return false;
        if (!all_serve(state) || (state->object && !text_equal(object_value(state->object, STATEFULSET_ROLL), roll)))
                return true;
        if (next == leader) {
                restart_leader(view, set, leader, plan);
                return true;
        }
        if (leader)
                draft_confirm(plan, set, leader, next, "restart");
        restart(next, plan);
        return true;
}

void pillar_plan_roll(const View *view, const Target *target, Plan *plan) {
        static const PillarSet order[] = { SET_ETCD, SET_SENTINEL, SET_REDIS, SET_POSTGRES };

        if (target->moving)
                return;
        for (size_t i = 0; i < ARRAY_LEN(order); i++) {
                PillarSet set = order[i];
                if (view->sets[set].object && target->roll_hash[set] && roll_set(view, target, set, plan))
                        return;
        }
}
