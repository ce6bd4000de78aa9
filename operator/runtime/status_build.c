/* SPDX-License-Identifier: Apache-2.0 */
/* Status as a pure function of plan, failure and present status.
 * Law: the same inputs give the same bytes; a time appears only where something flipped. */
#include <string.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"
#include "operator/runtime/status.h"

/* What the three conditions that are always there are drawn from. */
typedef struct Verdict {
        const Plan *plan;
        const Error *failure; /* NULL also when it is momentary */
        const Json *present;
        int64_t generation, wall_us;
        bool stalled;
} Verdict;

static const Condition *find_condition(const Plan *plan, const char *type) {
        const Condition *condition = plan->conditions;

        while (condition && strcmp(condition->type, type) != 0)
                condition = condition->next;
        return condition;
}

static bool says(const Plan *plan, const char *type, const char *status) {
        const Condition *condition = find_condition(plan, type);

        return condition && strcmp(condition->status, status) == 0;
}

/* The sentence that explains why something is not there yet; NULL when nothing is waited for. */
static const char *first_reason(const Verdict *verdict) {
        if (verdict->failure)
                return verdict->failure->text;
        return verdict->plan->waits ? verdict->plan->waits->what : NULL;
}

static const Json *present_condition(const Json *present, const char *type) {
        const Json *item = json_first(json_get(present, "conditions"));

        while (item && !text_equal(json_find_string(item, "/type", ""), type))
                item = json_next(item);
        return item;
}

/* Whether Ready was not refused before: a failure to look is no reason to refuse it. */
static bool was_ready(const Verdict *verdict) {
        const Json *before = present_condition(verdict->present, "Ready");

        return before && !text_equal(json_find_string(before, "/status", ""), "False");
}

static Condition ready_of(const Verdict *verdict) {
        const Condition *said = find_condition(verdict->plan, "Ready");
        const char *why = first_reason(verdict);

        if (verdict->failure && (!said || strcmp(said->status, "True") == 0))
                return (Condition){ "Ready", said || was_ready(verdict) ? "Unknown" : "False",
                        status_reason(verdict->failure), why, NULL };
        if (said)
                return *said;
        if (why)
                return (Condition){ "Ready", "False", "Waiting", why, NULL };
        return (Condition){ "Ready", "True", "AsWanted", "everything is as wanted", NULL };
}

static Condition reconciling_of(const Verdict *verdict) {
        const Condition *said = find_condition(verdict->plan, "Reconciling");
        const char *why = first_reason(verdict);

        if (verdict->stalled)
                return (Condition){ "Reconciling", "False", "Stalled", "it does not go on by itself", NULL };
        if (verdict->failure)
                return (Condition){ "Reconciling", "True", status_reason(verdict->failure), why, NULL };
        if (said)
                return *said;
        if (verdict->plan->held)
                return (Condition){ "Reconciling", "False", "Held", verdict->plan->held, NULL };
        if (why)
                return (Condition){ "Reconciling", "True", "Waiting", why, NULL };
        return (Condition){ "Reconciling", "False", "Settled", "nothing is left to do", NULL };
}

static Condition stalled_of(const Verdict *verdict) {
        const Condition *said = find_condition(verdict->plan, "Stalled");

        if (verdict->failure && error_retry(verdict->failure->code) == RETRY_ON_CHANGE)
                return (Condition){ "Stalled", "True", status_reason(verdict->failure), verdict->failure->text, NULL };
        if (said)
                return *said;
        return (Condition){ "Stalled", "False", first_reason(verdict) ? "Progressing" : "Settled",
                "it goes on by itself", NULL };
}

static void put_cut(Json *object, const char *key, const char *string, size_t maximum) {
        CLEANUP(cleanup_free) char *cut = NULL;

        if (!string)
                return;
        cut = alloc_bytes(string, text_cut(string, maximum));
        json_put_string(object, key, cut);
}

static void put_time(Json *object, const char *key, const char *kept, int64_t wall_us) {
        char now[CLOCK_RFC3339_SIZE];

        clock_format(wall_us, now);
        json_put_string(object, key, kept ? kept : now);
}

static void put_condition(const Verdict *verdict, Json *list, const Condition *condition) {
        const Json *before = present_condition(verdict->present, condition->type);
        bool same = text_equal(json_find_string(before, "/status", ""), condition->status);
        Json *item = json_add_object(list);

        json_put_string(item, "type", condition->type);
        json_put_string(item, "status", condition->status);
        json_put_int(item, "observedGeneration", verdict->generation);
        put_time(item, "lastTransitionTime", same ? json_find_string(before, "/lastTransitionTime", NULL) : NULL,
                verdict->wall_us);
        json_put_string(item, "reason", condition->reason);
        put_cut(item, "message", condition->message ? condition->message : "", STATUS_MAXIMUM_MESSAGE);
}

