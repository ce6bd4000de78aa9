/* SPDX-License-Identifier: Apache-2.0 */
/* VictoriaMetrics and the list of what it scrapes. The list names pods by DNS, so it has no rights in the cluster. */
#include "operator/controllers/madcluster/parts.h"
#include "operator/controllers/rollout.h"

static void plan_headless(
        const ClusterView *view, const char *suffix, const char *word, const char *pillar, int port, Plan *plan) {
        Json *ports = json_new_array();

        json_add(ports, parts_port("metrics", port, NULL));
        plan_apply(plan, &kind_service,
                parts_render(view, "service",
                        (const Hole[]){ hole_string("name", arena_printf(view->arena, "%s-%s-hl", view->name, suffix)),
                                hole_string("namespace", view->namespace_),
                                hole_tree("labels", parts_labels(view, word, pillar)), hole_string("type", "ClusterIP"),
                                hole_string("cluster-ip", "None"), hole_tree("selector", parts_selector(view, word)),
                                hole_tree("ports", ports), HOLE_END }),
                "metrics are found by DNS, pod by pod");
}

static Json *postgres_targets(const ClusterView *view) {
        Json *targets = json_new_array();

        if (!view->spec.has_state)
                return targets;
        for (int64_t i = 0; i < view->spec.members; i++)
                json_add_string(targets, arena_printf(view->arena, "%s-pg-%lld:8008", view->name, (long long)i));
        return targets;
}

static void plan_scrape_config(const ClusterView *view, Plan *plan) {
        Json *config = parts_render(view, "scrape",
                (const Hole[]){ hole_string("name", view->name), hole_string("namespace", view->namespace_),
                        hole_string("domain", view->settings->cluster_domain),
                        hole_tree("postgres", postgres_targets(view)), HOLE_END });
        CLEANUP(cleanup_free) char *text = json_print(config);
        Json *data = json_new_object();

        json_put_string(data, "scrape.yml", text);
        plan_apply(plan, &kind_configmap,
                parts_render(view, "configmap",
                        (const Hole[]){ hole_string("name", arena_printf(view->arena, "%s-metrics-config", view->name)),
                                hole_string("namespace", view->namespace_),
                                hole_tree("labels", parts_labels(view, cluster_part_word(PART_METRICS), "system")),
                                hole_tree("data", data), HOLE_END }),
                "VictoriaMetrics knows what to scrape");
}

static void plan_metrics_service(const ClusterView *view, Plan *plan) {
        const char *word = cluster_part_word(PART_METRICS);
        Json *ports = json_new_array();

        json_add(ports, parts_port("http", CLUSTER_PORT_VICTORIA, "http"));
        plan_apply(plan, &kind_service,
                parts_render(view, "service",
                        (const Hole[]){ hole_string("name", cluster_part_name(view, PART_METRICS)),
                                hole_string("namespace", view->namespace_),
                                hole_tree("labels", parts_labels(view, word, "system")),
                                hole_string("type", "ClusterIP"), hole_absent("cluster-ip"),
                                hole_tree("selector", parts_selector(view, word)), hole_tree("ports", ports),
                                HOLE_END }),
                "metrics are asked at a stable address");
}

static void plan_metrics_set(const ClusterView *view, Plan *plan) {
        const char *word = cluster_part_word(PART_METRICS);
        const ClusterSize *size = &view->spec.sizes[PART_METRICS];
        Json *set = parts_render(view, "metrics",
                (const Hole[]){ hole_string("name", cluster_part_name(view, PART_METRICS)),
                        hole_string("namespace", view->namespace_), hole_string("cluster", view->name),
                        hole_tree("labels", parts_labels(view, word, "system")),
                        hole_tree("selector", parts_selector(view, word)),
                        hole_string("image", view->images[PART_METRICS]),
                        hole_string("pull-policy", view->settings->pull_policy),
                        hole_tree("resources", parts_resources(size)),
                        hole_string("retention", view->spec.delete_data ? "Delete" : "Retain"),
                        hole_string("storage", view->spec.profile == CLUSTER_DEVELOPMENT ? "1Gi" : "20Gi"), HOLE_END });

        rollout_stamp(set, arena_printf(view->arena, "%s %s %lld %lld %lld %lld", view->images[PART_METRICS],
                                   view->restart, (long long)size->cpu_request, (long long)size->cpu_limit,
                                   (long long)size->memory_request, (long long)size->memory_limit));
        plan_apply(plan, &kind_statefulset, set, "metrics of the platform are kept")->field = "spec.system";
        if (!rollout_judge(set, view->pods[PART_METRICS]).rolling || view->pods[PART_METRICS][0]->deleting)
                return;
        plan_delete(plan, view->pods[PART_METRICS][0], "VictoriaMetrics starts again with what was changed")->event =
                "Restarting";
}

void plan_metrics(const ClusterView *view, Plan *plan) {
        plan_headless(view, "gateway", cluster_part_word(PART_GATEWAY), "proxy", CLUSTER_PORT_METRICS, plan);
        plan_headless(view, "worker", cluster_part_word(PART_WORKER), "worker", CLUSTER_PORT_METRICS, plan);
        plan_headless(view, "entry", "haproxy", "state", CLUSTER_PORT_STATISTICS, plan);
        plan_headless(view, "metrics", cluster_part_word(PART_METRICS), "system", CLUSTER_PORT_VICTORIA, plan);
        plan_scrape_config(view, plan);
        plan_metrics_service(view, plan);
        plan_metrics_set(view, plan);
}
