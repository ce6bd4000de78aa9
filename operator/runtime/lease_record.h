/* SPDX-License-Identifier: Apache-2.0 */
/* The record in a Lease object, and what one does with it: decisions as values, no clock, no network. */
#pragma once

#include "lib/base/json.h"

/* What was seen last, and when by the local clock. */
typedef struct LeaseRecord {
        Json *object;    /* whole, as read; NULL: never seen */
        int64_t seen_ms; /* when its spec was first seen like this */
} LeaseRecord;

void lease_record_done(LeaseRecord *record);
/* Takes the object read or watched. The time moves only when the spec differs from the one before. */
void lease_record_note(LeaseRecord *record, Json *taken, int64_t now_ms);
const char *lease_record_holder(const LeaseRecord *record);
const char *lease_record_version(const LeaseRecord *record);
/* How long until the record may be taken over; 0: now. `fallback_ms` is for records that say no duration. */
int64_t lease_record_remaining(const LeaseRecord *record, int64_t fallback_ms, int64_t now_ms);

/* The object to POST or PUT: `record` (may be empty) with us as holder. A change of holder counts as a transition. What
 * others put into the object stays. The caller frees it. */
Json *lease_record_held(const LeaseRecord *record, const char *namespace_, const char *name, const char *identity,
        int64_t lease_ms, int64_t wall_us);
/* The object to PUT when we give it up. */
Json *lease_record_released(const LeaseRecord *record, int64_t wall_us);
