/* SPDX-License-Identifier: Apache-2.0 */
/* The pool: two lists under one lock. The number of connections bounds the number of jobs. */
#include "lib/server/pool.h"

#include <pthread.h>

#include "lib/base/alloc.h"

enum { STACK_SIZE = 256 * 1024 };

typedef struct JobList {
        PoolJob *first, *last;
} JobList;

struct Pool {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        JobList waiting, done;
        bool stopping;
        void (*on_done)(void *context);
        void *context;
        int count;
        pthread_t threads[SERVER_MAXIMUM_POOL];
};

static void append(JobList *list, PoolJob *job) {
        job->next = NULL;
        if (list->last)
                list->last->next = job;
        else
                list->first = job;
        list->last = job;
}

static PoolJob *take(JobList *list) {
        PoolJob *job = list->first;

        if (!job)
                return NULL;
        list->first = job->next;
        if (!list->first)
                list->last = NULL;
        return job;
}

static void *run(void *argument) {
        Pool *pool = argument;
        PoolJob *job;

        (void)pthread_mutex_lock(&pool->lock);
        for (;;) {
                while (!pool->waiting.first && !pool->stopping)
                        (void)pthread_cond_wait(&pool->changed, &pool->lock);
                if (pool->stopping)
                        break;
                job = take(&pool->waiting);
                (void)pthread_mutex_unlock(&pool->lock);
                job->route->handler(job->route->context, &job->request, &job->reply);
                (void)pthread_mutex_lock(&pool->lock);
                append(&pool->done, job);
                (void)pthread_mutex_unlock(&pool->lock);
                pool->on_done(pool->context);
                (void)pthread_mutex_lock(&pool->lock);
        }
        (void)pthread_mutex_unlock(&pool->lock);
        return NULL;
}

Pool *pool_new(int threads, void (*on_done)(void *context), void *context) {
        Pool *pool = alloc_zero(sizeof(*pool));
        pthread_attr_t attributes;

        (void)pthread_mutex_init(&pool->lock, NULL);
        (void)pthread_cond_init(&pool->changed, NULL);
        pool->on_done = on_done;
        pool->context = context;
        pool->count = threads > SERVER_MAXIMUM_POOL ? SERVER_MAXIMUM_POOL : threads;
        (void)pthread_attr_init(&attributes);
        (void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
        for (int i = 0; i < pool->count; i++)
                if (pthread_create(&pool->threads[i], &attributes, run, pool) != 0)
                        abort();
        (void)pthread_attr_destroy(&attributes);
        return pool;
}

void pool_stop(Pool *pool) {
        PoolJob *job;

        (void)pthread_mutex_lock(&pool->lock);
        pool->stopping = true;
        (void)pthread_cond_broadcast(&pool->changed);
        (void)pthread_mutex_unlock(&pool->lock);
        for (int i = 0; i < pool->count; i++)
                (void)pthread_join(pool->threads[i], NULL);
        while ((job = take(&pool->waiting))) {
                server_problem(&job->reply, 503, "the server is stopping");
                append(&pool->done, job);
        }
}

void pool_free(Pool *pool) {
        if (!pool)
                return;
        (void)pthread_mutex_destroy(&pool->lock);
        (void)pthread_cond_destroy(&pool->changed);
        free(pool);
}

void pool_add(Pool *pool, PoolJob *job) {
        (void)pthread_mutex_lock(&pool->lock);
        append(&pool->waiting, job);
        (void)pthread_cond_signal(&pool->changed);
        (void)pthread_mutex_unlock(&pool->lock);
}

PoolJob *pool_take_done(Pool *pool) {
        PoolJob *job;

        (void)pthread_mutex_lock(&pool->lock);
        job = take(&pool->done);
        (void)pthread_mutex_unlock(&pool->lock);
        return job;
}
