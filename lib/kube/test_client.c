/* SPDX-License-Identifier: Apache-2.0 */
/* What each verb sends, and what its replies mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/kube/client.h"
#include "lib/kube/scripted_server.h"

enum { MAXIMUM_REPLIES = 8 };

static const Kind PILLAR = {
        .group = "madbase.io", .version = "v1alpha1", .kind = "StatePillar", .plural = "statepillars"
};
static const Kind NODE = { .group = "", .version = "v1", .kind = "Node", .plural = "nodes", .cluster_scoped = true };

typedef struct Scene {
        Text texts[MAXIMUM_REPLIES];
        const char *replies[MAXIMUM_REPLIES];
        size_t count;
        ScriptedServer *server;
        KubeConfig config;
        Http *http;
        Client *client;
        Text told;
        bool refused;
} Scene;

static int setup(void **state) {
        static Scene scene;
        scene = (Scene){ 0 };
        *state = &scene;
        return 0;
}

static int teardown(void **state) {
        Scene *scene = *state;
        client_free(scene->client);
        http_free(scene->http);
        scripted_server_free(scene->server);
        text_done(&scene->told);
        for (size_t i = 0; i < MAXIMUM_REPLIES; i++)
                text_done(&scene->texts[i]);
        return 0;
}

static void say(Scene *scene, int status, const char *body) {
        scene->replies[scene->count] = scripted_reply(&scene->texts[scene->count], status, "", body);
        scene->count++;
}

static void hear(void *context, const char *verb, const Kind *kind, const Json *reply) {
        Scene *scene = context;
        text_printf(&scene->told, "%s %s %s\n", verb, kind->kind,
                json_find_string(reply, "/metadata/resourceVersion", "-"));
}

static bool guard(void *context, Error *err) {
        const Scene *scene = context;
        return !scene->refused || error_set(err, ERROR_STOPPED, "not the leader");
}

static void start(Scene *scene) {
        scene->server = scripted_server_new(scene->replies, scene->count);
        scene->config.server = scripted_server_url(scene->server);
        assert_true(http_new(&scene->config, NULL, &scene->http, NULL));
        scene->client = client_new(scene->http);
        client_set_write_hook(scene->client, hear, scene);
        client_set_write_guard(scene->client, guard, scene);
}

static void expect_log(Scene *scene, const char *log) {
        CLEANUP(cleanup_free) char *seen = scripted_server_log(scene->server);
        assert_string_equal(seen, log);
}

static Json *make(void) {
        static const char TEXT[] = "{\"metadata\":{\"namespace\":\"ns\",\"name\":\"a\"}}";
        Json *json = NULL;
        assert_true(json_parse(TEXT, strlen(TEXT), &json, NULL));
        return json;
}

#define MISSING "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"message\":\"gone\",\"details\":{\"name\":\"a\"}}"
#define NO_TYPE "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"message\":\"no such resource\",\"details\":{}}"

static void test_get_tells_missing_objects_from_missing_types(void **state) {
        Scene *scene = *state;
        Error err = { 0 };
        Json *json = NULL;
        say(scene, 200, "{\"metadata\":{\"name\":\"a\"}}");
        say(scene, 404, MISSING);
        say(scene, 404, NO_TYPE);
        say(scene, 404, "404 page not found\n");
        start(scene);
        assert_true(client_get(scene->client, &PILLAR, "ns", "a", &json, &err));
        assert_string_equal(json_find_string(json, "/metadata/name", ""), "a");
        json_free(json);
        assert_true(client_get(scene->client, &PILLAR, "ns", "a", &json, &err));
        assert_null(json);
        for (int i = 0; i < 2; i++) {
                assert_false(client_get(scene->client, &PILLAR, "ns", "a", &json, &err));
                assert_int_equal(err.code, ERROR_NOT_FOUND);
        }
        assert_string_equal(err.text, "cannot get StatePillar ns/a: 404 page not found (HTTP 404)");
}

static void test_paths_follow_group_scope_and_subresource(void **state) {
        static const struct {
                const Kind *kind;
                const char *namespace_, *name, *subresource, *path;
        } cases[] = {
                { &PILLAR, "ns", "a/b", "status", "/apis/madbase.io/v1alpha1/namespaces/ns/statepillars/a%2Fb/status" },
                { &PILLAR, NULL, NULL, NULL, "/apis/madbase.io/v1alpha1/statepillars" },
                { &PILLAR, "", NULL, NULL, "/apis/madbase.io/v1alpha1/statepillars" },
                { &NODE, "ignored", "n1", NULL, "/api/v1/nodes/n1" },
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(text_done) Text path = { 0 };
                client_path(cases[i].kind, cases[i].namespace_, cases[i].name, cases[i].subresource, &path);
                assert_string_equal(text_string(&path), cases[i].path);
        }
}

static void test_writes_carry_manager_and_strict_validation(void **state) {
        static const char BODY[] = "{\"metadata\":{\"namespace\":\"ns\",\"name\":\"a\"}}\n";
        Scene *scene = *state;
        CLEANUP(json_cleanup) Json *object = make();
        CLEANUP(json_cleanup) Json *reply = NULL;
        CLEANUP(text_done) Text log = { 0 };
        const ApplyOptions status = { .manager = "x-status", .subresource = "status", .no_force = true };
        const ApplyOptions dry = { .dry_run = true };
        say(scene, 200, "{\"metadata\":{\"resourceVersion\":\"7\"}}");
        start(scene);
        assert_true(client_create(scene->client, &PILLAR, object, NULL, NULL));
        assert_true(client_apply(scene->client, object, &PILLAR, NULL, &reply, NULL));
        assert_true(client_apply(scene->client, object, &PILLAR, &status, NULL, NULL));
        assert_true(client_apply(scene->client, object, &PILLAR, &dry, NULL, NULL));
        assert_true(client_replace(scene->client, &PILLAR, object, NULL, NULL));
        assert_true(client_patch(scene->client, &PILLAR, "ns", "a", "scale", PATCH_MERGE, object, NULL, NULL));
        assert_string_equal(json_find_string(reply, "/metadata/resourceVersion", ""), "7");
#define BASE "/apis/madbase.io/v1alpha1/namespaces/ns/statepillars"
#define ASK  "?fieldManager=madbase-operator&fieldValidation=Strict"
        text_printf(&log, "POST " BASE ASK " [application/json] %s", BODY);
        text_printf(&log,
                "PATCH " BASE "/a?fieldManager=madbase-operator&force=true&fieldValidation=Strict "
                "[application/apply-patch+yaml] %s",
                BODY);
        text_printf(&log,
                "PATCH " BASE "/a/status?fieldManager=x-status&fieldValidation=Strict "
                "[application/apply-patch+yaml] %s",
                BODY);
        text_printf(&log,
                "PATCH " BASE "/a?fieldManager=madbase-operator&force=true&fieldValidation=Strict&dryRun=All "
                "[application/apply-patch+yaml] %s",
                BODY);
        text_printf(&log, "PUT " BASE "/a" ASK " [application/json] %s", BODY);
        text_printf(&log, "PATCH " BASE "/a/scale" ASK " [application/merge-patch+json] %s", BODY);
        expect_log(scene, text_string(&log));
}

static void test_hook_hears_every_write_but_dry_runs_and_failures(void **state) {
        Scene *scene = *state;
        CLEANUP(json_cleanup) Json *object = make();
        const ApplyOptions dry = { .dry_run = true };
        Error err = { 0 };
        say(scene, 200, "{\"metadata\":{\"resourceVersion\":\"7\"}}");
        say(scene, 200, "{\"metadata\":{\"resourceVersion\":\"8\"}}");
        say(scene, 409, "{\"kind\":\"Status\",\"reason\":\"AlreadyExists\",\"message\":\"there\"}");
        say(scene, 200, "{\"kind\":\"Status\"}");
        start(scene);
        assert_true(client_apply(scene->client, object, &PILLAR, NULL, NULL, NULL));
        assert_true(client_apply(scene->client, object, &PILLAR, &dry, NULL, NULL));
        assert_false(client_create(scene->client, &PILLAR, object, NULL, &err));
        assert_int_equal(err.code, ERROR_EXISTS);
        assert_string_equal(err.text, "cannot create StatePillar ns/a: there (HTTP 409 AlreadyExists)");
        assert_true(client_delete(scene->client, &PILLAR, "ns", "a", NULL, NULL, NULL));
        assert_string_equal(text_string(&scene->told), "apply StatePillar 7\ndelete StatePillar -\n");
}

static void test_guard_refuses_writes_before_they_are_sent(void **state) {
        Scene *scene = *state;
        CLEANUP(json_cleanup) Json *object = make();
        CLEANUP(json_cleanup) Json *read = NULL;
        Error err = { 0 };
        say(scene, 200, "{}");
        start(scene);
        scene->refused = true;
        assert_false(client_apply(scene->client, object, &PILLAR, NULL, NULL, &err));
        assert_int_equal(err.code, ERROR_STOPPED);
        assert_false(client_delete(scene->client, &PILLAR, "ns", "a", NULL, NULL, &err));
        assert_int_equal(scripted_server_requests(scene->server), 0);
        assert_true(client_get(scene->client, &PILLAR, "ns", "a", &read, &err));
}

static void test_delete_carries_preconditions(void **state) {
        Scene *scene = *state;
        const DeleteOptions options = { .uid = "u1", .resource_version = "5", .at_once = true };
        bool deleted = false;
        say(scene, 200, "{\"kind\":\"Status\"}");
        start(scene);
        assert_true(client_delete(scene->client, &PILLAR, "ns", "a", &options, &deleted, NULL));
        assert_true(deleted);
        expect_log(scene, "DELETE " BASE "/a [application/json] {\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\","
                          "\"propagationPolicy\":\"Background\",\"gracePeriodSeconds\":0,\"preconditions\":{\"uid\":"
                          "\"u1\",\"resourceVersion\":\"5\"}}\n");
}

#define CONFLICT "{\"kind\":\"Status\",\"reason\":\"Conflict\",\"message\":\"precondition\"}"

static void test_deleting_what_is_gone_or_another_is_success(void **state) {
        Scene *scene = *state;
        const DeleteOptions options = { .uid = "u1" };
        bool deleted = true;
        say(scene, 404, MISSING);
        say(scene, 409, CONFLICT);
        say(scene, 200, "{\"metadata\":{\"uid\":\"u2\"}}");
        start(scene);
        assert_true(client_delete(scene->client, &PILLAR, "ns", "a", &options, &deleted, NULL));
        assert_false(deleted);
        deleted = true;
        assert_true(client_delete(scene->client, &PILLAR, "ns", "a", &options, &deleted, NULL));
        assert_false(deleted);
        assert_string_equal(text_string(&scene->told), "");
}

static void test_deleting_a_changed_object_is_a_conflict(void **state) {
        Scene *scene = *state;
        const DeleteOptions options = { .uid = "u1", .resource_version = "5" };
        Error err = { 0 };
        bool deleted = true;
        say(scene, 409, CONFLICT);
        say(scene, 200, "{\"metadata\":{\"uid\":\"u1\"}}");
        start(scene);
        assert_false(client_delete(scene->client, &PILLAR, "ns", "a", &options, &deleted, &err));
        assert_int_equal(err.code, ERROR_CONFLICT);
        assert_true(deleted);
}

static bool collect(void *context, const Json *item, Error *err) {
        (void)err;
        text_printf(context, "%s ", json_find_string(item, "/metadata/name", "?"));
        return true;
}

static void test_list_follows_pages_and_names_the_version_once(void **state) {
        Scene *scene = *state;
        CLEANUP(text_done) Text names = { 0 };
        CLEANUP(cleanup_free) char *version = NULL;
        const ListOptions options = { .label_selector = "a=b", .resource_version = "3", .page = 2 };
        say(scene, 200,
                "{\"kind\":\"StatePillarList\",\"metadata\":{\"resourceVersion\":\"9\",\"continue\":\"n&1\"},"
                "\"items\":[{\"metadata\":{\"name\":\"a\"}},{\"metadata\":{\"name\":\"b\"}}]}");
        say(scene, 200,
                "{\"items\":[{\"metadata\":{\"name\":\"c\"}}],\"metadata\":{\"resourceVersion\":\"9\"},"
                "\"kind\":\"StatePillarList\"}");
        start(scene);
        assert_true(client_list(scene->client, &PILLAR, NULL, &options, collect, &names, &version, NULL));
        assert_string_equal(text_string(&names), "a b c ");
        assert_string_equal(version, "9");
        expect_log(scene, "GET /apis/madbase.io/v1alpha1/statepillars?labelSelector=a%3Db&limit=2&resourceVersion=3"
                          "&resourceVersionMatch=NotOlderThan\n"
                          "GET /apis/madbase.io/v1alpha1/statepillars?labelSelector=a%3Db&limit=2&continue=n%261\n");
}

static void test_list_refuses_other_kinds_and_cut_pages(void **state) {
        Scene *scene = *state;
        CLEANUP(text_done) Text names = { 0 };
        Error err = { 0 };
        say(scene, 200, "{\"kind\":\"Table\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]}");
        say(scene, 200, "{\"kind\":\"StatePillarList\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[{");
        say(scene, 410, "{\"kind\":\"Status\",\"reason\":\"Expired\",\"message\":\"old\"}");
        start(scene);
        assert_false(client_list(scene->client, &PILLAR, "ns", NULL, collect, &names, NULL, &err));
        assert_string_equal(err.text, "cannot list statepillars: expected a list of StatePillar, got kind Table");
        assert_false(client_list(scene->client, &PILLAR, "ns", NULL, collect, &names, NULL, &err));
        assert_int_equal(err.code, ERROR_PROTOCOL);
        assert_false(client_list(scene->client, &PILLAR, "ns", NULL, collect, &names, NULL, &err));
        assert_int_equal(err.code, ERROR_EXPIRED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_get_tells_missing_objects_from_missing_types, setup, teardown),
                cmocka_unit_test(test_paths_follow_group_scope_and_subresource),
                cmocka_unit_test_setup_teardown(test_writes_carry_manager_and_strict_validation, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hook_hears_every_write_but_dry_runs_and_failures, setup, teardown),
                cmocka_unit_test_setup_teardown(test_guard_refuses_writes_before_they_are_sent, setup, teardown),
                cmocka_unit_test_setup_teardown(test_delete_carries_preconditions, setup, teardown),
                cmocka_unit_test_setup_teardown(test_deleting_what_is_gone_or_another_is_success, setup, teardown),
                cmocka_unit_test_setup_teardown(test_deleting_a_changed_object_is_a_conflict, setup, teardown),
                cmocka_unit_test_setup_teardown(test_list_follows_pages_and_names_the_version_once, setup, teardown),
                cmocka_unit_test_setup_teardown(test_list_refuses_other_kinds_and_cut_pages, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
