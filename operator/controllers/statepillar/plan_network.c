/* SPDX-License-Identifier: Apache-2.0 */
/* Who may: the account that Patroni keeps its lock with, how many pods a drain may take, and the private zone. The pods
 * of a pillar reach each other, DNS and, where Patroni needs it, the API server; nothing else. */
#include "operator/controllers/statepillar/draft.h"

static const int64_t entry_ports[] = { 5433, 5434, 6379, 6380, 0 };
static const int64_t dns_port = 53;

static void add_ports(Json *rule, const int64_t *ports) {
        Json *list = json_put_array(rule, "ports");

        for (; *ports; ports++) {
                Json *row = json_add_object(list);
                json_put_string(row, "protocol", "TCP");
                json_put_int(row, "port", *ports);
        }
}

/* A peer by one label, added to the "from" or "to" of a rule. */
static Json *add_peer(Json *rule, const char *side, const char *label, const char *value) {
        Json *peers = json_get(rule, side) ? json_get(rule, side) : json_put_array(rule, side);
        Json *peer = json_add_object(peers);
        Json *labels = json_put_object(json_put_object(peer, "podSelector"), "matchLabels");

        json_put_string(labels, label, value);
        return peer;
}

static Json *add_pillar(const View *view, Json *rule, const char *side) {
        Json *peer = add_peer(rule, side, KINDS_LABEL_CLUSTER, view->name);

        json_put_string(json_find(peer, "/podSelector/matchLabels"), KINDS_LABEL_PILLAR, "state");
        return rule;
}

static void let_pillar_in(const View *view, Json *ingress, const int64_t *ports) {
        add_ports(add_pillar(view, json_add_object(ingress), "from"), ports);
}

static void let_operator_in(const View *view, Json *ingress, const int64_t *ports) {
        Json *rule = json_add_object(ingress);
        Json *peer = add_peer(rule, "from", "app.kubernetes.io/name", "madbase-operator");
        Json *labels = json_put_object(json_put_object(peer, "namespaceSelector"), "matchLabels");

        json_put_string(labels, "kubernetes.io/metadata.name", view->settings->namespace_);
        add_ports(rule, ports);
}

static void let_metrics_in(const View *view, Json *ingress, const int64_t *ports) {
        if (!view->cluster)
                return;
        Json *rule = json_add_object(ingress);
        Json *peer = add_peer(rule, "from", KINDS_LABEL_CLUSTER, view->cluster);
        json_put_string(json_find(peer, "/podSelector/matchLabels"), "app.kubernetes.io/name", "victoria-metrics");
        add_ports(rule, ports);
}

/* The MadCluster's gateways and workers, and whom the user lets in. A rule without a peer would let everybody in. */
static void let_clients_in(const View *view, Json *ingress) {
        static const char *const pillars[] = { "proxy", "worker" };

        if (!view->cluster && json_size(view->spec.allow_from) == 0)
                return;
        Json *rule = json_add_object(ingress);
        for (size_t i = 0; view->cluster && i < ARRAY_LEN(pillars); i++) {
                Json *peer = add_peer(rule, "from", KINDS_LABEL_CLUSTER, view->cluster);
                json_put_string(json_find(peer, "/podSelector/matchLabels"), KINDS_LABEL_PILLAR, pillars[i]);
        }
        Json *peers = json_get(rule, "from") ? json_get(rule, "from") : json_put_array(rule, "from");
        for (const Json *peer = json_first(view->spec.allow_from); peer; peer = json_next(peer))
                json_add(peers, json_copy(peer));
        add_ports(rule, entry_ports);
}

static void let_out_to_dns(Json *egress) {
        Json *ports = json_put_array(json_add_object(egress), "ports");
        static const char *const protocols[] = { "UDP", "TCP" };

        for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
                Json *row = json_add_object(ports);
                json_put_string(row, "protocol", protocols[i]);
                json_put_int(row, "port", dns_port);
        }
}

/* By address where the addresses are known; else by port alone, which the README says. */
static void let_out_to_api(const View *view, Json *egress) {
        static const int64_t usual[] = { 443, 6443, 0 };

        if (json_size(view->api_addresses) == 0) {
                add_ports(json_add_object(egress), usual);
                return;
        }
        for (const Json *address = json_first(view->api_addresses); address; address = json_next(address)) {
                const char *ip = json_find_string(address, "/ip", "");
                bool six = false;
                for (const char *c = ip; *c; c++)
                        six = six || *c == ':';
                Json *rule = json_add_object(egress);
                Json *block = json_put_object(json_add_object(json_put_array(rule, "to")), "ipBlock");
                json_put_string(block, "cidr", arena_printf(view->arena, "%s/%d", ip, six ? 128 : 32));
                add_ports(rule, (const int64_t[]){ json_find_int(address, "/port", 443), 0 });
        }
}

