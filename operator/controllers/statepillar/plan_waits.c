/* SPDX-License-Identifier: Apache-2.0 */
/* Every member that is not as it should be, in words: what is waited for, on which object it hangs, what would end it.
 * Nothing here moves while the wait lasts. */
#include "operator/controllers/pods.h"
#include "operator/controllers/statepillar/draft.h"

static void tell(Plan *plan, const char *name, const char *what, const char *unblock, bool warning) {
        Wait *wait = plan_wait(plan, arena_printf(plan->arena, "%s: %s", name, what), unblock);

        wait->kind = "Pod";
        wait->name = name;
        wait->warning = warning;
}

/* Says what the pod itself shows; false when it shows nothing wrong. */
static bool tell_pod(const Object *pod, const char *name, Plan *plan) {
        PodTrouble trouble;

        if (!pods_trouble(pod, plan->arena, &trouble))
                return false;
        tell(plan, name, trouble.what, trouble.unblock, trouble.warning);
        return true;
}

static void tell_missing_pod(
        const PillarStatefulSet *state, const PillarMember *member, const char *owner, Plan *plan) {
        Wait *wait = plan_wait(plan, arena_printf(plan->arena, "%s: its pod to be made", member->name),
                "If it lasts, the events of the StatefulSet say why: a quota or an admission policy as a rule");

        wait->kind = state->object ? "StatefulSet" : "Pod";
        wait->name = state->object ? owner : member->name;
}

static void tell_member(const View *view, PillarSet set, const PillarMember *member, Plan *plan) {
        const PillarStatefulSet *state = &view->sets[set];

        if (!member->pod) {
                tell_missing_pod(state, member, draft_name(view, pillar_parts[set].suffix), plan);
                return;
        }
        if (tell_pod(member->pod, member->name, plan))
                return;
        if (member->asked && !member->reachable && member->ready)
                tell(plan, member->name,
                        arena_printf(plan->arena, "%s to answer the operator", pillar_parts[set].title),
                        arena_printf(plan->arena, "The last try ended so: %s", member->error), false);
        else if (member->reachable && set == SET_POSTGRES)
                tell(plan, member->name, "PostgreSQL to take part",
                        arena_printf(plan->arena, "Patroni says: %s", *member->state ? member->state : "starting"),
                        false);
        else if (member->reachable && set == SET_REDIS)
                tell(plan, member->name, "Redis to follow its master",
                        "It copies the master's data, or Sentinel decides", false);
        else
                tell(plan, member->name, arena_printf(plan->arena, "%s to start", pillar_parts[set].title),
                        "It starts by itself; its log tells how far it is", false);
}

static void tell_entry(const View *view, int wanted, Plan *plan) {
        int ready = view->entry ? (int)object_value_int(view->entry, DEPLOYMENT_READY, 0) : 0;
        const char *failure = view->entry ? object_value(view->entry, DEPLOYMENT_FAILURE) : "";
        bool told = false;

        if (ready >= wanted)
                return;
        for (size_t i = 0; i < view->entry_pod_count && !told; i++) {
                const Object *pod = view->entry_pods[i];
                if (!pod->deleting && !text_equal(object_value(pod, POD_READY), "True"))
                        told = tell_pod(pod, pod->name, plan);
        }
        if (told)
                return;
        Wait *wait = plan_wait(plan, "the pods of the entry to be ready",
                *failure ? arena_printf(plan->arena, "They cannot be made: %s", failure)
                         : "They start by themselves; their logs tell more");
        wait->kind = "Deployment";
        wait->name = draft_name(view, "entry");
        wait->warning = *failure != '\0';
}

void pillar_plan_member_waits(const View *view, const Target *target, Plan *plan) {
        for (int set = 0; set < SET_COUNT; set++)
                for (int i = 0; i < target->replicas[set]; i++) {
                        const PillarMember *member = &view->sets[set].members[i];
                        if (!member->serves)
                                tell_member(view, (PillarSet)set, member, plan);
                }
        tell_entry(view, target->wanted, plan);
}
