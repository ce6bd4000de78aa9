/* SPDX-License-Identifier: Apache-2.0 */
/* Writes status when it differs. Law: Events about waits follow a write that succeeded, so that each is told once. */
#include "operator/runtime/status.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "operator/runtime/applied.h"
#include "operator/runtime/run.h"
#include "operator/runtime/wake.h"

static const Json *parse_present(const Object *about, size_t path_status, Arena *arena) {
        const char *text = object_value(about, path_status);
        Json *json = NULL;

        if (!*text || !json_parse(text, strlen(text), &json, NULL))
                return NULL;
        return json_adopt(arena, json);
}

static uint64_t hash_status(const Json *status) {
        char digits[17];

        run_intent_hash(status, digits);
        return text_hash(digits, 16);
}

/* More than we want may be others', which stays, or what we wrote before, which must go. Only an apply tells: one after
 * each start at most. */
static bool is_settled(Runtime *runtime, const Object *about, const Json *present, const Json *wanted) {
        uint64_t before = 0;
        bool extra = false;

        if (!status_shows(present, wanted, &extra))
                return false;
        return !extra ||
               (applied_recall(runtime->applied, about->uid, APPLIED_STATUS, &before) && before == hash_status(wanted));
}

static bool was_told(const Json *present, const char *what) {
        const Json *before = json_first(json_get(present, "waitingFor"));
        size_t cut = text_cut(what, STATUS_MAXIMUM_WHAT);

        for (; before; before = json_next(before)) {
                const char *told = json_find_string(before, "/what", "");

                if (strlen(told) == cut && strncmp(told, what, cut) == 0)
                        return true;
        }
        return false;
}

static void tell(Runtime *runtime, const Object *about, Arena *arena, const char *reason, const char *what,
        const char *unblock) {
        const EventAbout regarding = events_about(about, arena);

        log_warn(&runtime->log, "waiting: %s", what);
        events_send(runtime->events, &regarding, "Warning", reason, "Wait",
                arena_printf(arena, "%s. %s", what, unblock ? unblock : ""));
}

static void tell_new_waits(
        Runtime *runtime, const Object *about, const Plan *plan, const Error *failure, const Json *present) {
        if (failure && !status_is_momentary(failure) && !was_told(present, failure->text))
                tell(runtime, about, plan->arena, status_reason(failure), failure->text, status_unblock(failure));
        for (const Wait *wait = plan->waits; wait; wait = wait->next)
                if (wait->warning && !was_told(present, wait->what))
                        tell(runtime, about, plan->arena, "Waiting", wait->what, wait->unblock);
}

static Json *make_body(const Object *about, const Json *status, Arena *arena) {
        Json *body = json_adopt(arena, json_new_object()), *metadata;

        json_put_string(body, "apiVersion", events_about(about, arena).api_version);
        json_put_string(body, "kind", about->kind->kind);
        metadata = json_put_object(body, "metadata");
        json_put_string(metadata, "name", about->name);
        if (*about->namespace_)
                json_put_string(metadata, "namespace", about->namespace_);
        /* Never about a later bearer of the name. */
        json_put_string(metadata, "uid", about->uid);
        json_put(body, "status", json_copy(status));
        return body;
}

bool status_report(
        Runtime *runtime, const Object *about, size_t path_status, const Plan *plan, const Error *failure, Error *err) {
        static const ApplyOptions options = { .manager = STATUS_FIELD_MANAGER, .subresource = "status" };
        const Json *present = parse_present(about, path_status, plan->arena);
        CLEANUP(json_cleanup) Json *wanted = status_build(plan, present, about->generation, failure, clock_wall_us());
        CLEANUP(json_cleanup) Json *reply = NULL;
        Error why = { 0 };

        if (is_settled(runtime, about, present, wanted))
                return true;
        if (!client_apply(
                    runtime->client, make_body(about, wanted, plan->arena), about->kind, &options, &reply, &why)) {
                if (why.code == ERROR_NOT_FOUND)
                        return true;
                *err = why;
                return false;
        }
        applied_remember(runtime->applied, about->uid, APPLIED_STATUS, hash_status(wanted));
        runtime_wrote(runtime, about->kind, reply);
        tell_new_waits(runtime, about, plan, failure, present);
        return true;
}

Result status_report_failure(Runtime *runtime, const Kind *kind, size_t path_status, const Error *err) {
        CLEANUP(arena_done) Arena arena = { 0 };
        const Object *about;
        const char *namespace_, *name;
        Error unshown = { 0 };
        Plan plan;

        wake_split(runtime->key, &arena, &namespace_, &name);
        about = cache_get_in(runtime_cache(runtime, kind), &arena, namespace_, name);
        plan_start(&plan, &arena);
        if (about && !status_is_momentary(err) && !status_report(runtime, about, path_status, &plan, err, &unshown))
                log_warn(&runtime->log, "%s", unshown.text);
        return (Result){ .failed = true };
}
