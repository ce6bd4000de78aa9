/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas: lifetime, alignment, adoption. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/base/alloc.h"
#include "lib/base/arena.h"

static char order[8];

static void note(void *thing) {
        strncat(order, thing, sizeof(order) - strlen(order) - 1);
}

static void test_gives_zeroed_aligned_memory_that_does_not_overlap(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        unsigned char *seen[300];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
                seen[i] = arena_alloc(&arena, i * 7);
                assert_int_equal((uintptr_t)seen[i] % _Alignof(max_align_t), 0);
                for (size_t at = 0; at < i * 7; at++)
                        assert_int_equal(seen[i][at], 0);
                memset(seen[i], (int)i, i * 7);
        }
        for (size_t i = 0; i < ARRAY_LEN(seen); i++)
                for (size_t at = 0; at < i * 7; at++)
                        assert_int_equal(seen[i][at], i & 0xFF);
}

static void test_copies_and_prints_strings(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };

        (void)state;
        assert_null(arena_string(&arena, NULL));
        assert_string_equal(arena_string(&arena, "four"), "four");
        assert_memory_equal(arena_bytes(&arena, "a\0b", 3), "a\0b", 4);
        assert_string_equal(arena_printf(&arena, "%s-%d", "pg", 7), "pg-7");
}

static void test_frees_adopted_things_last_first(void **state) {
        Arena arena = { 0 };
        char a[] = "a", b[] = "b", c[] = "c";

        (void)state;
        order[0] = '\0';
        arena_adopt(&arena, a, note);
        arena_adopt(&arena, NULL, note);
        arena_adopt(&arena, b, note);
        arena_done(&arena);
        assert_string_equal(order, "ba");
        /* The arena is usable again. */
        arena_adopt(&arena, c, note);
        arena_done(&arena);
        arena_done(&arena);
        assert_string_equal(order, "bac");
}

static void test_alloc_copies_and_grows(void **state) {
        CLEANUP(cleanup_free) char *copy = alloc_bytes("ab", 2);
        CLEANUP(cleanup_free) unsigned char *zero = alloc_zero(100);

        (void)state;
        assert_null(alloc_string(NULL));
        assert_memory_equal(copy, "ab", 3);
        copy = alloc_grow(copy, 1000);
        assert_memory_equal(copy, "ab", 3);
        for (size_t i = 0; i < 100; i++)
                assert_int_equal(zero[i], 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_gives_zeroed_aligned_memory_that_does_not_overlap),
                cmocka_unit_test(test_copies_and_prints_strings),
                cmocka_unit_test(test_frees_adopted_things_last_first),
                cmocka_unit_test(test_alloc_copies_and_grows),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
