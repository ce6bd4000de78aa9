/* SPDX-License-Identifier: Apache-2.0 */
/* The caches that a list of controllers needs: one per kind, whichever controllers watch it. Made at start, constant
 * afterwards; the caches themselves are safe from every thread. */
#pragma once

#include "lib/kube/watch.h"
#include "operator/runtime/controller.h"

typedef struct CachesRow {
        const Kind *kind;
        Cache *cache;
        const char *selector;   /* NULL: all */
        const char *namespace_; /* NULL: those of the operator */
        size_t label_path;
} CachesRow;

typedef struct Caches {
        CachesRow *rows;
        size_t count;
} Caches;

/* `controllers` is NULL-terminated. ERROR_BUG when two rows about a kind cannot both be served by one watch. */
bool caches_new(const Controller *const *controllers, Caches **ret_caches, Error *err) MUST_USE;
/* Accepts NULL. */
void caches_free(Caches *caches);
/* NULL when no controller watches the kind. */
Cache *caches_find(const Caches *caches, const Kind *kind);
/* Whether the kind's watch shows this object (by its namespace and labels). */
bool caches_show(const Caches *caches, const Kind *kind, const Json *object);
/* Whether the kind is watched by labels, so that what its cache holds is known to be meant for us. */
bool caches_filter(const Caches *caches, const Kind *kind);
/* Adds the reflectors; `namespaces` NULL means all. Cluster-scoped kinds are watched whole. */
void caches_watch(const Caches *caches, Watch *watch, const char *const *namespaces);
/* Whether every cache is synced; else *ret_kind is the first that is not. */
bool caches_synced(const Caches *caches, const Kind **ret_kind);
