/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of building and printing plans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "operator/runtime/plan.h"

static const Kind kind_service = { "", "v1", "Service", "services", false, NULL };
static const Kind kind_role = { "rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", true, NULL };

static Json *parse(Arena *arena, const char *text) {
        Json *json = NULL;

        assert_true(json_parse(text, strlen(text), &json, NULL));
        return json_adopt(arena, json);
}

static void test_actions_keep_their_order_and_names(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Plan plan;
        Action *second;

        (void)state;
        plan_start(&plan, &arena);
        plan_apply(&plan, &kind_service, parse(&arena, "{\"metadata\":{\"name\":\"a\",\"namespace\":\"x\"}}"), "one");
        second = plan_create(&plan, &kind_role, parse(&arena, "{\"metadata\":{\"name\":\"b\"}}"), "two");
        second->keep = true;
        plan_patch(&plan, &kind_service, "x", "c", parse(&arena, "{}"), "three");
        plan_call(&plan, "switchover", NULL, "four");
        assert_string_equal(plan.actions->name, "a");
        assert_string_equal(plan.actions->namespace_, "x");
        assert_ptr_equal(plan.actions->next, second);
        assert_string_equal(second->namespace_, "");
        assert_string_equal(second->next->why, "three");
        assert_string_equal(second->next->next->call, "switchover");
        assert_null(second->next->next->next);
}

static void test_deleting_copies_what_it_needs_of_the_object(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        CLEANUP(json_cleanup) Json *json = NULL;
        const char *text =
                "{\"metadata\":{\"name\":\"a\",\"namespace\":\"x\",\"uid\":\"u\",\"resourceVersion\":\"1\"}}";
        Object *object = NULL;
        Plan plan;

        (void)state;
        assert_true(json_parse(text, strlen(text), &json, NULL));
        assert_true(object_project(&kind_service, json, &object, NULL));
        plan_start(&plan, &arena);
        plan_delete(&plan, object, "not wanted any more");
        object_unref(object);
        assert_string_equal(plan.actions->name, "a");
        assert_string_equal(plan.actions->namespace_, "x");
        assert_string_equal(plan.actions->uid, "u");
}

static void test_a_condition_of_the_same_type_is_replaced(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Plan plan;

        (void)state;
        plan_start(&plan, &arena);
        plan_condition(&plan, "Ready", "False", "Starting", "members start");
        plan_condition(&plan, "QuorumHealthy", "True", "Odd", "3 of 3");
        plan_condition(&plan, "Ready", "True", "Running", "all run");
        assert_string_equal(plan.conditions->type, "Ready");
        assert_string_equal(plan.conditions->status, "True");
        assert_string_equal(plan.conditions->message, "all run");
        assert_string_equal(plan.conditions->next->type, "QuorumHealthy");
        assert_null(plan.conditions->next->next);
}

static void test_a_plan_prints_whole(void **state) {
        static const char expected[] =
                "{\"phase\":\"Starting\",\"complete\":true,\"requeueMs\":5000,"
                "\"actions\":[{\"do\":\"apply\",\"kind\":\"Service\",\"namespace\":\"x\",\"name\":\"a\",\"why\":"
                "\"one\","
                "\"event\":\"ServiceMade\",\"field\":\"spec.proxy\",\"keep\":true,"
                "\"object\":{\"metadata\":{\"name\":\"a\",\"namespace\":\"x\"}}},"
                "{\"do\":\"call\",\"call\":\"switchover\",\"why\":\"two\",\"args\":{\"to\":\"pg-1\"}}],"
                "\"waits\":[{\"what\":\"the volume is not bound\",\"unblock\":\"a "
                "volume\",\"kind\":\"PersistentVolumeClaim\","
                "\"name\":\"data-0\",\"warning\":true}],"
                "\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\",\"reason\":\"Starting\",\"message\":\"soon\"}"
                "],"
                "\"status\":{\"members\":3}}";
        CLEANUP(arena_done) Arena arena = { 0 };
        CLEANUP(json_cleanup) Json *printed = NULL, *wanted = NULL;
        Plan plan;
        Action *action;
        Wait *wait;

        (void)state;
        plan_start(&plan, &arena);
        plan.phase = "Starting";
        plan.complete = true;
        plan.requeue_ms = 5000;
        action = plan_apply(
                &plan, &kind_service, parse(&arena, "{\"metadata\":{\"name\":\"a\",\"namespace\":\"x\"}}"), "one");
        action->event = "ServiceMade";
        action->field = "spec.proxy";
        action->keep = true;
        plan_call(&plan, "switchover", parse(&arena, "{\"to\":\"pg-1\"}"), "two");
        wait = plan_wait(&plan, "the volume is not bound", "a volume");
        wait->kind = "PersistentVolumeClaim";
        wait->name = "data-0";
        wait->warning = true;
        plan_condition(&plan, "Ready", "False", "Starting", "soon");
        plan.status = parse(&arena, "{\"members\":3}");
        printed = plan_to_json(&plan);
        assert_true(json_parse(expected, sizeof(expected) - 1, &wanted, NULL));
        assert_true(json_equal(printed, wanted));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_actions_keep_their_order_and_names),
                cmocka_unit_test(test_deleting_copies_what_it_needs_of_the_object),
                cmocka_unit_test(test_a_condition_of_the_same_type_is_replaced),
                cmocka_unit_test(test_a_plan_prints_whole),
        };

        json_start();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
