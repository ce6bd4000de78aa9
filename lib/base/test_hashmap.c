/* SPDX-License-Identifier: Apache-2.0 */
/* The map: against a plain array, under growth, removal and walking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "lib/base/cleanup.h"
#include "lib/base/hashmap.h"

enum { ENTRIES = 1000 };

typedef struct Entry {
        char key[16];
        bool here;
} Entry;

static Entry entries[ENTRIES];

static void name_entries(void) {
        for (int i = 0; i < ENTRIES; i++) {
                (void)snprintf(entries[i].key, sizeof(entries[i].key), "key-%d", i);
                entries[i].here = false;
        }
}

static void test_gives_back_what_was_put(void **state) {
        CLEANUP(hashmap_done) Hashmap map = { 0 };
        int one = 1, two = 2;
        char key[] = "same", twin[] = "same";

        (void)state;
        assert_null(hashmap_get(&map, "same"));
        assert_null(hashmap_remove(&map, "same"));
        assert_null(hashmap_put(&map, key, &one));
        assert_ptr_equal(hashmap_put(&map, twin, &two), &one);
        /* The key of the second put counts from now on. */
        key[0] = 'x';
        assert_ptr_equal(hashmap_get(&map, "same"), &two);
        assert_int_equal(map.size, 1);
        assert_ptr_equal(hashmap_remove(&map, "same"), &two);
        assert_null(hashmap_get(&map, "same"));
        assert_int_equal(map.size, 0);
}

static void test_agrees_with_an_array_under_churn(void **state) {
        CLEANUP(hashmap_done) Hashmap map = { 0 };
        uint32_t number = 7;
        size_t size = 0;

        (void)state;
        name_entries();
        for (int step = 0; step < 100000; step++) {
                Entry *entry;

                number = number * 1664525 + 1013904223;
                entry = &entries[(number >> 8) % ENTRIES];
                if (number >> 31) {
                        assert_ptr_equal(hashmap_put(&map, entry->key, entry), entry->here ? entry : NULL);
                        size += !entry->here;
                        entry->here = true;
                } else {
                        assert_ptr_equal(hashmap_remove(&map, entry->key), entry->here ? entry : NULL);
                        size -= entry->here;
                        entry->here = false;
                }
                assert_int_equal(map.size, size);
        }
        for (int i = 0; i < ENTRIES; i++)
                assert_ptr_equal(hashmap_get(&map, entries[i].key), entries[i].here ? &entries[i] : NULL);
        assert_true(map.capacity <= 4 * (size_t)ENTRIES);
}

static void test_the_walk_sees_each_once_while_removing(void **state) {
        CLEANUP(hashmap_done) Hashmap map = { 0 };
        size_t at = 0, seen = 0;
        Entry *entry;

        (void)state;
        name_entries();
        for (int i = 0; i < ENTRIES; i++)
                (void)hashmap_put(&map, entries[i].key, &entries[i]);
        while ((entry = hashmap_next(&map, &at))) {
                assert_false(entry->here);
                entry->here = true;
                seen++;
                assert_ptr_equal(hashmap_remove(&map, entry->key), entry);
        }
        assert_int_equal(seen, ENTRIES);
        assert_int_equal(map.size, 0);
        at = 0;
        assert_null(hashmap_next(&map, &at));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_gives_back_what_was_put),
                cmocka_unit_test(test_agrees_with_an_array_under_churn),
                cmocka_unit_test(test_the_walk_sees_each_once_while_removing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
