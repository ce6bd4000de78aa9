/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the operator call when something happened. Law: nothing here waits. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "operator/runtime/manager_internal.h"
#include "operator/runtime/queue.h"
#include "operator/runtime/wake.h"

static const LogContext in_manager = { .component = "manager" };
static const LogContext in_lease = { .component = "lease" };

void manager_on_write(void *context, const char *verb, const Kind *kind, const Json *reply) {
        Manager *manager = context;
        int count = atomic_fetch_add(&manager->write_count, 1) + 1;

        (void)reply;
        metric_add(manager->writes, (const char *const[]){ verb, kind->kind }, 1);
        if (manager->options->crash_after_writes == count)
                _exit(3);
}

bool manager_guard(void *context, Error *err) {
        Manager *manager = context;

        if (!manager->lease)
                return error_set(err, ERROR_STOPPED, "this operator does not lead now, so it writes nothing");
        return lease_guard(manager->lease, err);
}

void manager_on_leading(void *context) {
        Manager *manager = context;

        atomic_store(&manager->led_ms, clock_now_ms());
        log_info(&in_lease, "leading as %s", manager->options->identity);
        (void)!write(manager->lead_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}

void manager_on_lost(void *context) {
        (void)context;
        log_error(&in_lease, "leadership is lost; the process ends, so that it can do nothing more");
        _exit(1);
}

void manager_on_lease_trouble(void *context, const Error *err) {
        (void)context;
        if (err)
                log_warn(&in_lease, "%s", err->text);
        else
                log_info(&in_lease, "the lease can be written again");
}

void manager_on_probe(void *context, const char *owner) {
        Manager *manager = context;
        const char *key = strchr(owner, '/');

        for (size_t i = 0; key && i < manager->worker_count; i++) {
                const char *name = workers_controller(manager->workers[i])->name;

                if (strlen(name) == (size_t)(key - owner) && strncmp(name, owner, strlen(name)) == 0)
                        workers_wake(manager->workers[i], key[1] == '/' ? key + 2 : key + 1, QUEUE_PRIORITY_NORMAL);
        }
}

void manager_on_reconcile(void *context) {
        Manager *manager = context;
        int64_t started_ms = manager->options->started_ms;

        if (atomic_fetch_add(&manager->passes, 1) > 0)
                return;
        /* With its parts: a standby leads late, and without an object there is nothing to reconcile. */
        log_info(&in_manager,
                "operator started: version %s, first reconcile after %" PRId64 " ms (in main after %" PRId64
                ", leading after %" PRId64 ", caches in step after %" PRId64 ")",
                MADBASE_VERSION, clock_now_ms() - started_ms, manager->options->entered_ms - started_ms,
                atomic_load(&manager->led_ms) - started_ms, atomic_load(&manager->synced_ms) - started_ms);
}

typedef struct Waking {
        Workers *workers;
        int priority;
} Waking;

static void wake_one(void *context, const char *key) {
        const Waking *waking = context;

        workers_wake(waking->workers, key, waking->priority);
}

void manager_on_change(void *context, const CacheChange *change) {
        const ManagerListener *listener = context;
        Manager *manager = listener->manager;

        if (change->before && !change->after)
                applied_forget(manager->applied, change->before->uid);
        for (size_t i = 0; i < manager->worker_count; i++) {
                const Controller *controller = workers_controller(manager->workers[i]);
                Waking waking = { manager->workers[i],
                        change->initial ? QUEUE_PRIORITY_INITIAL : QUEUE_PRIORITY_NORMAL };

                wake_keys(controller, listener->row->kind, change, caches_find(manager->caches, controller->kind),
                        wake_one, &waking);
        }
}

void manager_wake(Manager *manager, const Controller *controller, const char *namespace_, const char *name) {
        CLEANUP(arena_done) Arena arena = { 0 };
        const char *key = *namespace_ ? arena_printf(&arena, "%s/%s", namespace_, name) : name;

        for (size_t i = 0; i < manager->worker_count; i++)
                if (workers_controller(manager->workers[i]) == controller)
                        workers_wake(manager->workers[i], key, QUEUE_PRIORITY_NORMAL);
}

bool manager_check_lease(void *context, char *ret_sentence, size_t size) {
        const Manager *manager = context;

        if (!manager->lease || lease_healthy(manager->lease))
                return true;
        (void)snprintf(ret_sentence, size, "this operator leads, but its lease ran out long ago");
        return false;
}

bool manager_check_caches(void *context, char *ret_sentence, size_t size) {
        const Manager *manager = context;
        const Kind *kind;

        if (caches_synced(manager->caches, &kind))
                return true;
        (void)snprintf(ret_sentence, size, "%s is not listed yet", kind->plural);
        return false;
}

bool manager_check_watches(void *context, char *ret_sentence, size_t size) {
        const Manager *manager = context;

        return !manager->watch || !watch_trouble(manager->watch, ret_sentence, size);
}
