/* SPDX-License-Identifier: Apache-2.0 */
/* Leader election by a Lease, as client-go's leaderelection: 15 s lease, 10 s renew deadline, 2 s retry; expiry is
 * measured on the local monotonic clock since the record last changed, never from its times. The standby watches the
 * Lease and sets its timer to the expiry. Released on stop, after the workers have ended. Runs on its own thread with
 * its own HTTP connection, so that nothing else can cost leadership.
 * https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/ */
#pragma once

#include "lib/kube/client.h"

typedef struct Lease Lease;

typedef struct LeaseOptions {
        const char *namespace_;
        const char *name;
        const char *identity;              /* unique per process: "hostname_uuid" */
        int64_t lease_ms;                  /* 0: 15000; whole seconds */
        int64_t renew_deadline_ms;         /* 0: 10000 */
        int64_t retry_ms;                  /* 0: 2000 */
        void (*on_started)(void *context); /* from the lease thread: we lead now */
        void (*on_lost)(void *context);    /* we do not any more; the program must exit at once */
        /* From the lease thread, when the first try after a success failed and when a try succeeds again (NULL); may be
         * NULL itself. For log lines. */
        void (*on_trouble)(void *context, const Error *err);
        void *context;
} LeaseOptions;

/* `client` is used by this lease only. Strings are kept by reference. INVALID unless lease > renew deadline >
 * 1.2 * retry. */
bool lease_start(Client *client, const LeaseOptions *options, Metrics *metrics, Lease **ret_lease, Error *err) MUST_USE;
bool lease_is_leader(const Lease *lease);
/* A ClientWriteGuard (context: the Lease): refuses when the last renewal is older than the renew deadline, measured on
 * CLOCK_BOOTTIME at this moment. */
bool lease_guard(void *lease, Error *err);
/* False when we lead and the lease ran out more than 20 s ago (liveness, as kube-controller-manager). */
bool lease_healthy(const Lease *lease);
/* Stops the thread; gives the lease up when we hold it and `release` is true. Accepts NULL. */
void lease_stop(Lease *lease, bool release);
