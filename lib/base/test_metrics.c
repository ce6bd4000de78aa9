/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics: the page to the byte, the cap on series, threads, the process's own figures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/metrics.h"

enum { THREADS = 4, ROUNDS = 2000 };

static void metrics_cleanup(Metrics **metrics) {
        metrics_free(*metrics);
}

static const char *const one_label[] = { "name", NULL };
static const char *const two_labels[] = { "controller", "result", NULL };

static void test_prints_the_page(void **state) {
        static const double bounds[] = { 0.005, 1, 2.5 };
        CLEANUP(metrics_cleanup) Metrics *metrics = metrics_new();
        CLEANUP(text_done) Text page = { 0 };
        Metric *total = metrics_counter(metrics, "reconcile_total", "How often.\nBack\\slash \"quoted\"", two_labels);
        Metric *depth = metrics_gauge(metrics, "depth", "How deep.", NULL);
        Metric *time = metrics_histogram(metrics, "seconds", "How long.", one_label, bounds, 3);

        (void)state;
        metric_add(total, (const char *const[]){ "statepillar", "success" }, 1);
        metric_add(total, (const char *const[]){ "statepillar", "success" }, 2);
        metric_add(total, (const char *const[]){ "a\"b\\c\nd", NULL }, 0);
        metric_set(depth, NULL, 3);
        metric_set(depth, NULL, -0.5);
        metric_observe(time, (const char *const[]){ "x" }, 0.005);
        metric_observe(time, (const char *const[]){ "x" }, 2);
        metric_observe(time, (const char *const[]){ "x" }, 100);
        metrics_print(metrics, &page);
        assert_string_equal(text_string(&page), "# HELP reconcile_total How often.\\nBack\\\\slash \"quoted\"\n"
                                                "# TYPE reconcile_total counter\n"
                                                "reconcile_total{controller=\"statepillar\",result=\"success\"} 3\n"
                                                "reconcile_total{controller=\"a\\\"b\\\\c\\nd\",result=\"\"} 0\n"
                                                "# HELP depth How deep.\n"
                                                "# TYPE depth gauge\n"
                                                "depth -0.5\n"
                                                "# HELP seconds How long.\n"
                                                "# TYPE seconds histogram\n"
                                                "seconds_bucket{name=\"x\",le=\"0.005\"} 1\n"
                                                "seconds_bucket{name=\"x\",le=\"1\"} 1\n"
                                                "seconds_bucket{name=\"x\",le=\"2.5\"} 2\n"
                                                "seconds_bucket{name=\"x\",le=\"+Inf\"} 3\n"
                                                "seconds_sum{name=\"x\"} 102.005\n"
                                                "seconds_count{name=\"x\"} 3\n");
        assert_true(metric_value(time, (const char *const[]){ "x" }) == 3);
        assert_true(metric_value(time, (const char *const[]){ "y" }) == 0);
}

static void test_a_metric_without_labels_is_there_from_the_start(void **state) {
        static const double bounds[] = { 1 };
        CLEANUP(metrics_cleanup) Metrics *metrics = metrics_new();
        CLEANUP(text_done) Text page = { 0 };

        (void)state;
        (void)metrics_counter(metrics, "a", "A.", NULL);
        (void)metrics_histogram(metrics, "b", "B.", NULL, bounds, 1);
        (void)metrics_counter(metrics, "c", "C.", one_label);
        metrics_print(metrics, &page);
        assert_string_equal(text_string(&page),
                "# HELP a A.\n# TYPE a counter\na 0\n"
                "# HELP b B.\n# TYPE b histogram\nb_bucket{le=\"1\"} 0\nb_bucket{le=\"+Inf\"} 0\nb_sum 0\nb_count 0\n"
                "# HELP c C.\n# TYPE c counter\n");
}

static void test_a_name_asked_for_twice_is_one_metric(void **state) {
        CLEANUP(metrics_cleanup) Metrics *metrics = metrics_new();
        char name[] = "same";

        (void)state;
        assert_ptr_equal(metrics_gauge(metrics, "same", "x", NULL), metrics_gauge(metrics, name, "x", NULL));
}

