/* SPDX-License-Identifier: Apache-2.0 */
/* The phase and the conditions, and which pods a restart would touch: by the user's wish, or only because the operator
 * is newer. */
#include "operator/controllers/statepillar/draft.h"

#include <string.h>

/* Lists the pods that differ; each list may come out empty. */
static void list_differing(
        const View *view, const Target *target, Json *restarts, Json *pending, bool *ret_switchover) {
        *ret_switchover = false;
        for (int set = 0; set < SET_COUNT; set++)
                for (int i = 0; target->roll_hash[set] && i < PILLAR_MEMBERS_MAXIMUM; i++) {
                        const PillarMember *member = &view->sets[set].members[i];
                        if (!member->pod)
                                continue;
                        if (!text_equal(object_value(member->pod, POD_ROLL), target->roll_hash[set])) {
                                json_add_string(restarts, member->name);
                                if (member == pillar_leader(view, SET_POSTGRES) && view->sets[set].replicas > 1)
                                        *ret_switchover = true;
                        } else if (!text_equal(object_value(member->pod, POD_TEMPLATE), target->template_hash[set])) {
                                json_add_string(pending, member->name);
                        }
                }
        for (size_t i = 0; target->roll_hash[PART_ENTRY] && i < view->entry_pod_count; i++) {
                const Object *pod = view->entry_pods[i];
                if (!text_equal(object_value(pod, POD_ROLL), target->roll_hash[PART_ENTRY]))
                        json_add_string(restarts, pod->name);
        }
        if (view->entry && object_value_bool(view->entry, DEPLOYMENT_PAUSED))
                json_add_string(pending, view->entry->name);
}

static const char *phase_of(const View *view, const Target *target, const Standing *standing, bool restarting) {
        if (view->spec.paused || view->dry_run)
                return "Paused";
        if (target->refused)
                return "Stalled";
        if (target->joined == 0)
                return "Creating";
        if (!standing->writes)
                return "Unavailable";
        if (pillar_scaling(target))
                return "Scaling";
        if (restarting)
                return "Updating";
        return pillar_all_serve(view, target) ? "Ready" : "Degraded";
}

static void tell_quorum(const Target *target, const Standing *standing, Plan *plan) {
        static const struct {
                const char *word, *status, *message;
        } rows[] = {
                { "Healthy", "True", "Every member takes part" },
                { "Single", "True", "There is one member, so there is nothing to agree on" },
                { "AtRisk", "True", "A majority takes part, but not every member does" },
                { "Lost", "False", "No majority of the members takes part" },
                { "Unknown", "Unknown", "No member could be asked yet" },
        };

        if (target->refused) {
                plan_condition(plan, "QuorumHealthy", "False", "InvalidMemberCount",
                        "An even or unknown number of members cannot agree on a leader");
                return;
        }
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                if (strcmp(rows[i].word, standing->quorum) == 0)
                        plan_condition(plan, "QuorumHealthy", rows[i].status, rows[i].word, rows[i].message);
}

static void tell_stalled(const View *view, const Target *target, Plan *plan) {
        if (!target->refused) {
                plan_condition(plan, "Stalled", "False", "NotStalled", "The operator can go on");
                return;
        }
        const char *message = arena_printf(plan->arena,
                "spec.members is %lld, but must be 1, 3 or 5: an even number cannot agree on a leader. The pillar "
                "stays "
                "at %d",
                (long long)view->spec.members, target->wanted);
        plan_condition(plan, "Stalled", "True", "InvalidMemberCount", message);
        plan_wait(plan, message, "Set spec.members to 1, 3 or 5")->warning = true;
}

static void tell_ready(const Target *target, const char *phase, Plan *plan) {
        bool ready = strcmp(phase, "Ready") == 0;
        bool busy = strcmp(phase, "Creating") == 0 || strcmp(phase, "Scaling") == 0 || strcmp(phase, "Updating") == 0;
        const char *message =
                ready         ? arena_printf(plan->arena, "All members serve: %d of %d", target->wanted, target->wanted)
                : plan->waits ? arena_printf(plan->arena, "Waiting for %s", plan->waits->what)
                              : "Something declared does not run";

        plan_condition(plan, "Ready", ready ? "True" : "False", ready ? "AllMembersServe" : phase, message);
        plan_condition(plan, "Reconciling", busy ? "True" : "False", busy ? phase : "Settled",
                busy ? message : "No change is under way");
}

void pillar_plan_conditions(const View *view, const Target *target, const Standing *standing, Plan *plan) {
        Json *restarts = json_adopt(plan->arena, json_new_array());
        Json *pending = json_adopt(plan->arena, json_new_array());
        bool switchover;

        list_differing(view, target, restarts, pending, &switchover);
        tell_stalled(view, target, plan);
        plan->phase = phase_of(view, target, standing, json_size(restarts) > 0);
        tell_ready(target, plan->phase, plan);
        tell_quorum(target, standing, plan);
        if (json_size(pending) > 0) {
                plan_condition(plan, "UpdatePending", "True", "NewerTemplates",
                        "The operator would change pods; ask for it with the annotation madbase.io/restart");
                json_put(plan->status, "updatePending", json_copy(pending));
        } else {
                plan_condition(plan, "UpdatePending", "False", "UpToDate", "Pods are as this operator makes them");
        }
        if (view->dry_run) {
                Json *dry = json_put_object(plan->status, "dryRun");
                json_put(dry, "restarts", json_copy(restarts));
                json_put_bool(dry, "switchover", switchover);
        }
}
