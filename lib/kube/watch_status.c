/* SPDX-License-Identifier: Apache-2.0 */
/* How the reflectors are doing, for readiness, metrics and whoever waits for the first sync. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/kube/watch_internal.h"

static const char *const STATES[] = { [WATCH_COLD] = "cold",
        [WATCH_LISTING] = "listing",
        [WATCH_OPENING] = "opening",
        [WATCH_LIVE] = "live",
        [WATCH_BACKOFF] = "backoff" };
static const char *const STATE_LABELS[] = { "resource", "state", NULL };
static const char *const RESOURCE_LABELS[] = { "resource", NULL };

/* Whether an earlier stream has the same resource: its sums cover this one. */
static bool is_counted(const Watch *watch, size_t index) {
        for (size_t i = 0; i < index; i++)
                if (!strcmp(watch->streams[i]->reflector->resource, watch->streams[index]->reflector->resource))
                        return true;
        return false;
}

static void fill_resource(const Watch *watch, size_t first, int64_t now_ms) {
        const char *resource = watch->streams[first]->reflector->resource;
        size_t states[ARRAY_LEN(STATES)] = { 0 };
        int64_t oldest_ms = now_ms;
        for (size_t i = first; i < watch->count; i++) {
                const WatchStream *stream = watch->streams[i];
                if (strcmp(stream->reflector->resource, resource) != 0)
                        continue;
                states[stream->seen.state]++;
                if (stream->seen.last_byte_ms && stream->seen.last_byte_ms < oldest_ms)
                        oldest_ms = stream->seen.last_byte_ms;
        }
        for (size_t i = 0; i < ARRAY_LEN(STATES); i++)
                metric_set(watch->states, (const char *const[]){ resource, STATES[i] }, (double)states[i]);
        metric_set(watch->ages, (const char *const[]){ resource }, (double)(now_ms - oldest_ms) / 1000);
        metric_set(watch->objects, (const char *const[]){ resource }, (double)cache_size(watch->streams[first]->cache));
}

static void fill(Metrics *metrics, void *context) {
        Watch *watch = context;
        int64_t now_ms = clock_now_ms();
        (void)metrics;
        pthread_mutex_lock(&watch->lock);
        for (size_t i = 0; i < watch->count; i++)
                if (!is_counted(watch, i))
                        fill_resource(watch, i, now_ms);
        pthread_mutex_unlock(&watch->lock);
}

void watch_status_init(Watch *watch) {
        pthread_condattr_t attributes;
        pthread_mutex_init(&watch->lock, NULL);
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&watch->changed, &attributes);
        pthread_condattr_destroy(&attributes);
        if (!watch->metrics)
                return;
        watch->states = metrics_gauge(watch->metrics, "watch_state", "Reflectors by resource and state.", STATE_LABELS);
        watch->ages = metrics_gauge(watch->metrics, "watch_last_byte_age_seconds",
                "Time since a watch last brought anything; bookmarks come each minute.", RESOURCE_LABELS);
        watch->objects = metrics_gauge(watch->metrics, "cache_objects", "Objects in the cache.", RESOURCE_LABELS);
        metrics_add_hook(watch->metrics, fill, watch);
}

void watch_status_done(Watch *watch) {
        pthread_cond_destroy(&watch->changed);
        pthread_mutex_destroy(&watch->lock);
}

void watch_publish(Watch *watch) {
        bool listed = false;
        pthread_mutex_lock(&watch->lock);
        for (size_t i = 0; i < watch->count; i++) {
                WatchStream *stream = watch->streams[i];
                stream->seen.state = stream->reflector->state;
                stream->seen.last_byte_ms = stream->active ? stream->last_byte_ms : 0;
                if (stream->seen.trouble.code || stream->reflector->trouble.code)
                        stream->seen.trouble = stream->reflector->trouble;
                listed = listed || stream->lists != stream->reflector->lists;
                stream->lists = stream->reflector->lists;
        }
        if (listed || atomic_load(&watch->stopping))
                pthread_cond_broadcast(&watch->changed);
        pthread_mutex_unlock(&watch->lock);
}

static bool all_synced(const Watch *watch) {
        for (size_t i = 0; i < watch->count; i++)
                if (!cache_synced(watch->streams[i]->cache))
                        return false;
        return true;
}

bool watch_wait_synced(Watch *watch, int64_t timeout_ms) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        int64_t until_ns = until.tv_nsec + timeout_ms % 1000 * 1000000;
        until.tv_sec += timeout_ms / 1000 + until_ns / 1000000000;
        until.tv_nsec = until_ns % 1000000000;
        int late = 0;
        pthread_mutex_lock(&watch->lock);
        bool synced = all_synced(watch);
        while (!synced && late == 0 && !atomic_load(&watch->stopping)) {
                late = pthread_cond_timedwait(&watch->changed, &watch->lock, &until);
                synced = all_synced(watch);
        }
        pthread_mutex_unlock(&watch->lock);
        return synced;
}

bool watch_trouble(Watch *watch, char *ret_sentence, size_t size) {
        bool found = false;
        pthread_mutex_lock(&watch->lock);
        for (size_t i = 0; i < watch->count && !found; i++) {
                const Error *trouble = &watch->streams[i]->seen.trouble;
                found = trouble->code != ERROR_NONE;
                if (found)
                        (void)snprintf(ret_sentence, size, "%s", trouble->text);
        }
        pthread_mutex_unlock(&watch->lock);
        return found;
}
