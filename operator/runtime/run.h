/* SPDX-License-Identifier: Apache-2.0 */
/* Carries a plan out: actions in order, stopping at the first failure. An apply is skipped when the cached object
 * carries the hash of the same intent and our field manager still owns the same fields; after a restart that is checked
 * once by reading, not by writing. One log line per effect and, where the action names one, one Event. Prunes at the
 * end of a complete plan. Nothing runs while the plan is held.
 *
 * What run adds to applied and created objects: an owner reference to the object reconciled (controller, blocking its
 * deletion), unless the action says keep or the object is in another namespace; and on applied ones the annotation
 * madbase.io/intent. An object of the name that is not ours is never taken over: ERROR_EXISTS. One that is being
 * deleted is waited for. One that somebody else changes again and again is put back 20 times a minute at most; the pass
 * then goes on with the next action and ends with ERROR_THROTTLED. */
#pragma once

#include "operator/runtime/controller.h"

/* `about` is the object reconciled (Events and owner references name it). Errors: the first action's. Every kind that
 * is applied must be among the controller's watches, or it could not be healed: ERROR_BUG. */
bool run_plan(
        Runtime *runtime, const Controller *controller, const Object *about, const Plan *plan, Error *err) MUST_USE;

/* What the server's fields say about our intent: whether every leaf of `intent` is among the fields that `manager` owns
 * in `live` (metadata.managedFields, fieldsV1). Pure. Structure of fieldsV1:
 * https://github.com/kubernetes-sigs/structured-merge-diff (f:, k:, v: keys). */
bool run_owns_all(const Json *intent, const Json *live, const char *manager);
/* 16 hex digits of the intent's content; the order of keys does not matter. */
void run_intent_hash(const Json *intent, char ret_hash[17]);
