/* SPDX-License-Identifier: Apache-2.0 */
/* The state machine with a scripted server and a clock of its own: which request follows which answer, and what the
 * cache is told. */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/kube/reflector.h"

static const char *const PATHS[] = { "/data/v", NULL };
static const Kind CONFIG_MAP = {
        .group = "", .version = "v1", .kind = "ConfigMap", .plural = "configmaps", .paths = PATHS
};

typedef struct Scene {
        WatchOptions options;
        Metrics *metrics;
        Cache *cache;
        Reflector *reflector;
        int64_t now_ms;
        Text told;
} Scene;

static void hear(void *context, const CacheChange *change) {
        Scene *scene = context;
        const Object *about = change->after ? change->after : change->before;
        assert(about);
        text_printf(&scene->told, "%s%s%s=%s ", change->final_unknown ? "?" : "",
                !change->before  ? "+"
                : !change->after ? "-"
                                 : "~",
                about->name, object_value(about, 0));
}

static int setup(void **state) {
        static Scene scene;
        scene = (Scene){ .metrics = metrics_new(), .cache = cache_new(&CONFIG_MAP, SIZE_MAX), .now_ms = 1000000 };
        cache_add_handler(scene.cache, hear, &scene);
        *state = &scene;
        return 0;
}

static int teardown(void **state) {
        Scene *scene = *state;
        reflector_free(scene->reflector);
        cache_free(scene->cache);
        metrics_free(scene->metrics);
        text_done(&scene->told);
        return 0;
}

static void start(Scene *scene) {
        scene->reflector = reflector_new(scene->cache, "ns", "a=b", &scene->options, scene->metrics);
}

/* Opens the next request, which must be due now, and compares its path after taking out what is random in it. */
static void expect_request(Scene *scene, const char *path) {
        ReflectorRequest request = { 0 };
        assert_int_equal(reflector_wait_ms(scene->reflector, scene->now_ms), 0);
        reflector_open(scene->reflector, scene->now_ms, &request);
        char *timeout = strstr(request.path.data, "&timeoutSeconds=");
        if (timeout) {
                int seconds = 0;
                assert_int_equal(sscanf(timeout, "&timeoutSeconds=%d", &seconds), 1);
                assert_in_range(seconds, 300, 600);
                assert_int_equal(request.timeout_ms, seconds * 1000 + REFLECTOR_GRACE_MS);
                memmove(timeout, timeout + strlen("&timeoutSeconds=300"),
                        strlen(timeout + strlen("&timeoutSeconds=300")) + 1);
        }
        assert_string_equal(text_string(&request.path), path);
        text_done(&request.path);
}

#define COLLECTION "/api/v1/namespaces/ns/configmaps"
#define WATCH      COLLECTION "?watch=1&allowWatchBookmarks=true"
#define REPLAY     WATCH "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
#define SELECTOR   "&labelSelector=a%3Db"

/* A pause of about `base_ms`, jitter included; then it is over. */
static void expect_pause(Scene *scene, int64_t base_ms) {
        int64_t wait_ms = reflector_wait_ms(scene->reflector, scene->now_ms);
        assert_in_range(wait_ms, base_ms, 2 * base_ms);
        assert_int_equal(scene->reflector->state, WATCH_BACKOFF);
        scene->now_ms += wait_ms;
}

static bool feed(Scene *scene, const char *text, Error *err) {
        return reflector_feed(scene->reflector, scene->now_ms, text, strlen(text), err);
}

static void expect_taken(Scene *scene, const char *text) {
        Error err = { 0 };
        reflector_accept(scene->reflector, scene->now_ms);
        if (!feed(scene, text, &err))
                fail_msg("%s", err.text);
}

/* Feeds what must end the request, and ends it. */
static void expect_refused(Scene *scene, const char *text) {
        Error err = { 0 };
        reflector_accept(scene->reflector, scene->now_ms);
        assert_false(feed(scene, text, &err));
        reflector_close(scene->reflector, scene->now_ms, &err);
}

static void end(Scene *scene) {
        reflector_close(scene->reflector, scene->now_ms, NULL);
}

