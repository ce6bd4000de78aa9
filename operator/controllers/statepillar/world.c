/* SPDX-License-Identifier: Apache-2.0 */
/* The world of world.h: what plans leave on the server, and what Kubernetes, Patroni and Sentinel make of it. */
#include "operator/controllers/statepillar/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/yaml.h"
#include "operator/controllers/golden.h"

static const OperatorSettings settings = {
        .namespace_ = "madbase-system",
        .pull_policy = "IfNotPresent",
        .cluster_domain = "cluster.local",
        .image_postgres = "postgres:1",
        .image_redis = "redis:1",
        .image_haproxy = "haproxy:1",
        .image_etcd = "etcd:1",
        .patroni_cluster_role = "madbase-operator-patroni",
};

static Json *yaml(const char *text) {
        Json *json = NULL;
        Error err = { 0 };

        if (!yaml_parse(text, strlen(text), &json, &err))
                fail_msg("%s: %s", text, err.text);
        return json;
}

static void identify(World *world, Json *object) {
        CLEANUP(text_done) Text text = { 0 };
        Json *metadata = json_get(object, "metadata");

        world->serial++;
        text_printf(&text, "%d", world->serial);
        if (!json_get(metadata, "uid"))
                json_put_string(metadata, "uid", text_string(&text));
        json_put_string(metadata, "resourceVersion", text_string(&text));
}

void world_init(World *world, const char *spec) {
        *world = (World){ .objects = json_new_array(),
                .ghosts = json_new_object(),
                .trace = json_new_array(),
                .pending = json_new_object() };
        Json *pillar = json_add_object(world->objects);

        json_put_string(pillar, "apiVersion", "madbase.io/v1alpha1");
        json_put_string(pillar, "kind", "StatePillar");
        Json *metadata = json_put_object(pillar, "metadata");
        json_put_string(metadata, "name", "prod");
        json_put_string(metadata, "namespace", "data");
        json_put(pillar, "spec", yaml(spec));
        identify(world, pillar);
}

void world_done(World *world) {
        json_free(world->objects);
        json_free(world->ghosts);
        json_free(world->trace);
        json_free(world->pending);
}

void world_change(World *world, const char *spec) {
        Json *patch = yaml(spec);

        json_merge(json_get(world_find(world, "StatePillar", "prod"), "spec"), patch);
        json_free(patch);
}

Json *world_find(const World *world, const char *kind, const char *name) {
        for (Json *object = json_first(world->objects); object; object = json_next(object))
                if (text_equal(json_find_string(object, "/kind", ""), kind) &&
                        text_equal(json_find_string(object, "/metadata/name", ""), name))
                        return object;
        return NULL;
}

void world_remove(World *world, const char *kind, const char *name) {
        Json *object = world_find(world, kind, name);

        if (object)
                json_free(json_detach(world->objects, object));
}

static int ghosts_of(const World *world, const char *sentinel, const char *what) {
        return (int)json_int(json_get(json_get(world->ghosts, sentinel), what), 0);
}

static int count_pods(const World *world, const char *part) {
        char name[64];
        int count = 0;

        for (int i = 0; i < PILLAR_MEMBERS_MAXIMUM; i++) {
                (void)snprintf(name, sizeof(name), "prod-%s-%d", part, i);
                count += world_find(world, "Pod", name) != NULL;
        }
        return count;
}

static void answer_postgres(const World *world, const char *pod, Json *answer) {
        bool primary = strcmp(world->primary, pod) == 0;

        json_put_string(answer, "state", "running");
        json_put_string(answer, "role", primary ? "primary" : "replica");
        json_put_int(answer, "timeline", world->timeline);
        json_put_string(answer, "lag", primary ? "" : "Streaming");
        json_put_string(answer, "replication_state", primary ? "" : "streaming");
        json_put_bool(answer, "pending_restart", json_get(world->pending, pod) != NULL);
        if (json_get(world->pending, pod))
                json_put(answer, "pending_restart_reason", json_copy(json_get(world->pending, pod)));
}

