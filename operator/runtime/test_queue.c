/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the work queue on a clock of their own: order, coalescing, one worker per key, delays, back-off, metrics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "operator/runtime/queue.h"

static int64_t now_ms;

static int64_t virtual_clock(void) {
        return now_ms;
}

typedef struct Fixture {
        Metrics *metrics;
        Queue *queue;
} Fixture;

static int start(void **state) {
        static Fixture fixture;

        now_ms = 1000000;
        fixture.metrics = metrics_new();
        fixture.queue = queue_new("things", virtual_clock, fixture.metrics);
        *state = &fixture;
        return 0;
}

static int end(void **state) {
        Fixture *fixture = *state;

        queue_free(fixture->queue);
        metrics_free(fixture->metrics);
        return 0;
}

/* Takes the next key, which must be `key`, and leaves it out. */
static char *take(Queue *queue, const char *key) {
        char *taken = queue_try_take(queue, NULL);

        assert_non_null(taken);
        assert_string_equal(taken, key);
        return taken;
}

static void take_and_finish(Queue *queue, const char *key) {
        queue_done(queue, take(queue, key));
}

static double depth(Fixture *fixture, const char *priority) {
        Metric *metric = metrics_gauge(fixture->metrics, "workqueue_depth", "", NULL);

        return metric_value(metric, (const char *const[]){ "things", "things", priority });
}

static double counter(Fixture *fixture, const char *name) {
        return metric_value(
                metrics_counter(fixture->metrics, name, "", NULL), (const char *const[]){ "things", "things" });
}

static void test_keys_come_out_in_the_order_they_came_in(void **state) {
        Queue *queue = ((Fixture *)*state)->queue;

        queue_add(queue, "a", 0, 0);
        queue_add(queue, "b", 0, 0);
        queue_add(queue, "c", 0, 0);
        take_and_finish(queue, "a");
        take_and_finish(queue, "b");
        take_and_finish(queue, "c");
        assert_null(queue_try_take(queue, NULL));
}

static void test_a_key_added_twice_is_taken_once(void **state) {
        Queue *queue = ((Fixture *)*state)->queue;

        queue_add(queue, "a", 0, 0);
        queue_add(queue, "a", 0, 0);
        assert_int_equal(queue_size(queue), 1);
        take_and_finish(queue, "a");
        assert_null(queue_try_take(queue, NULL));
        assert_int_equal(queue_size(queue), 0);
}

static void test_a_key_being_worked_on_is_not_taken_by_another_worker(void **state) {
        Queue *queue = ((Fixture *)*state)->queue;
        char *key;

        queue_add(queue, "a", 0, 0);
        key = take(queue, "a");
        queue_add(queue, "a", 0, 0);
        assert_null(queue_try_take(queue, NULL));
        assert_int_equal(queue_size(queue), 1);
        queue_done(queue, key);
        take_and_finish(queue, "a");
        assert_null(queue_try_take(queue, NULL));
}

static void test_many_wishes_while_out_become_one(void **state) {
        Queue *queue = ((Fixture *)*state)->queue;
        char *key;
        int priority = 0;

        queue_add(queue, "a", 0, 0);
        key = take(queue, "a");
        queue_add(queue, "a", QUEUE_PRIORITY_INITIAL, 5000);
        queue_add(queue, "a", 7, 9000);
        queue_done(queue, key);
        assert_null(queue_try_take(queue, NULL));
        now_ms += 5000;
        key = queue_try_take(queue, &priority);
        assert_non_null(key);
        assert_int_equal(priority, 7);
        queue_done(queue, key);
        assert_int_equal(queue_size(queue), 0);
}

static void test_a_wish_that_became_due_while_out_is_ready_at_once(void **state) {
        Queue *queue = ((Fixture *)*state)->queue;
        char *key;

        queue_add(queue, "a", 0, 0);
        key = take(queue, "a");
        queue_add(queue, "a", 0, 100);
        now_ms += 200;
        queue_done(queue, key);
        take_and_finish(queue, "a");
}

static void test_higher_priority_leaves_first(void **state) {
        Queue *queue = ((Fixture *)*state)->queue;

        queue_add(queue, "low", QUEUE_PRIORITY_INITIAL, 0);
        queue_add(queue, "high", 10, 0);
        queue_add(queue, "normal", QUEUE_PRIORITY_NORMAL, 0);
        take_and_finish(queue, "high");
        take_and_finish(queue, "normal");
        take_and_finish(queue, "low");
}

