/* SPDX-License-Identifier: Apache-2.0 */
/* The workqueue_* metrics of one queue, by the names, labels and buckets of client-go and controller-runtime, so that
 * dashboards made for them work. Called under the queue's lock. */
#pragma once

#include "lib/base/metrics.h"

enum { QUEUE_METRICS_PRIORITIES = 25 }; /* further ones share "exceeded_cardinality_limit" */

typedef struct QueueDepth {
        int priority;
        char label[12];
        size_t count;
} QueueDepth;

typedef struct QueueMetrics {
        const char *name;
        Metric *depth, *adds, *retries, *waited, *worked, *unfinished, *longest;
        QueueDepth depths[QUEUE_METRICS_PRIORITIES];
        size_t depth_count;
        size_t depth_rest;
} QueueMetrics;

/* Registers the metrics and makes every series, at 0. `metrics` may be NULL. */
void queue_metrics_start(QueueMetrics *queue, const char *name, Metrics *metrics);
/* A key became ready (`change` 1) or ceased to be (-1) at this priority. */
void queue_metrics_depth(QueueMetrics *queue, int priority, int change);
void queue_metrics_added(QueueMetrics *queue);
void queue_metrics_retried(QueueMetrics *queue);
void queue_metrics_taken(QueueMetrics *queue, int64_t waited_ns);
void queue_metrics_done(QueueMetrics *queue, int64_t worked_ns);
/* The two gauges about work under way: sum of and longest running time. */
void queue_metrics_running(QueueMetrics *queue, int64_t sum_ns, int64_t longest_ns);
