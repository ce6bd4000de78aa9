/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks and RFC 3339. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"

static const int64_t SECOND = 1000000;

static void test_clocks_do_not_go_back(void **state) {
        int64_t ms = clock_now_ms(), ns = clock_now_ns();

        (void)state;
        assert_true(ms > 0 && ns > 0);
        assert_true(clock_now_ms() >= ms);
        assert_true(clock_now_ns() >= ns);
        /* 2024-01-01: the machine's date is set. */
        assert_true(clock_wall_us() > 1704067200 * SECOND);
}

static void test_formats_time_as_kubernetes_does(void **state) {
        char text[CLOCK_RFC3339_SIZE];

        (void)state;
        clock_format(1767323045 * SECOND + 123456, text);
        assert_string_equal(text, "2026-01-02T03:04:05Z");
        clock_format_micro(1767323045 * SECOND + 123456, text);
        assert_string_equal(text, "2026-01-02T03:04:05.123456Z");
        clock_format_micro(-1, text);
        assert_string_equal(text, "1969-12-31T23:59:59.999999Z");
}

static void test_parses_what_it_formats(void **state) {
        static const int64_t times[] = { 0, 1, -1, 951782400000000, 1767323045123456, 253402300799999999 };
        char text[CLOCK_RFC3339_SIZE];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(times); i++) {
                int64_t back = 42;

                clock_format_micro(times[i], text);
                assert_true(clock_parse(text, &back));
                assert_true(back == times[i]);
        }
}

static void test_parses_offsets_and_fractions(void **state) {
        int64_t wall;

        (void)state;
        assert_true(clock_parse("2026-01-02T03:04:05Z", &wall));
        assert_true(wall == 1767323045 * SECOND);
        assert_true(clock_parse("2026-01-02T05:34:05.5+02:30", &wall));
        assert_true(wall == 1767323045 * SECOND + SECOND / 2);
        assert_true(clock_parse("2026-01-01T22:04:05.1234567899-05:00", &wall));
        assert_true(wall == 1767323045 * SECOND + 123456);
        assert_true(clock_parse("2024-02-29t00:00:00z", &wall));
        assert_true(clock_parse("2016-12-31T23:59:60Z", &wall));
}

static void test_refuses_what_is_no_time(void **state) {
        static const char *const wrong[] = { "", "2026", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02T03:04:05.Z",
                "2026-13-02T03:04:05Z", "2026-02-29T03:04:05Z", "2026-00-01T03:04:05Z", "2026-01-00T03:04:05Z",
                "2026-01-02T24:04:05Z", "2026-01-02T03:60:05Z", "2026-01-02T03:04:05Zx", "2026-01-02T03:04:05+0200",
                "2026-01-02 03:04:05Z", "26-01-02T03:04:05Z", "2026-01-02T03:04:61Z", "2026-01-02T03:04:05+24:00" };
        int64_t wall = 42;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
                assert_false(clock_parse(wrong[i], &wall));
        assert_false(clock_parse(NULL, &wall));
        assert_int_equal(wall, 42);
}

static void test_waiting_ends_when_its_time_has_come(void **state) {
        pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
        pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        int64_t until_ms = clock_now_ms() + 30;

        (void)state;
        (void)pthread_mutex_lock(&lock);
        assert_false(clock_wait(&condition, &lock, until_ms - 1000));
        while (clock_wait(&condition, &lock, until_ms))
                ;
        (void)pthread_mutex_unlock(&lock);
        assert_true(clock_now_ms() >= until_ms);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_clocks_do_not_go_back),
                cmocka_unit_test(test_formats_time_as_kubernetes_does),
                cmocka_unit_test(test_parses_what_it_formats),
                cmocka_unit_test(test_parses_offsets_and_fractions),
                cmocka_unit_test(test_refuses_what_is_no_time),
                cmocka_unit_test(test_waiting_ends_when_its_time_has_come),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
