/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a cache. Law: no pointer into the store leaves without a reference of its own. */
#include "lib/kube/cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/alloc.h"
#include "lib/kube/cache_internal.h"

Cache *cache_new(const Kind *kind, size_t label_path) {
        Cache *cache = alloc_zero(sizeof *cache);
        cache->kind = kind;
        cache->label_path = label_path;
        pthread_mutex_init(&cache->lock, NULL);
        return cache;
}

void cache_free(Cache *cache) {
        if (!cache)
                return;
        size_t at = 0;
        Object *object;
        while ((object = hashmap_next(&cache->objects, &at)))
                object_unref(object);
        hashmap_done(&cache->objects);
        cache_index_done(&cache->by_owner);
        cache_index_done(&cache->by_label);
        cache_scopes_done(cache);
        pthread_mutex_destroy(&cache->lock);
        free(cache);
}

const Kind *cache_kind(const Cache *cache) {
        return cache->kind;
}

void cache_add_handler(Cache *cache, CacheHandler *handler, void *context) {
        assert(cache->handler_count < CACHE_MAXIMUM_HANDLERS);
        cache->handlers[cache->handler_count].call = handler;
        cache->handlers[cache->handler_count++].context = context;
}

void cache_tell(Cache *cache, const CacheChange *change) {
        for (size_t i = 0; i < cache->handler_count; i++)
                cache->handlers[i].call(cache->handlers[i].context, change);
}

void cache_label_key(const char *namespace_, const char *value, Text *key) {
        text_append(key, namespace_);
        text_append(key, "/");
        text_append(key, value);
}

Object *cache_get(Cache *cache, const char *namespace_, const char *name) {
        CLEANUP(text_done) Text key = { 0 };
        if (namespace_ && *namespace_) {
                text_append(&key, namespace_);
                text_append(&key, "/");
        }
        text_append(&key, name);
        pthread_mutex_lock(&cache->lock);
        Object *object = object_ref(hashmap_get(&cache->objects, text_string(&key)));
        pthread_mutex_unlock(&cache->lock);
        return object;
}

const Object *cache_get_in(Cache *cache, Arena *arena, const char *namespace_, const char *name) {
        Object *object = cache_get(cache, namespace_, name);
        arena_adopt(arena, object, object_release);
        return object;
}

static int compare_keys(const void *a, const void *b) {
        return strcmp((*(const Object *const *)a)->key, (*(const Object *const *)b)->key);
}

/* Sorts what was gathered, and hands its references to the arena. */
static const Object *const *finish(Arena *arena, const Object **found, size_t count, size_t *ret_count) {
        qsort(found, count, sizeof(Object *), compare_keys);
        for (size_t i = 0; i < count; i++)
                arena_adopt(arena, (void *)(uintptr_t)found[i], object_release);
        if (ret_count)
                *ret_count = count;
        return found;
}

static const Object *const *from_index(
        Cache *cache, const CacheIndex *index, Arena *arena, const char *key, size_t *ret_count) {
        pthread_mutex_lock(&cache->lock);
        const CacheBucket *bucket = cache_index_find(index, key);
        size_t count = bucket ? bucket->count : 0;
        const Object **found = arena_alloc(arena, (count + 1) * sizeof(Object *));
        for (size_t i = 0; i < count; i++)
                found[i] = object_ref(bucket->objects[i]);
        pthread_mutex_unlock(&cache->lock);
        return finish(arena, found, count, ret_count);
}

const Object *const *cache_by_label(
        Cache *cache, Arena *arena, const char *namespace_, const char *value, size_t *ret_count) {
        assert(cache->label_path != SIZE_MAX);
        CLEANUP(text_done) Text key = { 0 };
        cache_label_key(namespace_, value, &key);
        return from_index(cache, &cache->by_label, arena, text_string(&key), ret_count);
}

const Object *const *cache_by_owner(Cache *cache, Arena *arena, const char *owner_uid, size_t *ret_count) {
        return from_index(cache, &cache->by_owner, arena, owner_uid, ret_count);
}

const Object *const *cache_all(Cache *cache, Arena *arena, size_t *ret_count) {
        size_t at = 0, count = 0;
        const Object *object;
        pthread_mutex_lock(&cache->lock);
        const Object **found = arena_alloc(arena, (cache->objects.size + 1) * sizeof(Object *));
        while ((object = hashmap_next(&cache->objects, &at)))
                found[count++] = object_ref(object);
        pthread_mutex_unlock(&cache->lock);
        return finish(arena, found, count, ret_count);
}

size_t cache_size(const Cache *cache) {
        pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&cache->lock;
        pthread_mutex_lock(lock);
        size_t size = cache->objects.size;
        pthread_mutex_unlock(lock);
        return size;
}
