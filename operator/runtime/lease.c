/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that gets, keeps and gives up leadership.
 * Law: the time of a renewal is the moment before its request was sent, and whoever has not renewed for the renew
 * deadline does not lead, whatever the record says. */
#include "operator/runtime/lease_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"
#include "operator/runtime/thread.h"

enum {
        LEASE_MS = 15000,
        RENEW_DEADLINE_MS = 10000,
        RETRY_MS = 2000,
        HEALTH_GRACE_MS = 20000,
        REQUEST_MINIMUM_MS = 1000
};

const Kind lease_kind = { "coordination.k8s.io", "v1", "Lease", "leases", false, NULL };

bool lease_is_stopping(Lease *lease) {
        bool stopping;

        pthread_mutex_lock(&lease->lock);
        stopping = lease->stopping;
        pthread_mutex_unlock(&lease->lock);
        return stopping;
}

void lease_pause(Lease *lease, int64_t milliseconds) {
        int64_t until = clock_now_ms() + milliseconds;

        pthread_mutex_lock(&lease->lock);
        while (!lease->stopping && clock_now_ms() < until)
                thread_sleep(&lease->changed, &lease->lock, until - clock_now_ms());
        pthread_mutex_unlock(&lease->lock);
}

void lease_tell_trouble(Lease *lease, const Error *err) {
        bool trouble = err != NULL;

        if (lease->options.on_trouble && trouble != lease->troubled)
                lease->options.on_trouble(lease->options.context, err);
        lease->troubled = trouble;
}

static int64_t request_timeout(const Lease *lease) {
        int64_t half = lease->options.renew_deadline_ms / 2;

        return half > REQUEST_MINIMUM_MS ? half : REQUEST_MINIMUM_MS;
}

bool lease_ask(Lease *lease, const char *method, const Json *body, Error *err) {
        CLEANUP(text_done) Text path = { 0 };
        CLEANUP(http_response_done) HttpResponse response = { 0 };
        CLEANUP(cleanup_free) char *text = body ? json_print(body) : NULL;
        bool post = strcmp(method, "POST") == 0;
        HttpRequest request = { .method = method, .timeout_ms = request_timeout(lease), .ungated = true };
        Json *object = NULL;

        client_path(&lease_kind, lease->options.namespace_, post ? NULL : lease->options.name, NULL, &path);
        request.path = text_string(&path);
        if (body) {
                request.content_type = "application/json";
                request.body = text;
                request.body_size = strlen(text);
        }
        if (!http_exchange(client_http(lease->client), &request, &response, err))
                return error_wrap(err, "lease %s/%s", lease->options.namespace_, lease->options.name);
        if (!body && response.status == 404) {
                lease_record_done(&lease->record);
                return true;
        }
        if (response.status / 100 != 2)
                return http_error(&response, body ? "cannot write the lease" : "cannot read the lease", err);
        if (!json_parse(text_string(&response.body), response.body.size, &object, err))
                return error_wrap(err, "lease %s/%s", lease->options.namespace_, lease->options.name);
        lease_record_note(&lease->record, object, clock_now_ms());
        return true;
}

bool lease_hold(Lease *lease, Error *err) {
        const LeaseOptions *options = &lease->options;
        int64_t before = clock_now_ms();
        CLEANUP(json_cleanup)
        Json *wanted = lease_record_held(&lease->record, options->namespace_, options->name, options->identity,
                options->lease_ms, clock_wall_us());

        if (!lease_ask(lease, lease->record.object ? "PUT" : "POST", wanted, err))
                return false;
        atomic_store(&lease->renewed_ms, before);
        return true;
}

static bool renewed_within(const Lease *lease, int64_t milliseconds) {
        return clock_now_ms() - atomic_load(&lease->renewed_ms) < milliseconds;
}

static void set_leading(Lease *lease, bool leading) {
        atomic_store(&lease->leading, leading);
        metric_set(lease->master, (const char *const[]){ lease->options.name }, leading ? 1 : 0);
}

/* After a refused write: reads the record again. False when it names somebody else. */
static bool is_still_ours(Lease *lease) {
        if (!lease_ask(lease, "GET", NULL, NULL))
                return true;
        return !lease->record.object || strcmp(lease_record_holder(&lease->record), lease->options.identity) == 0;
}

