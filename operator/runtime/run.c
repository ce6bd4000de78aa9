/* SPDX-License-Identifier: Apache-2.0 */
/* Goes through a plan. Law: the order of the plan is the order of the effects, and the first failure ends the pass; the
 * next pass begins from what is then seen. */
#include <string.h>

#include "operator/runtime/caches.h"
#include "operator/runtime/run_internal.h"

const char *run_name(const RunPass *pass, const Action *action) {
        return arena_printf(pass->arena, "%s %s%s%s", action->object_kind->kind, action->namespace_,
                *action->namespace_ ? "/" : "", action->name);
}

void run_tell(const RunPass *pass, const char *type, const char *reason, const char *verb, const char *text) {
        EventAbout about;

        log_info(&pass->runtime->log, "%s", text);
        if (!reason)
                return;
        about = events_about(pass->about, pass->arena);
        events_send(pass->runtime->events, &about, type, reason, verb, text);
}

static bool is_secret(const Kind *kind) {
        return !*kind->group && strcmp(kind->kind, "Secret") == 0;
}

static bool run_create(const RunPass *pass, const Action *action, Error *err) {
        CLEANUP(json_cleanup) Json *reply = NULL;
        Cache *cache = runtime_cache(pass->runtime, action->object_kind);
        Error why = { 0 };
        bool created;

        if (cache && cache_get_in(cache, pass->arena, action->namespace_, action->name))
                return true;
        created = client_create(pass->runtime->client, action->object_kind, run_body(pass, action), &reply, &why);
        if (is_secret(action->object_kind) && pass->runtime->secrets)
                secrets_forget(pass->runtime->secrets, action->namespace_, action->name);
        if (!created && why.code == ERROR_EXISTS)
                return true;
        if (!created) {
                *err = why;
                return false;
        }
        runtime_wrote(pass->runtime, action->object_kind, reply);
        run_tell(pass, "Normal", action->event, "Create",
                arena_printf(pass->arena, "made %s: %s", run_name(pass, action), action->why));
        return true;
}

/* Deletes what has the action's UID; `version` NULL: whatever its version. */
static bool delete_it(const RunPass *pass, const Action *action, const char *version, Error *err) {
        const DeleteOptions options = { .uid = action->uid, .resource_version = version };
        bool deleted = false;

        if (!client_delete(pass->runtime->client, action->object_kind, action->namespace_, action->name, &options,
                    &deleted, err))
                return false;
        runtime_deleted(pass->runtime, action->object_kind, action->namespace_, action->name, action->uid);
        if (deleted)
                run_tell(pass, "Normal", action->event, "Delete",
                        arena_printf(pass->arena, "deleted %s: %s", run_name(pass, action), action->why));
        return true;
}

static bool run_delete(const RunPass *pass, const Action *action, Error *err) {
        Cache *cache = runtime_cache(pass->runtime, action->object_kind);
        const Object *cached = cache ? cache_get_in(cache, pass->arena, action->namespace_, action->name) : NULL;
        CLEANUP(json_cleanup) Json *live = NULL;

        if (cached && cached->deleting && strcmp(cached->uid, action->uid) == 0)
                return true;
        if (!action->careful)
                return delete_it(pass, action, NULL, err);
        if (!client_get(pass->runtime->client, action->object_kind, action->namespace_, action->name, &live, err))
                return false;
        if (!text_equal(json_find_string(live, "/metadata/uid", ""), action->uid) ||
                json_find(live, "/metadata/deletionTimestamp"))
                return true;
        return delete_it(pass, action, json_find_string(live, "/metadata/resourceVersion", NULL), err);
}

static bool run_patch(const RunPass *pass, const Action *action, Error *err) {
        CLEANUP(json_cleanup) Json *reply = NULL;
        Cache *cache = runtime_cache(pass->runtime, action->object_kind);
        const Object *cached = cache ? cache_get_in(cache, pass->arena, action->namespace_, action->name) : NULL;

        if (!client_patch(pass->runtime->client, action->object_kind, action->namespace_, action->name, NULL,
                    PATCH_MERGE, action->object, &reply, err))
                return false;
        if (cached && text_equal(cached->resource_version, json_find_string(reply, "/metadata/resourceVersion", "")))
                return true;
        runtime_wrote(pass->runtime, action->object_kind, reply);
        run_tell(pass, "Normal", action->event, "Patch",
                arena_printf(pass->arena, "changed %s: %s", run_name(pass, action), action->why));
        return true;
}

static bool run_call(const RunPass *pass, const Action *action, Error *err) {
        const Call *call = pass->controller->calls;
        const char *name = pass->about->name, *namespace_ = pass->about->namespace_;

        while (call && call->name && strcmp(call->name, action->call) != 0)
                call++;
        if (!call || !call->name)
                return error_set(err, ERROR_BUG, "%s has no call \"%s\"", pass->controller->name, action->call);
        if (!call->run(pass->runtime, pass->about, action->args, err))
                return error_wrap(err, "%s", action->call);
        if (pass->runtime->prober)
                prober_hurry(pass->runtime->prober, runtime_owner(pass->controller, namespace_, name, pass->arena));
        run_tell(pass, "Normal", action->event, "Call", arena_printf(pass->arena, "%s: %s", action->call, action->why));
        return true;
}

static bool run_action(const RunPass *pass, const Action *action, Error *err) {
        switch (action->kind) {
        case ACTION_APPLY:
                return run_apply(pass, action, err);
        case ACTION_CREATE:
                return run_create(pass, action, err);
        case ACTION_DELETE:
                return run_delete(pass, action, err);
        case ACTION_PATCH:
                return run_patch(pass, action, err);
        case ACTION_CALL:
                return run_call(pass, action, err);
        }
        return error_set(err, ERROR_BUG, "action of an unknown kind %d", (int)action->kind);
}

static bool is_named(const Plan *plan, const Object *object) {
        for (const Action *action = plan->actions; action; action = action->next)
                if (action->object_kind == object->kind && strcmp(action->name, object->name) == 0 &&
                        strcmp(action->namespace_, object->namespace_) == 0)
                        return true;
        return false;
}

/* Deletes what the object reconciled owns and the plan does not name. */
static bool prune(const RunPass *pass, const Plan *plan, const Kind *kind, Error *err) {
        const Object *const *owned =
                cache_by_owner(runtime_cache(pass->runtime, kind), pass->arena, pass->about->uid, NULL);

        for (; *owned; owned++) {
                const Action action = { .kind = ACTION_DELETE,
                        .object_kind = kind,
                        .namespace_ = (*owned)->namespace_,
                        .name = (*owned)->name,
                        .uid = (*owned)->uid,
                        .why = "it is not wanted any more" };

                if (!(*owned)->deleting && !is_named(plan, *owned) && !delete_it(pass, &action, NULL, err))
                        return false;
        }
        return true;
}

bool run_plan(Runtime *runtime, const Controller *controller, const Object *about, const Plan *plan, Error *err) {
        Error postponed = { 0 };
        const RunPass pass = { .runtime = runtime,
                .controller = controller,
                .about = about,
                .arena = plan->arena,
                .postponed = &postponed };

        if (plan->held)
                return true;
        for (const Action *action = plan->actions; action; action = action->next)
                if (!run_action(&pass, action, err))
                        return false;
        for (const Watched *row = controller->watches; plan->complete && row && row->kind; row++)
                if (row->prune && !prune(&pass, plan, row->kind, err))
                        return false;
        if (postponed.code == ERROR_NONE)
                return true;
        *err = postponed;
        return false;
}
