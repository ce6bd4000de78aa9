/* SPDX-License-Identifier: Apache-2.0 */
/* Reports a plan: status is written by server-side apply (field manager STATUS_FIELD_MANAGER) when, and only when, it
 * differs from what is there; what others added to it stays. lastTransitionTime and `since` are kept from the present
 * status where nothing flipped. A new wait that a person must end is told as one Event.
 * Ready, Reconciling and Stalled are always there: what the plan does not say of them follows from its waits, from
 * `held` and from the failure. kstatus reads them:
 * https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md */
#pragma once

#include "operator/runtime/controller.h"

#define STATUS_FIELD_MANAGER "madbase-operator-status"

/* As the CRDs bound them. */
enum {
        STATUS_MAXIMUM_WAITS = 32,
        STATUS_MAXIMUM_WHAT = 512,
        STATUS_MAXIMUM_UNBLOCK = 1024,
        STATUS_MAXIMUM_MESSAGE = 4096
};

/* `path_status` is the index of "/status" among the kind's paths. `failure` is why run_plan stopped, or NULL: it is
 * then shown in waitingFor, in the same words, and Ready is not claimed. What is over in a moment (a lost race, our own
 * stop) is not shown. An object that is gone is not an error. */
bool status_report(Runtime *runtime, const Object *about, size_t path_status, const Plan *plan, const Error *failure,
        Error *err) MUST_USE;

/* For a reconcile that failed before it had a plan: shows the failure in the status of the key's object (in the cache
 * of `kind`) and leaves everything else there as it is. The result to return. `*err` stays what it is. */
Result status_report_failure(Runtime *runtime, const Kind *kind, size_t path_status, const Error *err);

/* The whole status from plan and present status (may be NULL); pure, for tests. `wall_us` is used only where something
 * flipped. The caller frees it. */
Json *status_build(const Plan *plan, const Json *present, int64_t generation, const Error *failure, int64_t wall_us);
/* Whether `present` shows all of `wanted`; *ret_extra tells whether it shows more (which is others', or was ours). */
bool status_shows(const Json *present, const Json *wanted, bool *ret_extra);
/* What would end a failure: a sentence. */
const char *status_unblock(const Error *failure);
/* The CamelCase word for a failure: "Forbidden". */
const char *status_reason(const Error *failure);
/* Whether a failure is over in a moment and not worth a word in status. */
bool status_is_momentary(const Error *failure);
