/* SPDX-License-Identifier: Apache-2.0 */
/* workqueue_* metrics. Names and buckets: k8s.io/client-go/util/workqueue/metrics.go and controller-runtime's
 * pkg/metrics/workqueue.go. Law: the depth gauges are counts kept here, never derived from adds and takes. */
#include "operator/runtime/queue_metrics.h"

#include <stdio.h>
#include <string.h>

static const double buckets[] = { 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000 };
static const char *const by_name[] = { "name", "controller", NULL };
static const char *const by_priority[] = { "name", "controller", "priority", NULL };

void queue_metrics_start(QueueMetrics *queue, const char *name, Metrics *metrics) {
        const char *const values[] = { name, name };
        size_t count = ARRAY_LEN(buckets);

        *queue = (QueueMetrics){ .name = name };
        if (!metrics)
                return;
        queue->depth = metrics_gauge(
                metrics, "workqueue_depth", "Current depth of workqueue by workqueue and priority", by_priority);
        queue->adds =
                metrics_counter(metrics, "workqueue_adds_total", "Total number of adds handled by workqueue", by_name);
        queue->retries = metrics_counter(
                metrics, "workqueue_retries_total", "Total number of retries handled by workqueue", by_name);
        queue->waited = metrics_histogram(metrics, "workqueue_queue_duration_seconds",
                "How long in seconds an item stays in workqueue before being requested", by_name, buckets, count);
        queue->worked = metrics_histogram(metrics, "workqueue_work_duration_seconds",
                "How long in seconds processing an item from workqueue takes.", by_name, buckets, count);
        queue->unfinished = metrics_gauge(metrics, "workqueue_unfinished_work_seconds",
                "How many seconds of work has been done that is in progress and hasn't been observed by work_duration. "
                "Large values indicate stuck threads.",
                by_name);
        queue->longest = metrics_gauge(metrics, "workqueue_longest_running_processor_seconds",
                "How many seconds has the longest running processor for workqueue been running.", by_name);
        metric_add(queue->adds, values, 0);
        metric_add(queue->retries, values, 0);
        metric_set(queue->unfinished, values, 0);
        metric_set(queue->longest, values, 0);
        queue_metrics_depth(queue, 0, 0);
}

void queue_metrics_depth(QueueMetrics *queue, int priority, int change) {
        size_t *count = &queue->depth_rest;
        const char *label = "exceeded_cardinality_limit";
        QueueDepth *depth = queue->depths;

        while (depth < queue->depths + queue->depth_count && depth->priority != priority)
                depth++;
        if (depth == queue->depths + queue->depth_count && queue->depth_count < QUEUE_METRICS_PRIORITIES) {
                queue->depth_count++;
                depth->priority = priority;
                (void)snprintf(depth->label, sizeof(depth->label), "%d", priority);
        }
        if (depth < queue->depths + queue->depth_count) {
                count = &depth->count;
                label = depth->label;
        }
        *count = change < 0 ? *count - 1 : *count + (size_t)change;
        metric_set(queue->depth, (const char *const[]){ queue->name, queue->name, label }, (double)*count);
}

void queue_metrics_added(QueueMetrics *queue) {
        metric_add(queue->adds, (const char *const[]){ queue->name, queue->name }, 1);
}

void queue_metrics_retried(QueueMetrics *queue) {
        metric_add(queue->retries, (const char *const[]){ queue->name, queue->name }, 1);
}

void queue_metrics_taken(QueueMetrics *queue, int64_t waited_ns) {
        metric_observe(queue->waited, (const char *const[]){ queue->name, queue->name }, (double)waited_ns / 1e9);
}

void queue_metrics_done(QueueMetrics *queue, int64_t worked_ns) {
        metric_observe(queue->worked, (const char *const[]){ queue->name, queue->name }, (double)worked_ns / 1e9);
}

void queue_metrics_running(QueueMetrics *queue, int64_t sum_ns, int64_t longest_ns) {
        const char *const values[] = { queue->name, queue->name };

        metric_set(queue->unfinished, values, (double)sum_ns / 1e9);
        metric_set(queue->longest, values, (double)longest_ns / 1e9);
}
