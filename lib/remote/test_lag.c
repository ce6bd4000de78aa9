/* SPDX-License-Identifier: Apache-2.0 */
/* The lag word under steady, noisy and broken replication. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/remote/lag.h"

static const int64_t MIB = 1048576;

static LagWord after(Lag *lag, bool streaming, int64_t behind_bytes) {
        lag_look(lag, streaming, behind_bytes);
        return lag->word;
}

static void test_the_first_look_decides(void **state) {
        (void)state;
        assert_int_equal(after(&(Lag){ 0 }, true, 0), LAG_STREAMING);
        assert_int_equal(after(&(Lag){ 0 }, true, -1), LAG_STREAMING);
        assert_int_equal(after(&(Lag){ 0 }, true, LAG_ENTER_BYTES), LAG_LAGGING);
        assert_int_equal(after(&(Lag){ 0 }, false, 0), LAG_BROKEN);
}

static void test_one_bad_look_is_no_news(void **state) {
        Lag lag = { .word = LAG_STREAMING };

        (void)state;
        assert_int_equal(after(&lag, true, 100 * MIB), LAG_STREAMING);
        assert_int_equal(after(&lag, true, 0), LAG_STREAMING);
        assert_int_equal(after(&lag, true, 100 * MIB), LAG_STREAMING);
        assert_int_equal(after(&lag, true, 100 * MIB), LAG_LAGGING);
}

static void test_lagging_ends_well_below_where_it_began(void **state) {
        Lag lag = { .word = LAG_LAGGING };

        (void)state;
        assert_int_equal(after(&lag, true, LAG_ENTER_BYTES - 1), LAG_LAGGING);
        assert_int_equal(after(&lag, true, LAG_LEAVE_BYTES), LAG_LAGGING);
        assert_int_equal(after(&lag, true, LAG_LEAVE_BYTES - 1), LAG_STREAMING);
        assert_int_equal(after(&lag, true, LAG_LEAVE_BYTES), LAG_STREAMING);
        assert_int_equal(after(&lag, true, LAG_LEAVE_BYTES), LAG_STREAMING);
}

static void test_streaming_again_counts_at_once_and_breaking_when_heard_twice(void **state) {
        Lag lag = { .word = LAG_STREAMING };

        (void)state;
        assert_int_equal(after(&lag, false, -1), LAG_STREAMING);
        assert_int_equal(after(&lag, false, -1), LAG_BROKEN);
        assert_int_equal(after(&lag, true, 100 * MIB), LAG_LAGGING);
        assert_int_equal(after(&lag, false, 0), LAG_LAGGING);
        assert_int_equal(after(&lag, false, 0), LAG_BROKEN);
        assert_int_equal(after(&lag, true, 0), LAG_STREAMING);
}

static void test_a_worse_word_must_be_heard_twice_itself(void **state) {
        Lag lag = { .word = LAG_STREAMING };

        (void)state;
        assert_int_equal(after(&lag, true, 100 * MIB), LAG_STREAMING);
        assert_int_equal(after(&lag, false, 0), LAG_LAGGING);
        assert_int_equal(after(&lag, false, 0), LAG_LAGGING);
        assert_int_equal(after(&lag, false, 0), LAG_BROKEN);
}

static void test_words_for_people(void **state) {
        (void)state;
        assert_string_equal(lag_name(LAG_NONE), "");
        assert_string_equal(lag_name(LAG_STREAMING), "Streaming");
        assert_string_equal(lag_name(LAG_LAGGING), "Lagging");
        assert_string_equal(lag_name(LAG_BROKEN), "Broken");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_first_look_decides),
                cmocka_unit_test(test_one_bad_look_is_no_news),
                cmocka_unit_test(test_lagging_ends_well_below_where_it_began),
                cmocka_unit_test(test_streaming_again_counts_at_once_and_breaking_when_heard_twice),
                cmocka_unit_test(test_a_worse_word_must_be_heard_twice_itself),
                cmocka_unit_test(test_words_for_people),
        };

        return cmocka_run_group_tests_name("lag", tests, NULL, NULL);
}
