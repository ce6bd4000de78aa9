/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of carrying plans out, against an API server in memory: what is sent, and above all what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "operator/runtime/fake/fake_runtime.h"
#include "operator/runtime/run.h"

#define THING   "/apis/test.io/v1/namespaces/x/things/one"
#define SERVICE "/api/v1/namespaces/x/services/front"
#define SETTING "/api/v1/namespaces/x/configmaps/settings"
#define SECRET  "/api/v1/namespaces/x/secrets/keys"
#define OURS    "\"labels\":{\"by\":\"us\"}"

static const char *const thing_paths[] = { "/spec", "/status", NULL };
static const Kind kind_thing = { "test.io", "v1", "Thing", "things", false, thing_paths };
static const Kind kind_service = { "", "v1", "Service", "services", false, NULL };
static const Kind kind_setting = { "", "v1", "ConfigMap", "configmaps", false, NULL };
static const Kind kind_secret = { "", "v1", "Secret", "secrets", false, NULL };
static const Kind kind_unwatched = { "", "v1", "Endpoints", "endpoints", false, NULL };

static int called;

static bool call(Runtime *runtime, const Object *about, const Json *args, Error *err) {
        (void)runtime;
        called++;
        assert_string_equal(about->name, "one");
        if (json_find_bool(args, "/fail", false))
                return error_set(err, ERROR_UNAVAILABLE, "the member does not answer");
        return true;
}

static const Call calls[] = { { "move", call }, { 0 } };
static const Watched watches[] = {
        { .kind = &kind_service, .label_path = SIZE_MAX, .label_selector = "by=us", .wake = WAKE_OWNER, .prune = true },
        { .kind = &kind_setting, .label_path = SIZE_MAX, .label_selector = "by=us", .wake = WAKE_OWNER },
        { 0 },
};
static const Controller controller = { .name = "thing", .kind = &kind_thing, .watches = watches, .calls = calls };
static const Controller *const controllers[] = { &controller, NULL };

typedef struct Scene {
        FakeRuntime fake;
        Arena arena;
        Plan plan;
        const Object *thing;
        Error err;
} Scene;

static void begin_pass(Scene *scene) {
        arena_done(&scene->arena);
        plan_start(&scene->plan, &scene->arena);
        scene->err = (Error){ 0 };
        fake_runtime_see(&scene->fake);
        scene->thing = cache_get_in(runtime_cache(&scene->fake.runtime, &kind_thing), &scene->arena, "x", "one");
        fake_api_clear_log(scene->fake.api);
}

static int start(void **state) {
        static Scene scene;

        scene = (Scene){ 0 };
        called = 0;
        fake_runtime_start(&scene.fake, controllers);
        fake_api_make(scene.fake.api, THING,
                "{\"apiVersion\":\"test.io/"
                "v1\",\"kind\":\"Thing\",\"metadata\":{\"name\":\"one\",\"namespace\":\"x\"}}");
        begin_pass(&scene);
        *state = &scene;
        return 0;
}

static int end(void **state) {
        Scene *scene = *state;

        arena_done(&scene->arena);
        fake_runtime_stop(&scene->fake);
        return 0;
}

static Json *parse(Scene *scene, const char *text) {
        Json *json = NULL;
        Error err = { 0 };

        if (!json_parse(text, strlen(text), &json, &err))
                fail_msg("%s", err.text);
        return json_adopt(&scene->arena, json);
}

static Action *want_service(Scene *scene, const char *type) {
        return plan_apply(&scene->plan, &kind_service,
                parse(scene, arena_printf(&scene->arena,
                                     "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"front\","
                                     "\"namespace\":\"x\"," OURS "},\"spec\":{\"type\":\"%s\",\"port\":80}}",
                                     type)),
                "clients need it");
}

static void assert_runs(Scene *scene) {
        if (!run_plan(&scene->fake.runtime, &controller, scene->thing, &scene->plan, &scene->err))
                fail_msg("%s", scene->err.text);
}

static void assert_stops(Scene *scene, ErrorCode code, const char *words) {
        assert_false(run_plan(&scene->fake.runtime, &controller, scene->thing, &scene->plan, &scene->err));
        assert_string_equal(error_name(scene->err.code), error_name(code));
        if (!strstr(scene->err.text, words))
                fail_msg("\"%s\" is not in \"%s\"", words, scene->err.text);
}

