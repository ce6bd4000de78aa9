/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap of nodes that know their place, so that any of them can be taken out or moved. The node is the first
 * member of what is ordered. Not locked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct HeapNode {
        size_t place; /* 1 and up while in the heap; 0 outside */
} HeapNode;

typedef struct Heap {
        /* Whether `a` leaves the heap before `b`. Set once; must be a strict order that a change of the clock keeps. */
        bool (*before)(const HeapNode *a, const HeapNode *b);
        HeapNode **nodes;
        size_t size;
        size_t capacity;
} Heap;

/* Frees the heap's own memory, not the nodes. */
void heap_done(Heap *heap);
/* `node` is in no heap. */
void heap_add(Heap *heap, HeapNode *node);
/* The node that leaves first, left where it is; NULL when empty. */
HeapNode *heap_top(const Heap *heap);
/* `node` is in this heap. */
void heap_remove(Heap *heap, HeapNode *node);
/* To be called after a change of what `node` is ordered by. */
void heap_moved(Heap *heap, HeapNode *node);
