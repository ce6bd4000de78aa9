/* SPDX-License-Identifier: Apache-2.0 */
/* What each key wrote and the caches have not shown. Law: one row per cache and namespace is enough, since versions of
 * a kind are ordered; no other lock is taken while this one is held but a cache's own. */
#include "operator/runtime/freshness.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/alloc.h"
#include "lib/base/hashmap.h"

typedef struct Expected {
        struct Expected *next;
        Cache *cache;
        char *namespace_;
        char *version;    /* of a write; NULL for a deletion */
        char *name, *uid; /* of a deletion */
        bool registered;  /* the cache was asked to wake the key */
} Expected;

typedef struct Row {
        char *key;
        Expected *expected;
        int64_t stale_since; /* 0: not stale */
} Row;

struct Freshness {
        pthread_mutex_t lock;
        int64_t (*clock_ms)(void);
        void (*wake)(void *context, const char *key);
        void *context;
        Hashmap rows;
};

Freshness *freshness_new(int64_t (*clock_ms)(void), void (*wake)(void *context, const char *key), void *context) {
        Freshness *freshness = alloc_zero(sizeof(*freshness));

        pthread_mutex_init(&freshness->lock, NULL);
        freshness->clock_ms = clock_ms;
        freshness->wake = wake;
        freshness->context = context;
        return freshness;
}

static void expected_free(Expected *expected) {
        free(expected->namespace_);
        free(expected->version);
        free(expected->name);
        free(expected->uid);
        free(expected);
}

static void row_free(Row *row) {
        while (row->expected) {
                Expected *next = row->expected->next;

                expected_free(row->expected);
                row->expected = next;
        }
        free(row->key);
        free(row);
}

void freshness_free(Freshness *freshness) {
        Row *row;
        size_t at = 0;

        if (!freshness)
                return;
        while ((row = hashmap_next(&freshness->rows, &at)))
                row_free(row);
        hashmap_done(&freshness->rows);
        pthread_mutex_destroy(&freshness->lock);
        free(freshness);
}

static Row *row_of(Freshness *freshness, const char *key) {
        Row *row = hashmap_get(&freshness->rows, key);

        if (row)
                return row;
        row = alloc_zero(sizeof(*row));
        row->key = alloc_string(key);
        (void)hashmap_put(&freshness->rows, row->key, row);
        return row;
}

static void drop_row(Freshness *freshness, Row *row) {
        (void)hashmap_remove(&freshness->rows, row->key);
        row_free(row);
}

void freshness_wrote(
        Freshness *freshness, const char *key, Cache *cache, const char *namespace_, const char *resource_version) {
        Expected *expected;
        Row *row;

        pthread_mutex_lock(&freshness->lock);
        row = row_of(freshness, key);
        expected = row->expected;
        while (expected &&
                (!expected->version || expected->cache != cache || strcmp(expected->namespace_, namespace_) != 0))
                expected = expected->next;
        if (!expected) {
                expected = alloc_zero(sizeof(*expected));
                *expected = (Expected){ .next = row->expected, .cache = cache, .namespace_ = alloc_string(namespace_) };
                row->expected = expected;
        }
        /* An older version than the one noted is a write that changed nothing. */
        if (!expected->version || version_compare(resource_version, expected->version) != VERSION_OLDER) {
                free(expected->version);
                expected->version = alloc_string(resource_version);
                expected->registered = false;
        }
        pthread_mutex_unlock(&freshness->lock);
}

void freshness_deleted(Freshness *freshness, const char *key, Cache *cache, const char *namespace_, const char *name,
        const char *uid) {
        Expected *expected = alloc_zero(sizeof(*expected));
        Row *row;

        *expected = (Expected){ .cache = cache,
                .namespace_ = alloc_string(namespace_),
                .name = alloc_string(name),
                .uid = alloc_string(uid) };
        pthread_mutex_lock(&freshness->lock);
        row = row_of(freshness, key);
        expected->next = row->expected;
        row->expected = expected;
        pthread_mutex_unlock(&freshness->lock);
}

static bool is_shown(const Expected *expected) {
        Object *object;
        bool shown;

        if (expected->version)
                return cache_has_seen(expected->cache, expected->namespace_, expected->version);
        object = cache_get(expected->cache, expected->namespace_, expected->name);
        shown = !object || object->deleting || strcmp(object->uid, expected->uid) != 0;
        object_unref(object);
        return shown;
}

static void drop_shown(Row *row) {
        Expected **link = &row->expected;

        while (*link) {
                Expected *expected = *link;

                if (!is_shown(expected)) {
                        link = &expected->next;
                        continue;
                }
                *link = expected->next;
                expected_free(expected);
        }
}

/* The first write for which the key is not yet on the cache's list of those to wake. */
static Expected *first_unregistered(Row *row) {
        for (Expected *expected = row->expected; expected; expected = expected->next)
                if (expected->version && !expected->registered)
                        return expected;
        return NULL;
}

FreshnessState freshness_check(Freshness *freshness, const char *key, int64_t *ret_waited_ms) {
        FreshnessState state = FRESHNESS_FRESH;
        Expected *missing;
        Cache *cache = NULL;
        char *namespace_ = NULL, *version = NULL;
        int64_t now = freshness->clock_ms(), waited = 0;
        Row *row;

        pthread_mutex_lock(&freshness->lock);
        row = hashmap_get(&freshness->rows, key);
        if (row) {
                drop_shown(row);
                waited = row->stale_since ? now - row->stale_since : 0;
                if (row->expected)
                        state = waited >= FRESHNESS_PATIENCE_MS ? FRESHNESS_FORCED : FRESHNESS_STALE;
                if (state != FRESHNESS_STALE)
                        drop_row(freshness, row);
        }
        if (state == FRESHNESS_STALE) {
                if (!row->stale_since)
                        row->stale_since = now;
                missing = first_unregistered(row);
                if (missing) {
                        missing->registered = true;
                        cache = missing->cache;
                        namespace_ = alloc_string(missing->namespace_);
                        version = alloc_string(missing->version);
                }
        }
        pthread_mutex_unlock(&freshness->lock);
        if (cache)
                cache_when_seen(cache, namespace_, version, freshness->wake, freshness->context, key);
        free(namespace_);
        free(version);
        if (ret_waited_ms)
                *ret_waited_ms = waited;
        return state;
}
