/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of status: what is said, what is kept, what is written and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "operator/runtime/fake/fake_runtime.h"
#include "operator/runtime/status.h"

#define THING  "/apis/test.io/v1/namespaces/x/things/one"
#define NOON   INT64_C(1767355200000000) /* 2026-01-02T12:00:00Z */
#define SECOND INT64_C(1000000)

enum { PATH_SPEC, PATH_STATUS };

static const char *const thing_paths[] = { [PATH_SPEC] = "/spec", [PATH_STATUS] = "/status", NULL };
static const Kind kind_thing = { "test.io", "v1", "Thing", "things", false, thing_paths };
static const Controller controller = { .name = "thing", .kind = &kind_thing };
static const Controller *const controllers[] = { &controller, NULL };

typedef struct Built {
        Arena arena;
        Plan plan;
        Json *status;
} Built;

static void begin(Built *built) {
        arena_done(&built->arena);
        plan_start(&built->plan, &built->arena);
        built->plan.phase = "Running";
        built->plan.status = json_adopt(&built->arena, json_new_object());
        json_put_int(built->plan.status, "members", 3);
}

static void build(Built *built, const Json *present, const Error *failure, int64_t wall_us) {
        json_free(built->status);
        built->status = status_build(&built->plan, present, 7, failure, wall_us);
}

static void done(Built *built) {
        json_free(built->status);
        arena_done(&built->arena);
}

static void assert_at(const Json *status, const char *path, const char *value) {
        assert_string_equal(json_find_string(status, path, "(nothing)"), value);
}

static void assert_conditions(const Json *status, const char *ready, const char *reconciling, const char *stalled) {
        assert_at(status, "/conditions[type=Ready]/status", ready);
        assert_at(status, "/conditions[type=Reconciling]/status", reconciling);
        assert_at(status, "/conditions[type=Stalled]/status", stalled);
}

static void test_without_waits_everything_is_as_wanted(void **state) {
        Built built = { 0 };

        (void)state;
        begin(&built);
        build(&built, NULL, NULL, NOON);
        assert_conditions(built.status, "True", "False", "False");
        assert_at(built.status, "/phase", "Running");
        assert_int_equal(json_find_int(built.status, "/members", 0), 3);
        assert_int_equal(json_find_int(built.status, "/observedGeneration", 0), 7);
        assert_int_equal(json_find_int(built.status, "/conditions[type=Ready]/observedGeneration", 0), 7);
        assert_at(built.status, "/conditions[type=Ready]/lastTransitionTime", "2026-01-02T12:00:00Z");
        assert_null(json_get(built.status, "waitingFor"));
        done(&built);
}

static void test_a_wait_explains_itself(void **state) {
        Built built = { 0 };
        Wait *wait;

        (void)state;
        begin(&built);
        wait = plan_wait(&built.plan, "member 1 is not scheduled", "a node with room");
        wait->kind = "Pod";
        wait->name = "one-1";
        build(&built, NULL, NULL, NOON);
        assert_conditions(built.status, "False", "True", "False");
        assert_at(built.status, "/waitingFor[0]/what", "member 1 is not scheduled");
        assert_at(built.status, "/waitingFor[0]/unblock", "a node with room");
        assert_at(built.status, "/waitingFor[0]/kind", "Pod");
        assert_at(built.status, "/waitingFor[0]/name", "one-1");
        assert_at(built.status, "/waitingFor[0]/since", "2026-01-02T12:00:00Z");
        assert_at(built.status, "/conditions[type=Ready]/message", "member 1 is not scheduled");
        done(&built);
}

static void test_the_same_again_is_the_same_bytes(void **state) {
        Built first = { 0 }, second = { 0 };

        (void)state;
        begin(&first);
        plan_wait(&first.plan, "a", "b");
        build(&first, NULL, NULL, NOON);
        begin(&second);
        plan_wait(&second.plan, "a", "b");
        build(&second, first.status, NULL, NOON + 3600 * SECOND);
        CLEANUP(cleanup_free) char *one = json_print(first.status);
        CLEANUP(cleanup_free) char *two = json_print(second.status);
        assert_string_equal(one, two);
        done(&first);
        done(&second);
}

