/* SPDX-License-Identifier: Apache-2.0 */
/* What reflectors do to a cache. Law: store first, then tell, then move the version; so whoever is told, or finds a
 * version seen, reads at least that. Only the watch thread calls these. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/alloc.h"
#include "lib/kube/cache_internal.h"

typedef struct Changes {
        CacheChange *items;
        size_t count, capacity;
} Changes;

static void note(Changes *changes, CacheChange change) {
        if (changes->count == changes->capacity) {
                changes->capacity = changes->capacity ? changes->capacity * 2 : 4;
                changes->items = alloc_grow(changes->items, changes->capacity * sizeof *changes->items);
        }
        changes->items[changes->count++] = change;
}

/* The references that the changes hold go here. */
static void tell_all(Cache *cache, Changes *changes) {
        for (size_t i = 0; i < changes->count; i++) {
                cache_tell(cache, &changes->items[i]);
                object_unref(changes->items[i].before);
                object_unref(changes->items[i].after);
        }
        free(changes->items);
}

static void index_object(
        Cache *cache, const Object *object, void (*change)(CacheIndex *, const char *, const Object *)) {
        if (object->owner_uid)
                change(&cache->by_owner, object->owner_uid, object);
        if (cache->label_path == SIZE_MAX || !*object_value(object, cache->label_path))
                return;
        CLEANUP(text_done) Text key = { 0 };
        cache_label_key(object->namespace_, object_value(object, cache->label_path), &key);
        change(&cache->by_label, text_string(&key), object);
}

/* Puts an object in (reference taken); what stood there before is returned with its reference. */
static Object *put(Cache *cache, Object *object) {
        Object *before = hashmap_put(&cache->objects, object->key, object);
        if (before)
                index_object(cache, before, cache_index_remove);
        index_object(cache, object, cache_index_add);
        return before;
}

static Object *take(Cache *cache, const char *key) {
        Object *before = hashmap_remove(&cache->objects, key);
        if (before)
                index_object(cache, before, cache_index_remove);
        return before;
}

/* What putting `after` in the place of `before` means to handlers; takes the reference of `before`. */
static void note_put(Changes *changes, Object *before, const Object *after, bool from_list, bool initial) {
        if (before && strcmp(before->uid, after->uid) != 0) {
                note(changes, (CacheChange){ .before = TAKE(before), .final_unknown = from_list });
                note(changes, (CacheChange){ .after = object_ref(after) });
        } else if (before && object_same(before, after)) {
                object_unref(before);
        } else {
                note(changes, (CacheChange){ .before = before, .after = object_ref(after), .initial = initial });
        }
}

void cache_apply(Cache *cache, const char *scope, Object *object) {
        Changes changes = { 0 };
        CLEANUP(object_cleanup) Object *kept = object_ref(object);
        pthread_mutex_lock(&cache->lock);
        Object *before = put(cache, object);
        pthread_mutex_unlock(&cache->lock);
        note_put(&changes, before, kept, false, false);
        tell_all(cache, &changes);
        cache_advance(cache, scope, kept->resource_version, false);
}

void cache_remove(Cache *cache, const char *scope, Object *last) {
        CLEANUP(object_cleanup) Object *kept = last;
        pthread_mutex_lock(&cache->lock);
        const Object *stored = hashmap_get(&cache->objects, kept->key);
        /* A deletion of an earlier bearer of the name says nothing about a newer one. */
        bool about_it =
                stored && (!strcmp(stored->uid, kept->uid) ||
                                  version_compare(kept->resource_version, stored->resource_version) == VERSION_NEWER);
        Object *before = about_it ? take(cache, kept->key) : NULL;
        pthread_mutex_unlock(&cache->lock);
        if (before) {
                Changes changes = { 0 };
                bool same_one = !strcmp(before->uid, kept->uid);
                note(&changes,
                        (CacheChange){ .before = object_ref(same_one ? kept : before), .final_unknown = !same_one });
                object_unref(before);
                tell_all(cache, &changes);
        }
        cache_advance(cache, scope, kept->resource_version, false);
}

/* What is in the scope and not in `present` goes. */
static void drop_absent(Cache *cache, const char *scope, const Hashmap *present, Changes *changes) {
        size_t at = 0;
        const Object *object;
        while ((object = hashmap_next(&cache->objects, &at))) {
                if ((*scope && strcmp(object->namespace_, scope) != 0) || hashmap_get(present, object->key))
                        continue;
                note(changes, (CacheChange){ .before = take(cache, object->key), .final_unknown = true });
        }
}

void cache_replace(Cache *cache, const char *scope, Object **objects, size_t count, const char *resource_version) {
        Changes changes = { 0 };
        Hashmap present = { 0 };
        for (size_t i = 0; i < count; i++)
                hashmap_put(&present, objects[i]->key, objects[i]);
        pthread_mutex_lock(&cache->lock);
        bool initial = !cache_scope(cache, scope)->synced;
        drop_absent(cache, scope, &present, &changes);
        for (size_t i = 0; i < count; i++)
                note_put(&changes, put(cache, objects[i]), objects[i], true, initial);
        pthread_mutex_unlock(&cache->lock);
        hashmap_done(&present);
        tell_all(cache, &changes);
        pthread_mutex_lock(&cache->lock);
        cache_scope(cache, scope)->synced = true;
        pthread_mutex_unlock(&cache->lock);
        cache_advance(cache, scope, resource_version, true);
}
