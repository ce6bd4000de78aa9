/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a State pillar: the parts in the order in which they lean on each other. Every pass wants everything
 * again, so that drift heals; the server is only written to where it shows something else. */
#include "operator/controllers/statepillar/draft.h"

enum { SECRETS_LOOK_MS = 45000 };

static void plan_refused_spec(const View *view, Plan *plan) {
        plan->held = "the spec cannot be carried out";
        plan->phase = "Stalled";
        plan->status = view->status ? json_copy(view->status) : json_new_object();
        json_adopt(plan->arena, plan->status);
        json_remove(plan->status, "conditions");
        json_remove(plan->status, "waitingFor");
        json_remove(plan->status, "observedGeneration");
        json_put_string(plan->status, "phase", "Stalled");
        plan_condition(plan, "Ready", "False", "InvalidSpec", view->spec_error);
        plan_condition(plan, "Reconciling", "False", "InvalidSpec", view->spec_error);
        plan_condition(plan, "Stalled", "True", "InvalidSpec", view->spec_error);
        plan_wait(plan, view->spec_error, "Change the spec; nothing is changed until then")->warning = true;
}

static void plan_hold(const View *view, Plan *plan) {
        if (view->spec.paused)
                plan->held = "spec.paused is true";
        else if (view->dry_run)
                plan->held = "the annotation madbase.io/dry-run is set";
}

void pillar_plan(const View *view, Plan *plan) {
        Target target = { 0 };

        plan->requeue_ms = SECRETS_LOOK_MS;
        if (!view->spec_valid) {
                plan_refused_spec(view, plan);
                return;
        }
        if (view->deleting) {
                pillar_plan_delete(view, plan);
                return;
        }
        plan_hold(view, plan);
        pillar_plan_finalizer(view, view->spec.deletion == DELETION_DELETE, plan);
        pillar_plan_scale(view, &target, plan);
        if (target.configured > 0) {
                plan->complete = true;
                pillar_plan_secrets(view, plan);
                pillar_plan_services(view, &target, plan);
                pillar_plan_network(view, &target, plan);
                pillar_plan_etcd(view, &target, plan);
                pillar_plan_postgres(view, &target, plan);
                pillar_plan_redis(view, &target, plan);
                pillar_plan_entry(view, &target, plan);
                pillar_plan_refresh(view, &target, plan);
                pillar_plan_roll(view, &target, plan);
                pillar_plan_restart(view, &target, plan);
                pillar_plan_switchover(view, &target, plan);
        }
        pillar_plan_status(view, &target, plan);
}
