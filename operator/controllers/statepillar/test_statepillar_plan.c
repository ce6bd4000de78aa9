/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases of a State pillar's plan: what is seen in testdata/CASE.yaml, what follows in testdata/CASE.plan.json.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "operator/controllers/golden.h"
#include "operator/controllers/statepillar/draft.h"

static const OperatorSettings settings = {
        .namespace_ = "madbase-system",
        .pull_policy = "IfNotPresent",
        .cluster_domain = "cluster.local",
        .image_postgres = "postgres:1",
        .image_redis = "redis:1",
        .image_haproxy = "haproxy:1",
        .image_etcd = "etcd:1",
        .patroni_cluster_role = "madbase-operator-patroni",
};

static const ProbeAnswer *answers_of(Arena *arena, const Json *golden, size_t *ret_count) {
        const Json *list = json_get(golden, "answers");
        ProbeAnswer *answers = arena_alloc(arena, (json_size(list) + 1) * sizeof(*answers));
        size_t count = 0;

        for (const Json *row = json_first(list); row; row = json_next(row))
                answers[count++] = (ProbeAnswer){
                        .name = json_find_string(row, "/name", ""),
                        .asked = true,
                        .reachable = json_find_string(row, "/error", NULL) == NULL,
                        .error = json_find_string(row, "/error", ""),
                        .answer = json_get(row, "answer"),
                };
        *ret_count = count;
        return answers;
}

static void plan_of(const Json *golden, Arena *arena, Plan *plan) {
        View *view = arena_alloc(arena, sizeof(*view));
        Seen seen = {
                .settings = &settings,
                .pillar = golden_objects(arena, golden, &kind_statepillar)[0],
                .statefulsets = golden_objects(arena, golden, &kind_statefulset),
                .deployments = golden_objects(arena, golden, &kind_deployment),
                .pods = golden_objects(arena, golden, &kind_pod),
                .services = golden_objects(arena, golden, &kind_service),
                .configmaps = golden_objects(arena, golden, &kind_configmap),
                .claims = golden_objects(arena, golden, &kind_claim),
                .slices = golden_objects(arena, golden, &kind_endpointslice),
                .missing_secrets = json_find_string(golden, "/missing", ""),
                .odd_secrets = json_find_string(golden, "/odd", ""),
        };

        seen.answers = answers_of(arena, golden, &seen.answer_count);
        pillar_view(&seen, arena, view);
        plan_start(plan, arena);
        pillar_plan(view, plan);
}

/* One line per Service and the like: their whole text stands in the first case. */
static void shorten(Json *plan) {
        static const char *const whole[] = { "NetworkPolicy", "ConfigMap" };

        for (Json *action = json_first(json_get(plan, "actions")); action; action = json_next(action)) {
                bool keep = false;
                for (size_t i = 0; i < ARRAY_LEN(whole); i++)
                        keep = keep || strcmp(json_find_string(action, "/kind", ""), whole[i]) == 0;
                if (keep)
                        continue;
                Json *replicas = json_find(action, "/object/spec/replicas");
                if (replicas)
                        json_put(action, "replicas", json_copy(replicas));
                json_remove(action, "object");
        }
}

static void run_case(const char *name, bool whole) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Json *golden = golden_case(&arena, name);
        Plan plan = { 0 };

        plan_of(golden, &arena, &plan);
        Json *json = json_adopt(&arena, plan_to_json(&plan));
        if (!whole)
                shorten(json);
        golden_expect(name, json);
}

static void test_one_member_is_made(void **state) {
        (void)state;
        run_case("one-member-is-made", true);
}

static void test_three_members_and_one_is_lost(void **state) {
        (void)state;
        run_case("three-members-and-one-is-lost", false);
}

static void test_an_unreadable_spec_changes_nothing(void **state) {
        (void)state;
        run_case("an-unreadable-spec-changes-nothing", false);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_one_member_is_made),
                cmocka_unit_test(test_three_members_and_one_is_lost),
                cmocka_unit_test(test_an_unreadable_spec_changes_nothing),
        };

        json_start();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
