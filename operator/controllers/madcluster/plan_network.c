/* SPDX-License-Identifier: Apache-2.0 */
/* The zones as NetworkPolicies. Public: the gateway's port is open to the world, admin ports to adminCIDRs and to the
 * System pillar. Private: Worker and State reach each other, DNS and the API server, nothing else. The State pillar
 * draws its own (operator/controllers/statepillar). e2e/chart/zones.yaml is the table of both. */
#include <string.h>

#include "operator/controllers/madcluster/parts.h"

static void add_port(Json *rule, const char *protocol, int port) {
        Json *ports = json_get(rule, "ports") ? json_get(rule, "ports") : json_put_array(rule, "ports");
        Json *row = json_add_object(ports);

        json_put_string(row, "protocol", protocol);
        json_put_int(row, "port", port);
}

/* A peer: the pods of this cluster that carry one more label. */
static Json *add_pods(const ClusterView *view, Json *rule, const char *side, const char *label, const char *value) {
        Json *peers = json_get(rule, side) ? json_get(rule, side) : json_put_array(rule, side);
        Json *labels = json_put_object(json_put_object(json_add_object(peers), "podSelector"), "matchLabels");

        json_put_string(labels, KINDS_LABEL_CLUSTER, view->name);
        json_put_string(labels, label, value);
        return rule;
}

/* Two peers: the pods of two pillars. */
static Json *add_pillars(const ClusterView *view, Json *rule, const char *side, const char *one, const char *other) {
        return add_pods(view, add_pods(view, rule, side, KINDS_LABEL_PILLAR, one), side, KINDS_LABEL_PILLAR, other);
}

static void add_admins(const ClusterView *view, Json *ingress, int port) {
        Json *rule, *peers;

        if (json_size(view->spec.admin_cidrs) == 0)
                return;
        rule = json_add_object(ingress);
        peers = json_put_array(rule, "from");
        for (const Json *cidr = json_first(view->spec.admin_cidrs); cidr; cidr = json_next(cidr))
                json_put_string(json_put_object(json_add_object(peers), "ipBlock"), "cidr", json_string(cidr, ""));
        add_port(rule, "TCP", port);
}

static void add_scraper(const ClusterView *view, Json *ingress, int port) {
        add_port(add_pods(view, json_add_object(ingress), "from", "app.kubernetes.io/name",
                         cluster_part_word(PART_METRICS)),
                "TCP", port);
}

static Json *ingress_of(const ClusterView *view, ClusterPart part) {
        Json *ingress = json_new_array();

        switch (part) {
        case PART_API:
                add_port(add_pods(view, json_add_object(ingress), "from", KINDS_LABEL_PILLAR, "system"), "TCP",
                        CLUSTER_PORT_API);
                add_admins(view, ingress, CLUSTER_PORT_API);
                break;
        case PART_METRICS:
                add_port(add_pods(view, json_add_object(ingress), "from", KINDS_LABEL_PILLAR, "system"), "TCP",
                        CLUSTER_PORT_VICTORIA);
                add_admins(view, ingress, CLUSTER_PORT_VICTORIA);
                break;
        case PART_GATEWAY:
                add_port(json_add_object(ingress), "TCP", CLUSTER_PORT_PUBLIC);
                add_scraper(view, ingress, CLUSTER_PORT_METRICS);
                add_admins(view, ingress, CLUSTER_PORT_METRICS);
                break;
        case PART_WORKER:
                add_port(add_pillars(view, json_add_object(ingress), "from", "proxy", "worker"), "TCP",
                        CLUSTER_PORT_PUBLIC);
                add_scraper(view, ingress, CLUSTER_PORT_METRICS);
                break;
        case PART_COUNT:
                break;
        }
        return ingress;
}

/* The private zone's way out. */
static Json *private_egress(const ClusterView *view) {
        Json *egress = json_new_array();
        Json *dns = json_add_object(egress);

        add_port(dns, "UDP", 53);
        add_port(dns, "TCP", 53);
        add_pillars(view, json_add_object(egress), "to", "worker", "state");
        for (const Json *row = json_first(view->api_addresses); row; row = json_next(row)) {
                const char *ip = json_string(json_get(row, "ip"), "");
                Json *rule = json_add_object(egress);
                Json *block = json_put_object(json_add_object(json_put_array(rule, "to")), "ipBlock");

                json_put_string(block, "cidr", arena_printf(view->arena, strchr(ip, ':') ? "%s/128" : "%s/32", ip));
                add_port(rule, "TCP", (int)json_int(json_get(row, "port"), 443));
        }
        return egress;
}

static Json *policy_types(bool private_zone) {
        Json *types = json_new_array();

        json_add_string(types, "Ingress");
        if (private_zone)
                json_add_string(types, "Egress");
        return types;
}

void plan_network(const ClusterView *view, Plan *plan) {
        for (int i = 0; i < PART_COUNT; i++) {
                ClusterPart part = (ClusterPart)i;
                bool private_zone = part == PART_WORKER;

                if (!cluster_part_declared(&view->spec, part))
                        continue;
                plan_apply(plan, &kind_networkpolicy,
                        parts_render(view, "networkpolicy",
                                (const Hole[]){ hole_string("name", cluster_part_name(view, part)),
                                        hole_string("namespace", view->namespace_),
                                        hole_tree("labels",
                                                parts_labels(view, cluster_part_word(part), parts_pillar(part))),
                                        hole_tree("selector", parts_selector(view, cluster_part_word(part))),
                                        hole_tree("types", policy_types(private_zone)),
                                        hole_tree("ingress", ingress_of(view, part)),
                                        hole_tree("egress", private_zone ? private_egress(view) : NULL), HOLE_END }),
                        private_zone ? "the private zone is closed" : "the public zone opens what it must");
        }
}
