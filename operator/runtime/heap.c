/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap in one array. Law: a node's place is right whenever a function of this file has returned. */
#include "operator/runtime/heap.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/base/alloc.h"

enum { FIRST_CAPACITY = 16 };

void heap_done(Heap *heap) {
        free(heap->nodes);
        heap->nodes = NULL;
        heap->size = 0;
        heap->capacity = 0;
}

static void put(Heap *heap, size_t place, HeapNode *node) {
        heap->nodes[place - 1] = node;
        node->place = place;
}

static void move_up(Heap *heap, HeapNode *node) {
        size_t place = node->place;

        while (place > 1 && heap->before(node, heap->nodes[place / 2 - 1])) {
                put(heap, place, heap->nodes[place / 2 - 1]);
                place /= 2;
        }
        put(heap, place, node);
}

static void move_down(Heap *heap, HeapNode *node) {
        size_t place = node->place;

        while (place * 2 <= heap->size) {
                size_t child = place * 2;

                if (child < heap->size && heap->before(heap->nodes[child], heap->nodes[child - 1]))
                        child++;
                if (!heap->before(heap->nodes[child - 1], node))
                        break;
                put(heap, place, heap->nodes[child - 1]);
                place = child;
        }
        put(heap, place, node);
}

void heap_add(Heap *heap, HeapNode *node) {
        assert(node->place == 0);
        if (heap->size == heap->capacity) {
                heap->capacity = heap->capacity ? heap->capacity * 2 : FIRST_CAPACITY;
                heap->nodes = alloc_grow(heap->nodes, heap->capacity * sizeof(HeapNode *));
        }
        heap->size++;
        put(heap, heap->size, node);
        move_up(heap, node);
}

HeapNode *heap_top(const Heap *heap) {
        return heap->size ? heap->nodes[0] : NULL;
}

void heap_remove(Heap *heap, HeapNode *node) {
        size_t place = node->place;
        HeapNode *last = heap->nodes[heap->size - 1];

        assert(place >= 1 && place <= heap->size && heap->nodes[place - 1] == node);
        heap->size--;
        node->place = 0;
        if (last == node)
                return;
        put(heap, place, last);
        heap_moved(heap, last);
}

void heap_moved(Heap *heap, HeapNode *node) {
        move_up(heap, node);
        move_down(heap, node);
}