static void test_a_raised_priority_goes_to_the_tail_of_its_level(void **state) {
        Queue *queue = ((Fixture *)*state)->queue;

        queue_add(queue, "raised", QUEUE_PRIORITY_INITIAL, 0);
        queue_add(queue, "first", 0, 0);
        queue_add(queue, "second", 0, 0);
        queue_add(queue, "raised", 0, 0);
        queue_add(queue, "third", 0, 0);
        take_and_finish(queue, "first");
        take_and_finish(queue, "second");
        take_and_finish(queue, "raised");
        take_and_finish(queue, "third");
}

static void test_a_lower_priority_does_not_push_back(void **state) {
        Queue *queue = ((Fixture *)*state)->queue;
        int priority = 0;
        char *key;

        queue_add(queue, "a", 5, 0);
        queue_add(queue, "b", 4, 0);
        queue_add(queue, "a", -5, 0);
        key = queue_try_take(queue, &priority);
        assert_string_equal(key, "a");
        assert_int_equal(priority, 5);
        queue_done(queue, key);
        take_and_finish(queue, "b");
}

static void test_waiting_makes_more_urgent(void **state) {
        Queue *queue = ((Fixture *)*state)->queue;

        queue_add(queue, "old", 0, 0);
        now_ms += 5 * QUEUE_AGEING_MS + 1;
        queue_add(queue, "five", 5, 0);
        queue_add(queue, "six", 6, 0);
        take_and_finish(queue, "six");
        take_and_finish(queue, "old");
        take_and_finish(queue, "five");
}

static void test_raising_never_makes_an_aged_key_wait_longer(void **state) {
        Queue *queue = ((Fixture *)*state)->queue;

        queue_add(queue, "old", 0, 0);
        now_ms += 5 * QUEUE_AGEING_MS;
        queue_add(queue, "four", 4, 0);
        queue_add(queue, "old", 1, 0);
        take_and_finish(queue, "old");
        take_and_finish(queue, "four");
}

static void test_a_delayed_key_comes_at_its_time(void **state) {
        Queue *queue = ((Fixture *)*state)->queue;

        queue_add(queue, "later", 0, 100);
        queue_add(queue, "sooner", 0, 50);
        assert_null(queue_try_take(queue, NULL));
        now_ms += 50;
        take_and_finish(queue, "sooner");
        assert_null(queue_try_take(queue, NULL));
        now_ms += 50;
        take_and_finish(queue, "later");
}

static void test_the_earlier_time_wins(void **state) {
        Queue *queue = ((Fixture *)*state)->queue;

        queue_add(queue, "a", 0, 1000);
        queue_add(queue, "a", 0, 10);
        queue_add(queue, "a", 0, 5000);
        now_ms += 10;
        take_and_finish(queue, "a");
        now_ms += 10000;
        assert_null(queue_try_take(queue, NULL));
}

static void test_an_event_ends_a_wait(void **state) {
        Queue *queue = ((Fixture *)*state)->queue;

        queue_add(queue, "a", 0, 300000);
        queue_add(queue, "a", 0, 0);
        take_and_finish(queue, "a");
        assert_int_equal(queue_size(queue), 0);
}

static void test_becoming_ready_gives_a_new_place_in_line(void **state) {
        Queue *queue = ((Fixture *)*state)->queue;

        queue_add(queue, "waited", 0, 10);
        queue_add(queue, "there", 0, 0);
        now_ms += 10;
        take_and_finish(queue, "there");
        take_and_finish(queue, "waited");
}

static void test_failures_back_off_with_jitter_up_to_the_cap(void **state) {
        Queue *queue = ((Fixture *)*state)->queue;
        int64_t base = QUEUE_BACKOFF_BASE_MS;
        bool jittered = false;

        for (int i = 0; i < 40; i++) {
                int64_t delay;

                queue_add(queue, "a", 0, 0);
                char *key = take(queue, "a");
                delay = queue_add_failed(queue, key, 0);
                assert_in_range(delay, base, base + base / 2);
                jittered = jittered || (i > 5 && delay != base);
                queue_done(queue, key);
                now_ms += delay;
                take_and_finish(queue, "a");
                base = base * 2 > QUEUE_BACKOFF_CAP_MS ? QUEUE_BACKOFF_CAP_MS : base * 2;
        }
        assert_true(jittered);
}

