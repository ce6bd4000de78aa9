/* SPDX-License-Identifier: Apache-2.0 */
/* Memory with the lifetime of one pass: everything allocated lives until arena_done. Foreign trees are adopted with
 * their destructor and go at the same time, last adopted first. An arena belongs to one thread. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "lib/base/cleanup.h"

typedef struct ArenaBlock ArenaBlock;
typedef struct ArenaAdopted ArenaAdopted;

typedef struct Arena {
        ArenaBlock *blocks;
        ArenaAdopted *adopted;
} Arena;

/* `CLEANUP(arena_done) Arena arena = { 0 };` is the usual form. arena_done leaves an empty, usable arena. */
void arena_done(Arena *arena);
/* Zeroed memory, aligned for any type. */
void *arena_alloc(Arena *arena, size_t size) __attribute__((returns_nonnull));
/* Copy of a string; NULL gives NULL. */
char *arena_string(Arena *arena, const char *text);
/* Copy of `size` bytes with a NUL byte added behind. */
char *arena_bytes(Arena *arena, const void *bytes, size_t size) __attribute__((returns_nonnull));
char *arena_printf(Arena *arena, const char *format, ...) PRINTF(2, 3) __attribute__((returns_nonnull));
char *arena_vprintf(Arena *arena, const char *format, va_list args) PRINTF(2, 0) __attribute__((returns_nonnull));
/* Calls free_it(thing) at arena_done. NULL things are ignored. */
void arena_adopt(Arena *arena, void *thing, void (*free_it)(void *thing));