static void test_forgets_a_series_and_keeps_the_others(void **state) {
        CLEANUP(metrics_cleanup) Metrics *metrics = metrics_new();
        CLEANUP(text_done) Text page = { 0 };
        Metric *up = metrics_gauge(metrics, "up", "Up.", one_label);
        static const char *const names[] = { "a", "b", "c", "d" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                metric_set(up, &names[i], 1);
        /* The first, one in the middle, the last; then one more behind. */
        metric_forget(up, &names[0]);
        metric_forget(up, &names[2]);
        metric_forget(up, &names[3]);
        metric_forget(up, &names[3]);
        metric_set(up, &names[3], 4);
        metrics_print(metrics, &page);
        assert_string_equal(text_string(&page), "# HELP up Up.\n# TYPE up gauge\nup{name=\"b\"} 1\nup{name=\"d\"} 4\n");
        assert_true(metric_value(up, &names[0]) == 0);
}

static void test_caps_the_series_of_a_metric(void **state) {
        CLEANUP(metrics_cleanup) Metrics *metrics = metrics_new();
        CLEANUP(text_done) Text page = { 0 };
        Metric *total = metrics_counter(metrics, "t", "T.", one_label);
        size_t lines = 0;

        (void)state;
        for (int i = 0; i < METRICS_MAXIMUM_SERIES + 500; i++) {
                char name[16];

                (void)snprintf(name, sizeof(name), "n%d", i);
                metric_add(total, (const char *const[]){ name }, 1);
        }
        assert_true(metric_value(total, (const char *const[]){ "overflow" }) == 500);
        assert_true(metric_value(total, (const char *const[]){ "n1" }) == 1);
        metrics_print(metrics, &page);
        for (const char *at = text_string(&page); *at; at++)
                lines += *at == '\n';
        assert_int_equal(lines, 2 + METRICS_MAXIMUM_SERIES + 1);
}

static void test_label_values_cannot_spoil_the_page(void **state) {
        CLEANUP(metrics_cleanup) Metrics *metrics = metrics_new();
        CLEANUP(text_done) Text page = { 0 };
        Metric *up = metrics_gauge(metrics, "up", "Up.", one_label);
        char wide[300] = "";

        (void)state;
        metric_set(up, (const char *const[]){ "bad \xFF\xC3 end" }, 1);
        for (size_t at = 1; at + 3 < sizeof(wide); at += 3)
                memcpy(wide + at, "\xE2\x82\xAC", 4);
        wide[0] = 'x';
        metric_set(up, (const char *const[]){ wide }, 2);
        metrics_print(metrics, &page);
        for (size_t at = 0; at < page.size;) {
                size_t step = text_utf8_size(page.data + at, page.size - at);

                assert_true(step > 0);
                at += step;
        }
        assert_non_null(strstr(page.data, "up{name=\"bad ?? end\"} 1\n"));
        assert_true(page.size < 250);
}

static void test_null_metrics_are_ignored(void **state) {
        Metric *none = metrics_counter(NULL, "a", "A.", NULL);

        (void)state;
        assert_null(none);
        metric_add(none, NULL, 1);
        metric_set(none, NULL, 1);
        metric_observe(none, NULL, 1);
        metric_forget(none, NULL);
        assert_true(metric_value(none, NULL) == 0);
        metrics_add_process(NULL, "1");
        metrics_free(NULL);
}

static void *count(void *argument) {
        static const double bounds[] = { 10, 100 };
        Metrics *metrics = argument;
        Metric *total = metrics_counter(metrics, "total", "T.", one_label);
        Metric *time = metrics_histogram(metrics, "time", "T.", NULL, bounds, 2);

        for (int i = 0; i < ROUNDS; i++) {
                static const char *const names[] = { "a", "b", "c" };
                CLEANUP(text_done) Text page = { 0 };

                metric_add(total, &names[i % 2], 1);
                metric_observe(time, NULL, i % 200);
                metric_set(total, &names[2], i);
                metric_forget(total, &names[2]);
                if (i % 100 == 0)
                        metrics_print(metrics, &page);
        }
        return NULL;
}

static void test_counts_from_many_threads(void **state) {
        CLEANUP(metrics_cleanup) Metrics *metrics = metrics_new();
        pthread_t threads[THREADS];
        double sum;

        (void)state;
        for (int i = 0; i < THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, count, metrics), 0);
        for (int i = 0; i < THREADS; i++)
                assert_int_equal(pthread_join(threads[i], NULL), 0);
        sum = metric_value(metrics_counter(metrics, "total", "T.", one_label), (const char *const[]){ "a" }) +
              metric_value(metrics_counter(metrics, "total", "T.", one_label), (const char *const[]){ "b" });
        assert_true(sum == THREADS * ROUNDS);
        assert_true(metric_value(metrics_histogram(metrics, "time", "T.", NULL, NULL, 0), NULL) == THREADS * ROUNDS);
}

static void assert_between(Metrics *metrics, const char *name, double least, double most) {
        double value = metric_value(metrics_gauge(metrics, name, "", NULL), NULL);

        if (!(value >= least && value <= most))
                fail_msg("%s is %g", name, value);
}

static void test_tells_about_the_process(void **state) {
        CLEANUP(metrics_cleanup) Metrics *metrics = metrics_new();
        CLEANUP(text_done) Text page = { 0 };
        double now = (double)clock_wall_us() / 1e6;

        (void)state;
        metrics_add_process(metrics, "1.2.3");
        metrics_print(metrics, &page);
        assert_non_null(strstr(page.data, "madbase_build_info{version=\"1.2.3\"} 1\n"));
        assert_non_null(strstr(page.data, "# TYPE process_cpu_seconds_total counter\n"));
        assert_non_null(strstr(page.data, "\nallocator_in_use_bytes "));
        assert_between(metrics, "process_resident_memory_bytes", 256 * 1024, 1e12);
        assert_between(metrics, "process_resident_anonymous_memory_bytes", 4096, 1e12);
        assert_between(metrics, "process_virtual_memory_bytes", 1024 * 1024, 1e15);
        assert_between(metrics, "process_open_fds", 3, 100);
        assert_between(metrics, "process_max_fds", 3, 1e10);
        assert_between(metrics, "process_start_time_seconds", now - 3600, now + 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_prints_the_page),
                cmocka_unit_test(test_a_metric_without_labels_is_there_from_the_start),
                cmocka_unit_test(test_a_name_asked_for_twice_is_one_metric),
                cmocka_unit_test(test_forgets_a_series_and_keeps_the_others),
                cmocka_unit_test(test_caps_the_series_of_a_metric),
                cmocka_unit_test(test_label_values_cannot_spoil_the_page),
                cmocka_unit_test(test_null_metrics_are_ignored),
                cmocka_unit_test(test_counts_from_many_threads),
                cmocka_unit_test(test_tells_about_the_process),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
