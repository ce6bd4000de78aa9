/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers: bounds and spread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/base/random.h"

static void test_reaches_every_number_below_the_limit_and_no_other(void **state) {
        int counts[7] = { 0 };

        (void)state;
        for (int i = 0; i < 7000; i++) {
                uint64_t number = random_below(7);

                assert_true(number < 7);
                counts[number]++;
        }
        /* 1000 expected; 700 lies ten standard deviations off. */
        for (int i = 0; i < 7; i++)
                assert_in_range(counts[i], 700, 1300);
        assert_int_equal(random_below(1), 0);
        assert_int_equal(random_below(0), 0);
}

static void test_passwords_are_letters_and_digits_and_differ(void **state) {
        char one[101], two[101];
        char nothing[1] = "x";

        (void)state;
        random_password(one, 100);
        random_password(two, 100);
        assert_int_equal(strlen(one), 100);
        assert_int_equal(strspn(one, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"), 100);
        assert_string_not_equal(one, two);
        random_password(nothing, 0);
        assert_string_equal(nothing, "");
}

static void test_jitter_only_adds(void **state) {
        int64_t least = INT64_MAX, most = 0;

        (void)state;
        for (int i = 0; i < 1000; i++) {
                int64_t value = random_jitter(1000, 0.5);

                assert_in_range(value, 1000, 1500);
                least = value < least ? value : least;
                most = value > most ? value : most;
        }
        assert_true(least < 1100 && most > 1400);
        assert_int_equal(random_jitter(1000, 0), 1000);
        assert_true(random_jitter(INT64_MAX, 100) == INT64_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reaches_every_number_below_the_limit_and_no_other),
                cmocka_unit_test(test_passwords_are_letters_and_digits_and_differ),
                cmocka_unit_test(test_jitter_only_adds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
