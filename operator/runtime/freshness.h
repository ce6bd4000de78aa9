/* SPDX-License-Identifier: Apache-2.0 */
/* Read your own writes (KEP-5647's rule, per key): what a pass wrote is remembered until the caches show it, and the
 * key is not reconciled before. The watch wakes the key, so nothing polls; after FRESHNESS_PATIENCE_MS the pass goes
 * ahead all the same, since every write of it is idempotent or carries a precondition. Safe from every thread. */
#pragma once

#include "lib/kube/cache.h"

typedef struct Freshness Freshness;

enum { FRESHNESS_PATIENCE_MS = 10000 };

typedef enum FreshnessState {
        FRESHNESS_FRESH, /* the caches show all that this key wrote */
        FRESHNESS_STALE, /* not yet: the key will be woken */
        FRESHNESS_FORCED /* not yet, but waited long enough: what was remembered is dropped */
} FreshnessState;

/* `wake(context, key)` makes a key be looked at again; called from watch threads and from freshness_check. */
Freshness *freshness_new(int64_t (*clock_ms)(void), void (*wake)(void *context, const char *key), void *context);
/* After the watches ended: until then they may call back. */
void freshness_free(Freshness *freshness);
/* A write on behalf of `key` that left `resource_version`, in a cache that will show it. */
void freshness_wrote(
        Freshness *freshness, const char *key, Cache *cache, const char *namespace_, const char *resource_version);
/* A deletion: shown once the cache has no object of that UID or shows it being deleted. */
void freshness_deleted(
        Freshness *freshness, const char *key, Cache *cache, const char *namespace_, const char *name, const char *uid);
/* *ret_waited_ms (may be NULL): how long the key has been waiting, 0 when it never did. */
FreshnessState freshness_check(Freshness *freshness, const char *key, int64_t *ret_waited_ms);
