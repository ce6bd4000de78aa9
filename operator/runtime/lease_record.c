/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a Lease, by client-go's leaderelection and resourcelock/leaselock. Law: times in the record are for
 * people; nothing is decided by them. */
#include "operator/runtime/lease_record.h"

#include <string.h>

#include "lib/base/clock.h"

void lease_record_done(LeaseRecord *record) {
        json_free(record->object);
        *record = (LeaseRecord){ 0 };
}

void lease_record_note(LeaseRecord *record, Json *taken, int64_t now_ms) {
        if (!record->object || !json_equal(json_get(record->object, "spec"), json_get(taken, "spec")))
                record->seen_ms = now_ms;
        json_free(record->object);
        record->object = taken;
}

const char *lease_record_holder(const LeaseRecord *record) {
        return json_find_string(record->object, "/spec/holderIdentity", "");
}

const char *lease_record_version(const LeaseRecord *record) {
        return json_find_string(record->object, "/metadata/resourceVersion", "");
}

int64_t lease_record_remaining(const LeaseRecord *record, int64_t fallback_ms, int64_t now_ms) {
        int64_t seconds = json_find_int(record->object, "/spec/leaseDurationSeconds", 0);
        int64_t duration = seconds > 0 && seconds < 86400 ? seconds * 1000 : fallback_ms;
        int64_t remaining = record->seen_ms + duration - now_ms;

        if (!*lease_record_holder(record) || remaining < 0)
                return 0;
        return remaining;
}

Json *lease_record_held(const LeaseRecord *record, const char *namespace_, const char *name, const char *identity,
        int64_t lease_ms, int64_t wall_us) {
        Json *object = record->object ? json_copy(record->object) : json_new_object();
        Json *metadata, *spec = json_get(object, "spec");
        bool ours = strcmp(lease_record_holder(record), identity) == 0;
        int64_t transitions = json_find_int(object, "/spec/leaseTransitions", 0);
        char now[CLOCK_RFC3339_SIZE];

        clock_format_micro(wall_us, now);
        if (!record->object) {
                json_put_string(object, "apiVersion", "coordination.k8s.io/v1");
                json_put_string(object, "kind", "Lease");
                metadata = json_put_object(object, "metadata");
                json_put_string(metadata, "name", name);
                json_put_string(metadata, "namespace", namespace_);
        }
        if (!spec)
                spec = json_put_object(object, "spec");
        json_put_string(spec, "holderIdentity", identity);
        json_put_int(spec, "leaseDurationSeconds", lease_ms / 1000);
        json_put_string(spec, "renewTime", now);
        if (!ours) {
                json_put_string(spec, "acquireTime", now);
                json_put_int(spec, "leaseTransitions", record->object ? transitions + 1 : 0);
        }
        return object;
}

Json *lease_record_released(const LeaseRecord *record, int64_t wall_us) {
        Json *object = json_copy(record->object), *spec = json_get(object, "spec");
        char now[CLOCK_RFC3339_SIZE];

        clock_format_micro(wall_us, now);
        json_put_string(spec, "holderIdentity", "");
        json_put_int(spec, "leaseDurationSeconds", 1);
        json_put_string(spec, "renewTime", now);
        json_put_string(spec, "acquireTime", now);
        return object;
}
