/* SPDX-License-Identifier: Apache-2.0 */
/* Going away. Under Retain everything that holds data stays and nothing is waited for. Under Delete a finalizer keeps
 * the object until the pods have ended and claims, Secrets and Patroni's records are gone; claims go by UID, read
 * first. */
#include "operator/controllers/statepillar/draft.h"

#include <string.h>

#define FINALIZER "madbase.io/data"

void pillar_plan_finalizer(const View *view, bool wanted, Plan *plan) {
        if (wanted == view->finalizer)
                return;
        Json *patch = json_adopt(plan->arena, json_new_object());
        Json *metadata = json_put_object(patch, "metadata");
        Json *list = json_put_array(metadata, "finalizers");
        Json *present = NULL;
        const char *text = object_value(view->pillar, CUSTOM_FINALIZERS);
        Error err = { 0 };

        if (*text && !json_parse(text, strlen(text), &present, &err))
                present = NULL;
        for (const Json *one = json_first(present); one; one = json_next(one))
                if (!text_equal(json_string(one, ""), FINALIZER))
                        json_add_string(list, json_string(one, ""));
        json_free(present);
        if (wanted)
                json_add_string(list, FINALIZER);
        /* Others' finalizers are in the list: nobody may have changed them meanwhile. */
        json_put_string(metadata, "resourceVersion", view->pillar->resource_version);
        plan_patch(plan, &kind_statepillar, view->namespace_, view->name, patch,
                wanted ? "data is deleted before the object goes" : "nothing is left to be deleted first");
}

static bool stop_pods(const View *view, Plan *plan) {
        bool running = false;

        for (int set = 0; set < SET_COUNT; set++) {
                const PillarStatefulSet *state = &view->sets[set];
                if (state->object && !state->object->deleting)
                        plan_delete(plan, state->object, "the pillar is deleted");
                if (state->object || state->members_seen > 0)
                        running = true;
        }
        if (view->entry && !view->entry->deleting)
                plan_delete(plan, view->entry, "the pillar is deleted");
        return running;
}

void pillar_plan_delete(const View *view, Plan *plan) {
        plan->phase = "Deleting";
        plan->status = json_adopt(plan->arena, view->status ? json_copy(view->status) : json_new_object());
        json_remove(plan->status, "conditions");
        json_remove(plan->status, "waitingFor");
        json_remove(plan->status, "observedGeneration");
        json_put_string(plan->status, "phase", plan->phase);
        plan_condition(plan, "Ready", "False", "Deleting", "The pillar is being deleted");
        plan_condition(plan, "Reconciling", "True", "Deleting", "The pillar is being deleted");
        plan_condition(plan, "Stalled", "False", "Deleting", "The pillar is being deleted");
        if (!view->finalizer)
                return;
        if (!view->spec_valid || view->spec.deletion == DELETION_RETAIN) {
                pillar_plan_finalizer(view, false, plan);
                return;
        }
        if (stop_pods(view, plan)) {
                plan_wait(plan, "the pods to end", "They shut down in their own time");
                return;
        }
        size_t left = 0;
        for (const Object *const *claim = view->claims; *claim; claim++, left++)
                if (!(*claim)->deleting)
                        plan_delete(plan, *claim, "deletionPolicy is Delete")->careful = true;
        if (left > 0) {
                plan_wait(plan, "the volumes to be deleted", "The storage driver deletes them");
                return;
        }
        draft_call(plan, "delete-records", json_new_object(),
                "deletionPolicy is Delete: passwords and Patroni's records go");
        pillar_plan_finalizer(view, false, plan);
}
