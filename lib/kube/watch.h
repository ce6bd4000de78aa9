/* SPDX-License-Identifier: Apache-2.0 */
/* Reflectors: each keeps one cache (or one namespace of it) equal to the API server, by WatchList where the server has
 * it, else by LIST in pages and WATCH. All of them share one thread and one HTTP/2 connection; each is the state
 * machine COLD, LISTING, OPENING, LIVE, BACKOFF of docs/architecture.md. Silent streams are found (bookmarks come each
 * minute), 410 leads to a relist that is told as a difference, resourceVersions never go back. Kubernetes behaviour
 * followed here: KEP-3157 (WatchList), KEP-956 (bookmarks), KEP-5504 (order of versions). */
#pragma once

#include "lib/kube/cache.h"
#include "lib/kube/client.h"

typedef struct Watch Watch;

typedef enum WatchState { WATCH_COLD, WATCH_LISTING, WATCH_OPENING, WATCH_LIVE, WATCH_BACKOFF } WatchState;

typedef struct WatchOptions {
        bool no_watch_list;        /* never try WatchList */
        int page;                  /* objects per LIST page; 0: 500 */
        int64_t silence_ms;        /* a stream without a byte for this long is cut; 0: 130 s */
        int64_t timeout_minimum_s; /* of one watch request; 0: 300; the upper end is twice this */
} WatchOptions;

/* `http` and `metrics` (may be NULL) must outlive the result; `options` (may be NULL) are copied. Metrics:
 * watch_relists_total{resource,reason}, watch_last_byte_age_seconds{resource}, watch_events_total{resource,type},
 * watch_state{resource,state} (reflectors in that state), cache_objects{resource}. They are filled by a hook of
 * `metrics`: print no page after watch_free. */
Watch *watch_new(Http *http, const WatchOptions *options, Metrics *metrics);
/* Stops it first, if need be. The caches are still the caller's. */
void watch_free(Watch *watch);
/* A reflector for objects of the cache's kind in `scope` (a namespace, "" for all) with this label selector (NULL:
 * all). One for each cache and scope. The cache must outlive the watch. Before watch_start. */
void watch_add(Watch *watch, Cache *cache, const char *scope, const char *label_selector);
/* Starts the thread. */
bool watch_start(Watch *watch, Error *err) MUST_USE;
/* Ends streams and thread; returns when it is over. */
void watch_stop(Watch *watch);
/* True when every cache is synced, else false after `timeout_ms` or when the watch is stopped. */
bool watch_wait_synced(Watch *watch, int64_t timeout_ms);
/* For /readyz: the first reflector that is not live for a reason a person should know (403, 404 on the type), as a
 * sentence; false when there is none. */
bool watch_trouble(Watch *watch, char *ret_sentence, size_t size);
