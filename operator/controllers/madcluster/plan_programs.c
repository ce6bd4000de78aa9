/* SPDX-License-Identifier: Apache-2.0 */
/* The pillars that are programs of ours: a Deployment each, its Services, its disruption budget, and the proxy's
 * autoscaler. With autoscaling on, `replicas` is the autoscaler's: it is handed over before it leaves what we apply. */
#include <string.h>

#include "operator/controllers/madcluster/parts.h"
#include "operator/controllers/rollout.h"

static const char *const service_types[] = { "ClusterIP", "NodePort", "LoadBalancer" };

static void add_container_port(Json *ports, const char *name, int port) {
        Json *row = json_add_object(ports);

        json_put_string(row, "name", name);
        json_put_int(row, "containerPort", port);
        json_put_string(row, "protocol", "TCP");
}

static Json *container_ports(ClusterPart part) {
        Json *ports = json_new_array();

        if (part == PART_API) {
                add_container_port(ports, "api", CLUSTER_PORT_API);
                return ports;
        }
        add_container_port(ports, "public", CLUSTER_PORT_PUBLIC);
        add_container_port(ports, "metrics", CLUSTER_PORT_METRICS);
        return ports;
}

static void add_env(Json *list, const char *name, const char *value) {
        Json *row = json_add_object(list);

        json_put_string(row, "name", name);
        json_put_string(row, "value", value);
}

static void add_env_field(Json *list, const char *name, const char *path) {
        Json *row = json_add_object(list);
        Json *field;

        json_put_string(row, "name", name);
        field = json_put_object(json_put_object(row, "valueFrom"), "fieldRef");
        json_put_string(field, "apiVersion", "v1");
        json_put_string(field, "fieldPath", path);
}

static void add_env_secret(const ClusterView *view, Json *list, const char *key) {
        Json *row = json_add_object(list);
        Json *ref;

        json_put_string(row, "name", key);
        ref = json_put_object(json_put_object(row, "valueFrom"), "secretKeyRef");
        json_put_string(ref, "name", arena_printf(view->arena, "%s-app", view->name));
        json_put_string(ref, "key", key);
}

static Json *container_env(const ClusterView *view, ClusterPart part) {
        Json *list = json_new_array();

        add_env_field(list, "POD_NAME", "metadata.name");
        add_env_field(list, "POD_NAMESPACE", "metadata.namespace");
        add_env(list, "MADBASE_CLUSTER", view->name);
        if (part != PART_API && view->spec.has_state) {
                add_env_secret(view, list, "DATABASE_URL");
                add_env_secret(view, list, "REDIS_URL");
        }
        return list;
}

/* The API verifies the API server by the cluster's CA, and has no token: it passes the caller's on. */
static Json *ca_volume(ClusterPart part) {
        Json *volumes, *volume;

        if (part != PART_API)
                return NULL;
        volumes = json_new_array();
        volume = json_add_object(volumes);
        json_put_string(volume, "name", "ca");
        json_put_string(json_put_object(volume, "configMap"), "name", "kube-root-ca.crt");
        return volumes;
}

static Json *ca_mount(ClusterPart part) {
        Json *mounts, *mount;

        if (part != PART_API)
                return NULL;
        mounts = json_new_array();
        mount = json_add_object(mounts);
        json_put_string(mount, "name", "ca");
        json_put_string(mount, "mountPath", "/etc/madbase/kubernetes");
        json_put_bool(mount, "readOnly", true);
        return mounts;
}

static Json *spread(const ClusterView *view, ClusterPart part) {
        static const char *const keys[] = { "kubernetes.io/hostname", "topology.kubernetes.io/zone" };
        Json *list = json_new_array();

        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
                Json *row = json_add_object(list);

                json_put_int(row, "maxSkew", 1);
                json_put_string(row, "topologyKey", keys[i]);
                json_put_string(row, "whenUnsatisfiable", "ScheduleAnyway");
                json_put(json_put_object(row, "labelSelector"), "matchLabels",
                        parts_selector(view, cluster_part_word(part)));
        }
        return list;
}

static bool scaled_by_autoscaler(const ClusterView *view, ClusterPart part) {
        return part == PART_GATEWAY && view->spec.autoscale;
}

