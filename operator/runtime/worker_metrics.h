/* SPDX-License-Identifier: Apache-2.0 */
/* controller_runtime_* metrics of one controller, so that dashboards made for controller-runtime work. */
#pragma once

#include "lib/base/metrics.h"

typedef enum WorkerOutcome {
        WORKER_SUCCESS,
        WORKER_ERROR,
        WORKER_REQUEUE, /* never counted: this runtime knows no requeue without a time */
        WORKER_REQUEUE_AFTER,
        WORKER_OUTCOMES
} WorkerOutcome;

typedef struct WorkerMetrics {
        const char *controller;
        Metric *total, *errors, *terminal, *seconds, *active;
        Metric *stale, *stale_seconds, *forced;
} WorkerMetrics;

/* Registers the metrics and makes every series, at 0. `metrics` may be NULL. */
void worker_metrics_start(WorkerMetrics *worker, const char *controller, int count, Metrics *metrics);
void worker_metrics_active(WorkerMetrics *worker, int change);
/* `terminal`: an error that only a change of the object can end. */
void worker_metrics_done(WorkerMetrics *worker, WorkerOutcome outcome, bool terminal, int64_t nanoseconds);
/* A pass was put off, or begun after a wait, or begun although the caches were behind. */
void worker_metrics_stale(WorkerMetrics *worker);
void worker_metrics_waited(WorkerMetrics *worker, int64_t waited_ms, bool forced);
