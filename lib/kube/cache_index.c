/* SPDX-License-Identifier: Apache-2.0 */
/* The cache's second keys. A bucket goes with its last object, so an index is never larger than what is cached. */
#include <stdlib.h>

#include "lib/base/alloc.h"
#include "lib/kube/cache_internal.h"

static void bucket_free(CacheBucket *bucket) {
        free(bucket->key);
        free(bucket->objects);
        free(bucket);
}

void cache_index_done(CacheIndex *index) {
        size_t at = 0;
        CacheBucket *bucket;
        while ((bucket = hashmap_next(&index->buckets, &at)))
                bucket_free(bucket);
        hashmap_done(&index->buckets);
}

void cache_index_add(CacheIndex *index, const char *key, const Object *object) {
        CacheBucket *bucket = hashmap_get(&index->buckets, key);
        if (!bucket) {
                bucket = alloc_zero(sizeof *bucket);
                bucket->key = alloc_string(key);
                hashmap_put(&index->buckets, bucket->key, bucket);
        }
        if (bucket->count == bucket->capacity) {
                bucket->capacity = bucket->capacity ? bucket->capacity * 2 : 2;
                bucket->objects = alloc_grow(bucket->objects, bucket->capacity * sizeof(Object *));
        }
        bucket->objects[bucket->count++] = object;
}

void cache_index_remove(CacheIndex *index, const char *key, const Object *object) {
        CacheBucket *bucket = hashmap_get(&index->buckets, key);
        for (size_t i = 0; bucket && i < bucket->count; i++) {
                if (bucket->objects[i] != object)
                        continue;
                bucket->objects[i] = bucket->objects[--bucket->count];
                if (bucket->count == 0) {
                        hashmap_remove(&index->buckets, key);
                        bucket_free(bucket);
                }
                return;
        }
}

const CacheBucket *cache_index_find(const CacheIndex *index, const char *key) {
        return hashmap_get(&index->buckets, key);
}
