/* SPDX-License-Identifier: Apache-2.0 */
/* Counters, gauges and histograms with labels, in Prometheus' text format. A registry is made at start and passed;
 * metrics live as long as it does. All calls are safe from every thread and do not allocate once a series exists.
 * https://prometheus.io/docs/instrumenting/exposition_formats/ */
#pragma once

#include <stdint.h>

#include "lib/base/text.h"

typedef struct Metrics Metrics;
typedef struct Metric Metric;

enum {
        METRICS_MAXIMUM_SERIES = 1000, /* per metric; further label sets are counted in one series "overflow" */
        METRICS_MAXIMUM_LABELS = 8,
        METRICS_MAXIMUM_VALUE_BYTES = 128 /* of a label's value; a longer one is cut */
};

Metrics *metrics_new(void);
void metrics_free(Metrics *metrics);

/* Names, help and label names are kept by reference: string constants. `labels` is NULL-terminated or NULL; a metric
 * without labels is printed from the start, with 0. Asking for a name that exists gives the same metric; it must be of
 * the same type. A NULL registry gives NULL. */
Metric *metrics_counter(Metrics *metrics, const char *name, const char *help, const char *const *labels);
Metric *metrics_gauge(Metrics *metrics, const char *name, const char *help, const char *const *labels);
/* `buckets` are the upper bounds, rising, without +Inf. */
Metric *metrics_histogram(Metrics *metrics, const char *name, const char *help, const char *const *labels,
        const double *buckets, size_t bucket_count);

/* `values`: one per label name, copied at the first use of the set; NULL for a metric without labels.
 * A NULL metric is ignored by all, so that callers need not care whether metrics are on. */
void metric_add(Metric *metric, const char *const *values, double amount);
void metric_set(Metric *metric, const char *const *values, double value);
void metric_observe(Metric *metric, const char *const *values, double value);
/* Removes a series (an object that is gone). */
void metric_forget(Metric *metric, const char *const *values);
/* The value of a counter or gauge, or the count of a histogram; 0 when there is no such series. For tests. */
double metric_value(Metric *metric, const char *const *values);
/* The whole page (text/plain; version=0.0.4). Calls the hooks first. */
void metrics_print(Metrics *metrics, Text *page);
/* A hook fills gauges just before printing (process_*, allocator_*). */
void metrics_add_hook(Metrics *metrics, void (*hook)(Metrics *metrics, void *context), void *context);
/* process_cpu_seconds_total, process_resident_memory_bytes, process_resident_anonymous_memory_bytes,
 * process_virtual_memory_bytes, process_open_fds, process_max_fds, process_start_time_seconds,
 * allocator_{arena,mapped,in_use,free,releasable}_bytes (mallinfo2), madbase_build_info{version}. */
void metrics_add_process(Metrics *metrics, const char *version);
