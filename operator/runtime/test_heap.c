/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the heap: order, and nodes taken out of the middle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/random.h"
#include "operator/runtime/heap.h"

enum { COUNT = 500 };

typedef struct Entry {
        HeapNode node;
        uint64_t number;
} Entry;

static bool smaller(const HeapNode *a, const HeapNode *b) {
        return ((const Entry *)a)->number < ((const Entry *)b)->number;
}

static void assert_drains_in_order(Heap *heap, size_t expected) {
        uint64_t last = 0;

        for (size_t i = 0; i < expected; i++) {
                Entry *top = (Entry *)heap_top(heap);

                assert_non_null(top);
                assert_true(top->number >= last);
                last = top->number;
                heap_remove(heap, &top->node);
                assert_int_equal(top->node.place, 0);
        }
        assert_null(heap_top(heap));
}

static void test_an_empty_heap_has_no_top(void **state) {
        Heap heap = { .before = smaller };

        (void)state;
        assert_null(heap_top(&heap));
        heap_done(&heap);
}

static void test_nodes_leave_in_order(void **state) {
        static Entry entries[COUNT];
        Heap heap = { .before = smaller };

        (void)state;
        for (size_t i = 0; i < COUNT; i++) {
                entries[i] = (Entry){ .number = random_below(100) };
                heap_add(&heap, &entries[i].node);
        }
        assert_drains_in_order(&heap, COUNT);
        heap_done(&heap);
}

static void test_any_node_can_be_taken_out_or_moved(void **state) {
        static Entry entries[COUNT];
        Heap heap = { .before = smaller };
        size_t left = COUNT;

        (void)state;
        for (size_t i = 0; i < COUNT; i++) {
                entries[i] = (Entry){ .number = random_below(1000) };
                heap_add(&heap, &entries[i].node);
        }
        for (size_t i = 0; i + 1 < COUNT; i += 3) {
                heap_remove(&heap, &entries[i].node);
                left--;
                entries[i + 1].number = random_below(1000);
                heap_moved(&heap, &entries[i + 1].node);
        }
        assert_int_equal(heap.size, left);
        assert_drains_in_order(&heap, left);
        heap_done(&heap);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_an_empty_heap_has_no_top),
                cmocka_unit_test(test_nodes_leave_in_order),
                cmocka_unit_test(test_any_node_can_be_taken_out_or_moved),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
