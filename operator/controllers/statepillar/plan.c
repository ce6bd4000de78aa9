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
                plan_delete_pillar(view, plan);
                return;
        }
        plan_hold(view, plan);
        plan_finalizer(view, view->spec.deletion == DELETION_DELETE, plan);
        plan_scale(view, &target, plan);
        if (target.configured > 0) {
                plan->complete = true;
                plan_secrets(view, plan);
                plan_services(view, &target, plan);
                plan_network(view, &target, plan);
                plan_etcd(view, &target, plan);
                plan_postgres(view, &target, plan);
                plan_redis(view, &target, plan);
                plan_entry(view, &target, plan);
                plan_roll(view, &target, plan);
        }
        plan_status(view, &target, plan);
}
