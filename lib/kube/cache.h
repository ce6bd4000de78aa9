/* SPDX-License-Identifier: Apache-2.0 */
/* The objects of one kind as last seen, by key, by owner and by the value of one label. Filled by the watch thread,
 * read by workers: what is read is referenced, so it stays valid however the cache goes on. */
#pragma once

#include "lib/base/arena.h"
#include "lib/kube/object.h"

typedef struct Cache Cache;

/* What happened to one object. ADDED has no `before`, DELETED no `after`; a new UID under the same key arrives as
 * DELETED then ADDED. `final_unknown`: the deletion was seen by a relist, `before` may be old. `initial`: part of the
 * first list. Unchanged projections (object_same) are stored but not told. */
typedef struct CacheChange {
        Object *before;
        Object *after;
        bool final_unknown;
        bool initial;
} CacheChange;
/* Runs on the watch thread under no lock; must be quick and must not block. */
typedef void CacheHandler(void *context, const CacheChange *change);

/* `label` names the label that cache_by_label looks up ("madbase.io/cluster"); it must be among the kind's paths as
 * index `label_path`, or pass SIZE_MAX for none. */
Cache *cache_new(const Kind *kind, size_t label_path);
/* After the watch thread ended. */
void cache_free(Cache *cache);
const Kind *cache_kind(const Cache *cache);
/* Before the watch starts; at most 8. */
void cache_add_handler(Cache *cache, CacheHandler *handler, void *context);

/* True once every reflector of this cache delivered its first list to every handler. */
bool cache_synced(const Cache *cache);
/* A reference, or NULL; the caller unrefs (or lets the arena: cache_get_in). */
Object *cache_get(Cache *cache, const char *namespace_, const char *name);
/* As above, with references held by the arena. */
const Object *cache_get_in(Cache *cache, Arena *arena, const char *namespace_, const char *name);
/* All objects of a namespace whose label has this value / whose controlling owner has this UID / that there are, sorted
 * by key, as a NULL-terminated array in the arena; *ret_count may be NULL. */
const Object *const *cache_by_label(
        Cache *cache, Arena *arena, const char *namespace_, const char *value, size_t *ret_count);
const Object *const *cache_by_owner(Cache *cache, Arena *arena, const char *owner_uid, size_t *ret_count);
const Object *const *cache_all(Cache *cache, Arena *arena, size_t *ret_count);
size_t cache_size(const Cache *cache);

/* Read your own writes: whether everything up to this resourceVersion was delivered (by objects, bookmarks or lists).
 * `namespace_` picks the reflector where there are several. UNKNOWN orders count as seen. */
bool cache_has_seen(Cache *cache, const char *namespace_, const char *resource_version);
/* Calls wake(context, key) once when that version is seen: from the watch thread, or at once from here if it was. `key`
 * is copied. */
void cache_when_seen(Cache *cache, const char *namespace_, const char *resource_version,
        void (*wake)(void *context, const char *key), void *context, const char *key);

/* How far the reflector of a namespace has come; the caller frees it; NULL before the first list. */
char *cache_version(Cache *cache, const char *namespace_);

/* For the reflector (watch.c) and tests. `scope` is the namespace watched or "" for all; each is added once, before the
 * watch starts. */
void cache_add_scope(Cache *cache, const char *scope);
/* Both take the reference, tell the change and move the scope's version to the object's. `last` is the object as the
 * deletion showed it. */
void cache_apply(Cache *cache, const char *scope, Object *object);
void cache_remove(Cache *cache, const char *scope, Object *last);
/* Makes the scope's content equal to the array (references taken), telling the difference once all of it is stored;
 * marks the scope synced when all handlers were told. */
void cache_replace(Cache *cache, const char *scope, Object **objects, size_t count, const char *resource_version);
/* A bookmark: everything up to this version was seen. An older version than before is ignored. */
void cache_set_version(Cache *cache, const char *scope, const char *resource_version);
