/* SPDX-License-Identifier: Apache-2.0 */
/* How many members each part shall have now. Growing is one step, once there is a leader to copy from. Shrinking takes
 * the highest member of one part at a time, only when it leads nothing and all that stay take part; a data member never
 * goes while something about it is unknown. */
#include "operator/controllers/statepillar/draft.h"

#include <string.h>

static int least(int a, int b) {
        return a < b ? a : b;
}

static int most(int a, int b) {
        return a > b ? a : b;
}

/* Data of an earlier pillar of this name: all its members start, so that the most advanced leads, and then some leave.
 * In a pillar that serves already, claims of members that left before do not count. */
static int first_count(const View *view, const PillarStatefulSet *set, int wanted) {
        int before = view->joined > 0 ? least(view->joined, set->claims_seen) : set->claims_seen;

        return least(most(wanted, before), PILLAR_MEMBERS_MAXIMUM);
}

static void wait_member(Plan *plan, const char *name, const char *what, const char *unblock) {
        Wait *wait = plan_wait(plan, what, unblock);

        wait->kind = "Pod";
        wait->name = name;
}

/* Whether all members that stay take part; else says for whom to wait. */
static bool stayers_serve(const View *view, PillarSet set, int staying, Plan *plan) {
        for (int i = 0; i < staying; i++) {
                const PillarMember *member = &view->sets[set].members[i];
                if (member->serves)
                        continue;
                wait_member(plan, member->name,
                        arena_printf(plan->arena, "%s %s must take part before another member may leave",
                                pillar_parts[set].title, member->name),
                        "It takes part again by itself, or its pod says what is wrong");
                return false;
        }
        return true;
}

/* The best of those that stay to lead: follows closely, and stays to the end if one does. */
static const PillarMember *successor(const View *view, PillarSet set, int staying) {
        for (int i = 0; i < staying; i++) {
                const PillarMember *member = &view->sets[set].members[i];
                if (pillar_follows(member))
                        return member;
        }
        return NULL;
}

/* Moves leadership off the member that leaves. */
static void move_leader(const View *view, PillarSet set, const PillarMember *leader, int staying, Plan *plan) {
        const PillarMember *next = successor(view, set, staying);

        if (!next) {
                wait_member(plan, leader->name,
                        arena_printf(plan->arena, "a member to take %s over from %s, which leaves",
                                pillar_parts[set].title, leader->name),
                        "A member that stays must follow without lag");
                return;
        }
        draft_move(view, plan, set, leader, next, "leave");
}

/* A Sentinel in the middle of a failover takes the new master for its own only when all replicas have turned round, or
 * ten seconds later. */
static bool is_settled(const PillarMember *sentinel, const PillarMember *master) {
        return !sentinel->failing_over && master && text_equal(sentinel->master, master->address);
}

/* Whether every Sentinel within reach is through with the last failover; else says for whom to wait. A replica that
 * leaves before would be one that it waits for. */
static bool sentinels_settled(const View *view, const PillarMember *master, Plan *plan) {
        for (int i = 0; i < view->sets[SET_SENTINEL].replicas; i++) {
                const PillarMember *sentinel = &view->sets[SET_SENTINEL].members[i];
                if (!sentinel->reachable || is_settled(sentinel, master))
                        continue;
                wait_member(plan, sentinel->name,
                        arena_printf(plan->arena, "Sentinel %s to be through with the last failover to %s",
                                sentinel->name, master->name),
                        "It takes ten seconds at most");
                return false;
        }
        return true;
}

/* Shrinks PostgreSQL or Redis by at most one. */
static int shrink_data(const View *view, PillarSet set, int wanted, Plan *plan) {
        const PillarStatefulSet *state = &view->sets[set];
        const PillarMember *leader = pillar_leader(view, set);

        if (state->members_seen > state->replicas) {
                const PillarMember *going = &state->members[state->members_seen - 1];
                wait_member(plan, going->name, arena_printf(plan->arena, "%s to end", going->name),
                        "It shuts down in its own time");
                return state->replicas;
        }
        if (!stayers_serve(view, set, state->replicas - 1, plan))
                return state->replicas;
        if (!leader) {
                plan_wait(plan,
                        arena_printf(plan->arena, "a leader of %s before members may leave", pillar_parts[set].title),
                        "The members choose one themselves");
                return state->replicas;
        }
        if (leader->ordinal == state->replicas - 1) {
                move_leader(view, set, leader, least(wanted, state->replicas - 1), plan);
                return state->replicas;
        }
        if (set == SET_REDIS && !sentinels_settled(view, leader, plan))
                return state->replicas;
        draft_confirm(plan, set, leader, &state->members[state->replicas - 1], "leave");
        return state->replicas - 1;
}

/* What the Sentinels that stay still count though it left. */
typedef struct Ghosts {
        const PillarMember *unsettled; /* does not know all that there are, fails over, or cannot be asked */
        const PillarMember *haunted;   /* the first that counts something that is gone */
        bool sentinels;                /* Sentinels are among what is counted */
} Ghosts;