static void lead(Lease *lease) {
        int64_t pause_ms = lease->options.retry_ms;

        while (renewed_within(lease, lease->options.renew_deadline_ms)) {
                Error err = { 0 };

                lease_pause(lease, pause_ms);
                if (lease_is_stopping(lease))
                        return;
                pause_ms = lease->options.retry_ms;
                if (!renewed_within(lease, lease->options.renew_deadline_ms))
                        break;
                if (lease_hold(lease, &err)) {
                        lease_tell_trouble(lease, NULL);
                        continue;
                }
                lease_tell_trouble(lease, &err);
                if (err.code != ERROR_CONFLICT && err.code != ERROR_NOT_FOUND && err.code != ERROR_EXISTS)
                        continue;
                if (!is_still_ours(lease))
                        break;
                pause_ms = 0;
        }
        set_leading(lease, false);
        lease->options.on_lost(lease->options.context);
}

static void give_up(Lease *lease) {
        for (int i = 0; i < 3 && atomic_load(&lease->leading) && lease->record.object; i++) {
                CLEANUP(json_cleanup) Json *released = lease_record_released(&lease->record, clock_wall_us());
                Error err = { 0 };

                if (lease_ask(lease, "PUT", released, &err) || err.code != ERROR_CONFLICT || !is_still_ours(lease))
                        return;
        }
}

static void *work(void *context) {
        Lease *lease = context;
        bool release;

        while (!lease_is_stopping(lease)) {
                if (!lease_stand_by(lease))
                        break;
                lease_tell_trouble(lease, NULL);
                set_leading(lease, true);
                lease->options.on_started(lease->options.context);
                lead(lease);
        }
        pthread_mutex_lock(&lease->lock);
        release = lease->release;
        pthread_mutex_unlock(&lease->lock);
        if (release)
                give_up(lease);
        set_leading(lease, false);
        return NULL;
}

static void lease_free(Lease *lease) {
        lease_record_done(&lease->record);
        pthread_cond_destroy(&lease->changed);
        pthread_mutex_destroy(&lease->lock);
        free(lease);
}

bool lease_start(Client *client, const LeaseOptions *options, Metrics *metrics, Lease **ret_lease, Error *err) {
        static const char *const labels[] = { "name", NULL };
        Lease *lease = alloc_zero(sizeof(*lease));

        lease->client = client;
        lease->options = *options;
        if (!lease->options.lease_ms)
                lease->options.lease_ms = LEASE_MS;
        if (!lease->options.renew_deadline_ms)
                lease->options.renew_deadline_ms = RENEW_DEADLINE_MS;
        if (!lease->options.retry_ms)
                lease->options.retry_ms = RETRY_MS;
        pthread_mutex_init(&lease->lock, NULL);
        thread_condition(&lease->changed);
        if (metrics)
                lease->master = metrics_gauge(metrics, "leader_election_master_status",
                        "Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 "
                        "indicates "
                        "master. 'name' is the string used to identify the lease.",
                        labels);
        set_leading(lease, false);
        if (lease->options.lease_ms <= lease->options.renew_deadline_ms ||
                lease->options.renew_deadline_ms * 10 <= lease->options.retry_ms * 12) {
                lease_free(lease);
                return error_set(err, ERROR_INVALID,
                        "the lease must be longer than the renew deadline, and that longer than 1.2 retries");
        }
        if (!thread_start(&lease->thread, "lease", work, lease, err)) {
                lease_free(lease);
                return false;
        }
        *ret_lease = lease;
        return true;
}

bool lease_is_leader(const Lease *lease) {
        return atomic_load(&lease->leading);
}

bool lease_guard(void *context, Error *err) {
        const Lease *lease = context;

        if (atomic_load(&lease->leading) && renewed_within(lease, lease->options.renew_deadline_ms))
                return true;
        return error_set(err, ERROR_STOPPED, "this operator does not lead now, so it writes nothing");
}

bool lease_healthy(const Lease *lease) {
        return !atomic_load(&lease->leading) || renewed_within(lease, lease->options.lease_ms + HEALTH_GRACE_MS);
}

void lease_stop(Lease *lease, bool release) {
        if (!lease)
                return;
        pthread_mutex_lock(&lease->lock);
        lease->stopping = true;
        lease->release = release;
        /* A standby waits in a stream; it has nothing to give up. */
        if (lease->watching)
                http_stop(client_http(lease->client));
        pthread_cond_broadcast(&lease->changed);
        pthread_mutex_unlock(&lease->lock);
        pthread_join(lease->thread, NULL);
        lease_free(lease);
}