static void assert_log(Scene *scene, const char *expected) {
        CLEANUP(cleanup_free) char *log = fake_api_log(scene->fake.api);

        assert_string_equal(log, expected);
}

static void assert_field(Scene *scene, const char *path, const char *field, const char *value) {
        CLEANUP(json_cleanup) Json *json = fake_api_get(scene->fake.api, path);

        assert_string_equal(json_find_string(json, field, "(nothing)"), value);
}

/* One whole pass that wants the service alone. */
static void pass(Scene *scene) {
        begin_pass(scene);
        (void)want_service(scene, "ClusterIP");
        assert_runs(scene);
}

static void test_an_object_is_made_with_owner_and_intent(void **state) {
        Scene *scene = *state;

        (void)want_service(scene, "ClusterIP");
        assert_runs(scene);
        assert_log(scene, "GET " SERVICE "\nPATCH " SERVICE "\n");
        assert_field(scene, SERVICE, "/spec/type", "ClusterIP");
        assert_field(scene, SERVICE, "/metadata/ownerReferences[0]/uid", scene->thing->uid);
        assert_field(scene, SERVICE, "/metadata/ownerReferences[0]/apiVersion", "test.io/v1");
        assert_field(scene, SERVICE, "/metadata/ownerReferences[0]/kind", "Thing");
        CLEANUP(json_cleanup) Json *made = fake_api_get(scene->fake.api, SERVICE);
        assert_true(json_find_bool(made, "/metadata/ownerReferences[0]/controller", false));
        assert_true(json_find_bool(made, "/metadata/ownerReferences[0]/blockOwnerDeletion", false));
        assert_int_equal(strlen(json_find_string(made, "/metadata/annotations/madbase.io~1intent", "")), 16);
}

static void test_a_second_pass_sends_nothing(void **state) {
        Scene *scene = *state;

        pass(scene);
        pass(scene);
        assert_log(scene, "");
        pass(scene);
        assert_log(scene, "");
}

static void test_a_restart_reads_once_and_writes_nothing(void **state) {
        Scene *scene = *state;

        pass(scene);
        fake_runtime_restart(&scene->fake);
        pass(scene);
        assert_log(scene, "GET " SERVICE "\n");
        pass(scene);
        assert_log(scene, "");
}

static void test_a_changed_intent_is_applied(void **state) {
        Scene *scene = *state;

        pass(scene);
        begin_pass(scene);
        (void)want_service(scene, "NodePort");
        assert_runs(scene);
        assert_log(scene, "PATCH " SERVICE "\n");
        assert_field(scene, SERVICE, "/spec/type", "NodePort");
}

static void test_a_foreign_edit_is_put_back(void **state) {
        Scene *scene = *state;

        pass(scene);
        fake_api_edit(scene->fake.api, SERVICE, "{\"spec\":{\"type\":\"LoadBalancer\"}}");
        pass(scene);
        assert_log(scene, "PATCH " SERVICE "\n");
        assert_field(scene, SERVICE, "/spec/type", "ClusterIP");
        pass(scene);
        assert_log(scene, "");
}

static void test_a_foreign_edit_during_a_restart_is_put_back(void **state) {
        Scene *scene = *state;

        pass(scene);
        fake_api_edit(scene->fake.api, SERVICE, "{\"spec\":{\"port\":81}}");
        fake_runtime_restart(&scene->fake);
        pass(scene);
        assert_log(scene, "GET " SERVICE "\nPATCH " SERVICE "\n");
        pass(scene);
        assert_log(scene, "");
}

