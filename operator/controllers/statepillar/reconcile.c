/* SPDX-License-Identifier: Apache-2.0 */
/* The four steps of a StatePillar, and what wakes it. */
#include "operator/controllers/statepillar/draft.h"
#include "operator/runtime/run.h"
#include "operator/runtime/status.h"

/* Before the first answers come in, a pass would tell of members that it knows nothing of. After a start of the
 * operator the status that is there is the better one; each answer, also that there is none, brings another pass. */
static bool is_worth_telling(const View *view, bool ran) {
        int64_t seen = json_find_int(view->status, "/observedGeneration", -1);

        return view->asked || !ran || view->deleting || seen != view->pillar->generation;
}

static Result reconcile(Runtime *runtime, const char *namespace_, const char *name, Error *err) {
        CLEANUP(arena_done) Arena arena = { 0 };
        View view = { 0 };
        Plan plan;
        bool exists = false;
        Error failure = { 0 };

        if (!pillar_observe(runtime, namespace_, name, &arena, &view, &exists, err))
                return status_report_failure(runtime, &kind_statepillar, CUSTOM_STATUS, err);
        if (!exists)
                return (Result){ 0 };
        plan_start(&plan, &arena);
        pillar_plan(&view, &plan);
        bool ran = run_plan(runtime, &statepillar_controller, view.pillar, &plan, &failure);
        if (is_worth_telling(&view, ran) &&
                !status_report(runtime, view.pillar, CUSTOM_STATUS, &plan, ran ? NULL : &failure, err))
                return (Result){ .failed = true };
        if (!ran) {
                *err = failure;
                return (Result){ .failed = true };
        }
        return (Result){ .requeue_ms = plan.requeue_ms };
}

/* Claims are not owned: data outlives the pillar. Pods belong to their StatefulSets. */
static const Watched watches[] = {
        { &kind_statefulset, STATEFULSET_CLUSTER, KINDS_SELECTOR, WAKE_OWNER, true, NULL },
        { &kind_deployment, DEPLOYMENT_CLUSTER, KINDS_SELECTOR, WAKE_OWNER, true, NULL },
        { &kind_service, SERVICE_CLUSTER, KINDS_SELECTOR, WAKE_OWNER, true, NULL },
        { &kind_configmap, CONFIGMAP_CLUSTER, KINDS_SELECTOR, WAKE_OWNER, true, NULL },
        { &kind_serviceaccount, PLAIN_CLUSTER, KINDS_SELECTOR, WAKE_OWNER, true, NULL },
        { &kind_rolebinding, PLAIN_CLUSTER, KINDS_SELECTOR, WAKE_OWNER, true, NULL },
        { &kind_disruptionbudget, PLAIN_CLUSTER, KINDS_SELECTOR, WAKE_OWNER, true, NULL },
        { &kind_networkpolicy, PLAIN_CLUSTER, KINDS_SELECTOR, WAKE_OWNER, true, NULL },
        { &kind_pod, POD_CLUSTER, KINDS_SELECTOR, WAKE_LABEL, false, NULL },
        { &kind_claim, CLAIM_CLUSTER, KINDS_SELECTOR, WAKE_LABEL, false, NULL },
        { &kind_endpointslice, SIZE_MAX, KINDS_SELECTOR_API_SERVER, WAKE_ALL, false, "default" },
        { NULL, 0, NULL, WAKE_NONE, false, NULL },
};

const Controller statepillar_controller = {
        .name = "statepillar",
        .kind = &kind_statepillar,
        .watches = watches,
        .calls = pillar_calls,
        .reconcile = reconcile,
};
