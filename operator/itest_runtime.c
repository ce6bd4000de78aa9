/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's whole program with one small controller in the place of the real ones, for the integration tests of
 * the runtime (e2e/integration/test_runtime.py): a Toy wants a ConfigMap, a Service, a ConfigMap that outlives it and a
 * Secret. Its spec can ask for what goes wrong. */
#include <string.h>

#include "operator/controllers/controllers.h"
#include "operator/runtime/run.h"
#include "operator/runtime/status.h"

#define SELECTOR "app.kubernetes.io/managed-by=toys"

enum { TOY_SPEC, TOY_STATUS, TOY_NOTE };
enum { CHILD_CLUSTER };

static const char *const toy_paths[] = {
        [TOY_SPEC] = "/spec",
        [TOY_STATUS] = "/status",
        [TOY_NOTE] = "/metadata/annotations/toys~1note",
        NULL,
};
static const char *const child_paths[] = { [CHILD_CLUSTER] = "/metadata/labels/madbase.io~1cluster", NULL };

static const Kind kind_toy = { "test.madbase.io", "v1", "Toy", "toys", false, toy_paths };
static const Kind kind_setting = { "", "v1", "ConfigMap", "configmaps", false, child_paths };
static const Kind kind_service = { "", "v1", "Service", "services", false, child_paths };
static const Kind kind_secret = { "", "v1", "Secret", "secrets", false, NULL };

static const Watched watches[] = {
        { &kind_setting, CHILD_CLUSTER, SELECTOR, WAKE_LABEL, true, NULL },
        { &kind_service, CHILD_CLUSTER, SELECTOR, WAKE_OWNER, true, NULL },
        { 0 },
};

typedef struct Toy {
        const Object *object;
        const Json *spec;
        const char *name, *namespace_;
        bool has_secret;
} Toy;

/* The skeleton of a child: name, namespace, labels. */
static Json *make(const Toy *toy, Plan *plan, const Kind *kind, const char *suffix) {
        Json *object = json_adopt(plan->arena, json_new_object()), *metadata, *labels;

        json_put_string(object, "apiVersion", "v1");
        json_put_string(object, "kind", kind->kind);
        metadata = json_put_object(object, "metadata");
        json_put_string(metadata, "name", arena_printf(plan->arena, "%s-%s", toy->name, suffix));
        json_put_string(metadata, "namespace", toy->namespace_);
        labels = json_put_object(metadata, "labels");
        json_put_string(labels, "app.kubernetes.io/managed-by", "toys");
        json_put_string(labels, "madbase.io/cluster", toy->name);
        return object;
}

static void want_settings(const Toy *toy, Plan *plan) {
        Json *object = make(toy, plan, &kind_setting, "settings");
        Action *action;

        json_put_string(json_put_object(object, "data"), "text", json_find_string(toy->spec, "/text", "none"));
        action = plan_apply(plan, &kind_setting, object, "members read it");
        action->event = "SettingsApplied";
        action->field = "spec.text";
}

static void want_service(const Toy *toy, Plan *plan) {
        Json *object = make(toy, plan, &kind_service, "front");
        Json *spec = json_put_object(object, "spec"), *port;

        json_put_string(json_put_object(spec, "selector"), "app", toy->name);
        port = json_add_object(json_put_array(spec, "ports"));
        json_put_string(port, "name", "http");
        json_put_int(port, "port", json_find_int(toy->spec, "/port", 80));
        /* A field that no Service has: strict validation says so. */
        if (json_find_bool(toy->spec, "/bad", false))
                json_put_bool(spec, "nonsense", true);
        plan_apply(plan, &kind_service, object, "clients need an address");
}

static void want_kept(const Toy *toy, Plan *plan) {
        Json *secret, *kept = make(toy, plan, &kind_setting, "kept");

        json_put_string(json_put_object(kept, "data"), "a", "1");
        plan_apply(plan, &kind_setting, kept, "data outlives the toy")->keep = true;
        if (toy->has_secret)
                return;
        secret = make(toy, plan, &kind_secret, "keys");
        json_put_string(json_put_object(secret, "stringData"), "password", "made once");
        plan_create(plan, &kind_secret, secret, "members need a password")->keep = true;
}

static void plan_toy(const Toy *toy, Plan *plan) {
        const char *wait = json_find_string(toy->spec, "/wait", NULL);

        plan->phase = "Playing";
        plan->status = json_adopt(plan->arena, json_new_object());
        json_put_string(plan->status, "text", json_find_string(toy->spec, "/text", "none"));
        plan->complete = true;
        if (json_find_bool(toy->spec, "/paused", false))
                plan->held = "spec.paused is true";
        want_settings(toy, plan);
        if (!json_find_bool(toy->spec, "/noService", false))
                want_service(toy, plan);
        want_kept(toy, plan);
        if (wait)
                plan_wait(plan, wait, "Take spec.wait away")->warning = true;
}

static const Controller toy_controller;

static Result reconcile(Runtime *runtime, const char *namespace_, const char *name, Error *err) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Toy toy = { .object = cache_get_in(runtime_cache(runtime, &kind_toy), &arena, namespace_, name),
                .name = name,
                .namespace_ = namespace_ };
        const Json *secret = NULL;
        Json *spec = NULL;
        Plan plan;
        Error failure = { 0 };
        bool ran;

        if (!toy.object || toy.object->deleting)
                return (Result){ 0 };
        if (!secrets_get(runtime->secrets, namespace_, arena_printf(&arena, "%s-keys", name), &arena, &secret, err))
                return (Result){ .failed = true };
        if (!json_parse(object_value(toy.object, TOY_SPEC), strlen(object_value(toy.object, TOY_SPEC)), &spec, err))
                return (Result){ .failed = true };
        toy.spec = json_adopt(&arena, spec);
        toy.has_secret = secret != NULL;
        plan_start(&plan, &arena);
        plan_toy(&toy, &plan);
        ran = run_plan(runtime, &toy_controller, toy.object, &plan, &failure);
        if (!status_report(runtime, toy.object, TOY_STATUS, &plan, ran ? NULL : &failure, err))
                return (Result){ .failed = true };
        if (!ran)
                *err = failure;
        return (Result){ .failed = !ran };
}

static const Controller toy_controller = {
        .name = "toy", .kind = &kind_toy, .watches = watches, .reconcile = reconcile
};

const Controller *const controllers_all[] = { &toy_controller, NULL };
