/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at PostgreSQL and Redis on a thread of its own, each look with a deadline, so that readiness is an answer that
 * is already there. While all is fine it looks seldom: a hundred programs at one entry must not cost PostgreSQL a core.
 */
#pragma once

#include "lib/base/metrics.h"
#include "lib/program/program.h"

typedef struct Dependencies Dependencies;

enum {
        DEPENDENCIES_INTERVAL_MS = 4000, /* while all is fine; spread by up to a quarter */
        DEPENDENCIES_RETRY_MS = 1000,
        DEPENDENCIES_DEADLINE_MS = 1500
};

/* `settings` must outlive the result. Metrics: madbase_dependency_up{dependency}. */
bool dependencies_start(
        const ProgramSettings *settings, Metrics *metrics, Dependencies **ret_dependencies, Error *err) MUST_USE;
void dependencies_stop(Dependencies *dependencies);
/* HealthChecks; the context is the Dependencies. A dependency that is not configured is fine. */
bool dependencies_check_postgres(void *dependencies, char *ret_sentence, size_t size);
bool dependencies_check_redis(void *dependencies, char *ret_sentence, size_t size);
