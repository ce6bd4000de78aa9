/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: filling, wrapping, cutting, the retry table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/text.h"

static void test_fills_the_error_and_returns_false(void **state) {
        Error err = { .http_status = 409, .retry_after_ms = 5, .reason = "Conflict" };

        (void)state;
        assert_false(error_set(&err, ERROR_INVALID, "members is %d", 4));
        assert_int_equal(err.code, ERROR_INVALID);
        assert_string_equal(err.text, "members is 4");
        assert_int_equal(err.http_status, 0);
        assert_int_equal(err.retry_after_ms, 0);
        assert_string_equal(err.reason, "");
        assert_false(error_set(NULL, ERROR_INVALID, "nobody asks"));
        assert_false(error_wrap(NULL, "nobody asks"));
}

static void test_wraps_and_keeps_the_rest(void **state) {
        Error err = { 0 };

        (void)state;
        (void)error_set(&err, ERROR_CONFLICT, "somebody wrote first");
        err.http_status = 409;
        assert_false(error_wrap(&err, "apply %s", "prod"));
        assert_string_equal(err.text, "apply prod: somebody wrote first");
        assert_int_equal(err.code, ERROR_CONFLICT);
        assert_int_equal(err.http_status, 409);
}

static void test_takes_its_own_text_as_argument(void **state) {
        Error err = { 0 };

        (void)state;
        (void)error_set(&err, ERROR_BUG, "first");
        (void)error_set(&err, ERROR_BUG, "second after %s", err.text);
        assert_string_equal(err.text, "second after first");
}

static void assert_cut_at_a_character(const Error *err) {
        size_t length = strlen(err->text);
        size_t at = 0;

        assert_true(length < sizeof(err->text) && length > sizeof(err->text) - 6);
        assert_string_equal(err->text + length - 3, "...");
        while (at < length) {
                size_t size = text_utf8_size(err->text + at, length - at);

                assert_true(size > 0);
                at += size;
        }
}

static void test_cuts_long_texts_at_a_character(void **state) {
        char pad[2000] = "";
        Error err = { 0 };

        (void)state;
        for (int shift = 0; shift < 4; shift++) {
                memset(pad, 'x', (size_t)shift);
                for (size_t at = (size_t)shift; at + 4 < sizeof(pad); at += 4)
                        memcpy(pad + at, "\xF0\x9F\x90\x98", 5);
                (void)error_set(&err, ERROR_BUG, "%s", pad);
                assert_cut_at_a_character(&err);
                (void)error_wrap(&err, "%s", "outer");
                assert_cut_at_a_character(&err);
                assert_memory_equal(err.text, "outer: ", 7);
                (void)error_wrap(&err, "%s", pad);
                assert_cut_at_a_character(&err);
        }
}

static void test_every_code_has_a_name_and_a_retry(void **state) {
        (void)state;
        for (ErrorCode code = ERROR_NONE; code < ERROR_CODE_COUNT; code++)
                assert_non_null(error_name(code));
        assert_string_equal(error_name(ERROR_CONFLICT), "conflict");
        assert_int_equal(error_retry(ERROR_CONFLICT), RETRY_SOON);
        assert_int_equal(error_retry(ERROR_INVALID), RETRY_ON_CHANGE);
        assert_int_equal(error_retry(ERROR_THROTTLED), RETRY_AS_TOLD);
        assert_int_equal(error_retry(ERROR_FORBIDDEN), RETRY_SLOW);
        assert_int_equal(error_retry(ERROR_STOPPED), RETRY_NEVER);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fills_the_error_and_returns_false),
                cmocka_unit_test(test_wraps_and_keeps_the_rest),
                cmocka_unit_test(test_takes_its_own_text_as_argument),
                cmocka_unit_test(test_cuts_long_texts_at_a_character),
                cmocka_unit_test(test_every_code_has_a_name_and_a_retry),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
