/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the cache share: cache.c reads, cache_feed.c fills, cache_scope.c keeps versions and who waits for
 * them, cache_index.c finds objects by something else than their key. Private to lib/kube. */
#pragma once

#include <pthread.h>

#include "lib/base/hashmap.h"
#include "lib/kube/cache.h"

enum { CACHE_MAXIMUM_HANDLERS = 8 };

/* Objects by a text that several of them share. References are the cache's own. */
typedef struct CacheIndex {
        Hashmap buckets;
} CacheIndex;

typedef struct CacheBucket {
        char *key;
        const Object **objects;
        size_t count, capacity;
} CacheBucket;

void cache_index_done(CacheIndex *index);
void cache_index_add(CacheIndex *index, const char *key, const Object *object);
void cache_index_remove(CacheIndex *index, const char *key, const Object *object);
/* NULL when no object has the key. */
const CacheBucket *cache_index_find(const CacheIndex *index, const char *key);

typedef struct CacheWaiter {
        struct CacheWaiter *next;
        char *version;
        char *key;
        void (*wake)(void *context, const char *key);
        void *context;
} CacheWaiter;

typedef struct CacheScope {
        char *name;    /* a namespace, "" for all */
        char *version; /* up to which everything was told; NULL before the first list */
        bool synced;
        CacheWaiter *waiters;
} CacheScope;

struct Cache {
        const Kind *kind;
        size_t label_path;
        struct {
                CacheHandler *call;
                void *context;
        } handlers[CACHE_MAXIMUM_HANDLERS];
        size_t handler_count;
        pthread_mutex_t lock; /* over all that follows */
        Hashmap objects;      /* by key; holds a reference each */
        CacheIndex by_owner, by_label;
        CacheScope *scopes;
        size_t scope_count;
};

/* The key of by_label: namespace and value. */
void cache_label_key(const char *namespace_, const char *value, Text *key);
/* Tells every handler; the caller holds no lock. */
void cache_tell(Cache *cache, const CacheChange *change);
/* The scope that holds a namespace's objects; NULL without one. Under the lock. */
CacheScope *cache_find_scope(Cache *cache, const char *namespace_);
/* The scope of exactly this name, which must have been added. Under the lock. */
CacheScope *cache_scope(Cache *cache, const char *scope);
/* Moves a scope's version and wakes who waited for it. A version that is older than before is ignored, unless
 * `relisted`: then history was lost, and everybody is woken. Takes the lock. */
void cache_advance(Cache *cache, const char *scope, const char *version, bool relisted);
void cache_scopes_done(Cache *cache);
