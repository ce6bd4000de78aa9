/* SPDX-License-Identifier: Apache-2.0 */
/* A map from strings to pointers (open addressing, grows at 3/4). Keys are kept by reference: they must outlive their
 * entry (usually they are part of the value). Not locked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct HashmapSlot HashmapSlot;

typedef struct Hashmap {
        HashmapSlot *slots;
        size_t size;
        size_t used; /* with the slots of removed entries */
        size_t capacity;
} Hashmap;

void hashmap_done(Hashmap *map);
/* `value` is not NULL. Returns the value that was there before, or NULL; its key is replaced too. */
void *hashmap_put(Hashmap *map, const char *key, void *value);
void *hashmap_get(const Hashmap *map, const char *key);
void *hashmap_remove(Hashmap *map, const char *key);
/* `size_t at = 0; while ((value = hashmap_next(&map, &at)))`. The map must not change meanwhile, except that the entry
 * just returned may be removed. */
void *hashmap_next(const Hashmap *map, size_t *at);