static void fail_with(Scene *scene, int status, ErrorCode code, const char *reason, uint32_t retry_after_ms) {
        Error err = { .code = code, .http_status = status, .retry_after_ms = retry_after_ms, .text = "cannot watch" };
        memcpy(err.reason, reason, strlen(reason) + 1);
        reflector_close(scene->reflector, scene->now_ms, &err);
}

static void expect_told(Scene *scene, const char *told) {
        assert_string_equal(text_string(&scene->told), told);
        text_clear(&scene->told);
}

static void expect_version(Scene *scene, const char *version) {
        CLEANUP(cleanup_free) char *seen = cache_version(scene->cache, "ns");
        assert_string_equal(seen, version);
}

static double relists(Scene *scene, const char *reason) {
        Metric *metric = metrics_counter(scene->metrics, "watch_relists_total", "", NULL);
        return metric_value(metric, (const char *const[]){ "configmaps", reason });
}

#define META(name, version)                                                                                            \
        "\"metadata\":{\"name\":\"" name "\",\"namespace\":\"ns\",\"uid\":\"u-" name                                   \
        "\",\"resourceVersion\":\"" version "\"}"
#define ITEM(name, version, value)        "{" META(name, version) ",\"data\":{\"v\":\"" value "\"}}"
#define EVENT(type, name, version, value) "{\"type\":\"" type "\",\"object\":" ITEM(name, version, value) "}\n"
#define BOOKMARK(version)                                                                                              \
        "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"ConfigMap\",\"metadata\":{\"resourceVersion\":\"" version       \
        "\"}}}\n"
#define END_OF_REPLAY(version)                                                                                         \
        "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"ConfigMap\",\"metadata\":{\"resourceVersion\":\"" version       \
        "\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}\n"
#define STATUS(code, reason)                                                                                           \
        "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":" code ",\"reason\":\"" reason                   \
        "\",\"message\":\"x\"}}\n"
#define LIST(version, next, items)                                                                                     \
        "{\"kind\":\"ConfigMapList\",\"metadata\":{\"resourceVersion\":\"" version "\",\"continue\":\"" next "\"},"    \
        "\"items\":[" items "]}"

/* Live at version 10 with the objects a and b. */
static void go_live(Scene *scene) {
        start(scene);
        expect_request(scene, REPLAY SELECTOR);
        expect_taken(scene, EVENT("ADDED", "a", "3", "1") EVENT("ADDED", "b", "2", "1") END_OF_REPLAY("10"));
        assert_int_equal(scene->reflector->state, WATCH_LIVE);
        scene->now_ms += INT64_C(60) * 1000;
        text_clear(&scene->told);
}

static void test_replayed_state_is_delivered_at_its_end_in_any_order(void **state) {
        Scene *scene = *state;
        start(scene);
        assert_int_equal(scene->reflector->state, WATCH_COLD);
        expect_request(scene, REPLAY SELECTOR);
        expect_taken(scene, EVENT("ADDED", "a", "9", "1") EVENT("ADDED", "b", "2", "1") BOOKMARK("5"));
        assert_int_equal(scene->reflector->state, WATCH_LISTING);
        expect_told(scene, "");
        assert_false(cache_synced(scene->cache));
        expect_taken(scene, END_OF_REPLAY("10"));
        assert_int_equal(scene->reflector->state, WATCH_LIVE);
        assert_true(cache_synced(scene->cache));
        assert_int_equal(cache_size(scene->cache), 2);
        expect_version(scene, "10");
        assert_int_equal(relists(scene, "start"), 1);
}

static void test_changes_during_the_replay_are_part_of_the_state(void **state) {
        Scene *scene = *state;
        start(scene);
        expect_request(scene, REPLAY SELECTOR);
        expect_taken(scene, EVENT("ADDED", "a", "3", "1") EVENT("ADDED", "b", "2", "1") EVENT(
                                    "MODIFIED", "a", "11", "2") EVENT("DELETED", "b", "12", "1") END_OF_REPLAY("12"));
        expect_told(scene, "+a=2 ");
}