static void answer_redis(const World *world, const char *pod, Json *answer) {
        bool master = strcmp(world->master, pod) == 0;

        json_put_string(answer, "role", master ? "master" : "replica");
        json_put_string(answer, "link", master ? "" : "Up");
        json_put_string(answer, "lag", master ? "" : "Streaming");
        json_put_int(answer, "replicas", master ? count_pods(world, "redis") - 1 : 0);
}

static void answer_sentinel(const World *world, const char *pod, Json *answer) {
        const char *address = json_find_string(world_find(world, "Service", world->master), "/spec/clusterIP", "");

        bool failing_over = text_equal(pod, world->failing_over);

        json_put_bool(answer, "known", true);
        json_put_bool(answer, "failover_in_progress", failing_over);
        json_put_string(answer, "master_ip", failing_over ? "10.96.99.99" : address);
        json_put_bool(answer, "quorum_ok", true);
        json_put_int(answer, "sentinels", count_pods(world, "sentinel") + ghosts_of(world, pod, "sentinels"));
        json_put_int(answer, "replicas", count_pods(world, "redis") - 1 + ghosts_of(world, pod, "replicas"));
}

static bool is_ready(const Json *pod) {
        return text_equal(json_find_string(pod, "/status/conditions[type=Ready]/status", ""), "True");
}

static size_t make_answers(const World *world, Arena *arena, ProbeAnswer *answers) {
        size_t count = 0;

        for (const Json *pod = json_first(world->objects); pod; pod = json_next(pod)) {
                const char *name = json_find_string(pod, "/metadata/name", "");
                if (strcmp(json_find_string(pod, "/kind", ""), "Pod") != 0 || !is_ready(pod))
                        continue;
                Json *answer = json_adopt(arena, json_new_object());
                if (strstr(name, "-pg-"))
                        answer_postgres(world, name, answer);
                else if (strstr(name, "-redis-"))
                        answer_redis(world, name, answer);
                else if (strstr(name, "-sentinel-"))
                        answer_sentinel(world, name, answer);
                else
                        continue;
                answers[count++] =
                        (ProbeAnswer){ .name = name, .asked = true, .reachable = true, .error = "", .answer = answer };
        }
        return count;
}

void world_plan(World *world, Arena *arena, Plan *plan) {
        View *view = arena_alloc(arena, sizeof(*view));
        Json *golden = json_adopt(arena, json_new_object());
        ProbeAnswer *answers = arena_alloc(arena, 4 * PILLAR_MEMBERS_MAXIMUM * sizeof(*answers));

        json_put(golden, "objects", json_copy(world->objects));
        Seen seen = {
                .settings = &settings,
                .pillar = golden_objects(arena, golden, &kind_statepillar)[0],
                .statefulsets = golden_objects(arena, golden, &kind_statefulset),
                .deployments = golden_objects(arena, golden, &kind_deployment),
                .pods = golden_objects(arena, golden, &kind_pod),
                .services = golden_objects(arena, golden, &kind_service),
                .configmaps = golden_objects(arena, golden, &kind_configmap),
                .claims = golden_objects(arena, golden, &kind_claim),
                .slices = golden_objects(arena, golden, &kind_endpointslice),
                .answers = answers,
                .answer_count = make_answers(world, arena, answers),
                .now_ms = 2 * PILLAR_SETTLED_MS,
                .missing_secrets = world->secrets ? "" : "prod-postgres",
                .odd_secrets = "",
        };

        pillar_view(&seen, arena, view);
        plan_start(plan, arena);
        pillar_plan(view, plan);
}

const Json *world_status(World *world, Arena *arena) {
        Plan plan = { 0 };

        world_plan(world, arena, &plan);
        return plan.status;
}