static void want_policy(const View *view, Plan *plan, int part, Json *ingress, Json *egress) {
        Json *object = draft_render(plan, DRAFT_NETWORKPOLICY,
                (const Hole[]){ hole_string("name", draft_name(view, pillar_parts[part].suffix)),
                        hole_string("namespace", view->namespace_), hole_tree("labels", draft_labels(view, part)),
                        hole_tree("selector", draft_selector(view, part)), hole_tree("ingress", ingress),
                        hole_tree("egress", egress), HOLE_END });

        if (object)
                draft_apply(plan, &kind_networkpolicy, object, "the State pillar is in the private zone");
}

static void want_policies(const View *view, const Target *target, Plan *plan) {
        static const int64_t ports[PART_COUNT][4] = {
                [SET_POSTGRES] = { 5432, 8008 },
                [SET_REDIS] = { 6379, 16379 },
                [SET_SENTINEL] = { 26379 },
                [SET_ETCD] = { 2379, 2380 },
                [PART_ENTRY] = { 7000 },
        };
        static const int64_t operator_ports[PART_COUNT] = { 8008, 6379, 26379, 0, 0 };
        static const int64_t metrics_ports[PART_COUNT] = { 8008, 0, 0, 2381, 7000 };

        for (int part = 0; part < PART_COUNT; part++) {
                if (part == SET_ETCD && target->etcd == 0)
                        continue;
                Json *ingress = json_new_array();
                Json *egress = json_new_array();
                if (part != PART_ENTRY)
                        let_pillar_in(view, ingress, ports[part]);
                else
                        let_clients_in(view, ingress);
                if (operator_ports[part])
                        let_operator_in(view, ingress, (const int64_t[]){ operator_ports[part], 0 });
                if (metrics_ports[part])
                        let_metrics_in(view, ingress, (const int64_t[]){ metrics_ports[part], 0 });
                (void)add_pillar(view, json_add_object(egress), "to");
                let_out_to_dns(egress);
                if (part == SET_POSTGRES && view->spec.dcs == DCS_KUBERNETES)
                        let_out_to_api(view, egress);
                want_policy(view, plan, part, ingress, egress);
        }
}

static void want_budgets(const View *view, const Target *target, Plan *plan) {
        for (int part = 0; part < PART_COUNT; part++) {
                if (part == SET_ETCD ? target->etcd < 3 : !draft_may_miss_one(target))
                        continue;
                Json *object = draft_render(plan, DRAFT_DISRUPTION,
                        (const Hole[]){ hole_string("name", draft_name(view, pillar_parts[part].suffix)),
                                hole_string("namespace", view->namespace_),
                                hole_tree("labels", draft_labels(view, part)),
                                hole_tree("selector", draft_selector(view, part)), HOLE_END });
                if (object)
                        draft_apply(plan, &kind_disruptionbudget, object, "a drain may take one member at a time");
        }
}

void pillar_plan_network(const View *view, const Target *target, Plan *plan) {
        Json *account = draft_render(plan, DRAFT_SERVICEACCOUNT,
                (const Hole[]){ hole_string("name", view->name), hole_string("namespace", view->namespace_),
                        hole_tree("labels", draft_labels(view, SET_POSTGRES)), HOLE_END });

        if (account)
                draft_apply(plan, &kind_serviceaccount, account, "Patroni acts under an account of its own");
        if (view->spec.dcs == DCS_KUBERNETES) {
                Json *binding = draft_render(plan, DRAFT_ROLEBINDING,
                        (const Hole[]){ hole_string("name", view->name), hole_string("namespace", view->namespace_),
                                hole_tree("labels", draft_labels(view, SET_POSTGRES)),
                                /* An operator for named namespaces has nothing cluster-wide. */
                                hole_string("role-kind", view->settings->namespaces ? "Role" : "ClusterRole"),
                                hole_string("role", view->settings->patroni_cluster_role), HOLE_END });
                if (binding)
                        draft_apply(plan, &kind_rolebinding, binding, "Patroni keeps its lock in ConfigMaps");
        }
        want_budgets(view, target, plan);
        want_policies(view, target, plan);
}