static void test_events_go_on_on_the_same_stream(void **state) {
        Scene *scene = *state;
        go_live(scene);
        expect_taken(scene,
                EVENT("ADDED", "c", "11", "1") EVENT("MODIFIED", "a", "12", "2") EVENT("DELETED", "b", "13", "9"));
        expect_told(scene, "+c=1 ~a=2 -b=9 ");
        expect_version(scene, "13");
        expect_taken(scene, BOOKMARK("20"));
        expect_version(scene, "20");
        expect_told(scene, "");
}

static void test_frames_may_be_cut_anywhere(void **state) {
        Scene *scene = *state;
        go_live(scene);
        static const char text[] = EVENT("ADDED", "c", "11", "1") EVENT("MODIFIED", "a", "12", "2");
        for (size_t i = 0; i < strlen(text); i++)
                assert_true(reflector_feed(scene->reflector, scene->now_ms, text + i, 1, NULL));
        expect_told(scene, "+c=1 ~a=2 ");
}

static void test_clean_end_goes_on_from_the_last_version_without_a_list(void **state) {
        Scene *scene = *state;
        go_live(scene);
        expect_taken(scene, EVENT("ADDED", "c", "11", "1"));
        end(scene);
        expect_request(scene, WATCH "&resourceVersion=11" SELECTOR);
        assert_int_equal(scene->reflector->state, WATCH_OPENING);
        reflector_accept(scene->reflector, scene->now_ms);
        assert_int_equal(scene->reflector->state, WATCH_LIVE);
        expect_taken(scene, EVENT("MODIFIED", "c", "12", "2"));
        expect_told(scene, "+c=1 ~c=2 ");
        assert_int_equal(relists(scene, "start"), 1);
}

static void test_replay_that_ends_early_is_dropped_and_tried_again(void **state) {
        Scene *scene = *state;
        start(scene);
        expect_request(scene, REPLAY SELECTOR);
        expect_taken(scene, EVENT("ADDED", "gone", "3", "1"));
        end(scene);
        assert_false(cache_synced(scene->cache));
        expect_pause(scene, REFLECTOR_BACKOFF_MS);
        expect_request(scene, REPLAY SELECTOR);
        expect_taken(scene, EVENT("ADDED", "a", "5", "1") END_OF_REPLAY("10"));
        expect_told(scene, "+a=1 ");
        assert_int_equal(relists(scene, "incomplete"), 1);
}

static void test_server_without_watch_list_is_listed_in_pages(void **state) {
        Scene *scene = *state;
        scene->options.page = 2;
        start(scene);
        expect_request(scene, REPLAY SELECTOR);
        fail_with(scene, 422, ERROR_INVALID, "Invalid", 0);
        expect_request(scene, COLLECTION "?labelSelector=a%3Db&limit=2");
        expect_taken(scene, LIST("10", "next", ITEM("a", "3", "1") "," ITEM("b", "4", "1")));
        end(scene);
        assert_false(cache_synced(scene->cache));
        expect_told(scene, "");
        expect_request(scene, COLLECTION "?labelSelector=a%3Db&limit=2&continue=next");
        expect_taken(scene, LIST("10", "", ITEM("c", "5", "1")));
        end(scene);
        assert_true(cache_synced(scene->cache));
        assert_int_equal(cache_size(scene->cache), 3);
        expect_request(scene, WATCH "&resourceVersion=10" SELECTOR);
        fail_with(scene, 410, ERROR_EXPIRED, "Expired", 0);
        scene->now_ms += 5000;
        expect_request(
                scene, COLLECTION "?labelSelector=a%3Db&limit=2&resourceVersion=10&resourceVersionMatch=NotOlderThan");
        assert_int_equal(scene->reflector->trouble.code, ERROR_NONE);
}

static void test_option_turns_watch_list_off(void **state) {
        Scene *scene = *state;
        scene->options.no_watch_list = true;
        start(scene);
        expect_request(scene, COLLECTION "?labelSelector=a%3Db&limit=500");
}

