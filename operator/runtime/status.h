/* SPDX-License-Identifier: Apache-2.0 */
/* Reports a plan: status is written by server-side apply when, and only when, it differs from what is there.
 * lastTransitionTime and `since` are kept from the present status where nothing flipped. A new wait that a person must
 * end is told as one Event. */
#pragma once

#include "operator/runtime/controller.h"

/* `path_status` is the index of "/status" among the kind's paths. `failure` is why run_plan stopped, or NULL: it is then
 * shown in waitingFor, in the same words, and Ready is not claimed. */
bool status_report(Runtime *runtime, const Object *about, size_t path_status, const Plan *plan, const Error *failure,
        Error *err) MUST_USE;

/* The whole status from plan and present status; pure, for tests. `wall_us` is used only where something flipped. */
Json *status_build(const Plan *plan, const Json *present, int64_t generation, const Error *failure, int64_t wall_us);
