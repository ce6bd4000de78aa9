/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the lease share: lease.c keeps and gives up, lease_standby.c waits and takes over. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "operator/runtime/lease.h"
#include "operator/runtime/lease_record.h"

struct Lease {
        Client *client;
        LeaseOptions options;
        Metric *master;
        pthread_t thread;
        atomic_bool leading;
        _Atomic int64_t renewed_ms;
        pthread_mutex_t lock; /* over what follows */
        pthread_cond_t changed;
        bool stopping, release, watching;
        /* the thread's own */
        LeaseRecord record;
        bool troubled;
};

extern const Kind lease_kind;

bool lease_is_stopping(Lease *lease);
/* Sleeps unless told to stop. */
void lease_pause(Lease *lease, int64_t milliseconds);
/* Tells the first of a row of failures, and with NULL that it is over. */
void lease_tell_trouble(Lease *lease, const Error *err);
/* One request about the Lease; `body` NULL for GET. The reply is noted as the record; on a GET, no Lease (404) leaves
 * an empty record. */
bool lease_ask(Lease *lease, const char *method, const Json *body, Error *err);
/* Writes us as the holder: POST where there is no Lease, else PUT with the version seen. */
bool lease_hold(Lease *lease, Error *err);
/* Returns when we hold the lease (true) or are told to stop. */
bool lease_stand_by(Lease *lease);
