/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases of a State pillar's plan: what is seen in testdata/CASE.yaml, what follows in testdata/CASE.plan.json. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "operator/controllers/golden.h"
#include "operator/controllers/statepillar/draft.h"

static const OperatorSettings settings = {
        .namespace_ = "madbase-system", .pull_policy = "IfNotPresent", .cluster_domain = "cluster.local",
        .image_postgres = "postgres:1", .image_redis = "redis:1", .image_haproxy = "haproxy:1", .image_etcd = "etcd:1",
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

static void run_case(const char *name) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Json *golden = golden_case(&arena, name);
        Plan plan = { 0 };

        plan_of(golden, &arena, &plan);
        golden_expect(name, json_adopt(&arena, plan_to_json(&plan)));
}

static void test_one_member_is_made(void **state) {
        (void)state;
        run_case("one-member-is-made");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_one_member_is_made),
        };

        json_start();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