static void test_slow_retries_begin_at_a_second_and_end_at_a_minute(void **state) {
        Queue *queue = ((Fixture *)*state)->queue;

        assert_in_range(queue_add_slow(queue, "a", 0), 1000, 1500);
        assert_in_range(queue_add_slow(queue, "a", 0), 2000, 3000);
        for (int i = 0; i < 10; i++)
                (void)queue_add_slow(queue, "a", 0);
        assert_in_range(queue_add_slow(queue, "a", 0), 60000, 90000);
}

static void test_success_forgets_failures(void **state) {
        Queue *queue = ((Fixture *)*state)->queue;

        for (int i = 0; i < 10; i++)
                (void)queue_add_failed(queue, "a", 0);
        queue_forget(queue, "a");
        assert_in_range(queue_add_failed(queue, "a", 0), QUEUE_BACKOFF_BASE_MS, 2 * QUEUE_BACKOFF_BASE_MS);
        queue_forget(queue, "never seen");
}

static void test_a_failed_key_keeps_its_priority(void **state) {
        Queue *queue = ((Fixture *)*state)->queue;
        int priority = 0;
        char *key;

        queue_add(queue, "a", 9, 0);
        key = queue_try_take(queue, &priority);
        (void)queue_add_failed(queue, key, priority);
        queue_done(queue, key);
        now_ms += 100;
        key = queue_try_take(queue, &priority);
        assert_int_equal(priority, 9);
        queue_done(queue, key);
}

static void test_the_depth_gauge_never_drifts(void **state) {
        Fixture *fixture = *state;
        Queue *queue = fixture->queue;
        char *key;

        assert_float_equal(depth(fixture, "0"), 0, 0);
        queue_add(queue, "a", QUEUE_PRIORITY_INITIAL, 0);
        queue_add(queue, "a", QUEUE_PRIORITY_INITIAL, 0);
        assert_float_equal(depth(fixture, "-100"), 1, 0);
        queue_add(queue, "a", 0, 0);
        assert_float_equal(depth(fixture, "-100"), 0, 0);
        assert_float_equal(depth(fixture, "0"), 1, 0);
        queue_add(queue, "b", 0, 1000);
        assert_float_equal(depth(fixture, "0"), 1, 0);
        key = take(queue, "a");
        assert_float_equal(depth(fixture, "0"), 0, 0);
        queue_add(queue, "a", 0, 0);
        assert_float_equal(depth(fixture, "0"), 1, 0);
        queue_add(queue, "a", 3, 0);
        assert_float_equal(depth(fixture, "0"), 0, 0);
        assert_float_equal(depth(fixture, "3"), 1, 0);
        queue_done(queue, key);
        take_and_finish(queue, "a");
        now_ms += 1000;
        take_and_finish(queue, "b");
        assert_float_equal(depth(fixture, "0"), 0, 0);
        assert_float_equal(depth(fixture, "3"), 0, 0);
        assert_float_equal(depth(fixture, "-100"), 0, 0);
}

static void test_too_many_priorities_share_one_series(void **state) {
        Fixture *fixture = *state;

        for (int i = 1; i <= 30; i++) {
                char key[24];

                (void)snprintf(key, sizeof(key), "key-%d", i);
                queue_add(fixture->queue, key, i, 0);
        }
        assert_float_equal(depth(fixture, "24"), 1, 0);
        assert_float_equal(depth(fixture, "exceeded_cardinality_limit"), 6, 0);
        for (int i = 0; i < 30; i++)
                queue_done(fixture->queue, queue_try_take(fixture->queue, NULL));
        assert_float_equal(depth(fixture, "exceeded_cardinality_limit"), 0, 0);
}

static void test_adds_retries_and_durations_are_counted(void **state) {
        Fixture *fixture = *state;
        Metric *worked = metrics_histogram(fixture->metrics, "workqueue_work_duration_seconds", "", NULL, NULL, 0);
        Metric *waited = metrics_histogram(fixture->metrics, "workqueue_queue_duration_seconds", "", NULL, NULL, 0);
        const char *const values[] = { "things", "things" };

        queue_add(fixture->queue, "a", 0, 0);
        queue_add(fixture->queue, "a", 0, 0);
        take_and_finish(fixture->queue, "a");
        (void)queue_add_failed(fixture->queue, "a", 0);
        assert_float_equal(counter(fixture, "workqueue_adds_total"), 2, 0);
        assert_float_equal(counter(fixture, "workqueue_retries_total"), 1, 0);
        assert_float_equal(metric_value(worked, values), 1, 0);
        assert_float_equal(metric_value(waited, values), 1, 0);
}

