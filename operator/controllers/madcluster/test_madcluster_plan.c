/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases of the MadCluster's plan, and laws that hold over them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "operator/controllers/golden.h"
#include "operator/controllers/madcluster/madcluster.h"

static const OperatorSettings settings = {
        .namespace_ = "madbase-system",
        .pull_policy = "IfNotPresent",
        .cluster_domain = "cluster.local",
        .image_postgres = "postgres:1",
        .image_redis = "redis:1",
        .image_haproxy = "haproxy:1",
        .image_etcd = "etcd:1",
        .image_api = "api:1",
        .image_gateway = "gateway:1",
        .image_worker = "worker:1",
        .image_victoria_metrics = "victoria-metrics:1",
        .patroni_cluster_role = "madbase-operator-patroni",
};

static const Object *first(const Object *const *objects) {
        return objects[0];
}

static void plan_of(const Json *golden, Arena *arena, Plan *plan) {
        ClusterView *view = arena_alloc(arena, sizeof(*view));
        ClusterSeen seen = {
                .settings = &settings,
                .cluster = first(golden_objects(arena, golden, &kind_madcluster)),
                .pillar = first(golden_objects(arena, golden, &kind_statepillar)),
                .deployments = golden_objects(arena, golden, &kind_deployment),
                .statefulsets = golden_objects(arena, golden, &kind_statefulset),
                .pods = golden_objects(arena, golden, &kind_pod),
                .autoscalers = golden_objects(arena, golden, &kind_autoscaler),
                .slices = golden_objects(arena, golden, &kind_endpointslice),
        };

        cluster_view(&seen, arena, view);
        plan_start(plan, arena);
        cluster_plan(view, plan);
}

/* Adds a ready pod for every workload of the plan, as its controller would make it. */
static void grow_pods(Json *golden, const Plan *plan, bool other_version) {
        for (const Action *action = plan->actions; action; action = action->next) {
                Json *template, *pod, *status, *condition;

                if (action->object_kind != &kind_deployment && action->object_kind != &kind_statefulset)
                        continue;
                template = json_find(action->object, "/spec/template");
                pod = json_add_object(json_get(golden, "objects"));
                json_put_string(pod, "apiVersion", "v1");
                json_put_string(pod, "kind", "Pod");
                json_put(pod, "metadata", json_copy(json_get(template, "metadata")));
                json_put_string(json_get(pod, "metadata"), "name", action->name);
                json_put_string(json_get(pod, "metadata"), "namespace", action->namespace_);
                if (other_version)
                        json_put_string(json_find(pod, "/metadata/annotations"), KINDS_NOTE_TEMPLATE, "0ther");
                status = json_put_object(pod, "status");
                condition = json_add_object(json_put_array(status, "conditions"));
                json_put_string(condition, "type", "Ready");
                json_put_string(condition, "status", "True");
        }
}

static void run_case(const char *name) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Json *golden = golden_case(&arena, name);
        bool other = json_bool(json_get(golden, "other-version"), false);
        Plan plan = { 0 };

        plan_of(golden, &arena, &plan);
        if (other || json_bool(json_get(golden, "ready"), false)) {
                grow_pods(golden, &plan, other);
                plan_of(golden, &arena, &plan);
        }
        golden_expect(name, json_adopt(&arena, plan_to_json(&plan)));
}

static void test_a_new_cluster(void **state) {
        (void)state;
        run_case("a-new-cluster");
}

static void test_everything_runs(void **state) {
        (void)state;
        run_case("everything-runs");
}

static void test_autoscaling_is_turned_on_at_five(void **state) {
        (void)state;
        run_case("autoscaling-is-turned-on-at-five");
}

static void test_an_even_count_behind_the_schemas_back(void **state) {
        (void)state;
        run_case("an-even-count-behind-the-schemas-back");
}

static void test_a_stranger_has_the_pillars_name(void **state) {
        (void)state;
        run_case("a-stranger-has-the-pillars-name");
}

static void test_paused(void **state) {
        (void)state;
        run_case("paused");
}

static void test_the_state_part_is_taken_away(void **state) {
        (void)state;
        run_case("the-state-part-is-taken-away");
}

static void test_pods_of_another_version(void **state) {
        (void)state;
        run_case("pods-of-another-version");
}

/* Planning twice from the same facts gives the same plan: no clock, no randomness, no memory. */
static void test_the_plan_depends_on_what_is_seen_alone(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Json *golden = golden_case(&arena, "a-new-cluster");
        Plan one = { 0 }, two = { 0 };

        (void)state;
        plan_of(golden, &arena, &one);
        plan_of(golden, &arena, &two);
        assert_true(json_equal(json_adopt(&arena, plan_to_json(&one)), json_adopt(&arena, plan_to_json(&two))));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_new_cluster),
                cmocka_unit_test(test_everything_runs),
                cmocka_unit_test(test_autoscaling_is_turned_on_at_five),
                cmocka_unit_test(test_an_even_count_behind_the_schemas_back),
                cmocka_unit_test(test_a_stranger_has_the_pillars_name),
                cmocka_unit_test(test_paused),
                cmocka_unit_test(test_the_state_part_is_taken_away),
                cmocka_unit_test(test_pods_of_another_version),
                cmocka_unit_test(test_the_plan_depends_on_what_is_seen_alone),
        };

        json_start();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