static void test_only_what_flips_gets_a_new_time(void **state) {
        Built before = { 0 }, after = { 0 };

        (void)state;
        begin(&before);
        plan_wait(&before.plan, "old", "x");
        plan_condition(&before.plan, "QuorumHealthy", "True", "Odd", "3 of 3");
        build(&before, NULL, NULL, NOON);
        begin(&after);
        plan_wait(&after.plan, "new", "x");
        plan_wait(&after.plan, "old", "x");
        plan_condition(&after.plan, "QuorumHealthy", "False", "Lost", "1 of 3");
        plan_condition(&after.plan, "Ready", "False", "Other", "another reason");
        build(&after, before.status, NULL, NOON + SECOND);
        assert_at(after.status, "/waitingFor[0]/since", "2026-01-02T12:00:01Z");
        assert_at(after.status, "/waitingFor[1]/since", "2026-01-02T12:00:00Z");
        assert_at(after.status, "/conditions[type=QuorumHealthy]/lastTransitionTime", "2026-01-02T12:00:01Z");
        assert_at(after.status, "/conditions[type=Ready]/lastTransitionTime", "2026-01-02T12:00:00Z");
        assert_at(after.status, "/conditions[type=Ready]/reason", "Other");
        done(&before);
        done(&after);
}

static void test_a_failure_is_shown_and_ready_is_not_claimed(void **state) {
        Built built = { 0 };
        Error failure = { 0 };

        (void)state;
        (void)error_set(&failure, ERROR_FORBIDDEN, "cannot apply Service x/a: exceeded quota: q");
        begin(&built);
        plan_condition(&built.plan, "Ready", "True", "Running", "all run");
        plan_wait(&built.plan, "later", "x");
        build(&built, NULL, &failure, NOON);
        assert_conditions(built.status, "Unknown", "True", "False");
        assert_at(built.status, "/waitingFor[0]/what", failure.text);
        assert_at(built.status, "/waitingFor[0]/unblock", "Raise the ResourceQuota that is named, or free some of it");
        assert_at(built.status, "/waitingFor[1]/what", "later");
        assert_at(built.status, "/conditions[type=Reconciling]/reason", "Forbidden");
        done(&built);
}

static void test_a_failure_that_only_a_change_ends_is_stalled(void **state) {
        Built built = { 0 };
        Error failure = { 0 };

        (void)state;
        (void)error_set(&failure, ERROR_INVALID, "spec.members is 4");
        begin(&built);
        build(&built, NULL, &failure, NOON);
        assert_conditions(built.status, "False", "False", "True");
        assert_at(built.status, "/conditions[type=Stalled]/message", "spec.members is 4");
        assert_at(built.status, "/conditions[type=Stalled]/reason", "Invalid");
        done(&built);
}

static void test_what_is_over_in_a_moment_is_not_shown(void **state) {
        Built built = { 0 };
        Error race = { .code = ERROR_CONFLICT, .http_status = 409, .text = "somebody wrote first" };
        Error own = { .code = ERROR_CONFLICT, .text = "Service x/a is being deleted" };
        Error stop = { .code = ERROR_STOPPED, .text = "stopping" };

        (void)state;
        begin(&built);
        build(&built, NULL, &race, NOON);
        assert_conditions(built.status, "True", "False", "False");
        build(&built, NULL, &stop, NOON);
        assert_conditions(built.status, "True", "False", "False");
        build(&built, NULL, &own, NOON);
        assert_at(built.status, "/waitingFor[0]/what", "Service x/a is being deleted");
        done(&built);
}

static void test_what_the_plan_says_of_the_three_conditions_counts(void **state) {
        Built built = { 0 };

        (void)state;
        begin(&built);
        plan_wait(&built.plan, "a wait", "x");
        plan_condition(&built.plan, "Ready", "True", "Serving", "it serves");
        plan_condition(&built.plan, "Stalled", "True", "BadCount", "4 members cannot be");
        build(&built, NULL, NULL, NOON);
        assert_conditions(built.status, "True", "False", "True");
        assert_int_equal(json_size(json_get(built.status, "conditions")), 3);
        done(&built);
}

static void test_a_held_plan_says_so(void **state) {
        Built built = { 0 };

        (void)state;
        begin(&built);
        built.plan.held = "spec.paused is true";
        build(&built, NULL, NULL, NOON);
        assert_conditions(built.status, "True", "False", "False");
        assert_at(built.status, "/conditions[type=Reconciling]/reason", "Held");
        assert_at(built.status, "/conditions[type=Reconciling]/message", "spec.paused is true");
        done(&built);
}

