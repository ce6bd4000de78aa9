/* SPDX-License-Identifier: Apache-2.0 */
/* Building a plan, and printing it. Law: nothing here looks at anything but its arguments. */
#include "operator/runtime/plan.h"

#include <assert.h>
#include <string.h>

void plan_start(Plan *plan, Arena *arena) {
        *plan = (Plan){ .arena = arena };
        plan->actions_end = &plan->actions;
        plan->waits_end = &plan->waits;
        plan->conditions_end = &plan->conditions;
}

static Action *add_action(Plan *plan, ActionKind kind, const char *why) {
        Action *action = arena_alloc(plan->arena, sizeof(*action));

        action->kind = kind;
        action->why = why;
        *plan->actions_end = action;
        plan->actions_end = &action->next;
        return action;
}

static Action *add_object(Plan *plan, ActionKind action_kind, const Kind *kind, Json *object, const char *why) {
        Action *action = add_action(plan, action_kind, why);

        action->object_kind = kind;
        action->object = object;
        action->name = json_find_string(object, "/metadata/name", NULL);
        action->namespace_ = kind->cluster_scoped ? "" : json_find_string(object, "/metadata/namespace", NULL);
        assert(action->name && action->namespace_);
        return action;
}

Action *plan_apply(Plan *plan, const Kind *kind, Json *object, const char *why) {
        return add_object(plan, ACTION_APPLY, kind, object, why);
}

Action *plan_create(Plan *plan, const Kind *kind, Json *object, const char *why) {
        return add_object(plan, ACTION_CREATE, kind, object, why);
}

Action *plan_delete(Plan *plan, const Object *object, const char *why) {
        Action *action = add_action(plan, ACTION_DELETE, why);

        action->object_kind = object->kind;
        action->namespace_ = arena_string(plan->arena, object->namespace_);
        action->name = arena_string(plan->arena, object->name);
        action->uid = arena_string(plan->arena, object->uid);
        return action;
}

Action *plan_patch(
        Plan *plan, const Kind *kind, const char *namespace_, const char *name, Json *patch, const char *why) {
        Action *action = add_action(plan, ACTION_PATCH, why);

        action->object_kind = kind;
        action->namespace_ = kind->cluster_scoped ? "" : namespace_;
        action->name = name;
        action->object = patch;
        return action;
}

Action *plan_call(Plan *plan, const char *call, Json *args, const char *why) {
        Action *action = add_action(plan, ACTION_CALL, why);

        action->call = call;
        action->args = args;
        return action;
}

Wait *plan_wait(Plan *plan, const char *what, const char *unblock) {
        Wait *wait = arena_alloc(plan->arena, sizeof(*wait));

        wait->what = what;
        wait->unblock = unblock;
        *plan->waits_end = wait;
        plan->waits_end = &wait->next;
        return wait;
}

void plan_condition(Plan *plan, const char *type, const char *status, const char *reason, const char *message) {
        Condition *condition = plan->conditions;

        while (condition && strcmp(condition->type, type) != 0)
                condition = condition->next;
        if (!condition) {
                condition = arena_alloc(plan->arena, sizeof(*condition));
                *plan->conditions_end = condition;
                plan->conditions_end = &condition->next;
        }
        condition->type = type;
        condition->status = status;
        condition->reason = reason;
        condition->message = message;
}

static void print_action(const Action *action, Json *into) {
        static const char *const verbs[] = { [ACTION_APPLY] = "apply",
                [ACTION_CREATE] = "create",
                [ACTION_DELETE] = "delete",
                [ACTION_PATCH] = "patch",
                [ACTION_CALL] = "call" };

        json_put_string(into, "do", verbs[action->kind]);
        if (action->object_kind) {
                json_put_string(into, "kind", action->object_kind->kind);
                if (!action->object_kind->cluster_scoped)
                        json_put_string(into, "namespace", action->namespace_);
                json_put_string(into, "name", action->name);
        }
        json_put_string(into, "uid", action->uid);
        json_put_string(into, "call", action->call);
        json_put_string(into, "why", action->why);
        json_put_string(into, "event", action->event);
        json_put_string(into, "field", action->field);
        if (action->careful)
                json_put_bool(into, "careful", true);
        if (action->keep)
                json_put_bool(into, "keep", true);
        if (action->args)
                json_put(into, "args", json_copy(action->args));
        if (action->object)
                json_put(into, "object", json_copy(action->object));
}

static void print_waits(const Plan *plan, Json *into) {
        for (const Wait *wait = plan->waits; wait; wait = wait->next) {
                Json *one = json_add_object(into);

                json_put_string(one, "what", wait->what);
                json_put_string(one, "unblock", wait->unblock);
                json_put_string(one, "kind", wait->kind);
                json_put_string(one, "name", wait->name);
                if (wait->warning)
                        json_put_bool(one, "warning", true);
        }
}

Json *plan_to_json(const Plan *plan) {
        Json *json = json_new_object(), *list;

        json_put_string(json, "phase", plan->phase);
        json_put_string(json, "held", plan->held);
        json_put_bool(json, "complete", plan->complete);
        if (plan->requeue_ms)
                json_put_int(json, "requeueMs", plan->requeue_ms);
        list = json_put_array(json, "actions");
        for (const Action *action = plan->actions; action; action = action->next)
                print_action(action, json_add_object(list));
        print_waits(plan, json_put_array(json, "waits"));
        list = json_put_array(json, "conditions");
        for (const Condition *condition = plan->conditions; condition; condition = condition->next) {
                Json *one = json_add_object(list);

                json_put_string(one, "type", condition->type);
                json_put_string(one, "status", condition->status);
                json_put_string(one, "reason", condition->reason);
                json_put_string(one, "message", condition->message);
        }
        if (plan->status)
                json_put(json, "status", json_copy(plan->status));
        return json;
}
