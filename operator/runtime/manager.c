/* SPDX-License-Identifier: Apache-2.0 */
/* The life of the operator. Law: what is started first is stopped last, and nothing writes before this process leads.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"
#include "lib/base/footprint.h"
#include "operator/runtime/manager_internal.h"

enum {
        CALM_LOOK_MS = 2000,
        SYNC_LOOK_MS = 200,
        SYNC_TELL_MS = 10000,
        STOP_SOON_MS = 1500,    /* passes under way may end in peace */
        STOP_AT_ALL_MS = 23000, /* then their requests fail at once; calls to members have deadlines of their own */
        EVENTS_DRAIN_MS = 300,
        SERVER_DRAIN_MS = 500
};

static const LogContext in_manager = { .component = "manager" };

/* Waits until a descriptor is readable, at most `timeout_ms` (negative: for ever). */
static bool is_readable(int fd, int timeout_ms) {
        struct pollfd one = { .fd = fd, .events = POLLIN };

        return poll(&one, 1, timeout_ms) > 0;
}

static void tell_unsynced(const Manager *manager) {
        const Kind *kind = NULL;
        char sentence[256] = "";

        if (caches_synced(manager->caches, &kind))
                return;
        (void)watch_trouble(manager->watch, sentence, sizeof(sentence));
        log_warn(&in_manager, "still waiting for the first list of %s. %s", kind->plural, sentence);
}

/* False when told to stop before. */
static bool wait_synced(Manager *manager, int stop_fd) {
        int64_t told_ms = clock_now_ms();

        while (!watch_wait_synced(manager->watch, SYNC_LOOK_MS)) {
                if (is_readable(stop_fd, 0))
                        return false;
                if (clock_now_ms() - told_ms < SYNC_TELL_MS)
                        continue;
                tell_unsynced(manager);
                told_ms = clock_now_ms();
        }
        return true;
}

/* False when told to stop before. */
static bool wait_leading(const Manager *manager, int stop_fd) {
        struct pollfd two[] = { { .fd = stop_fd, .events = POLLIN }, { .fd = manager->lead_fd, .events = POLLIN } };

        while (poll(two, ARRAY_LEN(two), -1) < 0 && errno == EINTR)
                ;
        return !two[0].revents;
}

/* Bursts leave connections, holes in the heap and code that rests again: all go back to the system once no pass was
 * made between two looks. */
static void trim_when_calm(Manager *manager) {
        int passes = atomic_load(&manager->passes);

        if (passes != manager->passes_seen) {
                manager->passes_seen = passes;
        } else if (passes != manager->passes_trimmed) {
                manager->passes_trimmed = passes;
                http_trim(manager->http);
                alloc_trim();
                footprint_release_code();
        }
}

static bool serve(Manager *manager, int stop_fd, Error *err) {
        if (!wait_synced(manager, stop_fd))
                return true;
        atomic_store(&manager->synced_ms, clock_now_ms());
        log_info(&in_manager, "caches are in step after %" PRId64 " ms",
                atomic_load(&manager->synced_ms) - manager->options->started_ms);
        alloc_trim();
        footprint_release_code();
        if (!wait_leading(manager, stop_fd))
                return true;
        for (size_t i = 0; i < manager->worker_count; i++)
                if (!workers_start(manager->workers[i], err))
                        return false;
        while (!is_readable(stop_fd, CALM_LOOK_MS))
                trim_when_calm(manager);
        return true;
}

static bool join_workers(Manager *manager, int64_t timeout_ms) {
        int64_t until = clock_now_ms() + timeout_ms;
        bool ended = true;

        for (size_t i = 0; i < manager->worker_count; i++)
                ended = workers_join(manager->workers[i], until - clock_now_ms()) && ended;
        return ended;
}

static void stop_workers(Manager *manager) {
        for (size_t i = 0; i < manager->worker_count; i++)
                workers_stop(manager->workers[i]);
        if (join_workers(manager, STOP_SOON_MS))
                return;
        log_warn(&in_manager, "passes under way do not end; their requests are cut");
        http_stop(manager->http);
        if (join_workers(manager, STOP_AT_ALL_MS))
                return;
        log_error(&in_manager, "passes under way did not end");
        _exit(1);
}

static void stop(Manager *manager) {
        stop_workers(manager);
        events_stop(manager->events, EVENTS_DRAIN_MS);
        /* Only now, when nothing can write any more. */
        lease_stop(manager->lease, true);
        if (manager->server)
                server_stop(manager->server, SERVER_DRAIN_MS);
        if (manager->watch)
                watch_stop(manager->watch);
        if (manager->prober)
                prober_free(manager->prober);
}

static void free_parts(Manager *manager) {
        if (manager->watch)
                watch_free(manager->watch);
        for (size_t i = 0; i < manager->worker_count; i++)
                workers_free(manager->workers[i]);
        secrets_free(manager->secrets);
        caches_free(manager->caches);
        free(manager->listeners);
        if (manager->client)
                client_free(manager->client);
        if (manager->http)
                http_free(manager->http);
        if (manager->lease_client)
                client_free(manager->lease_client);
        if (manager->lease_http)
                http_free(manager->lease_http);
        if (manager->health)
                health_free(manager->health);
        applied_free(manager->applied);
        if (manager->metrics)
                metrics_free(manager->metrics);
        if (manager->lead_fd >= 0)
                (void)close(manager->lead_fd);
}

bool manager_run(const ManagerOptions *options, int stop_fd, Error *err) {
        ManagerOptions mine = *options;
        Manager manager = { .options = &mine, .lead_fd = eventfd(0, EFD_CLOEXEC) };
        size_t controllers = 0;
        bool good;

        while (options->controllers[controllers])
                controllers++;
        if (controllers > MANAGER_CONTROLLERS_MAXIMUM)
                return error_set(err, ERROR_BUG, "more than %d controllers", MANAGER_CONTROLLERS_MAXIMUM);
        if (!mine.started_ms)
                mine.started_ms = clock_now_ms();
        if (!mine.entered_ms)
                mine.entered_ms = clock_now_ms();
        good = manager_start(&manager, err) && serve(&manager, stop_fd, err);
        log_info(&in_manager, "stopping");
        stop(&manager);
        free_parts(&manager);
        return good;
}
