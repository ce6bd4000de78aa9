/* SPDX-License-Identifier: Apache-2.0 */
/* Positions and their witness. */
#include "position.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char A[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", B[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
                  C[] = "cccccccccccccccccccccccccccccccccccccccc";

static Position moved(const char *one, const char *two, long long offset) {
        Position position = { 0 };
        if (one)
                position_move(&position, one, offset);
        if (two)
                position_move(&position, two, offset);
        return position;
}

static void test_the_larger_offset_in_one_history_is_newer(void **state) {
        (void)state;
        Position less = moved(A, NULL, 5), more = moved(A, NULL, 6);
        assert_int_equal(position_compare(&less, &more), POSITION_OLDER);
        assert_int_equal(position_compare(&more, &less), POSITION_NEWER);
        assert_int_equal(position_compare(&less, &less), POSITION_SAME);
}

static void test_a_history_that_went_on_is_newer_whatever_the_offset(void **state) {
        (void)state;
        Position before = moved(A, NULL, 1000), after = moved(A, B, 1);
        assert_int_equal(position_compare(&after, &before), POSITION_NEWER);
        assert_int_equal(position_compare(&before, &after), POSITION_OLDER);
}

static void test_histories_that_parted_cannot_be_compared(void **state) {
        (void)state;
        Position one = moved(A, B, 7), two = moved(A, C, 7), unknown = { .has_data = true };
        assert_int_equal(position_compare(&one, &two), POSITION_UNRELATED);
        assert_int_equal(position_compare(&one, &unknown), POSITION_UNRELATED);
}

static void test_any_data_is_newer_than_none(void **state) {
        (void)state;
        Position none = { 0 }, some = moved(A, NULL, 0), unknown = { .has_data = true };
        assert_int_equal(position_compare(&some, &none), POSITION_NEWER);
        assert_int_equal(position_compare(&none, &unknown), POSITION_OLDER);
        assert_int_equal(position_compare(&none, &none), POSITION_SAME);
}

static void test_a_long_history_forgets_its_beginning(void **state) {
        (void)state;
        Position position = { 0 };
        char id[POSITION_ID + 1] = "";
        for (int i = 0; i < POSITION_HISTORY_MAX + 3; i++) {
                memset(id, '0' + i % 10, POSITION_ID);
                id[0] = (char)('a' + i % 6);
                position_move(&position, id, i);
        }
        assert_int_equal(position.n_history, POSITION_HISTORY_MAX);
        assert_string_equal(position.history[POSITION_HISTORY_MAX - 1], id);
}

static void test_text_and_back(void **state) {
        (void)state;
        Position position = moved(A, B, 123456789012), read;
        char text[POSITION_TEXT_MAX];
        position_print(&position, text);
        assert_true(position_parse(text, &read));
        assert_int_equal(position_compare(&position, &read), POSITION_SAME);
        assert_int_equal(read.n_history, 2);
        for (size_t i = 0; i < 4; i++)
                assert_false(position_parse((const char *const[]){ "", "-1", "5 xyz", "5 aaaa" }[i], &read));
}

static void write_file(const char *folder, const char *name, const char *text) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, name);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
}

static void test_the_witness_counts_only_beside_data_and_when_whole(void **state) {
        (void)state;
        char folder[] = "/tmp/test_position.XXXXXX", path[512];
        assert_non_null(mkdtemp(folder));
        Position position = moved(A, B, 77), read;
        assert_true(position_save(folder, &position, true));
        read = position_load(folder);
        assert_false(read.has_data);

        snprintf(path, sizeof path, "%s/appendonlydir", folder);
        assert_int_equal(mkdir(path, 0700), 0);
        write_file(folder, "appendonlydir/appendonly.aof.manifest", "");
        read = position_load(folder);
        assert_int_equal(position_compare(&position, &read), POSITION_SAME);

        write_file(folder, "witness", "78 torn");
        read = position_load(folder);
        assert_true(read.has_data);
        assert_int_equal(read.n_history, 0);

        for (size_t i = 0; i < 3; i++) {
                const char *name[] = { "witness", "appendonlydir/appendonly.aof.manifest", "appendonlydir" };
                snprintf(path, sizeof path, "%s/%s", folder, name[i]);
                assert_int_equal(remove(path), 0);
        }
        assert_int_equal(rmdir(folder), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_larger_offset_in_one_history_is_newer),
                cmocka_unit_test(test_a_history_that_went_on_is_newer_whatever_the_offset),
                cmocka_unit_test(test_histories_that_parted_cannot_be_compared),
                cmocka_unit_test(test_any_data_is_newer_than_none),
                cmocka_unit_test(test_a_long_history_forgets_its_beginning),
                cmocka_unit_test(test_text_and_back),
                cmocka_unit_test(test_the_witness_counts_only_beside_data_and_when_whole),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
