/* SPDX-License-Identifier: Apache-2.0 */
/* One reflector as a state machine without clock, thread or socket: it says which request it wants and when, is fed
 * what the server answers, and keeps its cache. watch.c drives it with libcurl, tests drive it with a script. Law: what
 * it knows up to a version is in the cache, all of it; on doubt it lists again. Private to lib/kube.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes */
#pragma once

#include "lib/base/hashmap.h"
#include "lib/kube/list_reader.h"
#include "lib/kube/watch.h"

enum {
        REFLECTOR_BACKOFF_MS = 800, /* doubled each time, plus up to 100 % of jitter */
        REFLECTOR_MAXIMUM_BACKOFF_MS = 30 * 1000,
        REFLECTOR_FORGIVE_MS = 2 * 60 * 1000,   /* without a failure for so long, the next one starts anew */
        REFLECTOR_SLOW_MS = 5 * 1000,           /* at least, where a person must act */
        REFLECTOR_SHORT_WATCH_MS = 1000,        /* a watch that ends sooner and brought nothing is a failure */
        REFLECTOR_SILENCE_MS = 130 * 1000,      /* bookmarks come each minute */
        REFLECTOR_LIST_TIMEOUT_MS = 60 * 1000,  /* of one page, and without a byte while state is replayed */
        REFLECTOR_WATCH_TIMEOUT_S = 300,        /* asked for; up to twice that */
        REFLECTOR_GRACE_MS = 5 * 1000,          /* for the server to end a watch by itself */
        REFLECTOR_MAXIMUM_STREAM_ERRORS = 3,    /* in a row, then the next try lists again */
        REFLECTOR_MAXIMUM_OBJECTS = 1000 * 1000 /* of one list */
};

typedef enum ReflectorPhase {
        PHASE_REPLAY, /* WatchList: a watch that starts with the whole state, and then goes on as FOLLOW */
        PHASE_PAGE,   /* LIST, one page per request */
        PHASE_FOLLOW  /* plain watch from a version */
} ReflectorPhase;

typedef struct Reflector {
        Cache *cache;
        const Kind *kind;
        char *scope, *selector;
        const WatchOptions *options;
        char *resource; /* label of the metrics: "statefulsets.apps" */
        Metric *relists, *events;

        WatchState state;
        ReflectorPhase phase; /* of the request under way, or the next one */
        const char *reason;   /* why the next list, for the metric; NULL: it continues one that was counted */
        char *version;        /* up to which the cache is right; NULL before the first list */
        bool version_unusable;
        bool no_watch_list;
        bool full_list; /* a page's token ran out: once without pages */

        Hashmap side; /* what a list brought so far; references */
        ListReader reader;
        JsonStream frames;
        bool replaying; /* the end of the replayed state is not reached yet */
        size_t stream_events, stream_bookmarks;
        bool bookmark_seen; /* ever: this server sends them */
        int stream_errors;
        bool unauthorized; /* one 401 was answered by trying again at once */

        int64_t now_ms; /* of the call under way */
        int64_t opened_ms, resume_ms, listed_ms, failed_ms;
        int64_t backoff_ms;
        size_t lists;  /* delivered to the cache */
        Error trouble; /* what a person should know; code NONE: nothing */
} Reflector;

typedef struct ReflectorRequest {
        Text path;
        int64_t timeout_ms; /* of the whole request */
} ReflectorRequest;

/* `cache`, `options` and `metrics` (may be NULL) must outlive it. */
Reflector *reflector_new(
        Cache *cache, const char *scope, const char *selector, const WatchOptions *options, Metrics *metrics);
void reflector_free(Reflector *reflector);
/* How long until it wants a request; 0: now. Only while none is under way. */
int64_t reflector_wait_ms(const Reflector *reflector, int64_t now_ms);
/* The request it wants now (path appended to an empty text). */
void reflector_open(Reflector *reflector, int64_t now_ms, ReflectorRequest *ret_request);
/* The server answered 200. */
void reflector_accept(Reflector *reflector, int64_t now_ms);
/* Bytes of a 2xx body. False ends the request: reflector_close gets the error. */
bool reflector_feed(Reflector *reflector, int64_t now_ms, const char *bytes, size_t size, Error *err) MUST_USE;
/* The request is over: NULL after a clean end of a 2xx body, else why. */
void reflector_close(Reflector *reflector, int64_t now_ms, const Error *err);
/* The request under way is cut after this long without a byte; 0: never. */
int64_t reflector_silence_ms(const Reflector *reflector);
/* It was cut for that; stands for reflector_close. */
void reflector_cut(Reflector *reflector, int64_t now_ms);

/* Inside: reflector_frames.c reads what a watch brings; reflector.c decides. */
void reflector_start_frames(Reflector *reflector);
bool reflector_keep_item(void *context, const Json *item, Error *err);
void reflector_drop_side(Reflector *reflector);
/* The list is complete at `version`: hands the side store to the cache. */
void reflector_deliver(Reflector *reflector, const char *version);
