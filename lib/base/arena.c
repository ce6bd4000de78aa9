/* SPDX-License-Identifier: Apache-2.0 */
/* Memory with the lifetime of one pass, cut from growing blocks.
 * Law: nothing is freed alone; adopted things go before the memory they may point into. */
#include "lib/base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/alloc.h"

/* Under AddressSanitizer every allocation is a block of its own, so that running over its end is seen. */
#ifdef MADBASE_ASAN
enum { FIRST_BLOCK_BYTES = 0, LARGEST_BLOCK_BYTES = 0 };
#else
enum { FIRST_BLOCK_BYTES = 1024, LARGEST_BLOCK_BYTES = 32 * 1024 };
#endif

struct ArenaBlock {
        ArenaBlock *next;
        size_t used;
        size_t capacity;
        alignas(max_align_t) unsigned char bytes[];
};

struct ArenaAdopted {
        ArenaAdopted *next;
        void *thing;
        void (*free_it)(void *thing);
};

void arena_done(Arena *arena) {
        /* A destructor may adopt again: take the head each time. */
        while (arena->adopted) {
                ArenaAdopted *last = arena->adopted;

                arena->adopted = last->next;
                last->free_it(last->thing);
        }
        while (arena->blocks) {
                ArenaBlock *block = arena->blocks;

                arena->blocks = block->next;
                free(block);
        }
}

static ArenaBlock *add_block(Arena *arena, size_t needed) {
        size_t capacity = arena->blocks ? arena->blocks->capacity * 2 : FIRST_BLOCK_BYTES;
        ArenaBlock *block;

        if (capacity > LARGEST_BLOCK_BYTES)
                capacity = LARGEST_BLOCK_BYTES;
        if (capacity < needed)
                capacity = needed;
        assert(capacity <= SIZE_MAX - sizeof(*block));
        block = alloc_zero(sizeof(*block) + capacity);
        block->capacity = capacity;
        block->next = arena->blocks;
        arena->blocks = block;
        return block;
}

void *arena_alloc(Arena *arena, size_t size) {
        ArenaBlock *block = arena->blocks;
        size_t needed;
        void *memory;

        assert(size <= SIZE_MAX / 2);
        needed = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
        if (needed == 0)
                needed = alignof(max_align_t);
        if (!block || block->capacity - block->used < needed)
                block = add_block(arena, needed);
        memory = block->bytes + block->used;
        block->used += needed;
        return memory;
}

char *arena_string(Arena *arena, const char *text) {
        return text ? arena_bytes(arena, text, strlen(text)) : NULL;
}

char *arena_bytes(Arena *arena, const void *bytes, size_t size) {
        char *copy = arena_alloc(arena, size + 1);

        if (size)
                memcpy(copy, bytes, size);
        return copy;
}

char *arena_printf(Arena *arena, const char *format, ...) {
        va_list args;
        char *text;

        va_start(args, format);
        text = arena_vprintf(arena, format, args);
        va_end(args);
        return text;
}

char *arena_vprintf(Arena *arena, const char *format, va_list args) {
        va_list again;
        char *text;
        int length;

        va_copy(again, args);
        length = vsnprintf(NULL, 0, format, again);
        va_end(again);
        assert(length >= 0);
        text = arena_alloc(arena, (size_t)length + 1);
        (void)vsnprintf(text, (size_t)length + 1, format, args);
        return text;
}

void arena_adopt(Arena *arena, void *thing, void (*free_it)(void *thing)) {
        ArenaAdopted *adopted;

        if (!thing)
                return;
        adopted = arena_alloc(arena, sizeof(*adopted));
        *adopted = (ArenaAdopted){ .next = arena->adopted, .thing = thing, .free_it = free_it };
        arena->adopted = adopted;
}
