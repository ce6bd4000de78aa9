/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of metrics and their series. Law: a series costs memory once, at its first use, and there are never more
 * than METRICS_MAXIMUM_SERIES of a metric, whatever label values the world comes up with. */
#include "lib/base/metrics.h"

#include <assert.h>
#include <string.h>

#include "lib/base/alloc.h"
#include "lib/base/metrics_registry.h"

enum { KEY_BYTES = METRICS_MAXIMUM_LABELS * (METRICS_MAXIMUM_VALUE_BYTES + 1) + 1 };

Metrics *metrics_new(void) {
        Metrics *metrics = alloc_zero(sizeof(*metrics));

        (void)pthread_mutex_init(&metrics->lock, NULL);
        return metrics;
}

static void free_metric(Metric *metric) {
        while (metric->first) {
                Series *series = metric->first;

                metric->first = series->next;
                free(series->key);
                free(series);
        }
        hashmap_done(&metric->by_key);
        (void)pthread_mutex_destroy(&metric->lock);
        free(metric->bounds);
        free(metric);
}

void metrics_free(Metrics *metrics) {
        if (!metrics)
                return;
        while (metrics->first) {
                Metric *metric = metrics->first;

                metrics->first = metric->next;
                free_metric(metric);
        }
        while (metrics->hooks) {
                MetricsHook *hook = metrics->hooks;

                metrics->hooks = hook->next;
                free(hook);
        }
        (void)pthread_mutex_destroy(&metrics->lock);
        free(metrics);
}

/* The metric's labels as a key; what is cut or not UTF-8 must not spoil the page, so '?' stands for it. */
static void make_key(const Metric *metric, const char *const *values, char key[KEY_BYTES]) {
        char *end = key;

        for (size_t i = 0; i < metric->label_count; i++) {
                const char *value = values && values[i] ? values[i] : "";
                size_t size = text_cut(value, METRICS_MAXIMUM_VALUE_BYTES);

                while (size > 0) {
                        size_t step = text_utf8_size(value, size);

                        if (step)
                                memcpy(end, value, step);
                        else
                                *end = '?';
                        step = step ? step : 1;
                        end += step;
                        value += step;
                        size -= step;
                }
                *end++ = METRIC_SEPARATOR;
        }
        *end = '\0';
}

static Series *add_series(Metric *metric, const char *key) {
        Series *series = alloc_zero(sizeof(*series) + metric->bound_count * sizeof(series->buckets[0]));

        series->key = alloc_string(key);
        if (metric->last)
                metric->last->next = series;
        else
                metric->first = series;
        metric->last = series;
        (void)hashmap_put(&metric->by_key, series->key, series);
        return series;
}

/* The series of the values, made when it is new; call with the lock. */
static Series *series_of(Metric *metric, const char *const *values) {
        const char *overflow[METRICS_MAXIMUM_LABELS];
        char key[KEY_BYTES];
        Series *series;

        make_key(metric, values, key);
        series = hashmap_get(&metric->by_key, key);
        if (series || metric->by_key.size < METRICS_MAXIMUM_SERIES)
                return series ? series : add_series(metric, key);
        for (size_t i = 0; i < metric->label_count; i++)
                overflow[i] = "overflow";
        make_key(metric, overflow, key);
        series = hashmap_get(&metric->by_key, key);
        return series ? series : add_series(metric, key);
}

/* What a new metric is made of. */
typedef struct Shape {
        MetricType type;
        const char *name, *help;
        const char *const *labels;
        const double *bounds;
        size_t bound_count;
} Shape;

static Metric *new_metric(const Shape *shape) {
        Metric *metric = alloc_zero(sizeof(*metric));

        metric->type = shape->type;
        metric->name = shape->name;
        metric->help = shape->help;
        metric->labels = shape->labels;
        while (metric->labels && metric->labels[metric->label_count])
                metric->label_count++;
        assert(metric->label_count <= METRICS_MAXIMUM_LABELS);
        if (shape->bound_count)
                metric->bounds = (double *)(void *)alloc_bytes(shape->bounds, shape->bound_count * sizeof(double));
        metric->bound_count = shape->bound_count;
        (void)pthread_mutex_init(&metric->lock, NULL);
        if (metric->label_count == 0)
                (void)series_of(metric, NULL);
        return metric;
}

