/* SPDX-License-Identifier: Apache-2.0 */
/* The sender of Events: one thread, one bounded queue. Law: whoever reports an Event waits for nothing. */
#include "operator/runtime/events.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "operator/runtime/events_series.h"
#include "operator/runtime/thread.h"

#define REPORTING_CONTROLLER "madbase.io/operator"

enum {
        TRIES = 12,
        TRY_PAUSE_MS = 10000,
        LOOK_PAUSE_MS = 60000, /* between looks at series that go on */
        NOTE_MAXIMUM = 1024,
        WORD_MAXIMUM = 128
};

static const Kind kind_event = { "events.k8s.io", "v1", "Event", "events", false, NULL };

typedef struct Pending {
        struct Pending *next;
        Json *event; /* without metadata.name and times */
        char *key, *object;
        char *namespace_, *name; /* of what it regards */
        int64_t wall_us;
} Pending;

struct Events {
        Client *client;
        const char *instance;
        Metric *sent, *dropped;
        pthread_t thread;
        pthread_mutex_t lock; /* over what follows */
        pthread_cond_t changed;
        Pending *first, **end;
        size_t size;
        int64_t stop_at_ms; /* 0: running */
        bool ended;
        SeriesTable table; /* the thread's */
};

EventAbout events_about(const Object *object, Arena *arena) {
        const Kind *kind = object->kind;

        return (EventAbout){
                .api_version = *kind->group ? arena_printf(arena, "%s/%s", kind->group, kind->version) : kind->version,
                .kind = kind->kind,
                .namespace_ = object->namespace_,
                .name = object->name,
                .uid = object->uid,
                .resource_version = object->resource_version,
        };
}

static void pending_free(Pending *pending) {
        json_free(pending->event);
        free(pending->key);
        free(pending->object);
        free(pending->namespace_);
        free(pending->name);
        free(pending);
}

static void put_cut(Json *object, const char *key, const char *string, size_t maximum) {
        CLEANUP(cleanup_free) char *cut = alloc_bytes(string, text_cut(string, maximum));

        json_put_string(object, key, cut);
}

static Pending *make(const Events *events, const EventAbout *about, const char *type, const char *reason,
        const char *action, const char *note) {
        /* Events about cluster-scoped objects live in "default". */
        const char *namespace_ = about->namespace_ && *about->namespace_ ? about->namespace_ : "default";
        Pending *pending = alloc_zero(sizeof(*pending));
        CLEANUP(text_done) Text key = { 0 };
        Json *regarding;

        text_printf(&key, "%s\n%s\n%s\n%s\n%s", about->uid, type, reason, action, note);
        pending->key = text_take(&key);
        pending->object = alloc_string(about->uid);
        pending->namespace_ = alloc_string(namespace_);
        pending->name = alloc_string(about->name);
        pending->wall_us = clock_wall_us();
        pending->event = json_new_object();
        json_put_string(pending->event, "apiVersion", "events.k8s.io/v1");
        json_put_string(pending->event, "kind", kind_event.kind);
        json_put_string(json_put_object(pending->event, "metadata"), "namespace", namespace_);
        json_put_string(pending->event, "type", type);
        put_cut(pending->event, "reason", reason, WORD_MAXIMUM);
        put_cut(pending->event, "action", action, WORD_MAXIMUM);
        put_cut(pending->event, "note", note, NOTE_MAXIMUM);
        json_put_string(pending->event, "reportingController", REPORTING_CONTROLLER);
        put_cut(pending->event, "reportingInstance", events->instance, WORD_MAXIMUM);
        regarding = json_put_object(pending->event, "regarding");
        json_put_string(regarding, "apiVersion", about->api_version);
        json_put_string(regarding, "kind", about->kind);
        json_put_string(regarding, "namespace", about->namespace_ && *about->namespace_ ? about->namespace_ : NULL);
        json_put_string(regarding, "name", about->name);
        json_put_string(regarding, "uid", about->uid);
        json_put_string(regarding, "resourceVersion", about->resource_version);
        return pending;
}

static void count_dropped(const Events *events, const char *reason) {
        metric_add(events->dropped, (const char *const[]){ reason }, 1);
}

void events_send(Events *events, const EventAbout *about, const char *type, const char *reason, const char *action,
        const char *note) {
        Pending *pending;

        if (!events)
                return;
        pending = make(events, about, type, reason, action, note);
        pthread_mutex_lock(&events->lock);
        if (events->size < EVENTS_MAXIMUM_QUEUED && !events->stop_at_ms) {
                *events->end = pending;
                events->end = &pending->next;
                events->size++;
                pending = NULL;
                pthread_cond_broadcast(&events->changed);
        }
        pthread_mutex_unlock(&events->lock);
        if (pending) {
                count_dropped(events, "full");
                pending_free(pending);
        }
}

/* Whether the thread may go on with requests. When it is told to stop, only until the time it was given. */
static bool may_go_on(Events *events) {
        bool may;

        pthread_mutex_lock(&events->lock);
        may = !events->stop_at_ms || clock_now_ms() < events->stop_at_ms;
        pthread_mutex_unlock(&events->lock);
        return may;
}

/* Waits between two tries of one request; false when there is no time left for another. */
static bool pause_between_tries(Events *events) {
        int64_t until = clock_now_ms() + random_jitter(TRY_PAUSE_MS, 0.25);
        bool stopping;

        pthread_mutex_lock(&events->lock);
        while (!events->stop_at_ms && clock_now_ms() < until)
                thread_sleep(&events->changed, &events->lock, until - clock_now_ms());
        stopping = events->stop_at_ms != 0;
        pthread_mutex_unlock(&events->lock);
        return !stopping;
}