static void check_leaving(const World *world, const Json *before, const Json *after) {
        const char *name = json_find_string(after, "/metadata/name", "");
        int64_t had = json_find_int(before, "/spec/replicas", 0), has = json_find_int(after, "/spec/replicas", 0);
        char pod[80];

        if (strcmp(json_find_string(after, "/kind", ""), "StatefulSet") != 0 || has >= had)
                return;
        (void)snprintf(pod, sizeof(pod), "%s-%d", name, (int)has);
        if (had - has > 1)
                fail_msg("%s goes from %d to %d members at once", name, (int)had, (int)has);
        if (strcmp(pod, world->primary) == 0 || strcmp(pod, world->master) == 0)
                fail_msg("%s leaves while it leads", pod);
}

static bool applied(World *world, const Action *action) {
        Json *old = world_find(world, action->object_kind->kind, action->name);

        if (old && json_equal(json_get(old, "_intent"), action->object))
                return false;
        check_leaving(world, old, action->object);
        Json *new = json_copy(action->object);
        json_put(new, "_intent", json_copy(action->object));
        if (old) {
                const char *address = json_find_string(old, "/spec/clusterIP", NULL);
                if (address)
                        json_put_string(json_get(new, "spec"), "clusterIP", address);
                if (json_get(old, "status"))
                        json_put(new, "status", json_copy(json_get(old, "status")));
                json_put_string(json_get(new, "metadata"), "uid", json_find_string(old, "/metadata/uid", ""));
                json_free(json_detach(world->objects, old));
        }
        identify(world, new);
        json_add(world->objects, new);
        return true;
}

static void trace(World *world, const char *what, const char *first, const char *second) {
        CLEANUP(text_done) Text text = { 0 };

        text_printf(&text, "%s %s%s%s", what, first, *second ? " -> " : "", second);
        json_add_string(world->trace, text_string(&text));
}

static void called(World *world, const Action *action) {
        const char *from = json_find_string(action->args, "/from", ""), *to = json_find_string(action->args, "/to", "");

        if (strcmp(action->call, "secrets") == 0) {
                world->secrets = true;
        } else if (strcmp(action->call, "switchover") == 0) {
                assert_string_equal(world->primary, from);
                (void)snprintf(world->primary, sizeof(world->primary), "%s", to);
                world->timeline++;
        } else if (strcmp(action->call, "redis-handover") == 0) {
                assert_string_equal(world->master, from);
                (void)snprintf(world->master, sizeof(world->master), "%s", to);
        } else if (strcmp(action->call, "postgres-restart") == 0) {
                from = json_find_string(action->args, "/member", "");
                assert_non_null(json_get(world->pending, from));
                json_remove(world->pending, from);
        } else if (strncmp(action->call, "confirm-", 8) == 0) {
                const char *leads = strcmp(action->call, "confirm-master") == 0 ? world->master : world->primary;
                assert_string_equal(json_find_string(action->args, "/leader", ""), leads);
                return;
        } else if (strcmp(action->call, "sentinel-reset") == 0) {
                from = json_find_string(action->args, "/sentinel", "");
                json_remove(world->ghosts, from);
        } else if (strcmp(action->call, "service-again") == 0) {
                Json *service = json_copy(json_get(action->args, "service"));
                from = json_find_string(service, "/metadata/name", "");
                identify(world, service);
                json_add(world->objects, service);
        } else {
                return;
        }
        trace(world, action->call, from, to);
}

static void patched(World *world, const Action *action) {
        json_merge(world_find(world, action->object_kind->kind, action->name), action->object);
        trace(world, "patch", action->name, "");
}

static bool is_pruned(const Json *object) {
        static const char *const kinds[] = { "StatefulSet", "Deployment", "Service", "ConfigMap", "ServiceAccount",
                "RoleBinding", "PodDisruptionBudget", "NetworkPolicy" };

        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
                if (strcmp(json_find_string(object, "/kind", ""), kinds[i]) == 0)
                        return true;
        return false;
}

