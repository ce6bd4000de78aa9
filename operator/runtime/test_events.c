/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of Events: series and budgets on a clock of their own, and what reaches the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/base/clock.h"
#include "operator/runtime/events.h"
#include "operator/runtime/events_series.h"
#include "operator/runtime/fake/fake_runtime.h"

#define EVENTS "/apis/events.k8s.io/v1/namespaces/x/events"

enum { MINUTE = 60 * 1000 };

static void test_the_same_again_becomes_a_series(void **state) {
        SeriesTable table = { 0 };
        Series *series;

        (void)state;
        assert_int_equal(series_note(&table, "k", "o", 0, 0, &series), SERIES_CREATE);
        series_written(series, 0);
        assert_int_equal(series_note(&table, "k", "o", MINUTE, 1, &series), SERIES_PATCH);
        assert_int_equal(series->count, 2);
        series_written(series, MINUTE);
        assert_int_equal(series_note(&table, "k", "o", 2 * MINUTE, 2, &series), SERIES_COUNT);
        assert_int_equal(series->count, 3);
        assert_int_equal(series_note(&table, "other", "o", 2 * MINUTE, 2, &series), SERIES_CREATE);
        series_done(&table);
}

static void test_after_quiet_minutes_a_new_event_begins(void **state) {
        SeriesTable table = { 0 };
        Series *series;

        (void)state;
        assert_int_equal(series_note(&table, "k", "o", 0, 0, &series), SERIES_CREATE);
        assert_int_equal(series_note(&table, "k", "o", 6 * MINUTE, 0, &series), SERIES_PATCH);
        assert_int_equal(series_note(&table, "k", "o", 12 * MINUTE + 1, 0, &series), SERIES_CREATE);
        assert_int_equal(series->count, 1);
        series_done(&table);
}

static void test_a_long_series_is_written_every_half_hour_and_when_it_ends(void **state) {
        SeriesTable table = { 0 };
        Series *series, *due;

        (void)state;
        (void)series_note(&table, "k", "o", 0, 0, &series);
        series_written(series, 0);
        (void)series_note(&table, "k", "o", MINUTE, 0, &series);
        series_written(series, MINUTE);
        for (int i = 2; i <= 31; i++)
                (void)series_note(&table, "k", "o", i * MINUTE, 0, &series);
        assert_null(series_due(&table, 30 * MINUTE));
        due = series_due(&table, 31 * MINUTE);
        assert_ptr_equal(due, series);
        series_written(due, 31 * MINUTE);
        assert_null(series_due(&table, 31 * MINUTE));
        (void)series_note(&table, "k", "o", 32 * MINUTE, 0, &series);
        assert_null(series_due(&table, 38 * MINUTE));
        due = series_due(&table, 38 * MINUTE + 1);
        assert_int_equal(due->count, 33);
        series_written(due, 38 * MINUTE + 1);
        assert_null(series_due(&table, 38 * MINUTE + 1));
        assert_int_equal(table.series.size, 0);
        series_done(&table);
}

static void test_an_object_has_a_budget_that_refills(void **state) {
        SeriesTable table = { 0 };
        Series *series;
        char key[24];

        (void)state;
        for (int i = 0; i < SERIES_BURST; i++) {
                (void)snprintf(key, sizeof(key), "k%d", i);
                assert_int_equal(series_note(&table, key, "o", 0, 0, &series), SERIES_CREATE);
        }
        assert_int_equal(series_note(&table, "more", "o", 0, 0, &series), SERIES_DROP);
        assert_null(series);
        assert_int_equal(series_note(&table, "more", "another", 0, 0, &series), SERIES_CREATE);
        assert_int_equal(series_note(&table, "more", "o", 5 * MINUTE - 1, 0, &series), SERIES_PATCH);
        assert_int_equal(series_note(&table, "more2", "o", 5 * MINUTE - 1, 0, &series), SERIES_DROP);
        assert_int_equal(series_note(&table, "more2", "o", 5 * MINUTE, 0, &series), SERIES_CREATE);
        assert_int_equal(series_note(&table, "more3", "o", 5 * MINUTE, 0, &series), SERIES_DROP);
        series_done(&table);
}

static void test_the_tables_stay_small(void **state) {
        SeriesTable table = { 0 };
        Series *series;
        char key[24];

        (void)state;
        for (int i = 0; i < 3 * SERIES_MAXIMUM; i++) {
                (void)snprintf(key, sizeof(key), "k%d", i);
                assert_int_equal(series_note(&table, key, key, i, 0, &series), SERIES_CREATE);
        }
        assert_true(table.series.size <= SERIES_MAXIMUM);
        assert_true(table.budgets.size <= SERIES_MAXIMUM);
        series_done(&table);
}

static const Kind kind_thing = { "test.io", "v1", "Thing", "things", false, NULL };
static const Controller controller = { .name = "thing", .kind = &kind_thing };
static const Controller *const controllers[] = { &controller, NULL };
static const EventAbout about = { "test.io/v1", "Thing", "x", "one", "uid-1", "7" };

typedef struct Scene {
        FakeRuntime fake;
        Events *events;
} Scene;

static int start(void **state) {
        static Scene scene;

        fake_runtime_start(&scene.fake, controllers);
        assert_true(events_start(scene.fake.client, "op-1", scene.fake.metrics, &scene.events, NULL));
        *state = &scene;
        return 0;
}

static int end(void **state) {
        Scene *scene = *state;

        events_stop(scene->events, 1000);
        fake_runtime_stop(&scene->fake);
        return 0;
}