static void test_an_endless_fight_is_slowed_down(void **state) {
        Scene *scene = *state;

        pass(scene);
        for (int i = 0; i < 20; i++) {
                fake_api_edit(scene->fake.api, SERVICE, "{\"spec\":{\"type\":\"LoadBalancer\"}}");
                pass(scene);
                assert_log(scene, "PATCH " SERVICE "\n");
        }
        fake_api_edit(scene->fake.api, SERVICE, "{\"spec\":{\"type\":\"LoadBalancer\"}}");
        begin_pass(scene);
        (void)want_service(scene, "ClusterIP");
        plan_call(&scene->plan, "move", NULL, "what comes next is done");
        assert_stops(scene, ERROR_THROTTLED, "Service x/front is changed again and again by somebody else");
        assert_in_range(scene->err.retry_after_ms, 1, 60000);
        assert_log(scene, "");
        assert_int_equal(called, 1);
        begin_pass(scene);
        (void)want_service(scene, "NodePort");
        assert_runs(scene);
        assert_log(scene, "PATCH " SERVICE "\n");
}

static void test_what_others_add_stays(void **state) {
        Scene *scene = *state;

        pass(scene);
        fake_api_edit(scene->fake.api, SERVICE,
                "{\"spec\":{\"more\":\"theirs\"},\"metadata\":{\"labels\":{\"team\":\"a\"}}}");
        pass(scene);
        assert_log(scene, "");
        assert_field(scene, SERVICE, "/spec/more", "theirs");
        fake_runtime_restart(&scene->fake);
        pass(scene);
        assert_log(scene, "GET " SERVICE "\n");
}

static void test_an_edit_of_our_mark_is_put_back(void **state) {
        Scene *scene = *state;

        pass(scene);
        fake_api_edit(scene->fake.api, SERVICE, "{\"metadata\":{\"annotations\":{\"madbase.io/intent\":\"no\"}}}");
        pass(scene);
        assert_log(scene, "PATCH " SERVICE "\n");
        pass(scene);
        assert_log(scene, "");
}

static void test_a_deleted_object_is_made_again(void **state) {
        Scene *scene = *state;

        pass(scene);
        fake_api_remove(scene->fake.api, SERVICE);
        pass(scene);
        assert_field(scene, SERVICE, "/spec/type", "ClusterIP");
        pass(scene);
        assert_log(scene, "");
}

static void test_an_object_that_is_being_deleted_is_waited_for(void **state) {
        Scene *scene = *state;

        pass(scene);
        fake_api_edit(scene->fake.api, SERVICE, "{\"metadata\":{\"deletionTimestamp\":\"2026-01-02T03:04:05Z\"}}");
        begin_pass(scene);
        (void)want_service(scene, "ClusterIP");
        assert_stops(scene, ERROR_CONFLICT, "Service x/front is being deleted");
        assert_log(scene, "");
}

static void test_an_object_of_somebody_else_is_left_alone(void **state) {
        Scene *scene = *state;

        fake_api_make(scene->fake.api, SETTING,
                "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"settings\",\"namespace\":\"x\"}"
                ","
                "\"data\":{\"a\":\"theirs\"}}");
        /* Without our label the watch would not show it. */
        plan_apply(&scene->plan, &kind_setting,
                parse(scene, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"settings\","
                             "\"namespace\":\"x\"," OURS "},\"data\":{\"a\":\"ours\"}}"),
                "members read it");
        assert_stops(scene, ERROR_EXISTS, "ConfigMap x/settings is there and was not made by this operator");
        assert_field(scene, SETTING, "/data/a", "theirs");
}

static void test_an_object_that_lost_its_label_gets_it_back(void **state) {
        Scene *scene = *state;

        pass(scene);
        begin_pass(scene);
        /* The watch says that it is gone, since it fits the selector no more. */
        fake_api_edit(scene->fake.api, SERVICE, "{\"metadata\":{\"labels\":{\"by\":null}}}");
        cache_replace(runtime_cache(&scene->fake.runtime, &kind_service), "", NULL, 0, "5000");
        (void)want_service(scene, "ClusterIP");
        assert_runs(scene);
        assert_field(scene, SERVICE, "/metadata/labels/by", "us");
}

static void test_an_object_of_an_earlier_bearer_of_the_name_is_waited_for(void **state) {
        Scene *scene = *state;

        pass(scene);
        fake_api_remove(scene->fake.api, THING);
        fake_api_make(scene->fake.api, THING,
                "{\"apiVersion\":\"test.io/"
                "v1\",\"kind\":\"Thing\",\"metadata\":{\"name\":\"one\",\"namespace\":\"x\"}}");
        begin_pass(scene);
        (void)want_service(scene, "ClusterIP");
        assert_stops(scene, ERROR_CONFLICT, "still belongs to an earlier Thing of this name");
        assert_log(scene, "");
}

