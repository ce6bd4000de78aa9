/* SPDX-License-Identifier: Apache-2.0 */
/* What the watch thread (watch.c) and those who ask how it goes (watch_status.c) share. Private to lib/kube. */
#pragma once

#include "lib/kube/http_internal.h"
#include "lib/kube/reflector.h"

/* A reflector and its request. All but `seen` belongs to the watch thread. */
typedef struct WatchStream {
        Watch *watch;
        Cache *cache;
        Reflector *reflector;
        CURL *easy;
        HttpTransfer transfer;
        HttpRequest request;
        Text path;
        bool active, accepted;
        int64_t last_byte_ms;
        size_t lists;
        struct { /* what others may read, under the watch's lock */
                WatchState state;
                int64_t last_byte_ms; /* 0: no request under way */
                Error trouble;
        } seen;
} WatchStream;

struct Watch {
        Http *http;
        WatchOptions options;
        Metrics *metrics;
        Metric *states, *ages, *objects;
        WatchStream **streams;
        size_t count;
        CURLM *multi; /* changed by the thread under the lock, so that it can be woken */
        bool moved;   /* bytes came since libcurl was last asked: it may hold more, for another stream of the connection
                       */
        pthread_t thread;
        bool started;
        atomic_bool stopping;
        pthread_mutex_t lock; /* over what streams show */
        pthread_cond_t changed;
};

void watch_status_init(Watch *watch);
void watch_status_done(Watch *watch);
/* Shows what the thread knows now, and wakes who waits for it. */
void watch_publish(Watch *watch);
