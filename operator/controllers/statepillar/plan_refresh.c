/* SPDX-License-Identifier: Apache-2.0 */
/* A kubelet looks at a pod's ConfigMaps about once a minute, and whenever the pod changes: a note on the pod makes a
 * new configuration reach it in a second. It waits until the caches show the ConfigMap, so that the kubelet finds the
 * new one too. */
#include "operator/controllers/statepillar/draft.h"

static void refresh(const Object *pod, const char *shown, const char *wanted, Plan *plan) {
        if (!pod || pod->deleting || !wanted || !text_equal(shown, wanted) ||
                !text_equal(object_value(pod, POD_PHASE), "Running") ||
                text_equal(object_value(pod, POD_CONFIG), wanted))
                return;
        Json *patch = json_adopt(plan->arena, json_new_object());
        Json *notes = json_put_object(json_put_object(patch, "metadata"), "annotations");
        json_put_string(notes, KINDS_NOTE_CONFIG, wanted);
        plan_patch(plan, &kind_pod, pod->namespace_, pod->name, patch, "its configuration changed");
}

void pillar_plan_refresh(const View *view, const Target *target, Plan *plan) {
        const struct {
                const char *shown, *wanted;
        } rows[] = {
                [SET_POSTGRES] = { view->config_postgres, target->config_hash[SET_POSTGRES] },
                [SET_REDIS] = { view->config_redis, target->config_hash[SET_REDIS] },
                [SET_SENTINEL] = { view->config_redis, target->config_hash[SET_REDIS] },
        };

        for (size_t set = 0; set < ARRAY_LEN(rows); set++)
                for (int i = 0; i < PILLAR_MEMBERS_MAXIMUM; i++)
                        refresh(view->sets[set].members[i].pod, rows[set].shown, rows[set].wanted, plan);
        for (size_t i = 0; i < view->entry_pod_count; i++)
                refresh(view->entry_pods[i], view->config_entry, target->config_hash[PART_ENTRY], plan);
}
