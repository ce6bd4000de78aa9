/* SPDX-License-Identifier: Apache-2.0 */
/* The work queue: keys, each at most once, never with two workers at a time, none lost. Higher priority first, then
 * first come; waiting makes a ready key more urgent (+1 each 10 s), so that none starves. Failures back off per key,
 * with jitter. Semantics of client-go's workqueue and controller-runtime's priority queue; metrics workqueue_* by their
 * names. Safe from every thread. */
#pragma once

#include "lib/base/metrics.h"

typedef struct Queue Queue;

enum {
        QUEUE_PRIORITY_INITIAL = -100, /* first list after a start: fresh changes overtake */
        QUEUE_PRIORITY_NORMAL = 0,
        QUEUE_BACKOFF_BASE_MS = 5,
        QUEUE_BACKOFF_CAP_MS = 300000,
        QUEUE_SLOW_BASE_MS = 1000,
        QUEUE_SLOW_CAP_MS = 60000,
        QUEUE_AGEING_MS = 10000 /* of waiting count as one step of priority */
};

/* `clock_ms` is the time source (clock_now_ms; tests bring their own). `name` labels the metrics and is kept by
 * reference. `metrics` may be NULL; its page must not be printed after queue_free. */
Queue *queue_new(const char *name, int64_t (*clock_ms)(void), Metrics *metrics);
/* After every worker returned. Accepts NULL. */
void queue_free(Queue *queue);
/* Wakes all takers; they and all later ones get NULL. Adding stays allowed and is of no effect for takers. */
void queue_stop(Queue *queue);
/* `delay_ms` 0: at once. A key already waiting keeps the earlier time and the higher priority; a key whose priority is
 * raised goes to the tail of its new level; a key being worked on is taken again afterwards. The key is copied. */
void queue_add(Queue *queue, const char *key, int priority, int64_t delay_ms);
/* Blocks for the next key; NULL after queue_stop. The string is the caller's until queue_done. *ret_priority may be
 * NULL. */
char *queue_take(Queue *queue, int *ret_priority);
/* As queue_take, but NULL when no key is ready now. */
char *queue_try_take(Queue *queue, int *ret_priority);
/* Work on the key ended; frees the string. */
void queue_done(Queue *queue, char *key);
/* Adds the key after its back-off (5 ms, doubled per failure, capped, then up to +50 % jitter); returns the delay. */
int64_t queue_add_failed(Queue *queue, const char *key, int priority);
/* As above for what a person must put right: 1 s, doubled per failure, at most a minute, then up to +50 %. */
int64_t queue_add_slow(Queue *queue, const char *key, int priority);
/* Success: the key's failures are forgotten. */
void queue_forget(Queue *queue, const char *key);
/* Keys that are ready or wait for their time; those out with workers count when they are wanted again. */
size_t queue_size(Queue *queue);