static Json *draw_deployment(const ClusterView *view, ClusterPart part) {
        const char *word = cluster_part_word(part), *pillar = parts_pillar(part);
        bool scaled = scaled_by_autoscaler(view, part);
        Json *notes = NULL, *deployment;
        const char *roll;

        if (scaled) {
                notes = json_new_object();
                json_put_string(notes, KINDS_NOTE_SCALED_BY, "autoscaler");
        }
        deployment = parts_render(view, "program",
                (const Hole[]){ hole_string("name", cluster_part_name(view, part)),
                        hole_string("namespace", view->namespace_),
                        hole_tree("labels", parts_labels(view, word, pillar)), hole_tree("notes", notes),
                        scaled && view->deployments[part]
                                ? hole_absent("replicas")
                                : hole_int("replicas", scaled ? view->spec.autoscale_min : view->spec.replicas[part]),
                        hole_tree("selector", parts_selector(view, word)), hole_tree("spread", spread(view, part)),
                        hole_string("component", word), hole_string("image", view->images[part]),
                        hole_string("pull-policy", view->settings->pull_policy),
                        hole_tree("ports", container_ports(part)), hole_tree("env", container_env(view, part)),
                        hole_tree("mounts", ca_mount(part)), hole_tree("volumes", ca_volume(part)),
                        hole_tree("resources", parts_resources(&view->spec.sizes[part])),
                        hole_string("health", part == PART_API ? "api" : "metrics"), HOLE_END });
        roll = arena_printf(view->arena, "%s %s %lld %lld %lld %lld", view->images[part], view->restart,
                (long long)view->spec.sizes[part].cpu_request, (long long)view->spec.sizes[part].cpu_limit,
                (long long)view->spec.sizes[part].memory_request, (long long)view->spec.sizes[part].memory_limit);
        rollout_stamp(deployment, roll);
        rollout_hold(deployment, rollout_judge(deployment, view->pods[part]));
        return deployment;
}

/* The count passes to another field manager first, so that dropping it from our intent leaves it as it is. */
static void hand_over_replicas(const ClusterView *view, ClusterPart part, Plan *plan) {
        const Object *live = view->deployments[part];
        Json *args;

        if (!scaled_by_autoscaler(view, part) || !live || object_value(live, DEPLOYMENT_SCALED_BY)[0])
                return;
        args = json_adopt(view->arena, json_new_object());
        json_put_string(args, "namespace", view->namespace_);
        json_put_string(args, "name", live->name);
        json_put_int(args, "replicas", object_value_int(live, DEPLOYMENT_REPLICAS, view->spec.replicas[part]));
        plan_call(plan, "hand-over-replicas", args, "the autoscaler takes the number of gateways over as it is");
}

static const char *field_of(ClusterPart part) {
        static const char *const fields[PART_COUNT] = { "spec.system", "spec.proxy", "spec.worker", "spec.system" };

        return fields[part];
}

static void plan_deployment(const ClusterView *view, ClusterPart part, Plan *plan) {
        hand_over_replicas(view, part, plan);
        plan_apply(plan, &kind_deployment, draw_deployment(view, part),
                arena_printf(view->arena, "%s runs in as many pods as asked", cluster_part_word(part)))
                ->field = field_of(part);
}

static Json *service_ports(ClusterPart part) {
        Json *ports = json_new_array();

        if (part == PART_API)
                json_add(ports, parts_port("api", CLUSTER_PORT_API, "api"));
        else
                json_add(ports, parts_port("http", 80, "public"));
        return ports;
}

static void plan_service(const ClusterView *view, ClusterPart part, Plan *plan) {
        const char *type = part == PART_GATEWAY ? service_types[view->spec.service_type] : "ClusterIP";

        plan_apply(plan, &kind_service,
                parts_render(view, "service",
                        (const Hole[]){ hole_string("name", cluster_part_name(view, part)),
                                hole_string("namespace", view->namespace_),
                                hole_tree("labels", parts_labels(view, cluster_part_word(part), parts_pillar(part))),
                                hole_string("type", type), hole_absent("cluster-ip"),
                                hole_tree("selector", parts_selector(view, cluster_part_word(part))),
                                hole_tree("ports", service_ports(part)), HOLE_END }),
                arena_printf(view->arena, "%s has a stable address", cluster_part_word(part)))
                ->field = field_of(part);
}

static void plan_disruption(const ClusterView *view, ClusterPart part, Plan *plan) {
        bool several = part != PART_API && (scaled_by_autoscaler(view, part) || view->spec.replicas[part] > 1);

        if (!several)
                return;
        plan_apply(plan, &kind_disruptionbudget,
                parts_render(view, "disruption",
                        (const Hole[]){ hole_string("name", cluster_part_name(view, part)),
                                hole_string("namespace", view->namespace_),
                                hole_tree("labels", parts_labels(view, cluster_part_word(part), parts_pillar(part))),
                                hole_tree("selector", parts_selector(view, cluster_part_word(part))), HOLE_END }),
                "a drain takes one pod at a time");
}

static void plan_autoscaler(const ClusterView *view, ClusterPart part, Plan *plan) {
        if (!scaled_by_autoscaler(view, part))
                return;
        plan_apply(plan, &kind_autoscaler,
                parts_render(view, "autoscaler",
                        (const Hole[]){ hole_string("name", cluster_part_name(view, part)),
                                hole_string("namespace", view->namespace_),
                                hole_tree("labels", parts_labels(view, cluster_part_word(part), parts_pillar(part))),
                                hole_int("minimum", view->spec.autoscale_min),
                                hole_int("maximum", view->spec.autoscale_max),
                                hole_int("target", view->spec.autoscale_target), HOLE_END }),
                "the proxy follows its load")
                ->field = "spec.proxy.autoscale";
}

void plan_program(const ClusterView *view, ClusterPart part, Plan *plan) {
        plan_service(view, part, plan);
        plan_deployment(view, part, plan);
        plan_disruption(view, part, plan);
        plan_autoscaler(view, part, plan);
}
