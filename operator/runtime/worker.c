/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of a worker: take a key, see that the caches show what it wrote, reconcile, decide when next.
 * Law: a key that was taken is always given back, and every failure leaves either a time or a change to wait for. */
#include "operator/runtime/worker.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"
#include "lib/base/footprint.h"
#include "lib/base/random.h"
#include "operator/runtime/freshness.h"
#include "operator/runtime/queue.h"
#include "operator/runtime/thread.h"
#include "operator/runtime/wake.h"
#include "operator/runtime/worker_metrics.h"

struct Workers {
        const Controller *controller;
        Runtime runtime;
        int count, started;
        void (*on_reconcile)(void *context);
        void *context;
        Queue *queue;
        Freshness *freshness;
        WorkerMetrics metrics;
        pthread_t threads[WORKERS_MAXIMUM];
        pthread_mutex_t lock; /* over what follows */
        pthread_cond_t ended;
        int running;
};

/* For freshness: the cache shows now what the key wrote. */
static void wake_fresh(void *context, const char *key) {
        workers_wake(context, key, QUEUE_PRIORITY_NORMAL);
}

Workers *workers_new(const WorkersOptions *options) {
        Workers *workers = alloc_zero(sizeof(*workers));

        assert(options->count >= 1 && options->count <= WORKERS_MAXIMUM);
        workers->controller = options->controller;
        workers->count = options->count;
        workers->on_reconcile = options->on_reconcile;
        workers->context = options->context;
        workers->queue = queue_new(options->controller->name, clock_now_ms, options->runtime.metrics);
        workers->freshness = freshness_new(clock_now_ms, wake_fresh, workers);
        workers->runtime = options->runtime;
        workers->runtime.freshness = workers->freshness;
        worker_metrics_start(&workers->metrics, options->controller->name, options->count, options->runtime.metrics);
        pthread_mutex_init(&workers->lock, NULL);
        thread_condition(&workers->ended);
        return workers;
}

void workers_free(Workers *workers) {
        if (!workers)
                return;
        assert(workers->running == 0);
        freshness_free(workers->freshness);
        queue_free(workers->queue);
        pthread_cond_destroy(&workers->ended);
        pthread_mutex_destroy(&workers->lock);
        free(workers);
}

const Controller *workers_controller(const Workers *workers) {
        return workers->controller;
}

void workers_wake(Workers *workers, const char *key, int priority) {
        queue_add(workers->queue, key, priority, 0);
}

/* Says when the key is next looked at after a failure. */
static void plan_retry(Workers *workers, const LogContext *log, const char *key, int priority, const Error *err) {
        int64_t delay = 0;

        switch (error_retry(err->code)) {
        case RETRY_SOON:
        case RETRY_BACKOFF:
                delay = queue_add_failed(workers->queue, key, priority);
                break;
        case RETRY_AS_TOLD:
                delay = random_jitter(err->retry_after_ms ? err->retry_after_ms : QUEUE_SLOW_BASE_MS, 0.5);
                queue_add(workers->queue, key, priority, delay);
                break;
        case RETRY_SLOW:
                delay = queue_add_slow(workers->queue, key, priority);
                break;
        case RETRY_ON_CHANGE:
        case RETRY_NEVER:
                queue_forget(workers->queue, key);
                break;
        }
        if (err->code == ERROR_CONFLICT || err->code == ERROR_STOPPED)
                log_info(log, "%s (%s); again in %" PRId64 " ms", err->text, error_name(err->code), delay);
        else if (delay)
                log_error(log, "%s (%s); again in %" PRId64 " ms", err->text, error_name(err->code), delay);
        else
                log_error(log, "%s (%s); again when it changes", err->text, error_name(err->code));
}

static void finish(Workers *workers, const LogContext *log, const char *key, int priority, const Result *result,
        const Error *err) {
        if (result->failed) {
                plan_retry(workers, log, key, priority, err);
                return;
        }
        queue_forget(workers->queue, key);
        if (result->requeue_ms > 0)
                queue_add(workers->queue, key, QUEUE_PRIORITY_NORMAL, result->requeue_ms);
}

static WorkerOutcome outcome_of(const Result *result) {
        if (result->failed)
                return WORKER_ERROR;
        return result->requeue_ms > 0 ? WORKER_REQUEUE_AFTER : WORKER_SUCCESS;
}

static void reconcile(Workers *workers, const char *key, int priority) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Runtime runtime = workers->runtime;
        const char *namespace_, *name;
        char id[13];
        int64_t before = clock_now_ns();
        Error err = { 0 };
        Result result;

        wake_split(key, &arena, &namespace_, &name);
        (void)snprintf(id, sizeof(id), "%012" PRIx64, random_below(UINT64_C(1) << 48));
        runtime.key = key;
        runtime.log = (LogContext){ .component = workers->controller->name,
                .namespace_ = *namespace_ ? namespace_ : NULL,
                .name = name,
                .reconcile_id = id };
        if (workers->on_reconcile)
                workers->on_reconcile(workers->context);
        worker_metrics_active(&workers->metrics, 1);
        result = workers->controller->reconcile(&runtime, namespace_, name, &err);
        worker_metrics_active(&workers->metrics, -1);
        worker_metrics_done(&workers->metrics, outcome_of(&result),
                result.failed && error_retry(err.code) == RETRY_ON_CHANGE, clock_now_ns() - before);
        finish(workers, &runtime.log, key, priority, &result, &err);
}

/* Whether the pass may begin; else the key will be woken, at the latest when patience ends. */
static bool is_fresh(Workers *workers, const char *key, int priority) {
        int64_t waited = 0;
        FreshnessState state = freshness_check(workers->freshness, key, &waited);

        if (state == FRESHNESS_STALE) {
                worker_metrics_stale(&workers->metrics);
                queue_add(workers->queue, key, priority, FRESHNESS_PATIENCE_MS - waited);
                return false;
        }
        if (waited > 0)
                worker_metrics_waited(&workers->metrics, waited, state == FRESHNESS_FORCED);
        return true;
}

static void *work(void *context) {
        Workers *workers = context;
        int priority = 0;

        for (char *key; (key = queue_take(workers->queue, &priority));) {
                if (is_fresh(workers, key, priority))
                        reconcile(workers, key, priority);
                queue_done(workers->queue, key);
                footprint_release_stack();
        }
        pthread_mutex_lock(&workers->lock);
        workers->running--;
        pthread_cond_broadcast(&workers->ended);
        pthread_mutex_unlock(&workers->lock);
        return NULL;
}

bool workers_start(Workers *workers, Error *err) {
        for (int i = 0; i < workers->count; i++) {
                pthread_mutex_lock(&workers->lock);
                workers->running++;
                pthread_mutex_unlock(&workers->lock);
                if (!thread_start(&workers->threads[i], workers->controller->name, work, workers, err)) {
                        pthread_mutex_lock(&workers->lock);
                        workers->running--;
                        pthread_mutex_unlock(&workers->lock);
                        return false;
                }
                workers->started++;
        }
        return true;
}

void workers_stop(Workers *workers) {
        queue_stop(workers->queue);
}

bool workers_join(Workers *workers, int64_t timeout_ms) {
        int64_t until = clock_now_ms() + timeout_ms;
        bool ended;

        pthread_mutex_lock(&workers->lock);
        while (workers->running > 0 && clock_now_ms() < until)
                thread_sleep(&workers->ended, &workers->lock, until - clock_now_ms());
        ended = workers->running == 0;
        pthread_mutex_unlock(&workers->lock);
        while (ended && workers->started > 0)
                pthread_join(workers->threads[--workers->started], NULL);
        return ended;
}
