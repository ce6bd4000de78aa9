/* SPDX-License-Identifier: Apache-2.0 */
/* Heap allocation that aborts when memory is out: the one place that decides what OOM means.
 * Callers never check for NULL. Safe from every thread. */
#pragma once

#include <stddef.h>

/* Zeroed memory of `size` bytes (size 0 gives one byte). The caller frees it with free(). */
void *alloc_zero(size_t size) __attribute__((malloc, returns_nonnull));
/* realloc() of `old` (may be NULL) to `size` bytes; new bytes are not zeroed. */
void *alloc_grow(void *old, size_t size) __attribute__((returns_nonnull));
/* Copies of a string (NULL gives NULL) and of `size` bytes with a NUL byte added behind. */
char *alloc_string(const char *text);
char *alloc_bytes(const void *bytes, size_t size) __attribute__((returns_nonnull));
/* Keeps the process small: one malloc arena for all threads, early trimming, big buffers in mappings of their own.
 * Call once, first thing in main. */
void alloc_tune(void);
/* Gives freed pages back to the system; call after a burst (first sync, big relist). */
void alloc_trim(void);
