/* SPDX-License-Identifier: Apache-2.0 */
/* The workers of one controller: threads that take keys from one queue and reconcile them, one pass per key at a time.
 * Here, and only here, errors are logged and their codes mapped to retries. Metrics by the names, labels and buckets of
 * controller-runtime (controller_runtime_*), and reconcile_stale_* for waits on caches. */
#pragma once

#include "operator/runtime/controller.h"

typedef struct Workers Workers;

enum { WORKERS_MAXIMUM = 32 };

typedef struct WorkersOptions {
        const Controller *controller;
        Runtime runtime;                     /* copied for each worker; freshness, key and log are filled in here */
        int count;                           /* 1 to WORKERS_MAXIMUM */
        void (*on_reconcile)(void *context); /* before each pass; may be NULL */
        void *context;
} WorkersOptions;

/* Keys can be woken from now on; they are taken once the threads run. */
Workers *workers_new(const WorkersOptions *options);
/* After workers_join and after the watches ended. Accepts NULL. */
void workers_free(Workers *workers);
bool workers_start(Workers *workers, Error *err) MUST_USE;
const Controller *workers_controller(const Workers *workers);
/* Safe from every thread, also before the start and after the stop. */
void workers_wake(Workers *workers, const char *key, int priority);
/* No key is taken any more; passes under way go on to their end. */
void workers_stop(Workers *workers);
/* Waits until every thread has ended, at most `timeout_ms`; false when some have not. */
bool workers_join(Workers *workers, int64_t timeout_ms);