static void prune(World *world, const Plan *plan) {
        for (Json *object = json_first(world->objects), *next; object; object = next) {
                bool named = !is_pruned(object);
                next = json_next(object);
                for (const Action *a = plan->actions; a && !named; a = a->next)
                        named = a->kind == ACTION_APPLY &&
                                text_equal(json_find_string(object, "/kind", ""), a->object_kind->kind) &&
                                text_equal(json_find_string(object, "/metadata/name", ""), a->name);
                if (!named) {
                        json_free(json_detach(world->objects, object));
                        world->writes++;
                }
        }
}

static bool act(World *world, const Plan *plan, int actions) {
        for (const Action *action = plan->actions; action; action = action->next) {
                if (actions-- == 0)
                        return false;
                switch (action->kind) {
                case ACTION_APPLY:
                        world->writes += applied(world, action);
                        break;
                case ACTION_CREATE:
                case ACTION_DELETE:
                        trace(world, "delete", action->name, "");
                        world_remove(world, action->object_kind->kind, action->name);
                        world->writes++;
                        break;
                case ACTION_PATCH:
                        patched(world, action);
                        world->writes++;
                        break;
                case ACTION_CALL:
                        called(world, action);
                        world->writes++;
                        break;
                }
        }
        if (plan->complete)
                prune(world, plan);
        return true;
}

static void add_ghost(World *world, const char *pod) {
        const char *what = strstr(pod, "-sentinel-") ? "sentinels" : strstr(pod, "-redis-") ? "replicas" : NULL;
        char name[64];

        json_remove(world->ghosts, pod);
        for (int i = 0; what && i < PILLAR_MEMBERS_MAXIMUM; i++) {
                (void)snprintf(name, sizeof(name), "prod-sentinel-%d", i);
                if (!world_find(world, "Pod", name) || strcmp(name, pod) == 0)
                        continue;
                Json *row = json_get(world->ghosts, name) ? json_get(world->ghosts, name)
                                                          : json_put_object(world->ghosts, name);
                json_put_int(row, what, json_int(json_get(row, what), 0) + 1);
        }
}

static void make_pod(World *world, const Json *owner, const char *name) {
        Json *pod = json_add_object(world->objects);

        json_put_string(pod, "apiVersion", "v1");
        json_put_string(pod, "kind", "Pod");
        json_put(pod, "metadata", json_copy(json_find(owner, "/spec/template/metadata")));
        json_put_string(json_get(pod, "metadata"), "name", name);
        json_put_string(json_get(pod, "metadata"), "namespace", "data");
        Json *reference = json_add_object(json_put_array(json_get(pod, "metadata"), "ownerReferences"));
        json_put_string(reference, "apiVersion", "apps/v1");
        json_put_string(reference, "kind", "StatefulSet");
        json_put_string(reference, "name", json_find_string(owner, "/metadata/name", ""));
        json_put_string(reference, "uid", json_find_string(owner, "/metadata/uid", ""));
        json_put_bool(reference, "controller", true);
        json_put_string(json_put_object(pod, "status"), "phase", "Running");
        Json *ready = json_add_object(json_put_array(json_get(pod, "status"), "conditions"));
        json_put_string(ready, "type", "Ready");
        bool broken = text_equal(json_find_string(owner, "/spec/template/spec/containers[0]/image", ""), world->broken);
        json_put_string(ready, "status", broken ? "False" : "True");
        identify(world, pod);
}

static void make_claim(World *world, const char *pod) {
        CLEANUP(text_done) Text name = { 0 };

        text_printf(&name, "data-%s", pod);
        if (world_find(world, "PersistentVolumeClaim", text_string(&name)))
                return;
        Json *claim = json_add_object(world->objects);
        json_put_string(claim, "apiVersion", "v1");
        json_put_string(claim, "kind", "PersistentVolumeClaim");
        Json *metadata = json_put_object(claim, "metadata");
        json_put_string(metadata, "name", text_string(&name));
        json_put_string(metadata, "namespace", "data");
        identify(world, claim);
}

