/* SPDX-License-Identifier: Apache-2.0 */
/* Text: growth and its cap, numbers, hashes, UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>
#include <string.h>

#include "lib/base/text.h"

static void test_grows_and_is_always_terminated(void **state) {
        CLEANUP(text_done) Text text = { 0 };

        (void)state;
        assert_string_equal(text_string(&text), "");
        for (int i = 0; i < 1000; i++)
                text_printf(&text, "%03d,", i);
        text_append(&text, "end");
        text_append_bytes(&text, NULL, 0);
        assert_int_equal(text.size, 4003);
        assert_int_equal(strlen(text_string(&text)), 4003);
        assert_string_equal(text_string(&text) + 3996, "999,end");
        text_consume(&text, 4000);
        assert_string_equal(text_string(&text), "end");
        text_clear(&text);
        assert_string_equal(text_string(&text), "");
        assert_true(text.capacity > 0);
}

static void test_fails_for_good_past_its_maximum(void **state) {
        CLEANUP(text_done) Text text = { .maximum = 8 };

        (void)state;
        text_append(&text, "12345678");
        assert_false(text.failed);
        text_append(&text, "9");
        assert_true(text.failed);
        text_clear(&text);
        assert_false(text.failed);
        text_append(&text, "1234");
        text_printf(&text, "%s", "56789");
        text_append(&text, "5");
        assert_true(text.failed);
        assert_string_equal(text_string(&text), "1234");
        assert_null(text_take(&text));
        assert_int_equal(text.maximum, 8);
        assert_false(text.failed);
}

static void test_hands_its_string_over(void **state) {
        Text text = { 0 };
        char *empty = text_take(&text);
        char *taken;

        (void)state;
        text_append(&text, "mine");
        taken = text_take(&text);
        assert_string_equal(empty, "");
        assert_string_equal(taken, "mine");
        assert_null(text.data);
        free(empty);
        free(taken);
}

static void assert_number(double number, const char *wanted) {
        CLEANUP(text_done) Text text = { 0 };

        text_append_number(&text, number);
        assert_string_equal(text_string(&text), wanted);
}

static void test_prints_numbers_that_read_back(void **state) {
        (void)state;
        assert_number(0, "0");
        assert_number(-0.0, "0");
        assert_number(-17, "-17");
        assert_number(4503599627370497.0, "4503599627370497");
        assert_number(0.1, "0.1");
        assert_number(1.0 / 3, "0.3333333333333333");
        assert_number(1e300, "1e+300");
        assert_number(1e-8, "1e-08");
        assert_number(__builtin_inf(), "+Inf");
        assert_number(-__builtin_inf(), "-Inf");
        assert_number(__builtin_nan(""), "NaN");
}

static void test_hashes_as_fnv_1a(void **state) {
        (void)state;
        assert_true(text_hash("", 0) == UINT64_C(0xcbf29ce484222325));
        assert_true(text_hash("foobar", 6) == UINT64_C(0x85944171f73967e8));
        assert_true(text_hash_more(text_hash("foo", 3), "bar", 3) == UINT64_C(0x85944171f73967e8));
}

static void test_compares_secrets(void **state) {
        (void)state;
        assert_true(text_same_secret("", ""));
        assert_true(text_same_secret("swordfish", "swordfish"));
        assert_false(text_same_secret("swordfish", "swordfisH"));
        assert_false(text_same_secret("swordfish", "swordfis"));
        assert_false(text_same_secret("swordfis", "swordfish"));
        assert_false(text_same_secret("", "a"));
        assert_false(text_same_secret(NULL, NULL));
        assert_false(text_same_secret("a", NULL));
}

static void test_reads_whole_numbers_only(void **state) {
        static const char *const wrong[] = { "", "-", "+1", " 1", "1 ", "0x1", "1.0", "1e3", "9223372036854775808",
                "-9223372036854775809", "99999999999999999999" };
        int64_t number = 42;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
                assert_false(text_to_int(wrong[i], INT64_MIN, INT64_MAX, &number));
        assert_false(text_to_int(NULL, 0, 1, &number));
        assert_false(text_to_int("11", 0, 10, &number));
        assert_false(text_to_int("-1", 0, 10, &number));
        assert_int_equal(number, 42);
        assert_true(text_to_int("-9223372036854775808", INT64_MIN, INT64_MAX, &number));
        assert_true(number == INT64_MIN);
        assert_true(text_to_int("9223372036854775807", INT64_MIN, INT64_MAX, &number));
        assert_true(number == INT64_MAX);
        assert_true(text_to_int("007", 0, 10, &number));
        assert_int_equal(number, 7);
}

static void test_knows_utf8(void **state) {
        static const char *const wrong[] = { "\x80", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x80\x80",
                "\xED\xA0\x80", "\xE2\x82", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF" };

        (void)state;
        assert_int_equal(text_utf8_size("", 0), 0);
        assert_int_equal(text_utf8_size("a", 1), 1);
        assert_int_equal(text_utf8_size("\xC3\xBC", 2), 2);
        assert_int_equal(text_utf8_size("\xE2\x82\xAC", 3), 3);
        assert_int_equal(text_utf8_size("\xF0\x9F\x90\x98", 4), 4);
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
                assert_int_equal(text_utf8_size(wrong[i], strlen(wrong[i])), 0);
}

static void test_cuts_between_characters(void **state) {
        (void)state;
        assert_int_equal(text_cut("abc", 5), 3);
        assert_int_equal(text_cut("abc", 3), 3);
        assert_int_equal(text_cut("abc", 2), 2);
        assert_int_equal(text_cut("a\xE2\x82\xAC", 4), 4);
        assert_int_equal(text_cut("a\xE2\x82\xAC", 3), 1);
        assert_int_equal(text_cut("a\xE2\x82\xAC", 2), 1);
        assert_int_equal(text_cut("abc", 0), 0);
}

static void test_what_is_taken_has_no_room_left_behind_it(void **state) {
        enum { SIZE = 5000, GRAIN = 32 };
        Text text = { 0 };
        char *taken;

        (void)state;
        for (int i = 0; i < SIZE; i++)
                text_append(&text, "x");
        assert_true(text.capacity > SIZE + GRAIN);
        taken = text_take(&text);
        assert_in_range(malloc_usable_size(taken), SIZE + 1, SIZE + GRAIN);
        free(taken);
}

static void test_takes_null_as_empty(void **state) {
        (void)state;
        assert_true(text_equal(NULL, ""));
        assert_true(text_equal("a", "a"));
        assert_false(text_equal("a", NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_grows_and_is_always_terminated),
                cmocka_unit_test(test_fails_for_good_past_its_maximum),
                cmocka_unit_test(test_hands_its_string_over),
                cmocka_unit_test(test_prints_numbers_that_read_back),
                cmocka_unit_test(test_hashes_as_fnv_1a),
                cmocka_unit_test(test_compares_secrets),
                cmocka_unit_test(test_reads_whole_numbers_only),
                cmocka_unit_test(test_knows_utf8),
                cmocka_unit_test(test_cuts_between_characters),
                cmocka_unit_test(test_takes_null_as_empty),
                cmocka_unit_test(test_what_is_taken_has_no_room_left_behind_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
