/* SPDX-License-Identifier: Apache-2.0 */
/* The watch thread with a scripted server: streams, silence, trouble, metrics and the way out. What reflectors decide
 * is tested in test_reflector.c, real servers in e2e/integration/test_watch.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/kube/scripted_server.h"
#include "lib/kube/watch.h"

enum { MAXIMUM_REPLIES = 8, PATIENCE_MS = 10000 };

static const Kind CONFIG_MAP = { .group = "", .version = "v1", .kind = "ConfigMap", .plural = "configmaps" };

typedef struct Scene {
        Text texts[MAXIMUM_REPLIES];
        const char *replies[MAXIMUM_REPLIES];
        size_t count;
        ScriptedServer *server;
        KubeConfig config;
        WatchOptions options;
        Metrics *metrics;
        Http *http;
        Cache *cache;
        Watch *watch;
} Scene;

#define META(name, version)                                                                                            \
        "\"metadata\":{\"name\":\"" name "\",\"namespace\":\"ns\",\"uid\":\"u\",\"resourceVersion\":\"" version "\"}"
#define EVENT(type, name, version) "{\"type\":\"" type "\",\"object\":{" META(name, version) "}}\n"
#define BOOKMARK(version)          "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"" version "\"}}}\n"
#define LIST(version, items)                                                                                           \
        "{\"kind\":\"ConfigMapList\",\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" items "]}"
/* A watch that brings these events and stays open. */
#define STREAM(events) "hold HTTP/1.1 200 OK\r\n\r\n" events

static int setup(void **state) {
        static Scene scene;
        scene = (Scene){ .options = { .no_watch_list = true },
                .metrics = metrics_new(),
                .cache = cache_new(&CONFIG_MAP, SIZE_MAX) };
        *state = &scene;
        return 0;
}

static int teardown(void **state) {
        Scene *scene = *state;
        watch_free(scene->watch);
        cache_free(scene->cache);
        http_free(scene->http);
        scripted_server_free(scene->server);
        metrics_free(scene->metrics);
        for (size_t i = 0; i < MAXIMUM_REPLIES; i++)
                text_done(&scene->texts[i]);
        return 0;
}

static void say(Scene *scene, int status, const char *body) {
        scene->replies[scene->count] = scripted_reply(&scene->texts[scene->count], status, "", body);
        scene->count++;
}

static void say_as_is(Scene *scene, const char *reply) {
        scene->replies[scene->count++] = reply;
}

static void start(Scene *scene) {
        scene->server = scripted_server_new(scene->replies, scene->count);
        scene->config.server = scripted_server_url(scene->server);
        assert_true(http_new(&scene->config, NULL, &scene->http, NULL));
        scene->watch = watch_new(scene->http, &scene->options, scene->metrics);
        watch_add(scene->watch, scene->cache, "", NULL);
        assert_true(watch_start(scene->watch, NULL));
}

/* Waits until the cache has seen a version; the watch thread tells. */
static void await_version(Scene *scene, const char *version) {
        int64_t deadline_ms = clock_now_ms() + PATIENCE_MS;
        while (!cache_has_seen(scene->cache, "", version))
                if (clock_now_ms() > deadline_ms)
                        fail_msg("version %s was not seen", version);
}

static double state_of(Scene *scene, const char *name) {
        CLEANUP(text_done) Text page = { 0 };
        metrics_print(scene->metrics, &page);
        Metric *metric = metrics_gauge(scene->metrics, "watch_state", "", NULL);
        return metric_value(metric, (const char *const[]){ "configmaps", name });
}

/* The thread shows its states a moment after it delivered. */
static void await_state(Scene *scene, const char *name) {
        int64_t deadline_ms = clock_now_ms() + PATIENCE_MS;
        while (state_of(scene, name) < 1)
                if (clock_now_ms() > deadline_ms)
                        fail_msg("the state never was %s", name);
}

static void test_lists_then_follows_on_an_open_stream(void **state) {
        Scene *scene = *state;
        say(scene, 200, LIST("5", "{" META("a", "1") "}"));
        say_as_is(scene, STREAM(EVENT("ADDED", "b", "6")));
        start(scene);
        assert_true(watch_wait_synced(scene->watch, PATIENCE_MS));
        await_version(scene, "6");
        assert_int_equal(cache_size(scene->cache), 2);
        await_state(scene, "live");
        assert_int_equal(state_of(scene, "listing"), 0);
        Metric *objects = metrics_gauge(scene->metrics, "cache_objects", "", NULL);
        assert_int_equal(metric_value(objects, (const char *const[]){ "configmaps" }), 2);
}

static void test_stop_returns_while_a_stream_is_open(void **state) {
        Scene *scene = *state;
        say(scene, 200, LIST("5", ""));
        say_as_is(scene, STREAM(""));
        start(scene);
        scripted_server_await(scene->server, 2);
        int64_t started_ms = clock_now_ms();
        watch_stop(scene->watch);
        assert_in_range(clock_now_ms() - started_ms, 0, 1000);
        watch_stop(scene->watch);
}

static void test_waiting_for_sync_ends_in_time(void **state) {
        Scene *scene = *state;
        say_as_is(scene, "hang");
        start(scene);
        int64_t started_ms = clock_now_ms();
        assert_false(watch_wait_synced(scene->watch, 150));
        assert_in_range(clock_now_ms() - started_ms, 150, 5000);
}

static void test_refusals_are_told_as_a_sentence(void **state) {
        Scene *scene = *state;
        char sentence[256] = "";
        say(scene, 403, "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"no rights\"}");
        start(scene);
        int64_t deadline_ms = clock_now_ms() + PATIENCE_MS;
        while (!watch_trouble(scene->watch, sentence, sizeof sentence))
                assert_true(clock_now_ms() < deadline_ms);
        assert_string_equal(sentence, "cannot watch configmaps: no rights (HTTP 403 Forbidden)");
        await_state(scene, "backoff");
        assert_int_equal(scripted_server_requests(scene->server), 1);
}

static void test_lost_stream_goes_on_from_its_version(void **state) {
        Scene *scene = *state;
        say(scene, 200, LIST("5", ""));
        say_as_is(scene, "cut HTTP/1.1 200 OK\r\n\r\n" EVENT("ADDED", "a", "6"));
        say_as_is(scene, STREAM(EVENT("ADDED", "b", "7")));
        scene->options.timeout_minimum_s = 1000;
        start(scene);
        await_version(scene, "7");
        CLEANUP(cleanup_free) char *log = scripted_server_log(scene->server);
        assert_non_null(strstr(log, "&resourceVersion=5\n"));
        assert_non_null(strstr(log, "&resourceVersion=6\n"));
}

static void test_silent_stream_is_cut_and_opened_on_a_fresh_connection(void **state) {
        Scene *scene = *state;
        say(scene, 200, LIST("5", ""));
        say_as_is(scene, STREAM(BOOKMARK("6")));
        say_as_is(scene, STREAM(EVENT("ADDED", "b", "7")));
        scene->options.silence_ms = 150;
        start(scene);
        await_version(scene, "7");
        assert_int_equal(scripted_server_requests(scene->server), 3);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_lists_then_follows_on_an_open_stream, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stop_returns_while_a_stream_is_open, setup, teardown),
                cmocka_unit_test_setup_teardown(test_waiting_for_sync_ends_in_time, setup, teardown),
                cmocka_unit_test_setup_teardown(test_refusals_are_told_as_a_sentence, setup, teardown),
                cmocka_unit_test_setup_teardown(test_lost_stream_goes_on_from_its_version, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_silent_stream_is_cut_and_opened_on_a_fresh_connection, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
