/* SPDX-License-Identifier: Apache-2.0 */
/* The shell: reads, runs, reports; decides nothing. And the table that the runtime knows this kind by. */
#include "operator/controllers/madcluster/observe.h"
#include "operator/runtime/run.h"
#include "operator/runtime/status.h"

static Result reconcile(Runtime *runtime, const char *namespace_, const char *name, Error *err) {
        CLEANUP(arena_done) Arena arena = { 0 };
        ClusterView view = { 0 };
        Error failure = { 0 };
        Plan plan = { 0 };
        bool ran, reported;

        if (!cluster_observe(runtime, namespace_, name, &arena, &view))
                return (Result){ 0 };
        plan_start(&plan, &arena);
        cluster_plan(&view, &plan);
        ran = run_plan(runtime, &madcluster_controller, view.cluster, &plan, &failure);
        reported = status_report(runtime, view.cluster, CUSTOM_STATUS, &plan, ran ? NULL : &failure, err);
        if (!ran)
                *err = failure;
        return (Result){ .failed = !ran || !reported, .requeue_ms = plan.requeue_ms };
}

static bool hand_over_replicas(Runtime *runtime, const Object *about, const Json *args, Error *err) {
        static const ApplyOptions options = { .manager = "madbase-operator-handover" };
        CLEANUP(json_cleanup) Json *object = json_new_object();
        Json *metadata;

        (void)about;
        json_put_string(object, "apiVersion", "apps/v1");
        json_put_string(object, "kind", "Deployment");
        metadata = json_put_object(object, "metadata");
        json_put_string(metadata, "name", json_find_string(args, "/name", ""));
        json_put_string(metadata, "namespace", json_find_string(args, "/namespace", ""));
        json_put_int(json_put_object(object, "spec"), "replicas", json_find_int(args, "/replicas", 1));
        return client_apply(runtime->client, object, &kind_deployment, &options, NULL, err);
}

const Call cluster_calls[] = { { "hand-over-replicas", hand_over_replicas }, { 0 } };

static const Watched watches[] = {
        { .kind = &kind_statepillar, .label_path = CUSTOM_CLUSTER, .wake = WAKE_OWNER, .prune = true },
        { .kind = &kind_deployment, .label_path = DEPLOYMENT_CLUSTER, .label_selector = KINDS_SELECTOR, .prune = true },
        { .kind = &kind_statefulset,
                .label_path = STATEFULSET_CLUSTER,
                .label_selector = KINDS_SELECTOR,
                .prune = true },
        { .kind = &kind_pod, .label_path = POD_CLUSTER, .label_selector = KINDS_SELECTOR, .wake = WAKE_LABEL },
        { .kind = &kind_service, .label_path = SERVICE_CLUSTER, .label_selector = KINDS_SELECTOR, .prune = true },
        { .kind = &kind_configmap, .label_path = CONFIGMAP_CLUSTER, .label_selector = KINDS_SELECTOR, .prune = true },
        { .kind = &kind_disruptionbudget,
                .label_path = PLAIN_CLUSTER,
                .label_selector = KINDS_SELECTOR,
                .prune = true },
        { .kind = &kind_networkpolicy, .label_path = PLAIN_CLUSTER, .label_selector = KINDS_SELECTOR, .prune = true },
        { .kind = &kind_autoscaler, .label_path = AUTOSCALER_CLUSTER, .label_selector = KINDS_SELECTOR, .prune = true },
        { .kind = &kind_endpointslice,
                .label_path = SIZE_MAX,
                .label_selector = KINDS_SELECTOR_API_SERVER,
                .wake = WAKE_ALL,
                .namespace_ = "default" },
        { 0 },
};

const Controller madcluster_controller = {
        .name = "madcluster",
        .kind = &kind_madcluster,
        .watches = watches,
        .calls = cluster_calls,
        .reconcile = reconcile,
};