static bool is_standard(const char *type) {
        return strcmp(type, "Ready") == 0 || strcmp(type, "Reconciling") == 0 || strcmp(type, "Stalled") == 0;
}

/* Where nothing better is known, what was said of other things stays. */
static void keep_conditions(const Verdict *verdict, Json *list) {
        const Json *before = json_first(json_get(verdict->present, "conditions"));

        for (; before; before = json_next(before)) {
                const char *type = json_find_string(before, "/type", "");

                if (!is_standard(type) && !find_condition(verdict->plan, type))
                        json_add(list, json_copy(before));
        }
}

static void put_conditions(const Verdict *verdict, Json *status) {
        const Condition ready = ready_of(verdict), reconciling = reconciling_of(verdict), stalled = stalled_of(verdict);
        Json *list = json_put_array(status, "conditions");

        put_condition(verdict, list, &ready);
        put_condition(verdict, list, &reconciling);
        put_condition(verdict, list, &stalled);
        for (const Condition *more = verdict->plan->conditions; more; more = more->next)
                if (!is_standard(more->type))
                        put_condition(verdict, list, more);
        if (!verdict->plan->status)
                keep_conditions(verdict, list);
}

/* Since when the same thing is waited for; NULL when it is new. */
static const char *kept_since(const Json *present, const Json *wait) {
        const Json *before = json_first(json_get(present, "waitingFor"));

        for (; before; before = json_next(before))
                if (text_equal(json_find_string(before, "/what", ""), json_find_string(wait, "/what", "")) &&
                        text_equal(json_find_string(before, "/kind", ""), json_find_string(wait, "/kind", "")) &&
                        text_equal(json_find_string(before, "/name", ""), json_find_string(wait, "/name", "")))
                        return json_find_string(before, "/since", NULL);
        return NULL;
}

static void put_wait(const Verdict *verdict, Json *list, const Wait *wait) {
        Json *item;

        if (json_size(list) >= STATUS_MAXIMUM_WAITS)
                return;
        item = json_add_object(list);
        put_cut(item, "what", wait->what, STATUS_MAXIMUM_WHAT);
        json_put_string(item, "kind", wait->kind);
        json_put_string(item, "name", wait->name);
        put_time(item, "since", kept_since(verdict->present, item), verdict->wall_us);
        put_cut(item, "unblock", wait->unblock ? wait->unblock : "", STATUS_MAXIMUM_UNBLOCK);
}

static void put_waits(const Verdict *verdict, Json *status) {
        Json *list = json_put_array(status, "waitingFor");

        if (verdict->failure)
                put_wait(verdict, list,
                        &(Wait){ .what = verdict->failure->text, .unblock = status_unblock(verdict->failure) });
        for (const Wait *wait = verdict->plan->waits; wait; wait = wait->next)
                put_wait(verdict, list, wait);
        if (json_size(list) == 0)
                json_remove(status, "waitingFor");
}

Json *status_build(const Plan *plan, const Json *present, int64_t generation, const Error *failure, int64_t wall_us) {
        Verdict verdict = { .plan = plan, .present = present, .generation = generation, .wall_us = wall_us };
        Json *status = json_copy(plan->status ? plan->status : present);

        if (json_type(status) != JSON_OBJECT) {
                json_free(status);
                status = json_new_object();
        }
        verdict.failure = failure && !status_is_momentary(failure) ? failure : NULL;
        verdict.stalled = says(plan, "Stalled", "True") ||
                          (verdict.failure && error_retry(verdict.failure->code) == RETRY_ON_CHANGE);
        json_put_int(status, "observedGeneration", generation);
        if (plan->phase)
                json_put_string(status, "phase", plan->phase);
        put_conditions(&verdict, status);
        put_waits(&verdict, status);
        return status;
}

/* Every wanted condition, by its type; the server may keep them in another order. */
static bool shows_conditions(const Json *present, const Json *wanted, bool *ret_extra) {
        for (const Json *item = json_first(wanted); item; item = json_next(item)) {
                const Json *there = json_first(present);

                while (there && !text_equal(json_find_string(there, "/type", ""), json_find_string(item, "/type", "")))
                        there = json_next(there);
                if (!there || !json_equal(there, item))
                        return false;
        }
        *ret_extra = *ret_extra || json_size(present) > json_size(wanted);
        return true;
}

bool status_shows(const Json *present, const Json *wanted, bool *ret_extra) {
        *ret_extra = false;
        for (const Json *item = json_first(wanted); item; item = json_next(item)) {
                const Json *there = json_get(present, json_key(item));

                if (strcmp(json_key(item), "conditions") == 0) {
                        if (!shows_conditions(there, item, ret_extra))
                                return false;
                } else if (!there || !json_equal(there, item)) {
                        return false;
                }
        }
        *ret_extra = *ret_extra || json_size(present) > json_size(wanted);
        return true;
}
