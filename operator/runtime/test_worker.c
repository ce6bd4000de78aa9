/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the workers' loop: what follows from each result, and that a pass waits for caches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "lib/base/clock.h"
#include "operator/runtime/fake/fake_runtime.h"
#include "operator/runtime/queue.h"
#include "operator/runtime/run.h"
#include "operator/runtime/thread.h"
#include "operator/runtime/worker.h"

enum { WAIT_MS = 10000 };

static const Kind kind_thing = { "test.io", "v1", "Thing", "things", false, NULL };

/* What the reconcile of these tests does, and what it has done. */
static struct {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        ErrorCode fails; /* the next passes fail so */
        int failures;    /* how many of them */
        uint32_t retry_after_ms;
        int64_t requeue_ms;
        const char *writes; /* version that the next pass says it wrote */
        int passes;
        int busy, most_busy;
        char id[32];
} script = { .lock = PTHREAD_MUTEX_INITIALIZER };

static Result reconcile(Runtime *runtime, const char *namespace_, const char *name, Error *err) {
        Result result = { 0 };

        assert_string_equal(namespace_, "x");
        assert_string_equal(name, "one");
        pthread_mutex_lock(&script.lock);
        (void)snprintf(script.id, sizeof(script.id), "%s", runtime->log.reconcile_id);
        script.busy++;
        if (script.busy > script.most_busy)
                script.most_busy = script.busy;
        if (script.writes) {
                freshness_wrote(
                        runtime->freshness, runtime->key, runtime_cache(runtime, &kind_thing), "x", script.writes);
                script.writes = NULL;
        }
        result.failed = script.failures > 0;
        result.requeue_ms = result.failed ? 0 : script.requeue_ms;
        if (result.failed) {
                script.failures--;
                (void)error_set(err, script.fails, "it does not work");
                err->retry_after_ms = script.retry_after_ms;
        }
        script.busy--;
        script.passes++;
        pthread_cond_broadcast(&script.changed);
        pthread_mutex_unlock(&script.lock);
        return result;
}

static const Controller controller = { .name = "thing", .kind = &kind_thing, .reconcile = reconcile };
static const Controller *const controllers[] = { &controller, NULL };

typedef struct Scene {
        FakeRuntime fake;
        Workers *workers;
} Scene;

static int start(void **state) {
        static Scene scene;
        WorkersOptions options = { .controller = &controller, .count = 2 };

        thread_condition(&script.changed);
        script.failures = script.passes = script.most_busy = 0;
        script.requeue_ms = 0;
        script.retry_after_ms = 0;
        script.writes = NULL;
        fake_runtime_start(&scene.fake, controllers);
        options.runtime = scene.fake.runtime;
        scene.workers = workers_new(&options);
        assert_true(workers_start(scene.workers, NULL));
        *state = &scene;
        return 0;
}

static int end(void **state) {
        Scene *scene = *state;

        workers_stop(scene->workers);
        assert_true(workers_join(scene->workers, WAIT_MS));
        workers_free(scene->workers);
        fake_runtime_stop(&scene->fake);
        return 0;
}

static void await_passes(int wanted) {
        int64_t before = clock_now_ms();
        bool reached;

        pthread_mutex_lock(&script.lock);
        while (script.passes < wanted && clock_now_ms() - before < WAIT_MS)
                thread_sleep(&script.changed, &script.lock, 100);
        reached = script.passes >= wanted;
        pthread_mutex_unlock(&script.lock);
        assert_true(reached);
}

static double metric(Scene *scene, const char *name, const char *result) {
        const char *const values[] = { "thing", result };
        Metric *counter = metrics_counter(scene->fake.metrics, name, "", NULL);
        int64_t before = clock_now_ms();

        /* The count follows the pass by a moment. */
        while (metric_value(counter, values) == 0 && clock_now_ms() - before < 1000)
                ;
        return metric_value(counter, values);
}

