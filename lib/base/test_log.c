/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: shape, levels, cutting, many threads. Standard error is a pipe while a test writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/log.h"

enum { THREADS = 4, LINES = 200 };

/* What the log lines go to while they are caught. */
static FILE *caught;
static int real_stderr;

static void catch_lines(void) {
        caught = tmpfile();
        assert_non_null(caught);
        real_stderr = dup(STDERR_FILENO);
        assert_true(dup2(fileno(caught), STDERR_FILENO) >= 0);
}

static void release_lines(void) {
        assert_true(dup2(real_stderr, STDERR_FILENO) >= 0);
        assert_int_equal(close(real_stderr), 0);
        rewind(caught);
}

/* The next line as JSON, NULL behind the last one. */
static Json *next_line(void) {
        char line[2 * LOG_MAXIMUM_BYTES];
        Json *json = NULL;
        Error err = { 0 };

        if (!fgets(line, sizeof(line), caught))
                return NULL;
        assert_true(strlen(line) <= LOG_MAXIMUM_BYTES);
        assert_int_equal(line[strlen(line) - 1], '\n');
        if (!json_parse(line, strlen(line) - 1, &json, &err))
                fail_msg("%s: %s", err.text, line);
        return json;
}

static void close_lines(void) {
        assert_int_equal(fclose(caught), 0);
}

static void test_writes_one_object_per_line(void **state) {
        const LogContext context = { .component = "lease", .namespace_ = "ns", .name = "prod", .reconcile_id = "r1" };
        int64_t wall;
        Json *first, *second;

        (void)state;
        catch_lines();
        log_info(&context, "applied \"%s\"\n\x01\xFF", "Service");
        log_error(NULL, "plain");
        release_lines();
        first = next_line();
        second = next_line();
        assert_true(clock_parse(json_find_string(first, "/ts", ""), &wall));
        assert_int_equal(strlen(json_find_string(first, "/ts", "")), strlen("2026-01-02T03:04:05.123Z"));
        assert_string_equal(json_find_string(first, "/level", ""), "info");
        assert_string_equal(json_find_string(first, "/msg", ""), "applied \"Service\"\n\x01\xEF\xBF\xBD");
        assert_string_equal(json_find_string(first, "/component", ""), "lease");
        assert_string_equal(json_find_string(first, "/namespace", ""), "ns");
        assert_string_equal(json_find_string(first, "/name", ""), "prod");
        assert_string_equal(json_find_string(first, "/reconcileID", ""), "r1");
        assert_string_equal(json_find_string(second, "/level", ""), "error");
        assert_int_equal(json_size(second), 3);
        assert_null(next_line());
        json_free(first);
        json_free(second);
        close_lines();
}

static void test_drops_lines_below_the_level(void **state) {
        LogLevel level = LOG_DEBUG;
        Json *line;

        (void)state;
        assert_true(log_parse_level("warn", &level));
        assert_int_equal(level, LOG_WARN);
        assert_false(log_parse_level("loud", &level));
        assert_false(log_parse_level("", &level));
        catch_lines();
        log_debug(NULL, "off at start");
        log_set_level(level);
        log_info(NULL, "off");
        log_warn(NULL, "on");
        log_set_level(LOG_INFO);
        release_lines();
        line = next_line();
        assert_string_equal(json_find_string(line, "/msg", ""), "on");
        json_free(line);
        assert_null(next_line());
        close_lines();
}

static void test_cuts_long_messages_and_stays_json(void **state) {
        static const char *const fillings[] = { "x", "\x01", "\"", "\xF0\x9F\x90\x98", "\xFF" };
        char message[20001];
        char name[1001];

        (void)state;
        memset(name, 1, sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        catch_lines();
        for (size_t i = 0; i < ARRAY_LEN(fillings); i++) {
                const LogContext wide = { name, name, name, name };

                message[0] = '\0';
                for (size_t at = 0; at + 4 < sizeof(message); at += strlen(fillings[i]))
                        memcpy(message + at, fillings[i], strlen(fillings[i]) + 1);
                log_info(NULL, "%s", message);
                log_info(&wide, "%s", message);
        }
        release_lines();
        for (size_t i = 0; i < 2 * ARRAY_LEN(fillings); i++) {
                Json *line = next_line();
                const char *text = json_find_string(line, "/msg", "");

                assert_true(strlen(text) >= 3);
                assert_string_equal(text + strlen(text) - 3, "...");
                json_free(line);
        }
        assert_null(next_line());
        close_lines();
}

static void *write_lines(void *number) {
        for (int i = 0; i < LINES; i++)
                log_info(NULL, "thread %d line %d", *(const int *)number, i);
        return NULL;
}

static void test_lines_of_threads_do_not_mix(void **state) {
        pthread_t threads[THREADS];
        int numbers[THREADS];
        int lines = 0;
        Json *line;

        (void)state;
        catch_lines();
        for (int i = 0; i < THREADS; i++) {
                numbers[i] = i;
                assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &numbers[i]), 0);
        }
        for (int i = 0; i < THREADS; i++)
                assert_int_equal(pthread_join(threads[i], NULL), 0);
        release_lines();
        for (line = next_line(); line; line = next_line()) {
                lines++;
                json_free(line);
        }
        assert_int_equal(lines, THREADS * LINES);
        close_lines();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_writes_one_object_per_line),
                cmocka_unit_test(test_drops_lines_below_the_level),
                cmocka_unit_test(test_cuts_long_messages_and_stays_json),
                cmocka_unit_test(test_lines_of_threads_do_not_mix),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
