/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of run share: run.c goes through the plan, run_apply.c puts one object, run_fields.c takes
 * fields over, run_intent.c compares. */
#pragma once

#include "operator/runtime/run.h"

typedef struct RunPass {
        Runtime *runtime;
        const Controller *controller;
        const Object *about;
        Arena *arena;     /* the plan's */
        Error *postponed; /* what was put off in this pass; code NONE: nothing */
} RunPass;

/* Whether an object of this UID may be put back now. Somebody who changes it again and again would else be answered as
 * fast as both can write: RUN_REVERTS in RUN_REVERT_WINDOW_MS, then `*ret_wait_ms` says when the window ends. */
enum { RUN_REVERTS = 20, RUN_REVERT_WINDOW_MS = 60000 };
bool run_may_revert(const RunPass *pass, const char *uid, int64_t now_ms, int64_t *ret_wait_ms);
/* Apply with the skip rule. */
bool run_apply(const RunPass *pass, const Action *action, Error *err) MUST_USE;
/* Makes every field of the action's object ours in metadata.managedFields (status and scale aside), so that the next
 * apply removes what it does not name. False when that did not work. */
bool run_take_fields(const RunPass *pass, const Action *action) MUST_USE;
/* The action's object with its owner reference: a copy in the arena. */
Json *run_body(const RunPass *pass, const Action *action);
/* Something was done: a log line and, when `reason` is not NULL, an Event of the same words. */
void run_tell(const RunPass *pass, const char *type, const char *reason, const char *verb, const char *text);
/* "Service prod/entry", in the arena. */
const char *run_name(const RunPass *pass, const Action *action);
