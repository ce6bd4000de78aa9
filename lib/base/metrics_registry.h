/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of metrics share: the registry's and the metrics' insides. For lib/base/metrics*.c only. */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "lib/base/hashmap.h"
#include "lib/base/metrics.h"

typedef enum MetricType { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM } MetricType;

/* One set of label values. Its key holds the values, METRIC_SEPARATOR behind each. */
typedef struct Series {
        struct Series *next; /* in the order of their first use */
        char *key;
        double value;       /* of a histogram: the sum */
        uint64_t count;     /* of a histogram */
        uint64_t buckets[]; /* of a histogram: observations up to each bound, not cumulated */
} Series;

/* No byte of UTF-8 is 0xFF. */
#define METRIC_SEPARATOR '\xFF'

struct Metric {
        Metric *next;
        MetricType type;
        const char *name, *help;
        const char *const *labels;
        size_t label_count;
        double *bounds;
        size_t bound_count;
        pthread_mutex_t lock; /* of all below */
        Hashmap by_key;
        Series *first, *last;
};

typedef struct MetricsHook {
        struct MetricsHook *next;
        void (*run)(Metrics *metrics, void *context);
        void *context;
} MetricsHook;

/* The lock guards the lists; their members stay until metrics_free. Taken before a metric's lock, never after. */
struct Metrics {
        pthread_mutex_t lock;
        Metric *first, *last;
        MetricsHook *hooks;
};
