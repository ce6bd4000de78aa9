/* SPDX-License-Identifier: Apache-2.0 */
/* A map from strings to pointers: open addressing with linear steps.
 * Law: a removed entry leaves a mark behind, so that removing while walking moves nothing. */
#include "lib/base/hashmap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/alloc.h"
#include "lib/base/text.h"

enum { FIRST_CAPACITY = 8 };

/* Free: no key, hash 0. Removed: no key, hash 1. */
struct HashmapSlot {
        const char *key;
        void *value;
        uint64_t hash;
};

void hashmap_done(Hashmap *map) {
        free(map->slots);
        *map = (Hashmap){ 0 };
}

static HashmapSlot *find(const Hashmap *map, const char *key, uint64_t hash) {
        size_t mask = map->capacity - 1;

        if (map->size == 0)
                return NULL;
        for (size_t i = hash & mask;; i = (i + 1) & mask) {
                HashmapSlot *slot = &map->slots[i];

                if (slot->key && slot->hash == hash && strcmp(slot->key, key) == 0)
                        return slot;
                if (!slot->key && slot->hash == 0)
                        return NULL;
        }
}

/* Puts an entry that is not there yet into the first slot without a key. */
static void insert(Hashmap *map, HashmapSlot entry) {
        size_t mask = map->capacity - 1;
        size_t i = entry.hash & mask;

        while (map->slots[i].key)
                i = (i + 1) & mask;
        if (map->slots[i].hash == 0)
                map->used++;
        map->slots[i] = entry;
        map->size++;
}

/* Makes the map twice as large as its entries need; drops the marks of removed ones. */
static void rebuild(Hashmap *map) {
        HashmapSlot *old = map->slots;
        size_t old_capacity = map->capacity;
        size_t capacity = FIRST_CAPACITY;

        while (capacity < (map->size + 1) * 2)
                capacity *= 2;
        *map = (Hashmap){ .slots = alloc_zero(capacity * sizeof(*map->slots)), .capacity = capacity };
        for (size_t i = 0; i < old_capacity; i++)
                if (old[i].key)
                        insert(map, old[i]);
        free(old);
}

void *hashmap_put(Hashmap *map, const char *key, void *value) {
        uint64_t hash = text_hash(key, strlen(key));
        HashmapSlot *slot = find(map, key, hash);
        void *before = NULL;

        assert(value);
        if (slot) {
                before = slot->value;
                slot->key = key;
                slot->value = value;
                return before;
        }
        if ((map->used + 1) * 4 > map->capacity * 3)
                rebuild(map);
        insert(map, (HashmapSlot){ .key = key, .value = value, .hash = hash });
        return NULL;
}

void *hashmap_get(const Hashmap *map, const char *key) {
        const HashmapSlot *slot = find(map, key, text_hash(key, strlen(key)));

        return slot ? slot->value : NULL;
}

void *hashmap_remove(Hashmap *map, const char *key) {
        HashmapSlot *slot = find(map, key, text_hash(key, strlen(key)));
        void *value;

        if (!slot)
                return NULL;
        value = slot->value;
        *slot = (HashmapSlot){ .hash = 1 };
        map->size--;
        return value;
}

void *hashmap_next(const Hashmap *map, size_t *at) {
        while (*at < map->capacity) {
                const HashmapSlot *slot = &map->slots[(*at)++];

                if (slot->key)
                        return slot->value;
        }
        return NULL;
}
