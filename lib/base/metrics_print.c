/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics page. Law: one broken line makes Prometheus drop the whole page, so every value is escaped.
 * https://prometheus.io/docs/instrumenting/exposition_formats/ */
#include <string.h>

#include "lib/base/metrics_registry.h"

static void append_escaped(const char *value, size_t size, Text *page) {
        for (size_t i = 0; i < size; i++) {
                if (value[i] == '\n')
                        text_append_bytes(page, "\\n", 2);
                else if (value[i] == '\\')
                        text_append_bytes(page, "\\\\", 2);
                else if (value[i] == '"')
                        text_append_bytes(page, "\\\"", 2);
                else
                        text_append_bytes(page, value + i, 1);
        }
}

/* The labels of a series, and `bound` as "le" when it is not NULL. */
static void append_labels(const Metric *metric, const char *key, const double *bound, Text *page) {
        const char *mark = "{";

        if (metric->label_count == 0 && !bound)
                return;
        for (size_t i = 0; i < metric->label_count; i++) {
                const char *end = strchr(key, METRIC_SEPARATOR);

                text_printf(page, "%s%s=\"", mark, metric->labels[i]);
                append_escaped(key, (size_t)(end - key), page);
                text_append(page, "\"");
                key = end + 1;
                mark = ",";
        }
        if (bound) {
                text_printf(page, "%sle=\"", mark);
                text_append_number(page, *bound);
                text_append(page, "\"");
        }
        text_append(page, "}");
}

static void append_line(const Metric *metric, const char *ending, const Series *series, double value, Text *page) {
        text_printf(page, "%s%s", metric->name, ending);
        append_labels(metric, series->key, NULL, page);
        text_append(page, " ");
        text_append_number(page, value);
        text_append(page, "\n");
}

static void append_bucket(const Metric *metric, const Series *series, double bound, uint64_t count, Text *page) {
        text_printf(page, "%s_bucket", metric->name);
        append_labels(metric, series->key, &bound, page);
        text_printf(page, " %llu\n", (unsigned long long)count);
}

static void append_histogram(const Metric *metric, const Series *series, Text *page) {
        uint64_t sum = 0;

        for (size_t i = 0; i < metric->bound_count; i++) {
                sum += series->buckets[i];
                append_bucket(metric, series, metric->bounds[i], sum, page);
        }
        append_bucket(metric, series, __builtin_inf(), series->count, page);
        append_line(metric, "_sum", series, series->value, page);
        append_line(metric, "_count", series, (double)series->count, page);
}

static void append_help(const char *help, Text *page) {
        for (; *help; help++) {
                if (*help == '\n')
                        text_append(page, "\\n");
                else if (*help == '\\')
                        text_append(page, "\\\\");
                else
                        text_append_bytes(page, help, 1);
        }
}

static void append_metric(Metric *metric, Text *page) {
        static const char *const types[] = {
                [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"
        };

        text_printf(page, "# HELP %s ", metric->name);
        append_help(metric->help, page);
        text_printf(page, "\n# TYPE %s %s\n", metric->name, types[metric->type]);
        (void)pthread_mutex_lock(&metric->lock);
        for (const Series *series = metric->first; series; series = series->next) {
                if (metric->type == METRIC_HISTOGRAM)
                        append_histogram(metric, series, page);
                else
                        append_line(metric, "", series, series->value, page);
        }
        (void)pthread_mutex_unlock(&metric->lock);
}

void metrics_print(Metrics *metrics, Text *page) {
        const MetricsHook *hook;
        Metric *metric;

        (void)pthread_mutex_lock(&metrics->lock);
        hook = metrics->hooks;
        (void)pthread_mutex_unlock(&metrics->lock);
        /* Without the lock: hooks ask for metrics. The list only grows at its head. */
        for (; hook; hook = hook->next)
                hook->run(metrics, hook->context);
        (void)pthread_mutex_lock(&metrics->lock);
        for (metric = metrics->first; metric; metric = metric->next)
                append_metric(metric, page);
        (void)pthread_mutex_unlock(&metrics->lock);
}