static Ghosts find_ghosts(const View *view) {
        const PillarStatefulSet *state = &view->sets[SET_SENTINEL];
        int64_t replicas = view->sets[SET_REDIS].replicas - 1;
        Ghosts ghosts = { 0 };

        for (int i = 0; i < state->replicas; i++) {
                const PillarMember *member = &state->members[i];
                if (!member->serves || member->known < state->replicas || member->replicas < replicas ||
                        !is_settled(member, pillar_leader(view, SET_REDIS)))
                        ghosts.unsettled = member;
                else if (!ghosts.haunted && (member->known > state->replicas || member->replicas > replicas))
                        ghosts.haunted = member;
                if (member->known > state->replicas)
                        ghosts.sentinels = true;
        }
        return ghosts;
}

/* Those that stay forget, one at a time, and only while all Redis members follow and a quorum stands: for a moment a
 * Sentinel that forgets knows no replica to promote. */
static void forget_ghosts(const View *view, const PillarMember *haunted, Plan *plan) {
        int redis = view->sets[SET_REDIS].replicas;

        if (!haunted->quorum_ok || pillar_serving(view, SET_REDIS, redis) < redis)
                return;
        Json *args = json_new_object();
        json_put_string(args, "sentinel", haunted->name);
        json_put_int(args, "sentinels", view->sets[SET_SENTINEL].replicas);
        json_put_int(args, "replicas", redis - 1);
        json_put_string(args, "master", pillar_leader(view, SET_REDIS)->address);
        json_put_string(args, "group", pillar_group(view));
        draft_call(plan, "sentinel-reset", args,
                arena_printf(plan->arena, "Sentinel %s still counts a member that left", haunted->name));
        plan->requeue_ms = 2000;
}

static int shrink_sentinels(const View *view, int wanted, Plan *plan) {
        const PillarStatefulSet *state = &view->sets[SET_SENTINEL];
        const PillarStatefulSet *redis = &view->sets[SET_REDIS];
        Ghosts ghosts = find_ghosts(view);
        bool shrinks = wanted < state->replicas;

        /* Sentinels stay until the Redis members have left. */
        if (redis->replicas != wanted || redis->members_seen > redis->replicas ||
                state->members_seen > state->replicas || !pillar_leader(view, SET_REDIS))
                return state->replicas;
        if (ghosts.unsettled) {
                if (shrinks)
                        wait_member(plan, ghosts.unsettled->name,
                                arena_printf(plan->arena, "Sentinel %s to know all others", ghosts.unsettled->name),
                                "Sentinels tell each other every two seconds");
                return state->replicas;
        }
        if (shrinks && !ghosts.sentinels)
                return state->replicas - 1;
        if (ghosts.haunted)
                forget_ghosts(view, ghosts.haunted, plan);
        return state->replicas;
}

/* What is on its way out, or belongs to an earlier pillar of this name, says nothing about how many there are to be:
 * the next one is made anew, with all members that have data. */
static bool is_made_anew(const View *view, const Object *set) {
        return !set || set->deleting || (set->owner_uid && !text_equal(set->owner_uid, view->pillar->uid));
}

static int count_now(const View *view, PillarSet set, const Target *target, Plan *plan) {
        const PillarStatefulSet *state = &view->sets[set];
        int wanted = target->wanted;

        if (is_made_anew(view, state->object))
                return first_count(view, state, wanted);
        if (target->refused)
                return state->replicas;
        if (state->replicas == 0)
                return wanted;
        if (state->replicas < wanted) {
                if (set == SET_SENTINEL || pillar_leader(view, set))
                        return wanted;
                plan_wait(plan,
                        arena_printf(plan->arena, "a leader of %s before members are added", pillar_parts[set].title),
                        "New members copy its data");
                return state->replicas;
        }
        if (set == SET_SENTINEL)
                return shrink_sentinels(view, wanted, plan);
        if (state->replicas == wanted)
                return wanted;
        /* Writes must not need a replica that is about to go. */
        if (set == SET_REDIS && wanted == 1 && !strstr(view->applied_redis, "min-replicas=0"))
                return state->replicas;
        return shrink_data(view, set, wanted, plan);
}

void pillar_plan_scale(const View *view, Target *ret_target, Plan *plan) {
        Target target = { .wanted = (int)view->spec.members };
        bool development = view->spec.profile == PROFILE_DEVELOPMENT;

        target.refused = !pillar_members_valid(view->spec.members);
        if (target.refused)
                target.wanted = view->sets[SET_POSTGRES].replicas;
        if (view->spec.dcs == DCS_ETCD)
                target.etcd = development ? 1 : PILLAR_ETCD_MAXIMUM;
        if (target.refused && target.wanted == 0) {
                *ret_target = target;
                return;
        }
        target.replicas[SET_SENTINEL] = view->sets[SET_SENTINEL].replicas;
        target.replicas[SET_ETCD] = target.etcd;
        for (int set = SET_POSTGRES; set <= SET_SENTINEL; set++) {
                const PillarStatefulSet *state = &view->sets[set];
                target.replicas[set] = count_now(view, (PillarSet)set, &target, plan);
                target.configured = most(target.configured, most(target.replicas[set], state->members_seen));
                target.moving = target.moving || target.replicas[set] != target.wanted ||
                                state->members_seen > target.wanted ||
                                (state->object && state->replicas != target.wanted);
        }
        target.configured = most(target.configured, target.wanted);
        target.joined = !target.moving && pillar_all_serve(view, &target) ? target.wanted : view->joined;
        *ret_target = target;
}