static void test_without_a_status_what_is_there_stays(void **state) {
        Built built = { 0 };
        Error failure = { 0 };

        (void)state;
        begin(&built);
        plan_wait(&built.plan, "old wait", "x");
        build(&built, NULL, NULL, NOON);
        CLEANUP(json_cleanup) Json *before = json_copy(built.status);
        begin(&built);
        built.plan.status = NULL;
        built.plan.phase = NULL;
        (void)error_set(&failure, ERROR_INVALID, "spec cannot be read");
        build(&built, before, &failure, NOON);
        assert_int_equal(json_find_int(built.status, "/members", 0), 3);
        assert_at(built.status, "/phase", "Running");
        assert_at(built.status, "/waitingFor[0]/what", "spec cannot be read");
        assert_int_equal(json_size(json_get(built.status, "waitingFor")), 1);
        done(&built);
}

static void test_a_failure_before_the_plan_leaves_the_rest_alone(void **state) {
        Built built = { 0 };
        Error failure = { 0 };

        (void)state;
        begin(&built);
        plan_condition(&built.plan, "QuorumHealthy", "True", "Odd", "3 of 3");
        build(&built, NULL, NULL, NOON);
        CLEANUP(json_cleanup) Json *before = json_copy(built.status);
        arena_done(&built.arena);
        plan_start(&built.plan, &built.arena);
        (void)error_set(&failure, ERROR_FORBIDDEN, "cannot get Secret x/keys");
        build(&built, before, &failure, NOON + SECOND);
        assert_conditions(built.status, "Unknown", "True", "False");
        assert_at(built.status, "/conditions[type=QuorumHealthy]/message", "3 of 3");
        assert_at(built.status, "/phase", "Running");
        assert_int_equal(json_find_int(built.status, "/members", 0), 3);
        assert_at(built.status, "/waitingFor[0]/what", "cannot get Secret x/keys");
        done(&built);
}

static void test_long_words_and_many_waits_are_cut(void **state) {
        Built built = { 0 };
        char long_text[2000];

        (void)state;
        memset(long_text, 'a', sizeof(long_text) - 1);
        long_text[sizeof(long_text) - 1] = '\0';
        begin(&built);
        for (int i = 0; i < 50; i++)
                plan_wait(&built.plan, long_text, long_text);
        build(&built, NULL, NULL, NOON);
        assert_int_equal(json_size(json_get(built.status, "waitingFor")), STATUS_MAXIMUM_WAITS);
        assert_int_equal(strlen(json_find_string(built.status, "/waitingFor[0]/what", "")), STATUS_MAXIMUM_WHAT);
        assert_int_equal(strlen(json_find_string(built.status, "/waitingFor[0]/unblock", "")), STATUS_MAXIMUM_UNBLOCK);
        done(&built);
}

static void test_every_failure_has_a_word_and_a_way_out(void **state) {
        (void)state;
        for (int code = ERROR_UNAVAILABLE; code < ERROR_CODE_COUNT; code++) {
                const Error failure = { .code = (ErrorCode)code };

                assert_true(status_reason(&failure)[0] >= 'A' && status_reason(&failure)[0] <= 'Z');
                assert_true(strlen(status_unblock(&failure)) > 10);
        }
}

typedef struct Scene {
        FakeRuntime fake;
        Built built;
        const Object *thing;
} Scene;

static void see(Scene *scene) {
        begin(&scene->built);
        fake_runtime_see(&scene->fake);
        scene->thing = cache_get_in(runtime_cache(&scene->fake.runtime, &kind_thing), &scene->built.arena, "x", "one");
        fake_api_clear_log(scene->fake.api);
}

static int start(void **state) {
        static Scene scene;

        scene = (Scene){ 0 };
        fake_runtime_start(&scene.fake, controllers);
        fake_api_make(scene.fake.api, THING,
                "{\"apiVersion\":\"test.io/v1\",\"kind\":\"Thing\",\"metadata\":{\"name\":\"one\",\"namespace\":\"x\"},"
                "\"spec\":{}}");
        see(&scene);
        *state = &scene;
        return 0;
}

static int end(void **state) {
        Scene *scene = *state;

        done(&scene->built);
        fake_runtime_stop(&scene->fake);
        return 0;
}

static void report(Scene *scene, const Error *failure) {
        Error err = { 0 };

        if (!status_report(&scene->fake.runtime, scene->thing, PATH_STATUS, &scene->built.plan, failure, &err))
                fail_msg("%s", err.text);
}

static void assert_log(Scene *scene, const char *expected) {
        CLEANUP(cleanup_free) char *log = fake_api_log(scene->fake.api);

        assert_string_equal(log, expected);
}

