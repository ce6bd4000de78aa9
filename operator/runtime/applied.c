/* SPDX-License-Identifier: Apache-2.0 */
/* A table of 16-byte entries, open addressing: hash of UID and part, and what is remembered of it. UIDs are random, so
 * two of them with the same 64-bit hash are not worth more bytes. */
#include "operator/runtime/applied.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/alloc.h"
#include "lib/base/text.h"

enum { FIRST_CAPACITY = 32 };

typedef struct Entry {
        uint64_t id; /* 0: free */
        uint64_t hash;
} Entry;

struct Applied {
        pthread_mutex_t lock;
        Entry *entries;
        size_t capacity; /* a power of two */
        size_t size;
};

Applied *applied_new(void) {
        Applied *applied = alloc_zero(sizeof(*applied));

        pthread_mutex_init(&applied->lock, NULL);
        applied->capacity = FIRST_CAPACITY;
        applied->entries = alloc_zero(FIRST_CAPACITY * sizeof(Entry));
        return applied;
}

void applied_free(Applied *applied) {
        if (!applied)
                return;
        pthread_mutex_destroy(&applied->lock);
        free(applied->entries);
        free(applied);
}

static uint64_t id_of(const char *uid, AppliedPart part) {
        unsigned char byte = (unsigned char)part;
        uint64_t id = text_hash_more(text_hash(uid, strlen(uid)), &byte, 1);

        return id ? id : 1;
}

/* The entry of the id, or the free one where it would stand. */
static Entry *find(Entry *entries, size_t capacity, uint64_t id) {
        size_t at = id & (capacity - 1);

        while (entries[at].id && entries[at].id != id)
                at = (at + 1) & (capacity - 1);
        return &entries[at];
}

static void resize(Applied *applied, size_t capacity) {
        Entry *entries = alloc_zero(capacity * sizeof(Entry));

        for (size_t i = 0; i < applied->capacity; i++)
                if (applied->entries[i].id)
                        *find(entries, capacity, applied->entries[i].id) = applied->entries[i];
        free(applied->entries);
        applied->entries = entries;
        applied->capacity = capacity;
}

void applied_remember(Applied *applied, const char *uid, AppliedPart part, uint64_t hash) {
        uint64_t id = id_of(uid, part);
        Entry *entry;

        pthread_mutex_lock(&applied->lock);
        if ((applied->size + 1) * 4 > applied->capacity * 3)
                resize(applied, applied->capacity * 2);
        entry = find(applied->entries, applied->capacity, id);
        applied->size += entry->id ? 0 : 1;
        *entry = (Entry){ .id = id, .hash = hash };
        pthread_mutex_unlock(&applied->lock);
}

bool applied_recall(Applied *applied, const char *uid, AppliedPart part, uint64_t *ret_hash) {
        const Entry *entry;
        bool found;

        pthread_mutex_lock(&applied->lock);
        entry = find(applied->entries, applied->capacity, id_of(uid, part));
        found = entry->id != 0;
        if (found)
                *ret_hash = entry->hash;
        pthread_mutex_unlock(&applied->lock);
        return found;
}

/* Removes an entry and puts those behind it where they are found without it. */
static void drop(Applied *applied, uint64_t id) {
        size_t mask = applied->capacity - 1;
        Entry *entry = find(applied->entries, applied->capacity, id);
        size_t at = (size_t)(entry - applied->entries);

        if (!entry->id)
                return;
        *entry = (Entry){ 0 };
        applied->size--;
        for (at = (at + 1) & mask; applied->entries[at].id; at = (at + 1) & mask) {
                Entry moved = applied->entries[at];

                applied->entries[at] = (Entry){ 0 };
                *find(applied->entries, applied->capacity, moved.id) = moved;
        }
}

void applied_forget(Applied *applied, const char *uid) {
        pthread_mutex_lock(&applied->lock);
        for (AppliedPart part = 0; part < APPLIED_PARTS; part++)
                drop(applied, id_of(uid, part));
        if (applied->capacity > FIRST_CAPACITY && applied->size * 8 < applied->capacity)
                resize(applied, applied->capacity / 2);
        pthread_mutex_unlock(&applied->lock);
}

size_t applied_size(Applied *applied) {
        size_t size;

        pthread_mutex_lock(&applied->lock);
        size = applied->size;
        pthread_mutex_unlock(&applied->lock);
        return size;
}