/* The one Event that there is. */
static Json *only_event(Scene *scene) {
        Cache *cache = cache_new(&(Kind){ "events.k8s.io", "v1", "Event", "events", false, NULL }, SIZE_MAX);
        CLEANUP(arena_done) Arena arena = { 0 };
        CLEANUP(text_done) Text path = { 0 };
        size_t count = 0;

        cache_add_scope(cache, "");
        fake_api_feed(scene->fake.api, cache);
        const Object *const *events = cache_all(cache, &arena, &count);
        assert_int_equal(count, 1);
        text_printf(&path, EVENTS "/%s", events[0]->name);
        cache_free(cache);
        return fake_api_get(scene->fake.api, text_string(&path));
}

static void assert_at(const Json *json, const char *path, const char *value) {
        assert_string_equal(json_find_string(json, path, "(nothing)"), value);
}

static void test_an_event_says_all_that_the_server_asks_for(void **state) {
        Scene *scene = *state;
        int64_t moment = 0;

        events_send(scene->events, &about, "Normal", "Made", "Apply", "made Service x/front: clients need it");
        assert_true(fake_api_await(scene->fake.api, "POST " EVENTS, 1));
        CLEANUP(json_cleanup) Json *event = only_event(scene);
        assert_at(event, "/type", "Normal");
        assert_at(event, "/reason", "Made");
        assert_at(event, "/action", "Apply");
        assert_at(event, "/note", "made Service x/front: clients need it");
        assert_at(event, "/reportingController", "madbase.io/operator");
        assert_at(event, "/reportingInstance", "op-1");
        assert_at(event, "/regarding/kind", "Thing");
        assert_at(event, "/regarding/uid", "uid-1");
        assert_at(event, "/regarding/resourceVersion", "7");
        assert_int_equal(strncmp(json_find_string(event, "/metadata/name", ""), "one.", 4), 0);
        assert_true(clock_parse(json_find_string(event, "/eventTime", ""), &moment));
        assert_null(json_get(event, "series"));
}

static void test_repetition_reaches_the_server_as_a_series(void **state) {
        Scene *scene = *state;

        for (int i = 0; i < 5; i++)
                events_send(scene->events, &about, "Warning", "DriftReverted", "Apply", "put back");
        assert_true(fake_api_await(scene->fake.api, "PATCH " EVENTS, 1));
        events_stop(TAKE(scene->events), 1000);
        CLEANUP(json_cleanup) Json *event = only_event(scene);
        assert_int_equal(json_find_int(event, "/series/count", 0), 2);
        assert_int_equal(fake_api_requests(scene->fake.api), 2);
}

static void test_what_the_server_refuses_is_dropped(void **state) {
        Scene *scene = *state;
        Metric *dropped = metrics_counter(scene->fake.metrics, "events_dropped_total", "", NULL);
        const FakeFault fault = {
                .method = "POST", .part = "events", .status = 403, .reason = "Forbidden", .message = "no", .count = 1
        };

        fake_api_fault(scene->fake.api, &fault);
        events_send(scene->events, &about, "Normal", "Made", "Apply", "note");
        assert_true(fake_api_await(scene->fake.api, "POST " EVENTS, 1));
        events_send(scene->events, &about, "Normal", "Made", "Apply", "note");
        assert_true(fake_api_await(scene->fake.api, "POST " EVENTS, 2));
        events_stop(TAKE(scene->events), 1000);
        assert_float_equal(metric_value(dropped, (const char *const[]){ "forbidden" }), 1, 0);
        json_free(only_event(scene));
}

static void test_stopping_sends_what_is_queued(void **state) {
        Scene *scene = *state;
        char note[24];

        for (int i = 0; i < 10; i++) {
                (void)snprintf(note, sizeof(note), "note %d", i);
                events_send(scene->events, &about, "Normal", "Made", "Apply", note);
        }
        events_stop(TAKE(scene->events), 10000);
        assert_int_equal(fake_api_requests(scene->fake.api), 10);
}

static void test_stopping_does_not_wait_for_a_server_that_is_away(void **state) {
        Scene *scene = *state;
        const FakeFault fault = { .method = "POST",
                .part = "events",
                .status = 503,
                .reason = "ServiceUnavailable",
                .message = "away",
                .count = 1000 };
        int64_t before = clock_now_ms();

        fake_api_fault(scene->fake.api, &fault);
        events_send(scene->events, &about, "Normal", "Made", "Apply", "note");
        assert_true(fake_api_await(scene->fake.api, "POST " EVENTS, 1));
        events_stop(TAKE(scene->events), 200);
        assert_true(clock_now_ms() - before < 5000);
}

static void test_without_a_sender_events_are_ignored(void **state) {
        (void)state;
        events_send(NULL, &about, "Normal", "Made", "Apply", "note");
        events_stop(NULL, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_same_again_becomes_a_series),
                cmocka_unit_test(test_after_quiet_minutes_a_new_event_begins),
                cmocka_unit_test(test_a_long_series_is_written_every_half_hour_and_when_it_ends),
                cmocka_unit_test(test_an_object_has_a_budget_that_refills),
                cmocka_unit_test(test_the_tables_stay_small),
                cmocka_unit_test_setup_teardown(test_an_event_says_all_that_the_server_asks_for, start, end),
                cmocka_unit_test_setup_teardown(test_repetition_reaches_the_server_as_a_series, start, end),
                cmocka_unit_test_setup_teardown(test_what_the_server_refuses_is_dropped, start, end),
                cmocka_unit_test_setup_teardown(test_stopping_sends_what_is_queued, start, end),
                cmocka_unit_test_setup_teardown(test_stopping_does_not_wait_for_a_server_that_is_away, start, end),
                cmocka_unit_test(test_without_a_sender_events_are_ignored),
        };

        json_start();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