static void test_an_object_of_another_owner_is_left_alone(void **state) {
        Scene *scene = *state;

        fake_api_make(scene->fake.api, SERVICE,
                "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"front\",\"namespace\":\"x\"," OURS
                ",\"ownerReferences\":[{\"kind\":\"Other\",\"name\":\"o\",\"uid\":\"u9\",\"controller\":true}]}}");
        begin_pass(scene);
        (void)want_service(scene, "ClusterIP");
        assert_stops(scene, ERROR_EXISTS, "belongs to Other o");
}

static void test_kept_objects_have_no_owner_and_serve_the_next_bearer(void **state) {
        Scene *scene = *state;

        want_service(scene, "ClusterIP")->keep = true;
        assert_runs(scene);
        assert_field(scene, SERVICE, "/metadata/ownerReferences[0]/uid", "(nothing)");
        fake_api_remove(scene->fake.api, THING);
        fake_api_make(scene->fake.api, THING,
                "{\"apiVersion\":\"test.io/"
                "v1\",\"kind\":\"Thing\",\"metadata\":{\"name\":\"one\",\"namespace\":\"x\"}}");
        begin_pass(scene);
        want_service(scene, "ClusterIP")->keep = true;
        assert_runs(scene);
        assert_log(scene, "");
}

static void test_a_kind_that_is_not_watched_cannot_be_applied(void **state) {
        Scene *scene = *state;

        plan_apply(&scene->plan, &kind_unwatched,
                parse(scene, "{\"apiVersion\":\"v1\",\"kind\":\"Endpoints\",\"metadata\":{\"name\":\"e\",\"namespace\":"
                             "\"x\"}}"),
                "why");
        assert_stops(scene, ERROR_BUG, "Endpoints is applied but not watched");
}

static void test_the_first_failure_ends_the_pass(void **state) {
        Scene *scene = *state;
        const FakeFault fault = { .method = "PATCH",
                .part = "services",
                .status = 403,
                .reason = "Forbidden",
                .message = "services is forbidden: User \"op\" cannot patch",
                .count = 1 };

        (void)want_service(scene, "ClusterIP");
        plan_call(&scene->plan, "move", NULL, "the primary sits wrong");
        fake_api_fault(scene->fake.api, &fault);
        assert_stops(scene, ERROR_FORBIDDEN, "cannot apply Service x/front");
        assert_int_equal(called, 0);
        begin_pass(scene);
        (void)want_service(scene, "ClusterIP");
        plan_call(&scene->plan, "move", NULL, "the primary sits wrong");
        assert_runs(scene);
        assert_int_equal(called, 1);
}

static void test_a_lost_reply_leads_to_the_same_end(void **state) {
        Scene *scene = *state;
        const FakeFault fault = { .method = "PATCH", .part = "services", .after = true, .count = 1 };

        (void)want_service(scene, "ClusterIP");
        fake_api_fault(scene->fake.api, &fault);
        assert_stops(scene, ERROR_UNAVAILABLE, "Service x/front");
        pass(scene);
        assert_log(scene, "GET " SERVICE "\n");
        assert_field(scene, SERVICE, "/spec/type", "ClusterIP");
        pass(scene);
        assert_log(scene, "");
}

static void test_created_objects_are_never_changed(void **state) {
        Scene *scene = *state;
        const char *secret =
                "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"keys\",\"namespace\":\"x\"},"
                "\"data\":{\"a\":\"Zmlyc3Q=\"}}";
        const Json *kept = NULL;

        assert_true(secrets_get(scene->fake.runtime.secrets, "x", "keys", &scene->arena, &kept, &scene->err));
        assert_null(kept);
        plan_create(&scene->plan, &kind_secret, parse(scene, secret), "members need passwords")->keep = true;
        assert_runs(scene);
        assert_field(scene, SECRET, "/data/a", "Zmlyc3Q=");
        assert_field(scene, SECRET, "/metadata/ownerReferences[0]/uid", "(nothing)");
        /* The memory of there being none is forgotten with the write. */
        assert_true(secrets_get(scene->fake.runtime.secrets, "x", "keys", &scene->arena, &kept, &scene->err));
        assert_string_equal(json_find_string(kept, "/data/a", ""), "first");
        fake_api_edit(scene->fake.api, SECRET, "{\"data\":{\"a\":\"ZWRpdGVk\"}}");
        begin_pass(scene);
        plan_create(&scene->plan, &kind_secret, parse(scene, secret), "members need passwords")->keep = true;
        assert_runs(scene);
        assert_log(scene, "POST /api/v1/namespaces/x/secrets\n");
        assert_field(scene, SECRET, "/data/a", "ZWRpdGVk");
}

