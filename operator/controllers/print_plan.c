/* SPDX-License-Identifier: Apache-2.0 */
/* A program for tests, from JSON to JSON. "watches": what the controllers watch and call. "plan": the plan that follows
 * from {"objects": [...], "missing": "SECRETS", "namespaced": false}, where the MadCluster or StatePillar comes first
 * and no member answers. "owns": for each of [{"intent": ..., "live": ...}], whether the operator would leave it alone.
 */
#include <stdio.h>
#include <string.h>

#include "operator/controllers/controllers.h"
#include "operator/controllers/golden.h"
#include "operator/controllers/madcluster/madcluster.h"
#include "operator/controllers/statepillar/statepillar.h"
#include "operator/runtime/run.h"

static const char *const one_namespace[] = { "shop", NULL };

static const OperatorSettings everywhere = {
        .namespace_ = "madbase-system",
        .pull_policy = "IfNotPresent",
        .cluster_domain = "cluster.local",
        .image_postgres = "docker.io/madbase/postgres:test",
        .image_redis = "docker.io/madbase/redis:test",
        .image_haproxy = "docker.io/madbase/haproxy:test",
        .image_etcd = "docker.io/madbase/etcd:test",
        .image_api = "docker.io/madbase/api:test",
        .image_gateway = "docker.io/madbase/gateway:test",
        .image_worker = "docker.io/madbase/worker:test",
        .image_victoria_metrics = "docker.io/madbase/victoria-metrics:test",
        .patroni_cluster_role = "madbase-operator-patroni",
};

static Json *describe_kind(Json *into, const Kind *kind) {
        json_put_string(into, "group", kind->group);
        json_put_string(into, "kind", kind->kind);
        json_put_string(into, "plural", kind->plural);
        return into;
}

static void describe(const Controller *controller, Json *into) {
        Json *watches, *calls;

        json_put_string(describe_kind(into, controller->kind), "name", controller->name);
        watches = json_put_array(into, "watches");
        for (const Watched *watched = controller->watches; watched && watched->kind; watched++) {
                Json *row = describe_kind(json_add_object(watches), watched->kind);

                json_put_string(row, "selector", watched->label_selector);
                json_put_string(row, "namespace", watched->namespace_);
                json_put_bool(row, "prune", watched->prune);
        }
        calls = json_put_array(into, "calls");
        for (const Call *call = controller->calls; call && call->name; call++)
                json_add_string(calls, call->name);
}

static void plan_cluster(const Json *seen_objects, const OperatorSettings *settings, Arena *arena, Plan *plan) {
        ClusterView *view = arena_alloc(arena, sizeof(*view));
        ClusterSeen seen = {
                .settings = settings,
                .cluster = golden_objects(arena, seen_objects, &kind_madcluster)[0],
                .pillar = golden_objects(arena, seen_objects, &kind_statepillar)[0],
                .deployments = golden_objects(arena, seen_objects, &kind_deployment),
                .statefulsets = golden_objects(arena, seen_objects, &kind_statefulset),
                .pods = golden_objects(arena, seen_objects, &kind_pod),
                .autoscalers = golden_objects(arena, seen_objects, &kind_autoscaler),
                .slices = golden_objects(arena, seen_objects, &kind_endpointslice),
        };

        cluster_view(&seen, arena, view);
        cluster_plan(view, plan);
}

static void plan_pillar(const Json *seen_objects, const OperatorSettings *settings, Arena *arena, Plan *plan) {
        View *view = arena_alloc(arena, sizeof(*view));
        Seen seen = {
                .settings = settings,
                .pillar = golden_objects(arena, seen_objects, &kind_statepillar)[0],
                .statefulsets = golden_objects(arena, seen_objects, &kind_statefulset),
                .deployments = golden_objects(arena, seen_objects, &kind_deployment),
                .pods = golden_objects(arena, seen_objects, &kind_pod),
                .services = golden_objects(arena, seen_objects, &kind_service),
                .configmaps = golden_objects(arena, seen_objects, &kind_configmap),
                .claims = golden_objects(arena, seen_objects, &kind_claim),
                .slices = golden_objects(arena, seen_objects, &kind_endpointslice),
                .missing_secrets = json_find_string(seen_objects, "/missing", ""),
                .odd_secrets = "",
        };

        pillar_view(&seen, arena, view);
        pillar_plan(view, plan);
}

static bool read_input(Arena *arena, Json **ret_json, Error *err) {
        CLEANUP(text_done) Text text = { .maximum = JSON_MAXIMUM_BYTES };
        char part[4096];
        size_t size;

        while ((size = fread(part, 1, sizeof(part), stdin)) > 0)
                text_append_bytes(&text, part, size);
        if (!json_parse(text_string(&text), text.size, ret_json, err))
                return false;
        (void)json_adopt(arena, *ret_json);
        return true;
}

static bool make_plan(Arena *arena, const Json *input, Json **ret_json, Error *err) {
        OperatorSettings settings = everywhere;
        Plan plan = { 0 };
        const Kind *kind;

        if (json_find_bool(input, "/namespaced", false))
                settings.namespaces = one_namespace;
        kind = kinds_of(json_first(json_get(input, "objects")));
        plan_start(&plan, arena);
        if (kind == &kind_madcluster)
                plan_cluster(input, &settings, arena, &plan);
        else if (kind == &kind_statepillar)
                plan_pillar(input, &settings, arena, &plan);
        else
                return error_set(err, ERROR_INVALID, "the first object is no MadCluster and no StatePillar");
        *ret_json = json_adopt(arena, plan_to_json(&plan));
        return true;
}

static Json *judge(const Json *pairs) {
        Json *verdicts = json_new_array();

        for (const Json *pair = json_first(pairs); pair; pair = json_next(pair))
                json_add(verdicts, json_new_bool(run_owns_all(
                                           json_get(pair, "intent"), json_get(pair, "live"), OBJECT_FIELD_MANAGER)));
        return verdicts;
}

static bool answer(const char *what, Arena *arena, Json **ret_json, Error *err) {
        Json *input = NULL;

        if (strcmp(what, "watches") == 0) {
                *ret_json = json_adopt(arena, json_new_array());
                for (const Controller *const *controller = controllers_all; *controller; controller++)
                        describe(*controller, json_add_object(*ret_json));
                return true;
        }
        if (!read_input(arena, &input, err))
                return false;
        if (strcmp(what, "owns") != 0)
                return make_plan(arena, input, ret_json, err);
        *ret_json = json_adopt(arena, judge(input));
        return true;
}

int main(int argc, char **argv) {
        CLEANUP(arena_done) Arena arena = { 0 };
        CLEANUP(cleanup_free) char *text = NULL;
        const char *what = argc == 2 ? argv[1] : "";
        Json *json = NULL;
        Error err = { 0 };

        json_start();
        if (strcmp(what, "watches") != 0 && strcmp(what, "plan") != 0 && strcmp(what, "owns") != 0) {
                (void)fprintf(stderr, "usage: print-plan watches | print-plan plan <CASE | print-plan owns <PAIRS\n");
                return 2;
        }
        if (!answer(what, &arena, &json, &err)) {
                (void)fprintf(stderr, "print-plan: %s\n", err.text);
                return 1;
        }
        text = json_print(json);
        (void)puts(text);
        return 0;
}