static void test_expired_page_token_leads_to_one_list_without_pages(void **state) {
        Scene *scene = *state;
        scene->options = (WatchOptions){ .no_watch_list = true, .page = 1 };
        start(scene);
        expect_request(scene, COLLECTION "?labelSelector=a%3Db&limit=1");
        expect_taken(scene, LIST("10", "next", ITEM("a", "3", "1")));
        end(scene);
        expect_request(scene, COLLECTION "?labelSelector=a%3Db&limit=1&continue=next");
        fail_with(scene, 410, ERROR_EXPIRED, "Expired", 0);
        expect_request(scene, COLLECTION "?labelSelector=a%3Db");
        expect_taken(scene, LIST("12", "", ITEM("b", "4", "1")));
        end(scene);
        expect_told(scene, "+b=1 ");
        expect_version(scene, "12");
        expect_request(scene, WATCH "&resourceVersion=12" SELECTOR);
}

static void test_failed_page_is_asked_for_again(void **state) {
        Scene *scene = *state;
        scene->options = (WatchOptions){ .no_watch_list = true, .page = 1 };
        start(scene);
        expect_request(scene, COLLECTION "?labelSelector=a%3Db&limit=1");
        expect_taken(scene, LIST("10", "next", ITEM("a", "3", "1")));
        end(scene);
        expect_request(scene, COLLECTION "?labelSelector=a%3Db&limit=1&continue=next");
        fail_with(scene, 0, ERROR_UNAVAILABLE, "", 0);
        expect_pause(scene, REFLECTOR_BACKOFF_MS);
        expect_request(scene, COLLECTION "?labelSelector=a%3Db&limit=1&continue=next");
        expect_taken(scene, LIST("10", "", ITEM("b", "3", "1")));
        end(scene);
        assert_int_equal(cache_size(scene->cache), 2);
}

static void test_page_cut_short_counts_for_nothing(void **state) {
        Scene *scene = *state;
        scene->options.no_watch_list = true;
        start(scene);
        expect_request(scene, COLLECTION "?labelSelector=a%3Db&limit=500");
        expect_taken(scene, "{\"kind\":\"ConfigMapList\",\"items\":[" ITEM("a", "1", "1"));
        end(scene);
        assert_false(cache_synced(scene->cache));
        expect_told(scene, "");
        assert_int_equal(scene->reflector->state, WATCH_BACKOFF);
}

static void test_expired_watch_lists_at_its_version_and_tells_the_difference(void **state) {
        Scene *scene = *state;
        go_live(scene);
        expect_refused(scene, STATUS("410", "Expired"));
        expect_request(scene, REPLAY "&resourceVersion=10" SELECTOR);
        expect_taken(scene, EVENT("ADDED", "a", "15", "2") EVENT("ADDED", "c", "14", "1") END_OF_REPLAY("16"));
        expect_version(scene, "16");

        assert_non_null(strstr(text_string(&scene->told), "?-b=1 "));
        assert_non_null(strstr(text_string(&scene->told), "~a=2 "));
        assert_non_null(strstr(text_string(&scene->told), "+c=1 "));
        assert_int_equal(relists(scene, "expired"), 1);
}

static void test_list_that_expires_too_asks_for_the_newest(void **state) {
        Scene *scene = *state;
        go_live(scene);
        expect_refused(scene, STATUS("410", "Gone"));
        expect_request(scene, REPLAY "&resourceVersion=10" SELECTOR);
        fail_with(scene, 410, ERROR_EXPIRED, "Expired", 0);
        expect_request(scene, REPLAY SELECTOR);
        fail_with(scene, 410, ERROR_EXPIRED, "Expired", 0);
        expect_pause(scene, REFLECTOR_BACKOFF_MS);
        expect_request(scene, REPLAY SELECTOR);
        expect_taken(scene, END_OF_REPLAY("5"));
        expect_version(scene, "5");
        end(scene);
        expect_request(scene, WATCH "&resourceVersion=5" SELECTOR);
}

static void test_version_that_is_too_new_is_given_up(void **state) {
        Scene *scene = *state;
        go_live(scene);
        end(scene);
        expect_request(scene, WATCH "&resourceVersion=10" SELECTOR);
        fail_with(scene, 504, ERROR_TIMEOUT, "ResourceVersionTooLarge", 1000);
        expect_pause(scene, 1000);
        expect_request(scene, REPLAY SELECTOR);
        assert_int_equal(relists(scene, "too_new"), 1);
}

