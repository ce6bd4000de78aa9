/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the parts of the operator together. Law: a part is made after everything that it calls. */
#include <stdlib.h>

#include "lib/base/alloc.h"
#include "operator/runtime/manager_internal.h"

enum { WORKERS = 2, HEALTH_PORT = 8081, PROBER_THREADS = 2 };

static const LogContext in_manager = { .component = "manager" };

static bool start_server(Manager *manager, Error *err) {
        static const char *const paths[] = { "/healthz*", "/livez*", "/readyz*", "/metrics" };
        int port = manager->options->health_port;
        ServerOptions options = { .port = port ? port : HEALTH_PORT, .routes = manager->routes };

        if (port < 0)
                options.port = 0;
        manager->health = health_new(manager->metrics);
        health_add_live(manager->health, "lease", manager_check_lease, manager);
        health_add_ready(manager->health, "caches", manager_check_caches, manager);
        health_add_ready(manager->health, "watches", manager_check_watches, manager);
        for (size_t i = 0; i < ARRAY_LEN(paths); i++)
                manager->routes[i] = (ServerRoute){
                        .method = "GET", .path = paths[i], .handler = health_handle, .context = manager->health
                };
        if (!server_start(&options, &manager->server, err))
                return false;
        log_info(&in_manager, "health and metrics on port %d", server_port(manager->server));
        return true;
}

static bool start_caches(Manager *manager, Error *err) {
        if (!caches_new(manager->options->controllers, &manager->caches, err))
                return false;
        manager->listeners = alloc_zero((manager->caches->count + 1) * sizeof(ManagerListener));
        for (size_t i = 0; i < manager->caches->count; i++) {
                manager->listeners[i] = (ManagerListener){ manager, &manager->caches->rows[i] };
                cache_add_handler(manager->caches->rows[i].cache, manager_on_change, &manager->listeners[i]);
        }
        return true;
}

static void make_workers(Manager *manager) {
        const WorkersOptions options = {
                .runtime = { .settings = &manager->options->settings,
                        .client = manager->client,
                        .secrets = manager->secrets,
                        .prober = manager->prober,
                        .events = manager->events,
                        .metrics = manager->metrics,
                        .manager = manager,
                        .caches = manager->caches,
                        .applied = manager->applied },
                .count = manager->options->workers ? manager->options->workers : WORKERS,
                .on_reconcile = manager_on_reconcile,
                .context = manager,
        };

        for (const Controller *const *controller = manager->options->controllers; *controller; controller++) {
                WorkersOptions own = options;

                own.controller = *controller;
                manager->workers[manager->worker_count++] = workers_new(&own);
        }
}

static bool start_client(Manager *manager, Error *err) {
        static const char *const labels[] = { "verb", "kind", NULL };

        if (!http_new(manager->options->config, manager->metrics, &manager->http, err))
                return false;
        manager->client = client_new(manager->http);
        manager->writes = metrics_counter(manager->metrics, "api_writes_total",
                "Writes that the API server took, but those of the lease", labels);
        client_set_write_hook(manager->client, manager_on_write, manager);
        if (manager->options->leader_election)
                client_set_write_guard(manager->client, manager_guard, manager);
        return true;
}

static bool start_lease(Manager *manager, Error *err) {
        const ManagerOptions *options = manager->options;
        const LeaseOptions lease = { .namespace_ = options->settings.namespace_,
                .name = MANAGER_LEASE_NAME,
                .identity = options->identity,
                .lease_ms = options->lease_ms,
                .renew_deadline_ms = options->renew_deadline_ms,
                .retry_ms = options->retry_ms,
                .on_started = manager_on_leading,
                .on_lost = manager_on_lost,
                .on_trouble = manager_on_lease_trouble,
                .context = manager };

        if (!options->leader_election) {
                manager_on_leading(manager);
                return true;
        }
        /* A connection of its own, so that nothing else can cost leadership. */
        if (!http_new(options->config, NULL, &manager->lease_http, err))
                return false;
        manager->lease_client = client_new(manager->lease_http);
        return lease_start(manager->lease_client, &lease, manager->metrics, &manager->lease, err);
}

static bool start_watch(Manager *manager, Error *err) {
        const WatchOptions options = { .no_watch_list = manager->options->no_watch_list };

        manager->watch = watch_new(manager->http, &options, manager->metrics);
        caches_watch(manager->caches, manager->watch, manager->options->settings.namespaces);
        return watch_start(manager->watch, err);
}

bool manager_start(Manager *manager, Error *err) {
        manager->metrics = metrics_new();
        metrics_add_process(manager->metrics, MADBASE_VERSION);
        manager->applied = applied_new();
        if (!start_caches(manager, err) || !start_client(manager, err))
                return false;
        if (!events_start(manager->client, manager->options->identity, manager->metrics, &manager->events, err))
                return false;
        manager->secrets = secrets_new(manager->client);
        manager->prober = prober_new(PROBER_THREADS, manager_on_probe, manager, manager->metrics);
        make_workers(manager);
        return start_lease(manager, err) && start_watch(manager, err) && start_server(manager, err);
}
