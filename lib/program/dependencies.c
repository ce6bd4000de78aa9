/* SPDX-License-Identifier: Apache-2.0 */
/* The thread behind dependencies.h. It keeps sentences, not connections: a new connection each time is what proves that
 * the entry leads somewhere. */
#include "lib/program/dependencies.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/remote/pg.h"
#include "lib/remote/redis.h"

enum { SENTENCE = sizeof(((Error *)0)->text), STACK = 256 * 1024 };

struct Dependencies {
        const ProgramSettings *settings;
        Metric *up;
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        bool stopping;
        char postgres[SENTENCE], redis[SENTENCE]; /* "" when fine */
};

static bool look_at_redis(const char *url, Error *err) {
        static const char *const role[] = { "ROLE" };
        CLEANUP(arena_done) Arena arena = { 0 };
        CLEANUP(redis_cleanup) Redis *redis = NULL;
        CLEANUP(json_cleanup) Json *reply = NULL;
        RedisTarget target = { 0 };

        if (!redis_parse_url(url, &arena, &target, err))
                return false;
        target.timeout_ms = DEPENDENCIES_DEADLINE_MS;
        if (!redis_connect(&target, &redis, err))
                return false;
        redis_set_deadline(redis, clock_now_ms() + DEPENDENCIES_DEADLINE_MS);
        if (!redis_command(redis, role, 1, &reply, err))
                return false;
        if (strcmp(json_string(json_at(reply, 0), ""), "master") != 0)
                return error_set(err, ERROR_UNAVAILABLE, "the entry leads to a Redis that is not the master");
        return true;
}

static void note(Dependencies *dependencies, const char *name, char *sentence, bool fine, const Error *err) {
        const char *const labels[] = { name };

        pthread_mutex_lock(&dependencies->lock);
        (void)snprintf(sentence, SENTENCE, "%s", fine ? "" : err->text);
        pthread_mutex_unlock(&dependencies->lock);
        metric_set(dependencies->up, labels, fine ? 1 : 0);
}

/* True when all is fine. */
static bool look(Dependencies *dependencies) {
        const ProgramSettings *settings = dependencies->settings;
        bool all_fine = true;
        Error err = { 0 };

        if (settings->database_url) {
                bool fine = pg_ping(settings->database_url, DEPENDENCIES_DEADLINE_MS, &err);

                note(dependencies, "postgres", dependencies->postgres, fine, &err);
                all_fine = all_fine && fine;
        }
        if (settings->redis_url) {
                bool fine = look_at_redis(settings->redis_url, &err);

                note(dependencies, "redis", dependencies->redis, fine, &err);
                all_fine = all_fine && fine;
        }
        return all_fine;
}

static void *run(void *context) {
        Dependencies *dependencies = context;
        bool stopping = false;

        while (!stopping) {
                int64_t wait_ms =
                        look(dependencies) ? random_jitter(DEPENDENCIES_INTERVAL_MS, 0.25) : DEPENDENCIES_RETRY_MS;
                int64_t next = clock_now_ms() + wait_ms;

                pthread_mutex_lock(&dependencies->lock);
                while (!dependencies->stopping && clock_wait(&dependencies->changed, &dependencies->lock, next))
                        ;
                stopping = dependencies->stopping;
                pthread_mutex_unlock(&dependencies->lock);
        }
        return NULL;
}

bool dependencies_start(
        const ProgramSettings *settings, Metrics *metrics, Dependencies **ret_dependencies, Error *err) {
        static const char *const labels[] = { "dependency", NULL };
        Dependencies *dependencies = alloc_zero(sizeof(*dependencies));
        pthread_attr_t attributes;
        int failed;

        dependencies->settings = settings;
        dependencies->up = metrics_gauge(
                metrics, "madbase_dependency_up", "Whether PostgreSQL or Redis answered through the entry", labels);
        (void)pthread_mutex_init(&dependencies->lock, NULL);
        (void)pthread_cond_init(&dependencies->changed, NULL);
        if (settings->database_url)
                (void)snprintf(dependencies->postgres, SENTENCE, "not looked at yet");
        if (settings->redis_url)
                (void)snprintf(dependencies->redis, SENTENCE, "not looked at yet");
        (void)pthread_attr_init(&attributes);
        (void)pthread_attr_setstacksize(&attributes, STACK);
        failed = pthread_create(&dependencies->thread, &attributes, run, dependencies);
        (void)pthread_attr_destroy(&attributes);
        if (failed) {
                free(dependencies);
                return error_set(err, ERROR_UNAVAILABLE, "cannot start a thread: %s", strerror(failed));
        }
        *ret_dependencies = dependencies;
        return true;
}

void dependencies_stop(Dependencies *dependencies) {
        if (!dependencies)
                return;
        pthread_mutex_lock(&dependencies->lock);
        dependencies->stopping = true;
        pthread_cond_signal(&dependencies->changed);
        pthread_mutex_unlock(&dependencies->lock);
        (void)pthread_join(dependencies->thread, NULL);
        (void)pthread_cond_destroy(&dependencies->changed);
        (void)pthread_mutex_destroy(&dependencies->lock);
        free(dependencies);
}

static bool check(Dependencies *dependencies, const char *sentence, char *ret_sentence, size_t size) {
        bool fine;

        pthread_mutex_lock(&dependencies->lock);
        fine = !sentence[0];
        (void)snprintf(ret_sentence, size, "%s", sentence);
        pthread_mutex_unlock(&dependencies->lock);
        return fine;
}

bool dependencies_check_postgres(void *dependencies, char *ret_sentence, size_t size) {
        Dependencies *own = dependencies;

        return check(own, own->postgres, ret_sentence, size);
}

bool dependencies_check_redis(void *dependencies, char *ret_sentence, size_t size) {
        Dependencies *own = dependencies;

        return check(own, own->redis, ret_sentence, size);
}
