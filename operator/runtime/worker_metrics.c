/* SPDX-License-Identifier: Apache-2.0 */
/* Names, labels and buckets: controller-runtime's pkg/internal/controller/metrics. */
#include "operator/runtime/worker_metrics.h"

static const double second_buckets[] = { .005, .01, .025, .05, .1, .15, .2, .25, .3, .35, .4, .45, .5, .6, .7, .8, .9,
        1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60 };
static const double wait_buckets[] = { .001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10 };
static const char *const by_controller[] = { "controller", NULL };
static const char *const by_result[] = { "controller", "result", NULL };
static const char *const outcomes[] = { [WORKER_SUCCESS] = "success",
        [WORKER_ERROR] = "error",
        [WORKER_REQUEUE] = "requeue",
        [WORKER_REQUEUE_AFTER] = "requeue_after" };

static Metric *counter(Metrics *metrics, const char *controller, const char *name, const char *help) {
        Metric *metric = metrics_counter(metrics, name, help, by_controller);

        metric_add(metric, (const char *const[]){ controller }, 0);
        return metric;
}

void worker_metrics_start(WorkerMetrics *worker, const char *controller, int count, Metrics *metrics) {
        const char *const values[] = { controller };

        *worker = (WorkerMetrics){ .controller = controller };
        if (!metrics)
                return;
        worker->total = metrics_counter(metrics, "controller_runtime_reconcile_total",
                "Total number of reconciliations per controller", by_result);
        for (WorkerOutcome outcome = 0; outcome < WORKER_OUTCOMES; outcome++)
                metric_add(worker->total, (const char *const[]){ controller, outcomes[outcome] }, 0);
        worker->errors = counter(metrics, controller, "controller_runtime_reconcile_errors_total",
                "Total number of reconciliation errors per controller");
        worker->terminal = counter(metrics, controller, "controller_runtime_terminal_reconcile_errors_total",
                "Total number of terminal reconciliation errors per controller");
        (void)counter(metrics, controller, "controller_runtime_reconcile_panics_total",
                "Total number of reconciliation panics per controller");
        (void)counter(metrics, controller, "controller_runtime_reconcile_timeouts_total",
                "Total number of reconciliation timeouts per controller");
        worker->seconds = metrics_histogram(metrics, "controller_runtime_reconcile_time_seconds",
                "Length of time per reconciliation per controller", by_controller, second_buckets,
                ARRAY_LEN(second_buckets));
        metric_set(metrics_gauge(metrics, "controller_runtime_max_concurrent_reconciles",
                           "Maximum number of concurrent reconciles per controller", by_controller),
                values, count);
        worker->active = metrics_gauge(metrics, "controller_runtime_active_workers",
                "Number of currently used workers per controller", by_controller);
        metric_set(worker->active, values, 0);
        worker->stale = counter(metrics, controller, "reconcile_stale_skips_total",
                "Passes put off because a cache did not show the key's own writes yet");
        worker->forced = counter(metrics, controller, "reconcile_stale_forced_total",
                "Passes begun although a cache did not show the key's own writes for too long");
        worker->stale_seconds = metrics_histogram(metrics, "reconcile_stale_wait_seconds",
                "How long passes waited for caches to show the key's own writes", by_controller, wait_buckets,
                ARRAY_LEN(wait_buckets));
}

void worker_metrics_active(WorkerMetrics *worker, int change) {
        metric_add(worker->active, (const char *const[]){ worker->controller }, change);
}

void worker_metrics_done(WorkerMetrics *worker, WorkerOutcome outcome, bool terminal, int64_t nanoseconds) {
        const char *const values[] = { worker->controller };

        metric_add(worker->total, (const char *const[]){ worker->controller, outcomes[outcome] }, 1);
        if (outcome == WORKER_ERROR)
                metric_add(worker->errors, values, 1);
        if (terminal)
                metric_add(worker->terminal, values, 1);
        metric_observe(worker->seconds, values, (double)nanoseconds / 1e9);
}

void worker_metrics_stale(WorkerMetrics *worker) {
        metric_add(worker->stale, (const char *const[]){ worker->controller }, 1);
}

void worker_metrics_waited(WorkerMetrics *worker, int64_t waited_ms, bool forced) {
        const char *const values[] = { worker->controller };

        metric_observe(worker->stale_seconds, values, (double)waited_ms / 1000);
        if (forced)
                metric_add(worker->forced, values, 1);
}