static void test_a_deletion_is_about_one_uid(void **state) {
        Scene *scene = *state;
        const Object *service;

        pass(scene);
        begin_pass(scene);
        service = cache_get_in(runtime_cache(&scene->fake.runtime, &kind_service), &scene->arena, "x", "front");
        fake_api_remove(scene->fake.api, SERVICE);
        fake_api_make(scene->fake.api, SERVICE,
                "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"front\",\"namespace\":\"x\"}}");
        plan_delete(&scene->plan, service, "not wanted");
        assert_runs(scene);
        CLEANUP(json_cleanup) Json *there = fake_api_get(scene->fake.api, SERVICE);
        assert_non_null(there);
}

static void test_a_careful_deletion_reads_first_and_names_the_version(void **state) {
        Scene *scene = *state;

        pass(scene);
        begin_pass(scene);
        plan_delete(&scene->plan,
                cache_get_in(runtime_cache(&scene->fake.runtime, &kind_service), &scene->arena, "x", "front"),
                "not wanted")
                ->careful = true;
        assert_runs(scene);
        assert_log(scene, "GET " SERVICE "\nDELETE " SERVICE "\n");
        assert_null(fake_api_get(scene->fake.api, SERVICE));
}

static void test_a_deletion_that_was_asked_for_is_not_asked_again(void **state) {
        Scene *scene = *state;

        pass(scene);
        fake_api_edit(scene->fake.api, SERVICE, "{\"metadata\":{\"deletionTimestamp\":\"2026-01-02T03:04:05Z\"}}");
        begin_pass(scene);
        plan_delete(&scene->plan,
                cache_get_in(runtime_cache(&scene->fake.runtime, &kind_service), &scene->arena, "x", "front"),
                "not wanted");
        assert_runs(scene);
        assert_log(scene, "");
}

static void test_a_complete_plan_prunes_what_it_does_not_name(void **state) {
        Scene *scene = *state;

        pass(scene);
        begin_pass(scene);
        assert_runs(scene);
        assert_log(scene, "");
        begin_pass(scene);
        (void)want_service(scene, "ClusterIP");
        scene->plan.complete = true;
        assert_runs(scene);
        assert_log(scene, "");
        begin_pass(scene);
        scene->plan.complete = true;
        assert_runs(scene);
        assert_log(scene, "DELETE " SERVICE "\n");
}

static void test_nothing_is_pruned_after_a_failure(void **state) {
        Scene *scene = *state;

        pass(scene);
        begin_pass(scene);
        scene->plan.complete = true;
        plan_call(&scene->plan, "move", parse(scene, "{\"fail\":true}"), "why");
        assert_stops(scene, ERROR_UNAVAILABLE, "move: the member does not answer");
        assert_log(scene, "");
}

static void test_a_held_plan_does_nothing(void **state) {
        Scene *scene = *state;

        pass(scene);
        begin_pass(scene);
        (void)want_service(scene, "NodePort");
        plan_call(&scene->plan, "move", NULL, "why");
        scene->plan.held = "spec.paused is true";
        scene->plan.complete = true;
        assert_runs(scene);
        assert_log(scene, "");
        assert_int_equal(called, 0);
}

static void test_an_unknown_call_is_a_bug(void **state) {
        Scene *scene = *state;

        plan_call(&scene->plan, "dance", NULL, "why");
        assert_stops(scene, ERROR_BUG, "thing has no call \"dance\"");
}

