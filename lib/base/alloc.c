/* SPDX-License-Identifier: Apache-2.0 */
/* Heap allocation that aborts when memory is out, and the settings that keep the heap of a long-lived process small.
 * Law: no other file of this code base decides what to do about NULL from malloc. */
#include "lib/base/alloc.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARENA_COUNT = 1, TRIM_THRESHOLD_BYTES = 64 * 1024, MMAP_THRESHOLD_BYTES = 64 * 1024, TOP_PAD_BYTES = 16 * 1024 };

static void *checked(void *memory) {
        static const char message[] = "out of memory\n";

        if (!memory) {
                (void)!write(STDERR_FILENO, message, sizeof(message) - 1);
                abort();
        }
        return memory;
}

void *alloc_zero(size_t size) {
        return checked(calloc(1, size ? size : 1));
}

void *alloc_grow(void *old, size_t size) {
        return checked(realloc(old, size ? size : 1));
}

char *alloc_string(const char *text) {
        return text ? alloc_bytes(text, strlen(text)) : NULL;
}

char *alloc_bytes(const void *bytes, size_t size) {
        char *copy = alloc_grow(NULL, size + 1);

        if (size)
                memcpy(copy, bytes, size);
        copy[size] = '\0';
        return copy;
}

void alloc_tune(void) {
        (void)mallopt(M_ARENA_MAX, ARENA_COUNT);
        (void)mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD_BYTES);
        /* Documents of the API server and stream buffers get mappings of their own: they go back to the system when
         * freed and leave no holes, and mremap makes growing them cheap. */
        (void)mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES);
        (void)mallopt(M_TOP_PAD, TOP_PAD_BYTES);
}

void alloc_trim(void) {
        (void)malloc_trim(0);
}
