/* SPDX-License-Identifier: Apache-2.0 */
/* The work queue under many threads: one worker per key, no wish lost, everybody ends on stop. For TSan above all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "operator/runtime/queue.h"

enum { KEYS = 20, WORKERS = 4, PRODUCERS = 3, ADDS = 3000 };

typedef struct Shared {
        Queue *queue;
        atomic_int busy[KEYS];
        atomic_int wanted[KEYS]; /* number of the last wish */
        atomic_int done[KEYS];   /* the last wish seen by a worker */
        atomic_int collisions;
        atomic_int taken;
} Shared;

static void *work(void *context) {
        Shared *shared = context;
        int priority = 0;

        for (char *key; (key = queue_take(shared->queue, &priority));) {
                int number = (int)strtol(key + 4, NULL, 10);

                if (atomic_fetch_add(&shared->busy[number], 1) != 0)
                        atomic_fetch_add(&shared->collisions, 1);
                atomic_store(&shared->done[number], atomic_load(&shared->wanted[number]));
                atomic_fetch_add(&shared->taken, 1);
                if (random_below(10) == 0)
                        (void)queue_add_failed(shared->queue, key, priority);
                else
                        queue_forget(shared->queue, key);
                atomic_fetch_sub(&shared->busy[number], 1);
                queue_done(shared->queue, key);
        }
        return NULL;
}

static void *produce(void *context) {
        Shared *shared = context;

        for (int i = 0; i < ADDS; i++) {
                int number = (int)random_below(KEYS);
                char key[16];

                (void)snprintf(key, sizeof(key), "key-%d", number);
                atomic_fetch_add(&shared->wanted[number], 1);
                queue_add(shared->queue, key, (int)random_below(5), random_below(4) ? 0 : (int64_t)random_below(20));
        }
        return NULL;
}

static bool all_done(Shared *shared) {
        for (int i = 0; i < KEYS; i++)
                if (atomic_load(&shared->done[i]) != atomic_load(&shared->wanted[i]))
                        return false;
        return queue_size(shared->queue) == 0;
}

static void test_no_key_has_two_workers_and_no_wish_is_lost(void **state) {
        Metrics *metrics = metrics_new();
        Shared shared = { .queue = queue_new("things", clock_now_ms, metrics) };
        pthread_t workers[WORKERS], producers[PRODUCERS];
        int64_t deadline = clock_now_ms() + 60000;

        (void)state;
        for (size_t i = 0; i < WORKERS; i++)
                assert_int_equal(pthread_create(&workers[i], NULL, work, &shared), 0);
        for (size_t i = 0; i < PRODUCERS; i++)
                assert_int_equal(pthread_create(&producers[i], NULL, produce, &shared), 0);
        for (size_t i = 0; i < PRODUCERS; i++)
                pthread_join(producers[i], NULL);
        while (!all_done(&shared) && clock_now_ms() < deadline) {
                CLEANUP(text_done) Text page = { 0 };

                metrics_print(metrics, &page);
        }
        assert_true(all_done(&shared));
        assert_int_equal(shared.collisions, 0);
        assert_true(shared.taken > KEYS);
        queue_stop(shared.queue);
        for (size_t i = 0; i < WORKERS; i++)
                pthread_join(workers[i], NULL);
        queue_free(shared.queue);
        metrics_free(metrics);
}

static void *take_until_stopped(void *context) {
        while (queue_take(context, NULL))
                ;
        return NULL;
}

/* Sleeping takers, some of them on a far away time, all end. */
static void test_stopping_wakes_everybody(void **state) {
        Queue *queue = queue_new("things", clock_now_ms, NULL);
        pthread_t workers[WORKERS];

        (void)state;
        queue_add(queue, "far away", 0, 3600000);
        for (size_t i = 0; i < WORKERS; i++)
                assert_int_equal(pthread_create(&workers[i], NULL, take_until_stopped, queue), 0);
        queue_stop(queue);
        for (size_t i = 0; i < WORKERS; i++)
                pthread_join(workers[i], NULL);
        queue_free(queue);
}

static void test_a_sleeping_taker_wakes_for_a_delayed_key(void **state) {
        Queue *queue = queue_new("things", clock_now_ms, NULL);
        int64_t before = clock_now_ms(), after;
        char *key;

        (void)state;
        queue_add(queue, "far away", 0, 3600000);
        queue_add(queue, "soon", 0, 30);
        key = queue_take(queue, NULL);
        after = clock_now_ms();
        assert_string_equal(key, "soon");
        assert_in_range(after - before, 30, 5000);
        queue_done(queue, key);
        queue_free(queue);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_no_key_has_two_workers_and_no_wish_is_lost),
                cmocka_unit_test(test_stopping_wakes_everybody),
                cmocka_unit_test(test_a_sleeping_taker_wakes_for_a_delayed_key),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
