/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a MadCluster: the State pillar first, for the others lean on it. Every pass wants everything again, so
 * that drift heals; what is not declared is not named, and is pruned. */
#include <string.h>

#include "operator/controllers/madcluster/parts.h"

/* Status but phase, conditions and waits stays as it is: nothing better is known. */
static void plan_refused(Plan *plan, const char *reason, const char *sentence) {
        plan->held = sentence;
        plan->phase = "Stalled";
        plan_condition(plan, "Stalled", "True", reason, sentence);
        plan_condition(plan, "Ready", "False", reason, sentence);
        plan_condition(plan, "Reconciling", "False", reason, sentence);
        plan_wait(plan, sentence, "Change what is named; nothing is changed or torn down until then")->warning = true;
}

/* spec.state with what the platform decides for all its parts. */
static Json *pillar_spec(const ClusterView *view) {
        Json *spec = json_copy(view->spec.state);

        json_put_string(spec, "profile", view->spec.profile == CLUSTER_DEVELOPMENT ? "Development" : "Production");
        json_put_bool(spec, "paused", view->spec.paused);
        json_put_bool(spec, "deletionProtection", view->spec.protected_);
        json_put_string(spec, "deletionPolicy", view->spec.delete_data ? "Delete" : "Retain");
        return spec;
}

static Json *pillar_notes(const ClusterView *view) {
        Json *notes = NULL;

        if (view->restart[0]) {
                notes = json_new_object();
                json_put_string(notes, "madbase.io/restart", view->restart);
        }
        return notes;
}

/* The spec of the StatePillar as it stands; NULL where there is none of ours. */
static const Json *live_pillar_spec(const ClusterView *view) {
        Json *spec = NULL;
        const char *text;

        if (!view->pillar || view->pillar_foreign)
                return NULL;
        text = object_value(view->pillar, CUSTOM_SPEC);
        return json_parse(text, strlen(text), &spec, NULL) ? json_adopt(view->arena, spec) : NULL;
}

/* A pillar that is not wanted any more goes by pruning, which its protection would refuse: the MadCluster's own
 * protection, checked by the schema, has already allowed it. */
static void plan_unprotected_pillar(const ClusterView *view, Plan *plan) {
        Json *patch;

        if (!json_bool(json_get(live_pillar_spec(view), "deletionProtection"), false))
                return;
        patch = json_adopt(view->arena, json_new_object());
        json_put_bool(json_put_object(patch, "spec"), "deletionProtection", false);
        plan_patch(plan, &kind_statepillar, view->namespace_, view->name, patch,
                "spec.state was taken away and the MadCluster is not protected");
}

static void plan_pillar(const ClusterView *view, Plan *plan) {
        if (!view->spec.has_state) {
                plan_unprotected_pillar(view, plan);
                return;
        }
        plan_apply(plan, &kind_statepillar,
                parts_render(view, "statepillar",
                        (const Hole[]){ hole_string("name", view->name), hole_string("namespace", view->namespace_),
                                hole_tree("labels", parts_labels(view, "statepillar", "state")),
                                hole_tree("notes", pillar_notes(view)), hole_tree("spec", pillar_spec(view)),
                                HOLE_END }),
                "the State pillar is as spec.state says")
                ->field = "spec.state";
}

static void hold(const ClusterView *view, Plan *plan) {
        if (view->spec.paused)
                plan->held = "spec.paused is true";
        else if (view->dry_run)
                plan->held = "the annotation madbase.io/dry-run is set";
}

/* While the pillar is paused with the rest, its own spec must still learn so: it is written before the hold. */
static bool pillar_must_learn_pause(const ClusterView *view) {
        const Json *spec = live_pillar_spec(view);

        return view->spec.paused && view->spec.has_state && spec && !json_bool(json_get(spec, "paused"), false);
}

static void plan_parts(const ClusterView *view, Plan *plan) {
        static const ClusterPart programs[] = { PART_API, PART_GATEWAY, PART_WORKER };

        plan_pillar(view, plan);
        for (size_t i = 0; i < ARRAY_LEN(programs); i++)
                if (cluster_part_declared(&view->spec, programs[i]))
                        plan_program(view, programs[i], plan);
        if (cluster_part_declared(&view->spec, PART_METRICS))
                plan_metrics(view, plan);
        plan_network(view, plan);
        plan->complete = true;
}

void cluster_plan(const ClusterView *view, Plan *plan) {
        if (!view->spec_valid) {
                plan_refused(plan, "InvalidSpec", view->spec_error);
                return;
        }
        if (view->deleting) { /* the parts go with their owner; data goes by the State pillar's own finalizer */
                plan->held = "the MadCluster is being deleted";
                plan_status(view, plan);
                return;
        }
        if (view->pillar_foreign && view->spec.has_state) {
                plan_refused(plan, "NameTaken",
                        arena_printf(view->arena,
                                "a StatePillar named %s exists and does not belong to this MadCluster: delete it or "
                                "name the "
                                "MadCluster otherwise",
                                view->name));
                return;
        }
        if (pillar_must_learn_pause(view)) {
                plan_pillar(view, plan);
                plan_status(view, plan);
                return;
        }
        plan_parts(view, plan);
        hold(view, plan);
        plan_status(view, plan);
}