static void test_a_woken_key_is_reconciled_once(void **state) {
        Scene *scene = *state;

        workers_wake(scene->workers, "x/one", QUEUE_PRIORITY_NORMAL);
        await_passes(1);
        assert_float_equal(metric(scene, "controller_runtime_reconcile_total", "success"), 1, 0);
        assert_int_equal(script.passes, 1);
        assert_int_equal(strlen(script.id), 12);
}

static void test_failures_are_tried_again_until_it_works(void **state) {
        Scene *scene = *state;

        script.fails = ERROR_UNAVAILABLE;
        script.failures = 3;
        workers_wake(scene->workers, "x/one", QUEUE_PRIORITY_NORMAL);
        await_passes(4);
        assert_float_equal(metric(scene, "controller_runtime_reconcile_total", "success"), 1, 0);
        assert_float_equal(metric(scene, "controller_runtime_reconcile_errors_total", NULL), 3, 0);
}

static void test_what_only_a_change_ends_is_not_tried_again(void **state) {
        Scene *scene = *state;

        script.fails = ERROR_INVALID;
        script.failures = 1;
        workers_wake(scene->workers, "x/one", QUEUE_PRIORITY_NORMAL);
        await_passes(1);
        assert_float_equal(metric(scene, "controller_runtime_terminal_reconcile_errors_total", NULL), 1, 0);
        workers_wake(scene->workers, "x/one", QUEUE_PRIORITY_NORMAL);
        await_passes(2);
        assert_float_equal(metric(scene, "controller_runtime_reconcile_total", "success"), 1, 0);
        assert_int_equal(script.passes, 2);
}

static void test_the_server_may_name_the_delay(void **state) {
        Scene *scene = *state;
        int64_t before = clock_now_ms();

        script.fails = ERROR_THROTTLED;
        script.failures = 1;
        script.retry_after_ms = 100;
        workers_wake(scene->workers, "x/one", QUEUE_PRIORITY_NORMAL);
        await_passes(2);
        assert_true(clock_now_ms() - before >= 100);
}

static void test_a_pass_may_ask_for_another(void **state) {
        Scene *scene = *state;

        script.requeue_ms = 20;
        workers_wake(scene->workers, "x/one", QUEUE_PRIORITY_NORMAL);
        await_passes(3);
        assert_true(metric(scene, "controller_runtime_reconcile_total", "requeue_after") >= 2);
}

static void test_a_key_has_one_worker_at_a_time(void **state) {
        Scene *scene = *state;

        for (int i = 0; i < 1000; i++)
                workers_wake(scene->workers, "x/one", QUEUE_PRIORITY_NORMAL);
        await_passes(1);
        assert_int_equal(script.most_busy, 1);
}

static void test_a_pass_waits_until_the_cache_shows_what_the_last_one_wrote(void **state) {
        Scene *scene = *state;

        script.writes = "900000";
        workers_wake(scene->workers, "x/one", QUEUE_PRIORITY_NORMAL);
        await_passes(1);
        workers_wake(scene->workers, "x/one", QUEUE_PRIORITY_NORMAL);
        assert_true(metric(scene, "reconcile_stale_skips_total", NULL) >= 1);
        assert_int_equal(script.passes, 1);
        cache_set_version(runtime_cache(&scene->fake.runtime, &kind_thing), "", "900000");
        await_passes(2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_a_woken_key_is_reconciled_once, start, end),
                cmocka_unit_test_setup_teardown(test_failures_are_tried_again_until_it_works, start, end),
                cmocka_unit_test_setup_teardown(test_what_only_a_change_ends_is_not_tried_again, start, end),
                cmocka_unit_test_setup_teardown(test_the_server_may_name_the_delay, start, end),
                cmocka_unit_test_setup_teardown(test_a_pass_may_ask_for_another, start, end),
                cmocka_unit_test_setup_teardown(test_a_key_has_one_worker_at_a_time, start, end),
                cmocka_unit_test_setup_teardown(
                        test_a_pass_waits_until_the_cache_shows_what_the_last_one_wrote, start, end),
        };

        json_start();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
