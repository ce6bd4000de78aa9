/* SPDX-License-Identifier: Apache-2.0 */
/* The standby: follows the Lease by a watch and sleeps until the record runs out, is given up, or the watch fails (then
 * it polls). Law: a record that was seen for the first time may be as fresh as can be, so it is given its whole
 * duration. */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json_stream.h"
#include "lib/base/random.h"
#include "operator/runtime/lease_internal.h"

enum {
        WATCH_MINIMUM_MS = 50,
        WATCH_SHORT_MS = 1000, /* a watch that ends before this, for no reason, is not opened again at once */
        RECORD_MAXIMUM_BYTES = 64 * 1024
};

typedef struct Viewer {
        Lease *lease;
        JsonStream stream;
} Viewer;

/* One watch event. Ends the stream, with STOPPED, when there is something to do at once. */
static bool on_event(void *context, const char *bytes, size_t size, Error *err) {
        Lease *lease = context;
        CLEANUP(json_cleanup) Json *event = NULL;
        Json *object;
        const char *type;

        if (!json_parse(bytes, size, &event, err))
                return false;
        type = json_find_string(event, "/type", "");
        object = json_get(event, "object");
        if (strcmp(type, "BOOKMARK") == 0)
                return true;
        if (!object || (strcmp(type, "ADDED") != 0 && strcmp(type, "MODIFIED") != 0)) {
                lease_record_done(&lease->record);
                return error_set(err, ERROR_STOPPED, "the lease has to be read again");
        }
        lease_record_note(&lease->record, json_detach(event, object), clock_now_ms());
        return *lease_record_holder(&lease->record) || error_set(err, ERROR_STOPPED, "the lease is free");
}

static bool on_bytes(void *context, const char *bytes, size_t size, Error *err) {
        return json_stream_feed(&((Viewer *)context)->stream, bytes, size, err);
}

/* From now on lease_stop cuts the connections; false when it came before. */
static bool begin_watching(Lease *lease) {
        bool may;

        pthread_mutex_lock(&lease->lock);
        may = !lease->stopping;
        lease->watching = may;
        pthread_mutex_unlock(&lease->lock);
        return may;
}

static void end_watching(Lease *lease) {
        pthread_mutex_lock(&lease->lock);
        lease->watching = false;
        pthread_mutex_unlock(&lease->lock);
}

/* Follows the Lease for at most `milliseconds`; true when the time is over or something has to be done. */
static bool watch_lease(Lease *lease, int64_t milliseconds, Error *err) {
        Viewer viewer = { .lease = lease,
                .stream = { .mode = JSON_STREAM_DOCUMENTS,
                        .maximum = RECORD_MAXIMUM_BYTES,
                        .on_document = on_event,
                        .context = lease } };
        CLEANUP(http_response_done) HttpResponse response = { 0 };
        CLEANUP(text_done) Text path = { 0 };
        HttpRequest request = { .method = "GET",
                .on_bytes = on_bytes,
                .context = &viewer,
                .ungated = true,
                .timeout_ms = milliseconds > WATCH_MINIMUM_MS ? milliseconds : WATCH_MINIMUM_MS };
        int64_t before = clock_now_ms();
        Error why = { 0 };
        bool ended;

        client_path(&lease_kind, lease->options.namespace_, NULL, NULL, &path);
        text_append(&path, "?watch=1&fieldSelector=metadata.name%3D");
        http_escape(&path, lease->options.name);
        text_append(&path, "&resourceVersion=");
        http_escape(&path, lease_record_version(&lease->record));
        request.path = text_string(&path);
        if (!begin_watching(lease))
                return true;
        ended = http_exchange(client_http(lease->client), &request, &response, &why);
        end_watching(lease);
        json_stream_done(&viewer.stream);
        if (ended && response.status != 200)
                return http_error(&response, "cannot watch the lease", err);
        if (ended && clock_now_ms() - before < WATCH_SHORT_MS)
                lease_pause(lease, WATCH_SHORT_MS);
        if (ended || why.code == ERROR_TIMEOUT || why.code == ERROR_STOPPED)
                return true;
        *err = why;
        return false;
}

/* One step; true when we have got the lease. An error that is set is trouble. */
static bool try_to_get(Lease *lease, Error *err) {
        const LeaseRecord *record = &lease->record;
        int64_t remaining;

        if (!record->object && !lease_ask(lease, "GET", NULL, err))
                return false;
        remaining = record->object ? lease_record_remaining(record, lease->options.lease_ms, clock_now_ms()) : 0;
        if (remaining > 0 && strcmp(lease_record_holder(record), lease->options.identity) != 0) {
                /* Where watching is not allowed or broken, polling keeps the record fresh. */
                if (!watch_lease(lease, remaining, err))
                        (void)lease_ask(lease, "GET", NULL, NULL);
                return false;
        }
        if (lease_is_stopping(lease))
                return false;
        if (lease_hold(lease, err))
                return true;
        /* A lost race is no trouble: the winner is read and watched next. */
        lease_record_done(&lease->record);
        if (err->code == ERROR_CONFLICT || err->code == ERROR_EXISTS)
                *err = (Error){ 0 };
        return false;
}

bool lease_stand_by(Lease *lease) {
        while (!lease_is_stopping(lease)) {
                Error err = { 0 };

                if (try_to_get(lease, &err))
                        return true;
                if (err.code == ERROR_NONE)
                        continue;
                lease_tell_trouble(lease, &err);
                lease_pause(lease, random_jitter(lease->options.retry_ms, 0.2));
        }
        return false;
}
