/* SPDX-License-Identifier: Apache-2.0 */
/* Starts and stops everything in order: metrics and health server, caches and watches, prober, lease, then the workers;
 * on stop the other way round. A standby keeps its caches warm and starts working the moment it leads. Losing the lease
 * ends the process at once. Own metrics: api_writes_total{verb,kind}. */
#pragma once

#include "lib/kube/config.h"
#include "operator/runtime/controller.h"

typedef struct Manager Manager;

#define MANAGER_LEASE_NAME "madbase-operator"

typedef struct ManagerOptions {
        const KubeConfig *config;
        OperatorSettings settings;
        const Controller *const *controllers; /* NULL-terminated */
        int workers;                          /* per controller; 0: 2 */
        int health_port;                      /* 0: 8081; negative: any free one, which is logged */
        bool leader_election;
        const char *identity; /* of this process */
        bool no_watch_list;
        int64_t lease_ms, renew_deadline_ms, retry_ms; /* 0: as lease.h says */
        int64_t started_ms;     /* clock_now_ms() when the process began; 0: now. For the line about the start */
        int64_t entered_ms;     /* clock_now_ms() in main: before it are the container runtime and the loader; 0: now */
        int crash_after_writes; /* for tests of crash safety: _exit after so many writes; 0: never */
} ManagerOptions;

/* Runs until `stop_fd` becomes readable; returns false when start failed. When the lease is lost, or passes do not end
 * within 25 s of the stop, it does not return: the process ends with status 1. */
bool manager_run(const ManagerOptions *options, int stop_fd, Error *err) MUST_USE;
/* Makes a key be reconciled soon; for prober changes and tests. */
void manager_wake(struct Manager *manager, const Controller *controller, const char *namespace_, const char *name);