static void test_versions_that_go_back_lead_to_a_list(void **state) {
        Scene *scene = *state;
        go_live(scene);
        expect_taken(scene, EVENT("MODIFIED", "a", "12", "2"));
        expect_refused(scene, EVENT("MODIFIED", "b", "12", "2"));
        expect_request(scene, REPLAY "&resourceVersion=12" SELECTOR);
        assert_int_equal(relists(scene, "regression"), 1);
        expect_taken(scene, END_OF_REPLAY("20"));
        scene->now_ms += INT64_C(60) * 1000;
        expect_refused(scene, BOOKMARK("19"));
        expect_request(scene, REPLAY "&resourceVersion=20" SELECTOR);
}

static void test_lists_in_close_order_wait(void **state) {
        Scene *scene = *state;
        go_live(scene);
        expect_refused(scene, STATUS("410", "Expired"));
        expect_request(scene, REPLAY "&resourceVersion=10" SELECTOR);
        expect_taken(scene, END_OF_REPLAY("11"));
        expect_refused(scene, STATUS("410", "Expired"));
        expect_pause(scene, REFLECTOR_BACKOFF_MS);
}

static void test_lost_connection_pauses_and_goes_on_without_a_list(void **state) {
        Scene *scene = *state;
        go_live(scene);
        fail_with(scene, 0, ERROR_UNAVAILABLE, "", 0);
        int64_t pause_ms = REFLECTOR_BACKOFF_MS;
        for (int i = 0; i < 9; i++) {
                expect_pause(scene, pause_ms);
                expect_request(scene, WATCH "&resourceVersion=10" SELECTOR);
                fail_with(scene, 0, ERROR_UNAVAILABLE, "", 0);
                pause_ms = pause_ms * 2 > REFLECTOR_MAXIMUM_BACKOFF_MS || pause_ms >= REFLECTOR_MAXIMUM_BACKOFF_MS / 2
                                   ? REFLECTOR_MAXIMUM_BACKOFF_MS
                                   : pause_ms * 2;
        }
        assert_int_equal(pause_ms, REFLECTOR_MAXIMUM_BACKOFF_MS);
        expect_pause(scene, pause_ms);
        expect_request(scene, WATCH "&resourceVersion=10" SELECTOR);
        expect_taken(scene, BOOKMARK("11"));
        scene->now_ms += REFLECTOR_FORGIVE_MS + 1000;
        fail_with(scene, 0, ERROR_UNAVAILABLE, "", 0);
        expect_pause(scene, REFLECTOR_BACKOFF_MS);
        assert_int_equal(scene->reflector->trouble.code, ERROR_NONE);
}

static void test_pauses_are_jittered(void **state) {
        enum { TRIES = 20 };
        Scene *scene = *state;
        int64_t first_ms = 0;
        bool differs = false;
        go_live(scene);
        for (int i = 0; i < TRIES; i++) {
                fail_with(scene, 0, ERROR_UNAVAILABLE, "", 0);
                int64_t wait_ms = reflector_wait_ms(scene->reflector, scene->now_ms);
                first_ms = first_ms ? first_ms : wait_ms;
                differs = differs || wait_ms != first_ms;
                scene->now_ms += wait_ms;
                expect_request(scene, WATCH "&resourceVersion=10" SELECTOR);
                scene->now_ms += REFLECTOR_FORGIVE_MS + 1000;
        }
        assert_true(differs);
}

static void test_throttling_waits_as_told_and_keeps_the_version(void **state) {
        Scene *scene = *state;
        go_live(scene);
        end(scene);
        expect_request(scene, WATCH "&resourceVersion=10" SELECTOR);
        fail_with(scene, 429, ERROR_THROTTLED, "TooManyRequests", 7000);
        expect_pause(scene, 7000);
        expect_request(scene, WATCH "&resourceVersion=10" SELECTOR);
}