static void test_a_patch_is_sent_as_it_is(void **state) {
        Scene *scene = *state;

        plan_patch(&scene->plan, &kind_thing, "x", "one", parse(scene, "{\"metadata\":{\"finalizers\":[\"a/b\"]}}"),
                "data is to be kept");
        assert_runs(scene);
        assert_log(scene, "PATCH " THING "\n");
        assert_field(scene, THING, "/metadata/finalizers[0]", "a/b");
}

static void test_own_writes_are_waited_for(void **state) {
        Scene *scene = *state;
        Freshness *freshness = scene->fake.runtime.freshness;

        assert_int_equal(freshness_check(freshness, "x/one", NULL), FRESHNESS_FRESH);
        (void)want_service(scene, "ClusterIP");
        assert_runs(scene);
        assert_int_equal(freshness_check(freshness, "x/one", NULL), FRESHNESS_STALE);
        assert_int_equal(freshness_check(freshness, "x/two", NULL), FRESHNESS_FRESH);
        fake_runtime_see(&scene->fake);
        assert_int_equal(freshness_check(freshness, "x/one", NULL), FRESHNESS_FRESH);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_an_object_is_made_with_owner_and_intent, start, end),
                cmocka_unit_test_setup_teardown(test_a_second_pass_sends_nothing, start, end),
                cmocka_unit_test_setup_teardown(test_a_restart_reads_once_and_writes_nothing, start, end),
                cmocka_unit_test_setup_teardown(test_a_changed_intent_is_applied, start, end),
                cmocka_unit_test_setup_teardown(test_a_foreign_edit_is_put_back, start, end),
                cmocka_unit_test_setup_teardown(test_a_foreign_edit_during_a_restart_is_put_back, start, end),
                cmocka_unit_test_setup_teardown(test_an_endless_fight_is_slowed_down, start, end),
                cmocka_unit_test_setup_teardown(test_what_others_add_stays, start, end),
                cmocka_unit_test_setup_teardown(test_an_edit_of_our_mark_is_put_back, start, end),
                cmocka_unit_test_setup_teardown(test_a_deleted_object_is_made_again, start, end),
                cmocka_unit_test_setup_teardown(test_an_object_that_is_being_deleted_is_waited_for, start, end),
                cmocka_unit_test_setup_teardown(test_an_object_of_somebody_else_is_left_alone, start, end),
                cmocka_unit_test_setup_teardown(test_an_object_that_lost_its_label_gets_it_back, start, end),
                cmocka_unit_test_setup_teardown(
                        test_an_object_of_an_earlier_bearer_of_the_name_is_waited_for, start, end),
                cmocka_unit_test_setup_teardown(test_an_object_of_another_owner_is_left_alone, start, end),
                cmocka_unit_test_setup_teardown(test_kept_objects_have_no_owner_and_serve_the_next_bearer, start, end),
                cmocka_unit_test_setup_teardown(test_a_kind_that_is_not_watched_cannot_be_applied, start, end),
                cmocka_unit_test_setup_teardown(test_the_first_failure_ends_the_pass, start, end),
                cmocka_unit_test_setup_teardown(test_a_lost_reply_leads_to_the_same_end, start, end),
                cmocka_unit_test_setup_teardown(test_created_objects_are_never_changed, start, end),
                cmocka_unit_test_setup_teardown(test_a_deletion_is_about_one_uid, start, end),
                cmocka_unit_test_setup_teardown(test_a_careful_deletion_reads_first_and_names_the_version, start, end),
                cmocka_unit_test_setup_teardown(test_a_deletion_that_was_asked_for_is_not_asked_again, start, end),
                cmocka_unit_test_setup_teardown(test_a_complete_plan_prunes_what_it_does_not_name, start, end),
                cmocka_unit_test_setup_teardown(test_nothing_is_pruned_after_a_failure, start, end),
                cmocka_unit_test_setup_teardown(test_a_held_plan_does_nothing, start, end),
                cmocka_unit_test_setup_teardown(test_an_unknown_call_is_a_bug, start, end),
                cmocka_unit_test_setup_teardown(test_a_patch_is_sent_as_it_is, start, end),
                cmocka_unit_test_setup_teardown(test_own_writes_are_waited_for, start, end),
        };

        json_start();
        log_set_level(LOG_ERROR);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