static void test_the_page_shows_work_under_way(void **state) {
        Fixture *fixture = *state;
        CLEANUP(text_done) Text page = { 0 };
        char *key;

        queue_add(fixture->queue, "a", 0, 0);
        key = take(fixture->queue, "a");
        metrics_print(fixture->metrics, &page);
        assert_true(
                metric_value(metrics_gauge(fixture->metrics, "workqueue_longest_running_processor_seconds", "", NULL),
                        (const char *const[]){ "things", "things" }) > 0);
        assert_non_null(
                strstr(text_string(&page), "workqueue_depth{name=\"things\",controller=\"things\",priority=\"0\"} 0"));
        queue_done(fixture->queue, key);
}

static void test_a_stopped_queue_gives_nothing(void **state) {
        Queue *queue = ((Fixture *)*state)->queue;

        queue_add(queue, "a", 0, 0);
        queue_stop(queue);
        assert_null(queue_take(queue, NULL));
        assert_null(queue_try_take(queue, NULL));
        queue_add(queue, "b", 0, 0);
        assert_null(queue_take(queue, NULL));
}

static void test_the_order_holds_while_keys_are_added_between_takes(void **state) {
        Queue *queue = ((Fixture *)*state)->queue;
        int taken = 0;

        for (int i = 0; i < 100; i++) {
                char key[24];

                (void)snprintf(key, sizeof(key), "low-%d", i);
                queue_add(queue, key, QUEUE_PRIORITY_INITIAL, 0);
        }
        for (char *key; (key = queue_try_take(queue, NULL)); taken++) {
                if (taken % 2 == 0 && taken < 50) {
                        char fresh[24];

                        (void)snprintf(fresh, sizeof(fresh), "high-%d", taken);
                        queue_add(queue, fresh, 0, 0);
                } else if (taken < 50) {
                        assert_true(strncmp(key, "high-", 5) == 0);
                }
                queue_done(queue, key);
        }
        assert_int_equal(taken, 125);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_keys_come_out_in_the_order_they_came_in, start, end),
                cmocka_unit_test_setup_teardown(test_a_key_added_twice_is_taken_once, start, end),
                cmocka_unit_test_setup_teardown(test_a_key_being_worked_on_is_not_taken_by_another_worker, start, end),
                cmocka_unit_test_setup_teardown(test_many_wishes_while_out_become_one, start, end),
                cmocka_unit_test_setup_teardown(test_a_wish_that_became_due_while_out_is_ready_at_once, start, end),
                cmocka_unit_test_setup_teardown(test_higher_priority_leaves_first, start, end),
                cmocka_unit_test_setup_teardown(test_a_raised_priority_goes_to_the_tail_of_its_level, start, end),
                cmocka_unit_test_setup_teardown(test_a_lower_priority_does_not_push_back, start, end),
                cmocka_unit_test_setup_teardown(test_waiting_makes_more_urgent, start, end),
                cmocka_unit_test_setup_teardown(test_raising_never_makes_an_aged_key_wait_longer, start, end),
                cmocka_unit_test_setup_teardown(test_a_delayed_key_comes_at_its_time, start, end),
                cmocka_unit_test_setup_teardown(test_the_earlier_time_wins, start, end),
                cmocka_unit_test_setup_teardown(test_an_event_ends_a_wait, start, end),
                cmocka_unit_test_setup_teardown(test_becoming_ready_gives_a_new_place_in_line, start, end),
                cmocka_unit_test_setup_teardown(test_failures_back_off_with_jitter_up_to_the_cap, start, end),
                cmocka_unit_test_setup_teardown(test_slow_retries_begin_at_a_second_and_end_at_a_minute, start, end),
                cmocka_unit_test_setup_teardown(test_success_forgets_failures, start, end),
                cmocka_unit_test_setup_teardown(test_a_failed_key_keeps_its_priority, start, end),
                cmocka_unit_test_setup_teardown(test_the_depth_gauge_never_drifts, start, end),
                cmocka_unit_test_setup_teardown(test_too_many_priorities_share_one_series, start, end),
                cmocka_unit_test_setup_teardown(test_adds_retries_and_durations_are_counted, start, end),
                cmocka_unit_test_setup_teardown(test_the_page_shows_work_under_way, start, end),
                cmocka_unit_test_setup_teardown(test_a_stopped_queue_gives_nothing, start, end),
                cmocka_unit_test_setup_teardown(test_the_order_holds_while_keys_are_added_between_takes, start, end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
