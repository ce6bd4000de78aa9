/* SPDX-License-Identifier: Apache-2.0 */
/* Starts and stops everything in order: metrics and health server, caches and watches, prober, lease, then the workers;
 * on stop the other way round. A standby keeps its caches warm and starts working the moment it leads. Losing the lease
 * ends the process at once. */
#pragma once

#include "operator/runtime/controller.h"

typedef struct Manager Manager;

typedef struct ManagerOptions {
        const KubeConfig *config;
        OperatorSettings settings;
        const Controller *const *controllers; /* NULL-terminated */
        int workers;             /* per controller; 0: 2 */
        int health_port;         /* 0: 8081 */
        bool leader_election;
        const char *identity;    /* of this process */
        bool no_watch_list;
} ManagerOptions;

/* Runs until `stop_fd` becomes readable; returns false when start failed or the lease was lost. */
bool manager_run(const ManagerOptions *options, int stop_fd, Error *err) MUST_USE;
/* Makes a key be reconciled soon; for prober changes and tests. */
void manager_wake(struct Manager *manager, const Controller *controller, const char *namespace_, const char *name);