static Metric *find_or_add(Metrics *metrics, const Shape *shape) {
        Metric *metric;

        if (!metrics)
                return NULL;
        (void)pthread_mutex_lock(&metrics->lock);
        for (metric = metrics->first; metric; metric = metric->next)
                if (strcmp(metric->name, shape->name) == 0)
                        break;
        if (!metric) {
                metric = new_metric(shape);
                if (metrics->last)
                        metrics->last->next = metric;
                else
                        metrics->first = metric;
                metrics->last = metric;
        }
        assert(metric->type == shape->type);
        (void)pthread_mutex_unlock(&metrics->lock);
        return metric;
}

Metric *metrics_counter(Metrics *metrics, const char *name, const char *help, const char *const *labels) {
        return find_or_add(metrics, &(Shape){ .type = METRIC_COUNTER, .name = name, .help = help, .labels = labels });
}

Metric *metrics_gauge(Metrics *metrics, const char *name, const char *help, const char *const *labels) {
        return find_or_add(metrics, &(Shape){ .type = METRIC_GAUGE, .name = name, .help = help, .labels = labels });
}

Metric *metrics_histogram(Metrics *metrics, const char *name, const char *help, const char *const *labels,
        const double *buckets, size_t bucket_count) {
        return find_or_add(metrics, &(Shape){ .type = METRIC_HISTOGRAM,
                                            .name = name,
                                            .help = help,
                                            .labels = labels,
                                            .bounds = buckets,
                                            .bound_count = bucket_count });
}

void metric_add(Metric *metric, const char *const *values, double amount) {
        if (!metric)
                return;
        assert(metric->type != METRIC_HISTOGRAM);
        (void)pthread_mutex_lock(&metric->lock);
        series_of(metric, values)->value += amount;
        (void)pthread_mutex_unlock(&metric->lock);
}

void metric_set(Metric *metric, const char *const *values, double value) {
        if (!metric)
                return;
        assert(metric->type != METRIC_HISTOGRAM);
        (void)pthread_mutex_lock(&metric->lock);
        series_of(metric, values)->value = value;
        (void)pthread_mutex_unlock(&metric->lock);
}

void metric_observe(Metric *metric, const char *const *values, double value) {
        Series *series;

        if (!metric)
                return;
        assert(metric->type == METRIC_HISTOGRAM);
        (void)pthread_mutex_lock(&metric->lock);
        series = series_of(metric, values);
        series->value += value;
        series->count++;
        for (size_t i = 0; i < metric->bound_count; i++) {
                if (value <= metric->bounds[i]) {
                        series->buckets[i]++;
                        break;
                }
        }
        (void)pthread_mutex_unlock(&metric->lock);
}

static void unlink_series(Metric *metric, Series *series) {
        Series *before = NULL;

        for (Series *at = metric->first; at != series; at = at->next)
                before = at;
        if (before)
                before->next = series->next;
        else
                metric->first = series->next;
        if (metric->last == series)
                metric->last = before;
}

void metric_forget(Metric *metric, const char *const *values) {
        char key[KEY_BYTES];
        Series *series;

        if (!metric)
                return;
        make_key(metric, values, key);
        (void)pthread_mutex_lock(&metric->lock);
        series = hashmap_remove(&metric->by_key, key);
        if (series) {
                unlink_series(metric, series);
                free(series->key);
                free(series);
        }
        (void)pthread_mutex_unlock(&metric->lock);
}

double metric_value(Metric *metric, const char *const *values) {
        char key[KEY_BYTES];
        const Series *series;
        double value = 0;

        if (!metric)
                return 0;
        make_key(metric, values, key);
        (void)pthread_mutex_lock(&metric->lock);
        series = hashmap_get(&metric->by_key, key);
        if (series)
                value = metric->type == METRIC_HISTOGRAM ? (double)series->count : series->value;
        (void)pthread_mutex_unlock(&metric->lock);
        return value;
}

void metrics_add_hook(Metrics *metrics, void (*hook)(Metrics *metrics, void *context), void *context) {
        MetricsHook *added;

        if (!metrics)
                return;
        added = alloc_zero(sizeof(*added));
        *added = (MetricsHook){ .run = hook, .context = context };
        (void)pthread_mutex_lock(&metrics->lock);
        added->next = metrics->hooks;
        metrics->hooks = added;
        (void)pthread_mutex_unlock(&metrics->lock);
}
