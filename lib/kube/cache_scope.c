/* SPDX-License-Identifier: Apache-2.0 */
/* How far each reflector of a cache has come, and who waits for it: read-your-writes.
 * Law: a waiter is woken exactly once, by no lock held, after every handler saw what it waited for. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/alloc.h"
#include "lib/kube/cache_internal.h"

static void waiter_free(CacheWaiter *waiter) {
        free(waiter->version);
        free(waiter->key);
        free(waiter);
}

void cache_scopes_done(Cache *cache) {
        for (size_t i = 0; i < cache->scope_count; i++) {
                CacheScope *scope = &cache->scopes[i];
                while (scope->waiters) {
                        CacheWaiter *next = scope->waiters->next;
                        waiter_free(scope->waiters);
                        scope->waiters = next;
                }
                free(scope->name);
                free(scope->version);
        }
        free(cache->scopes);
}

void cache_add_scope(Cache *cache, const char *scope) {
        pthread_mutex_lock(&cache->lock);
        cache->scopes = alloc_grow(cache->scopes, (cache->scope_count + 1) * sizeof *cache->scopes);
        cache->scopes[cache->scope_count++] = (CacheScope){ .name = alloc_string(scope) };
        pthread_mutex_unlock(&cache->lock);
}

static CacheScope *exact(Cache *cache, const char *name) {
        for (size_t i = 0; i < cache->scope_count; i++)
                if (!strcmp(cache->scopes[i].name, name))
                        return &cache->scopes[i];
        return NULL;
}

CacheScope *cache_scope(Cache *cache, const char *scope) {
        CacheScope *found = exact(cache, scope);
        assert(found);
        return found;
}

CacheScope *cache_find_scope(Cache *cache, const char *namespace_) {
        CacheScope *found = exact(cache, namespace_ ? namespace_ : "");
        return found ? found : exact(cache, "");
}

static bool is_seen(const CacheScope *scope, const char *version) {
        return scope->version && version_compare(version, scope->version) != VERSION_NEWER;
}

/* Takes the waiters out whose version is reached, or all; in the order they came. */
static CacheWaiter *take_waiters(CacheScope *scope, bool all) {
        CacheWaiter *taken = NULL, **end = &taken, **link = &scope->waiters;
        while (*link) {
                CacheWaiter *waiter = *link;
                if (!all && !is_seen(scope, waiter->version)) {
                        link = &waiter->next;
                        continue;
                }
                *link = waiter->next;
                waiter->next = NULL;
                *end = waiter;
                end = &waiter->next;
        }
        return taken;
}

void cache_advance(Cache *cache, const char *scope, const char *version, bool relisted) {
        pthread_mutex_lock(&cache->lock);
        CacheScope *found = cache_scope(cache, scope);
        bool back = found->version && version_compare(version, found->version) == VERSION_OLDER;
        if (!back || relisted) {
                free(found->version);
                found->version = alloc_string(version);
        }
        CacheWaiter *woken = take_waiters(found, back && relisted);
        pthread_mutex_unlock(&cache->lock);
        while (woken) {
                CacheWaiter *next = woken->next;
                woken->wake(woken->context, woken->key);
                waiter_free(woken);
                woken = next;
        }
}

void cache_set_version(Cache *cache, const char *scope, const char *resource_version) {
        cache_advance(cache, scope, resource_version, false);
}

bool cache_has_seen(Cache *cache, const char *namespace_, const char *resource_version) {
        pthread_mutex_lock(&cache->lock);
        const CacheScope *scope = cache_find_scope(cache, namespace_);
        bool seen = !scope || is_seen(scope, resource_version);
        pthread_mutex_unlock(&cache->lock);
        return seen;
}

void cache_when_seen(Cache *cache, const char *namespace_, const char *resource_version,
        void (*wake)(void *context, const char *key), void *context, const char *key) {
        pthread_mutex_lock(&cache->lock);
        CacheScope *scope = cache_find_scope(cache, namespace_);
        bool seen = !scope || is_seen(scope, resource_version);
        if (!seen) {
                CacheWaiter *waiter = alloc_zero(sizeof *waiter);
                *waiter = (CacheWaiter){ .version = alloc_string(resource_version),
                        .key = alloc_string(key),
                        .wake = wake,
                        .context = context };
                CacheWaiter **link = &scope->waiters;
                while (*link)
                        link = &(*link)->next;
                *link = waiter;
        }
        pthread_mutex_unlock(&cache->lock);
        if (seen)
                wake(context, key);
}

char *cache_version(Cache *cache, const char *namespace_) {
        pthread_mutex_lock(&cache->lock);
        const CacheScope *scope = cache_find_scope(cache, namespace_);
        char *version = scope ? alloc_string(scope->version) : NULL;
        pthread_mutex_unlock(&cache->lock);
        return version;
}

bool cache_synced(const Cache *cache) {
        /* Callers see a const cache; the lock is not part of what they see. */
        pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&cache->lock;
        pthread_mutex_lock(lock);
        bool synced = cache->scope_count > 0;
        for (size_t i = 0; i < cache->scope_count; i++)
                synced = synced && cache->scopes[i].synced;
        pthread_mutex_unlock(lock);
        return synced;
}
