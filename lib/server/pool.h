/* SPDX-License-Identifier: Apache-2.0 */
/* A few threads that run handlers which may block. Private to the server. */
#pragma once

#include "lib/server/server.h"

typedef struct Pool Pool;

/* One request that waits for its handler, or has its reply. Whoever adds it owns what it points to. */
typedef struct PoolJob {
        struct PoolJob *next;
        const ServerRoute *route;
        ServerRequest request;
        ServerReply reply;
        void *owner; /* of the one who added it */
} PoolJob;

/* `on_done(context)` is called from a pool thread after a job moved to the done list. Aborts when no thread can be
 * started. */
Pool *pool_new(int threads, void (*on_done)(void *context), void *context);
/* Waits for the handlers that run; jobs not yet begun move to the done list without a reply (status 503). */
void pool_stop(Pool *pool);
/* After pool_stop; NULL is ignored. */
void pool_free(Pool *pool);
void pool_add(Pool *pool, PoolJob *job);
/* Next finished job, NULL when there is none. */
PoolJob *pool_take_done(Pool *pool);
