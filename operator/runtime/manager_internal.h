/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the manager share: manager.c runs and stops, manager_start.c puts the parts together,
 * manager_hooks.c is what the parts call. */
#pragma once

#include <stdatomic.h>

#include "lib/kube/watch.h"
#include "lib/server/health.h"
#include "operator/runtime/applied.h"
#include "operator/runtime/caches.h"
#include "operator/runtime/lease.h"
#include "operator/runtime/manager.h"
#include "operator/runtime/worker.h"

enum { MANAGER_CONTROLLERS_MAXIMUM = 16 };

/* What a cache's handler needs. */
typedef struct ManagerListener {
        Manager *manager;
        const CachesRow *row;
} ManagerListener;

struct Manager {
        const ManagerOptions *options;
        Metrics *metrics;
        Metric *writes;
        Health *health;
        Server *server;
        ServerRoute routes[5];
        Caches *caches;
        ManagerListener *listeners;
        Http *http, *lease_http;
        Client *client, *lease_client;
        Watch *watch;
        Applied *applied;
        Secrets *secrets;
        Prober *prober;
        Events *events;
        Lease *lease;
        int lead_fd; /* readable once we lead */
        Workers *workers[MANAGER_CONTROLLERS_MAXIMUM];
        size_t worker_count;
        atomic_int passes, write_count;
        _Atomic int64_t led_ms, synced_ms; /* when we began to lead, and when the caches were in step; 0: not yet */
        int passes_seen, passes_trimmed;   /* the main thread's */
};

/* Everything up to running watches and lease; on failure the caller stops and frees what there is. */
bool manager_start(Manager *manager, Error *err);

/* Handlers: of the client, the lease, the prober, the workers, the caches. `manager` is the context of all but the
 * last, whose context is a ManagerListener. */
void manager_on_write(void *context, const char *verb, const Kind *kind, const Json *reply);
bool manager_guard(void *context, Error *err);
void manager_on_leading(void *context);
void manager_on_lost(void *context);
void manager_on_lease_trouble(void *context, const Error *err);
void manager_on_probe(void *context, const char *owner);
void manager_on_reconcile(void *context);
void manager_on_change(void *context, const CacheChange *change);
/* Health checks. */
bool manager_check_lease(void *context, char *ret_sentence, size_t size);
bool manager_check_caches(void *context, char *ret_sentence, size_t size);
bool manager_check_watches(void *context, char *ret_sentence, size_t size);