static void test_missing_rights_and_types_are_trouble_and_heal(void **state) {
        Scene *scene = *state;
        start(scene);
        expect_request(scene, REPLAY SELECTOR);
        fail_with(scene, 403, ERROR_FORBIDDEN, "Forbidden", 0);
        assert_int_equal(scene->reflector->trouble.code, ERROR_FORBIDDEN);
        expect_pause(scene, REFLECTOR_SLOW_MS);
        expect_request(scene, REPLAY SELECTOR);
        fail_with(scene, 404, ERROR_NOT_FOUND, "NotFound", 0);
        assert_int_equal(scene->reflector->trouble.code, ERROR_NOT_FOUND);
        expect_pause(scene, REFLECTOR_SLOW_MS);
        expect_request(scene, REPLAY SELECTOR);
        expect_taken(scene, END_OF_REPLAY("10"));
        assert_int_equal(scene->reflector->trouble.code, ERROR_NONE);
        end(scene);
        expect_request(scene, WATCH "&resourceVersion=10" SELECTOR);
        fail_with(scene, 403, ERROR_FORBIDDEN, "Forbidden", 0);
        expect_pause(scene, REFLECTOR_SLOW_MS);
        expect_request(scene, WATCH "&resourceVersion=10" SELECTOR);
}

static void test_unauthorized_is_tried_again_once_at_once(void **state) {
        Scene *scene = *state;
        go_live(scene);
        end(scene);
        for (int i = 0; i < 2; i++) {
                expect_request(scene, WATCH "&resourceVersion=10" SELECTOR);
                fail_with(scene, 401, ERROR_UNAUTHORIZED, "Unauthorized", 0);
        }
        assert_int_equal(scene->reflector->trouble.code, ERROR_UNAUTHORIZED);
        expect_pause(scene, REFLECTOR_SLOW_MS);
        expect_request(scene, WATCH "&resourceVersion=10" SELECTOR);
        expect_taken(scene, BOOKMARK("11"));
        end(scene);
        expect_request(scene, WATCH "&resourceVersion=11" SELECTOR);
        fail_with(scene, 401, ERROR_UNAUTHORIZED, "Unauthorized", 0);
        expect_request(scene, WATCH "&resourceVersion=11" SELECTOR);
}

static void test_very_short_watches_pause(void **state) {
        Scene *scene = *state;
        go_live(scene);
        end(scene);
        expect_request(scene, WATCH "&resourceVersion=10" SELECTOR);
        reflector_accept(scene->reflector, scene->now_ms);
        end(scene);
        expect_pause(scene, REFLECTOR_BACKOFF_MS);
        expect_request(scene, WATCH "&resourceVersion=10" SELECTOR);
        reflector_accept(scene->reflector, scene->now_ms);
        scene->now_ms += REFLECTOR_SHORT_WATCH_MS;
        end(scene);
        expect_request(scene, WATCH "&resourceVersion=10" SELECTOR);
}

static void test_errors_in_the_stream_are_retried_then_listed(void **state) {
        Scene *scene = *state;
        go_live(scene);
        expect_refused(scene, STATUS("500", "InternalError"));
        for (int i = 1; i < REFLECTOR_MAXIMUM_STREAM_ERRORS; i++) {
                expect_pause(scene, scene->reflector->backoff_ms);
                expect_request(scene, WATCH "&resourceVersion=10" SELECTOR);
                expect_refused(scene, STATUS("500", "InternalError"));
        }
        expect_pause(scene, scene->reflector->backoff_ms);
        expect_request(scene, REPLAY "&resourceVersion=10" SELECTOR);
        assert_int_equal(relists(scene, "error"), 1);
}

static void test_garbage_and_foreign_kinds_end_the_watch(void **state) {
        static const char *const bad[] = { "]", "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Table\"}}\n",
                "{\"type\":\"BOOKMARK\",\"object\":{}}\n", "{\"type\":\"ADDED\"}\n" };
        Scene *scene = *state;
        go_live(scene);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                expect_taken(scene, BOOKMARK("10"));
                expect_refused(scene, bad[i]);
                assert_int_not_equal(scene->reflector->trouble.code, ERROR_NONE);
                expect_pause(scene, scene->reflector->backoff_ms);
                expect_request(scene, WATCH "&resourceVersion=10" SELECTOR);
        }
        expect_told(scene, "");
}