static bool is_worth_another_try(const Error *err) {
        return err->code == ERROR_UNAVAILABLE || err->code == ERROR_TIMEOUT || err->code == ERROR_THROTTLED;
}

/* Sends with tries; `create` NULL means a patch of the series' count. */
static bool send(Events *events, const Series *series, const Json *create, Error *err) {
        CLEANUP(json_cleanup) Json *patch = create ? NULL : json_new_object();
        char time[CLOCK_RFC3339_SIZE];

        if (patch) {
                Json *content = json_put_object(patch, "series");

                clock_format_micro(series->last_wall_us, time);
                json_put_int(content, "count", series->count);
                json_put_string(content, "lastObservedTime", time);
        }
        for (int i = 0; i < TRIES; i++) {
                bool done = create ? client_create(events->client, &kind_event, create, NULL, err)
                                   : client_patch(events->client, &kind_event, series->namespace_, series->name, NULL,
                                             PATCH_MERGE, patch, NULL, err);

                /* There already: the reply of an earlier try was lost. */
                if (done || err->code == ERROR_EXISTS)
                        return true;
                if (!is_worth_another_try(err) || !pause_between_tries(events))
                        return false;
        }
        return false;
}

/* Names the Event object and fills its time. */
static void complete(const Pending *pending, Series *series) {
        char time[CLOCK_RFC3339_SIZE];
        size_t cut = text_cut(pending->name, SERIES_NAME_SIZE - 18);

        (void)snprintf(series->namespace_, sizeof(series->namespace_), "%s", pending->namespace_);
        (void)snprintf(series->name, sizeof(series->name), "%.*s.%" PRIx64, (int)cut, pending->name,
                (uint64_t)pending->wall_us * 1000 + random_below(1000));
        clock_format_micro(pending->wall_us, time);
        json_put_string(json_get(pending->event, "metadata"), "name", series->name);
        json_put_string(pending->event, "eventTime", time);
}

static void handle(Events *events, const Pending *pending) {
        Error err = { 0 };
        Series *series;
        SeriesVerdict verdict =
                series_note(&events->table, pending->key, pending->object, clock_now_ms(), pending->wall_us, &series);

        if (verdict == SERIES_DROP)
                count_dropped(events, "spam");
        if (verdict == SERIES_DROP || verdict == SERIES_COUNT)
                return;
        if (verdict == SERIES_CREATE)
                complete(pending, series);
        if (send(events, series, verdict == SERIES_CREATE ? pending->event : NULL, &err)) {
                metric_add(events->sent, NULL, 1);
                series_written(series, clock_now_ms());
                return;
        }
        count_dropped(events, error_name(err.code));
        series_forget(&events->table, series);
}

static void refresh(Events *events) {
        Series *series;

        while (may_go_on(events) && (series = series_due(&events->table, clock_now_ms()))) {
                Error err = { 0 };

                if (send(events, series, NULL, &err))
                        series_written(series, clock_now_ms());
                else
                        series_forget(&events->table, series);
        }
}

/* The next Event, or NULL after LOOK_PAUSE_MS or when the thread is to end (then *ret_end is true). */
static Pending *next_pending(Events *events, bool *ret_end) {
        Pending *pending;

        pthread_mutex_lock(&events->lock);
        if (!events->first && !events->stop_at_ms)
                thread_sleep(&events->changed, &events->lock, LOOK_PAUSE_MS);
        pending = events->first;
        if (pending) {
                events->first = pending->next;
                events->size--;
                if (!events->first)
                        events->end = &events->first;
        }
        *ret_end = !pending && events->stop_at_ms;
        pthread_mutex_unlock(&events->lock);
        return pending;
}

static void *work(void *context) {
        Events *events = context;
        bool end = false;

        while (!end) {
                Pending *pending = next_pending(events, &end);

                if (pending && may_go_on(events))
                        handle(events, pending);
                if (pending)
                        pending_free(pending);
                else if (!end)
                        refresh(events);
        }
        pthread_mutex_lock(&events->lock);
        events->ended = true;
        pthread_cond_broadcast(&events->changed);
        pthread_mutex_unlock(&events->lock);
        return NULL;
}

bool events_start(Client *client, const char *instance, Metrics *metrics, Events **ret_events, Error *err) {
        static const char *const labels[] = { "reason", NULL };
        Events *events = alloc_zero(sizeof(*events));

        events->client = client;
        events->instance = instance;
        events->end = &events->first;
        if (metrics) {
                events->sent = metrics_counter(metrics, "events_sent_total", "Events written to the API server", NULL);
                events->dropped = metrics_counter(
                        metrics, "events_dropped_total", "Events that were not written, and why", labels);
                metric_add(events->sent, NULL, 0);
        }
        pthread_mutex_init(&events->lock, NULL);
        thread_condition(&events->changed);
        if (!thread_start(&events->thread, "events", work, events, err)) {
                pthread_cond_destroy(&events->changed);
                pthread_mutex_destroy(&events->lock);
                free(events);
                return false;
        }
        *ret_events = events;
        return true;
}

void events_stop(Events *events, int64_t drain_ms) {
        if (!events)
                return;
        pthread_mutex_lock(&events->lock);
        events->stop_at_ms = clock_now_ms() + drain_ms;
        pthread_cond_broadcast(&events->changed);
        while (!events->ended && clock_now_ms() < events->stop_at_ms)
                thread_sleep(&events->changed, &events->lock, events->stop_at_ms - clock_now_ms());
        if (!events->ended)
                http_stop(client_http(events->client));
        pthread_mutex_unlock(&events->lock);
        pthread_join(events->thread, NULL);
        series_done(&events->table);
        pthread_cond_destroy(&events->changed);
        pthread_mutex_destroy(&events->lock);
        free(events);
}
