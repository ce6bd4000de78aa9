/* SPDX-License-Identifier: Apache-2.0 */
/* The prober's threads.
 * Law: the lock is never held while the network is waited for, nor during a callback. */
#include "lib/remote/prober.h"

#include <pthread.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"
#include "lib/remote/probe_targets.h"

enum { MAXIMUM_THREADS = 16, STACK_SIZE = 256 * 1024 };

struct Prober {
        pthread_mutex_t lock;
        pthread_cond_t changed; /* something is due earlier, a thread became free, or `stopping` */
        Hashmap owners;
        ProbeMetrics metrics;
        void (*on_change)(void *context, const char *owner);
        void *context;
        int thread_count;
        int failing; /* threads that look at a target which failed last time */
        bool stopping;
        pthread_t threads[MAXIMUM_THREADS];
};

static void count_look(Prober *prober, ProbeKind kind, const ProbeLook *look, int64_t took_ns) {
        const char *const values[] = { probe_kind_name(kind), look->ok ? "ok" : error_name(look->error.code) };

        metric_add(prober->metrics.looks, values, 1);
        metric_observe(prober->metrics.seconds, values, (double)took_ns / 1e9);
}

/* Tells the owner, with the lock given up meanwhile. */
static void tell(Prober *prober, const char *key) {
        CLEANUP(cleanup_free) char *owner = alloc_string(key);

        (void)pthread_mutex_unlock(&prober->lock);
        prober->on_change(prober->context, owner);
        (void)pthread_mutex_lock(&prober->lock);
}

/* One look, with the lock given up meanwhile. */
static void look_at(Prober *prober, ProbeEntry *entry, HttpGet *http) {
        ProbeTools tools = { .http = http, .redis = &entry->redis };
        bool was_failing = entry->failures > 0, changed = false;
        int64_t started_ns;
        ProbeLook look;

        entry->busy = true;
        prober->failing += was_failing;
        (void)pthread_mutex_unlock(&prober->lock);
        started_ns = clock_now_ns();
        probe_look(&entry->wanted, &tools, &look);
        count_look(prober, entry->wanted.kind, &look, clock_now_ns() - started_ns);
        (void)pthread_mutex_lock(&prober->lock);
        prober->failing -= was_failing;
        entry->busy = false;
        (void)pthread_cond_broadcast(&prober->changed);
        if (!entry->gone)
                changed = probe_entry_take(entry, &look, &prober->metrics);
        json_free(look.answer);
        if (entry->gone)
                probe_entry_free(entry);
        else if (changed && prober->on_change)
                tell(prober, entry->owner->key);
}

static void *run(void *argument) {
        CLEANUP(http_get_cleanup) HttpGet *http = http_get_new();
        Prober *prober = argument;

        (void)pthread_mutex_lock(&prober->lock);
        while (!prober->stopping) {
                bool with_failing = prober->failing < (prober->thread_count + 1) / 2;
                int64_t next_ms;
                ProbeEntry *entry = probe_targets_due(&prober->owners, with_failing, clock_now_ms(), &next_ms);

                if (entry)
                        look_at(prober, entry, http);
                else if (next_ms == INT64_MAX)
                        (void)pthread_cond_wait(&prober->changed, &prober->lock);
                else
                        (void)clock_wait(&prober->changed, &prober->lock, next_ms);
        }
        (void)pthread_mutex_unlock(&prober->lock);
        return NULL;
}

Prober *prober_new(int threads, void (*on_change)(void *context, const char *owner), void *context, Metrics *metrics) {
        Prober *prober = alloc_zero(sizeof(*prober));
        pthread_attr_t attributes;

        (void)pthread_mutex_init(&prober->lock, NULL);
        (void)pthread_cond_init(&prober->changed, NULL);
        prober->on_change = on_change;
        prober->context = context;
        probe_metrics_register(&prober->metrics, metrics);
        prober->thread_count = threads < 1 ? 1 : threads > MAXIMUM_THREADS ? MAXIMUM_THREADS : threads;
        (void)pthread_attr_init(&attributes);
        (void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
        for (int i = 0; i < prober->thread_count; i++)
                if (pthread_create(&prober->threads[i], &attributes, run, prober) != 0)
                        abort(); /* as out of memory */
        (void)pthread_attr_destroy(&attributes);
        return prober;
}

void prober_free(Prober *prober) {
        if (!prober)
                return;
        (void)pthread_mutex_lock(&prober->lock);
        prober->stopping = true;
        (void)pthread_cond_broadcast(&prober->changed);
        (void)pthread_mutex_unlock(&prober->lock);
        for (int i = 0; i < prober->thread_count; i++)
                (void)pthread_join(prober->threads[i], NULL);
        probe_targets_free(&prober->owners, &prober->metrics);
        (void)pthread_mutex_destroy(&prober->lock);
        (void)pthread_cond_destroy(&prober->changed);
        free(prober);
}

void prober_want(Prober *prober, const char *owner, const ProbeTarget *targets, size_t count) {
        (void)pthread_mutex_lock(&prober->lock);
        probe_targets_want(&prober->owners, owner, targets, count, &prober->metrics);
        (void)pthread_cond_broadcast(&prober->changed);
        (void)pthread_mutex_unlock(&prober->lock);
}

static ProbeAnswer answer_of(const ProbeEntry *entry, Arena *arena) {
        return (ProbeAnswer){
                .name = arena_string(arena, entry->wanted.name),
                .asked = entry->asked,
                .reachable = entry->reachable,
                .error = arena_string(arena, entry->error ? entry->error : ""),
                .code = entry->code,
                .answer = entry->answer ? json_adopt(arena, json_copy(entry->answer)) : NULL,
                .since_ms = entry->since_ms,
        };
}

const ProbeAnswer *prober_answers(Prober *prober, const char *owner, Arena *arena, size_t *ret_count) {
        ProbeAnswer *answers = NULL;
        const ProbeOwner *found;

        (void)pthread_mutex_lock(&prober->lock);
        found = hashmap_get(&prober->owners, owner);
        *ret_count = found ? found->count : 0;
        answers = arena_alloc(arena, (*ret_count + 1) * sizeof(*answers));
        for (size_t i = 0; i < *ret_count; i++)
                answers[i] = answer_of(found->entries[i], arena);
        (void)pthread_mutex_unlock(&prober->lock);
        return answers;
}

void prober_hurry(Prober *prober, const char *owner) {
        const ProbeOwner *found;

        (void)pthread_mutex_lock(&prober->lock);
        found = hashmap_get(&prober->owners, owner);
        for (size_t i = 0; found && i < found->count; i++) {
                found->entries[i]->due_ms = 0;
                found->entries[i]->again = found->entries[i]->busy;
        }
        (void)pthread_cond_broadcast(&prober->changed);
        (void)pthread_mutex_unlock(&prober->lock);
}