static void test_unknown_types_of_events_are_counted_and_passed_over(void **state) {
        Scene *scene = *state;
        go_live(scene);
        expect_taken(scene, EVENT("MOVED", "a", "11", "2") EVENT("MODIFIED", "a", "11", "2"));
        expect_told(scene, "~a=2 ");
        Metric *events = metrics_counter(scene->metrics, "watch_events_total", "", NULL);
        assert_int_equal(metric_value(events, (const char *const[]){ "configmaps", "unknown" }), 1);
        assert_int_equal(metric_value(events, (const char *const[]){ "configmaps", "ADDED" }), 2);
}

static void test_silence_counts_only_where_bookmarks_come(void **state) {
        Scene *scene = *state;
        scene->options.no_watch_list = true;
        start(scene);
        expect_request(scene, COLLECTION "?labelSelector=a%3Db&limit=500");
        assert_int_equal(reflector_silence_ms(scene->reflector), 0);
        expect_taken(scene, LIST("10", "", ""));
        end(scene);
        expect_request(scene, WATCH "&resourceVersion=10" SELECTOR);
        assert_int_equal(reflector_silence_ms(scene->reflector), 0);
        expect_taken(scene, BOOKMARK("11"));
        assert_int_equal(reflector_silence_ms(scene->reflector), REFLECTOR_SILENCE_MS);
}

static void test_silent_watch_goes_on_and_lists_when_nothing_comes_at_all(void **state) {
        Scene *scene = *state;
        ReflectorRequest request = { 0 };
        go_live(scene);
        expect_taken(scene, BOOKMARK("12"));
        reflector_cut(scene->reflector, scene->now_ms);
        reflector_open(scene->reflector, scene->now_ms, &request);
        assert_non_null(strstr(text_string(&request.path), "&resourceVersion=12"));
        assert_null(strstr(text_string(&request.path), "sendInitialEvents"));
        text_done(&request.path);
        /* Nothing at all came: the version may be one that the server has yet to reach. */
        reflector_accept(scene->reflector, scene->now_ms);
        scene->now_ms += REFLECTOR_SILENCE_MS;
        reflector_cut(scene->reflector, scene->now_ms);
        expect_request(scene, REPLAY "&resourceVersion=12" SELECTOR);
        assert_int_equal(relists(scene, "silent"), 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                CASE(test_replayed_state_is_delivered_at_its_end_in_any_order),
                CASE(test_changes_during_the_replay_are_part_of_the_state),
                CASE(test_events_go_on_on_the_same_stream),
                CASE(test_frames_may_be_cut_anywhere),
                CASE(test_clean_end_goes_on_from_the_last_version_without_a_list),
                CASE(test_replay_that_ends_early_is_dropped_and_tried_again),
                CASE(test_server_without_watch_list_is_listed_in_pages),
                CASE(test_option_turns_watch_list_off),
                CASE(test_expired_page_token_leads_to_one_list_without_pages),
                CASE(test_failed_page_is_asked_for_again),
                CASE(test_page_cut_short_counts_for_nothing),
                CASE(test_expired_watch_lists_at_its_version_and_tells_the_difference),
                CASE(test_list_that_expires_too_asks_for_the_newest),
                CASE(test_version_that_is_too_new_is_given_up),
                CASE(test_versions_that_go_back_lead_to_a_list),
                CASE(test_lists_in_close_order_wait),
                CASE(test_lost_connection_pauses_and_goes_on_without_a_list),
                CASE(test_pauses_are_jittered),
                CASE(test_throttling_waits_as_told_and_keeps_the_version),
                CASE(test_missing_rights_and_types_are_trouble_and_heal),
                CASE(test_unauthorized_is_tried_again_once_at_once),
                CASE(test_very_short_watches_pause),
                CASE(test_errors_in_the_stream_are_retried_then_listed),
                CASE(test_garbage_and_foreign_kinds_end_the_watch),
                CASE(test_unknown_types_of_events_are_counted_and_passed_over),
                CASE(test_silence_counts_only_where_bookmarks_come),
                CASE(test_silent_watch_goes_on_and_lists_when_nothing_comes_at_all),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