static void test_status_is_written_once(void **state) {
        Scene *scene = *state;

        report(scene, NULL);
        assert_log(scene, "PATCH " THING "/status\n");
        see(scene);
        report(scene, NULL);
        assert_log(scene, "");
        fake_runtime_restart(&scene->fake);
        see(scene);
        report(scene, NULL);
        assert_log(scene, "");
}

static void test_a_foreign_edit_of_status_is_put_back(void **state) {
        Scene *scene = *state;

        report(scene, NULL);
        fake_api_edit(scene->fake.api, THING, "{\"status\":{\"members\":99}}");
        see(scene);
        report(scene, NULL);
        assert_log(scene, "PATCH " THING "/status\n");
        CLEANUP(json_cleanup) Json *thing = fake_api_get(scene->fake.api, THING);
        assert_int_equal(json_find_int(thing, "/status/members", 0), 3);
}

static void test_fields_of_others_in_status_cost_one_write_after_a_start(void **state) {
        Scene *scene = *state;

        report(scene, NULL);
        fake_api_edit(scene->fake.api, THING, "{\"status\":{\"theirs\":1}}");
        see(scene);
        report(scene, NULL);
        assert_log(scene, "");
        fake_runtime_restart(&scene->fake);
        see(scene);
        report(scene, NULL);
        assert_log(scene, "PATCH " THING "/status\n");
        fake_api_edit(scene->fake.api, THING, "{\"status\":{\"theirs\":1}}");
        see(scene);
        report(scene, NULL);
        assert_log(scene, "");
}

static void test_an_object_that_is_gone_has_no_status(void **state) {
        Scene *scene = *state;

        fake_api_remove(scene->fake.api, THING);
        report(scene, NULL);
        fake_api_make(scene->fake.api, THING,
                "{\"apiVersion\":\"test.io/"
                "v1\",\"kind\":\"Thing\",\"metadata\":{\"name\":\"one\",\"namespace\":\"x\"}}");
        Error err = { 0 };
        assert_false(status_report(&scene->fake.runtime, scene->thing, PATH_STATUS, &scene->built.plan, NULL, &err));
        assert_int_equal(err.code, ERROR_CONFLICT);
}

static void test_a_failure_before_the_plan_is_reported(void **state) {
        Scene *scene = *state;
        Error failure = { 0 };

        report(scene, NULL);
        see(scene);
        (void)error_set(&failure, ERROR_FORBIDDEN, "cannot get Secret x/keys");
        assert_true(status_report_failure(&scene->fake.runtime, &kind_thing, PATH_STATUS, &failure).failed);
        assert_log(scene, "PATCH " THING "/status\n");
        see(scene);
        assert_true(status_report_failure(&scene->fake.runtime, &kind_thing, PATH_STATUS, &failure).failed);
        assert_log(scene, "");
        CLEANUP(json_cleanup) Json *thing = fake_api_get(scene->fake.api, THING);
        assert_at(thing, "/status/waitingFor[0]/what", "cannot get Secret x/keys");
        assert_int_equal(json_find_int(thing, "/status/members", 0), 3);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_without_waits_everything_is_as_wanted),
                cmocka_unit_test(test_a_wait_explains_itself),
                cmocka_unit_test(test_the_same_again_is_the_same_bytes),
                cmocka_unit_test(test_only_what_flips_gets_a_new_time),
                cmocka_unit_test(test_a_failure_is_shown_and_ready_is_not_claimed),
                cmocka_unit_test(test_a_failure_that_only_a_change_ends_is_stalled),
                cmocka_unit_test(test_what_is_over_in_a_moment_is_not_shown),
                cmocka_unit_test(test_what_the_plan_says_of_the_three_conditions_counts),
                cmocka_unit_test(test_a_held_plan_says_so),
                cmocka_unit_test(test_without_a_status_what_is_there_stays),
                cmocka_unit_test(test_a_failure_before_the_plan_leaves_the_rest_alone),
                cmocka_unit_test(test_long_words_and_many_waits_are_cut),
                cmocka_unit_test(test_every_failure_has_a_word_and_a_way_out),
                cmocka_unit_test_setup_teardown(test_status_is_written_once, start, end),
                cmocka_unit_test_setup_teardown(test_a_foreign_edit_of_status_is_put_back, start, end),
                cmocka_unit_test_setup_teardown(
                        test_fields_of_others_in_status_cost_one_write_after_a_start, start, end),
                cmocka_unit_test_setup_teardown(test_a_failure_before_the_plan_is_reported, start, end),
                cmocka_unit_test_setup_teardown(test_an_object_that_is_gone_has_no_status, start, end),
        };

        json_start();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