static void run_set(World *world, const char *set_name) {
        Json *set = world_find(world, "StatefulSet", set_name);
        int replicas = (int)json_find_int(set, "/spec/replicas", 0);
        char pod[64];

        for (int i = PILLAR_MEMBERS_MAXIMUM - 1; i >= 0; i--) {
                (void)snprintf(pod, sizeof(pod), "%s-%d", set_name, i);
                bool there = world_find(world, "Pod", pod) != NULL;
                if (there && i >= replicas) {
                        world_remove(world, "Pod", pod);
                        add_ghost(world, pod);
                } else if (!there && i < replicas) {
                        make_pod(world, set, pod);
                        make_claim(world, pod);
                }
        }
}

static void run_entry(World *world) {
        Json *entry = world_find(world, "Deployment", "prod-entry");
        int replicas = (int)json_find_int(entry, "/spec/replicas", 0);
        char pod[64];

        if (!entry)
                return;
        for (int i = 0; i < PILLAR_MEMBERS_MAXIMUM; i++) {
                (void)snprintf(pod, sizeof(pod), "prod-entry-x%d", i);
                const Json *there = world_find(world, "Pod", pod);
                bool fits = text_equal(json_find_string(there, "/metadata/annotations/madbase.io~1template", ""),
                        json_find_string(entry, "/spec/template/metadata/annotations/madbase.io~1template", ""));
                if (there && (i >= replicas || (!fits && !json_find_bool(entry, "/spec/paused", false)))) {
                        world_remove(world, "Pod", pod);
                        there = NULL;
                }
                if (!there && i < replicas)
                        make_pod(world, entry, pod);
        }
        json_put_int(json_put_object(entry, "status"), "readyReplicas", replicas);
}

static void elect(World *world, const char *part, char *leader) {
        char pod[64];

        if (*leader && is_ready(world_find(world, "Pod", leader)))
                return;
        *leader = '\0';
        for (int i = 0; i < PILLAR_MEMBERS_MAXIMUM && !*leader; i++) {
                (void)snprintf(pod, sizeof(pod), "prod-%s-%d", part, i);
                if (is_ready(world_find(world, "Pod", pod)))
                        memcpy(leader, pod, strlen(pod) + 1);
        }
}

static void catch_up(World *world) {
        static const char *const sets[] = { "prod-pg", "prod-redis", "prod-sentinel", "prod-etcd" };
        CLEANUP(text_done) Text address = { 0 };

        for (Json *service = json_first(world->objects); service; service = json_next(service))
                if (strcmp(json_find_string(service, "/kind", ""), "Service") == 0 &&
                        !json_find(service, "/spec/clusterIP")) {
                        text_clear(&address);
                        text_printf(&address, "10.96.0.%d", ++world->serial % 250 + 1);
                        json_put_string(json_get(service, "spec"), "clusterIP", text_string(&address));
                }
        for (size_t i = 0; i < ARRAY_LEN(sets); i++)
                run_set(world, sets[i]);
        run_entry(world);
        elect(world, "pg", world->primary);
        elect(world, "redis", world->master);
}

void world_round(World *world, int actions) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Plan plan = { 0 };

        world->writes = 0;
        world_plan(world, &arena, &plan);
        if (plan.held && strstr(plan.held, "manifest"))
                fail_msg("%s", plan.held);
        if (!plan.held)
                (void)act(world, &plan, actions);
        json_put(world_find(world, "StatePillar", "prod"), "status", json_copy(plan.status));
        catch_up(world);
}

void world_settle(World *world, int rounds) {
        for (int i = 0; i < rounds; i++) {
                world_round(world, -1);
                if (world->writes == 0)
                        return;
        }
        CLEANUP(cleanup_free) char *text = json_print(world->trace);
        fail_msg("still writing after %d rounds; so far: %s", rounds, text);
}
