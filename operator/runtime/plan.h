/* SPDX-License-Identifier: Apache-2.0 */
/* A plan is data: the wanted objects and actions in order, each with a why; what is waited for; the status wanted. It
 * is made by a controller's pure `plan` function (no clock, no I/O, no log), carried out by run.h and reported by
 * status.h. Everything lives in the plan's arena. `why` is the log line, the Event's note and a test's message at once.
 */
#pragma once

#include "lib/base/json.h"
#include "lib/kube/object.h"

typedef enum ActionKind {
        ACTION_APPLY,  /* server-side apply of `object`, skipped when the server already shows it */
        ACTION_CREATE, /* POST of `object`; there already is fine and nothing is changed (Secrets) */
        ACTION_DELETE, /* delete `name` of `kind` if it has `uid`; read consistently first when `careful` */
        ACTION_PATCH,  /* merge patch `object` to `name` of `kind` (carries resourceVersion when it must) */
        ACTION_CALL    /* something outside Kubernetes, by the name of a call of the controller: `call`, `args` */
} ActionKind;

typedef struct Action {
        ActionKind kind;
        const Kind *object_kind;
        const char *namespace_, *name;
        Json *object;      /* APPLY, CREATE, PATCH */
        const char *uid;   /* DELETE */
        bool careful;      /* DELETE of data: the API is read first, UID and resourceVersion go along */
        bool keep;         /* APPLY, CREATE: outlives its owner (data Secrets, claims): no owner reference is put
                            * in, so neither garbage collection nor pruning ever touches it */
        const char *call;  /* CALL: name in the controller's call table */
        Json *args;        /* CALL */
        const char *why;   /* sentence: "clients need a stable address" */
        const char *event; /* CamelCase reason of the Event when the action had an effect; NULL: log line only */
        const char *field; /* the user's field to change instead, told when a foreign edit is put back; or NULL */
        struct Action *next;
} Action;

typedef struct Wait {
        const char *what;        /* sentence, stable while the wait lasts: no numbers that move */
        const char *unblock;     /* what would end it; sentence */
        const char *kind, *name; /* the object it is about; may be NULL */
        bool warning;            /* a person must act: told as a Warning Event once */
        struct Wait *next;
} Wait;

typedef struct Condition {
        const char *type;
        const char *status; /* "True", "False", "Unknown" */
        const char *reason; /* CamelCase */
        const char *message;
        struct Condition *next;
} Condition;

typedef struct Plan {
        Arena *arena;
        Action *actions, **actions_end;
        Wait *waits, **waits_end;
        Condition *conditions, **conditions_end;
        Json *status;       /* all of status but phase, conditions, waitingFor and observedGeneration; NULL: what is
                             * there stays (the object could not be understood, so nothing better is known) */
        const char *phase;  /* one word, derived from what was seen */
        const char *held;   /* not NULL: no action is carried out, and this is why ("spec.paused is true") */
        bool complete;      /* every wanted object is named: owned objects that are not named are pruned */
        int64_t requeue_ms; /* look again after this long even when nothing changes; 0: no need */
} Plan;

void plan_start(Plan *plan, Arena *arena);
/* Trees (`object`, `patch`, `args`) already belong to the plan's arena: what template_render gives does, what
 * json_new_* gives is passed through json_adopt first. `why` and other strings live as long as the arena, too. An
 * object carries apiVersion, kind, metadata.name, and metadata.namespace unless its kind is cluster-scoped. The action
 * is returned so that the caller can set event, field, careful, keep. */
Action *plan_apply(Plan *plan, const Kind *kind, Json *object, const char *why);
Action *plan_create(Plan *plan, const Kind *kind, Json *object, const char *why);
/* The strings of `object` are copied. */
Action *plan_delete(Plan *plan, const Object *object, const char *why);
Action *plan_patch(
        Plan *plan, const Kind *kind, const char *namespace_, const char *name, Json *patch, const char *why);
/* `args` may be NULL. */
Action *plan_call(Plan *plan, const char *call, Json *args, const char *why);
Wait *plan_wait(Plan *plan, const char *what, const char *unblock);
/* Replaces a condition of the same type. */
void plan_condition(Plan *plan, const char *type, const char *status, const char *reason, const char *message);
/* The plan as JSON (phase, actions with whole objects, waits, conditions, status) for golden files and dry runs. The
 * caller frees it. */
Json *plan_to_json(const Plan *plan);
