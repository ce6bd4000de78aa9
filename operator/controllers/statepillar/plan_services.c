/* SPDX-License-Identifier: Apache-2.0 */
/* Names and addresses: a headless Service per StatefulSet, a Service of its own for each member of PostgreSQL, Redis
 * and Sentinel, the entry and its three usual ports. A member's Service that was lost is asked for again under the
 * address that the others know it by. */
#include "operator/controllers/statepillar/draft.h"

typedef struct Port {
        const char *name;
        int64_t number;
} Port;

static const struct {
        Port ports[3];
        bool members; /* each member has a Service of its own */
        const char *why;
} sets[SET_COUNT] = {
        [SET_POSTGRES] = { { { "postgres", 5432 }, { "patroni", 8008 } }, true,
                "each PostgreSQL member needs a stable name" },
        [SET_REDIS] = { { { "redis", 6379 }, { "member", 16379 } }, true,
                "Redis members know each other by a stable address" },
        [SET_SENTINEL] = { { { "sentinel", 26379 } }, true, "Sentinels know each other by a stable address" },
        [SET_ETCD] = { { { "client", 2379 }, { "peer", 2380 } }, false, "etcd members find each other by name" },
};

static const struct {
        const char *suffix, *port_name;
        int64_t port, target;
        const char *why;
} aliases[] = {
        { "rw", "postgres", 5432, 5433, "clients expect PostgreSQL on its usual port" },
        { "ro", "postgres", 5432, 5434, "clients that only read expect PostgreSQL on its usual port" },
        { "redis", "redis", 6379, 6379, "clients expect Redis on its usual port" },
};

static Json *ports_of(PillarSet set) {
        Json *ports = json_new_array();

        for (const Port *port = sets[set].ports; port->name; port++) {
                Json *row = json_add_object(ports);
                json_put_string(row, "name", port->name);
                json_put_int(row, "port", port->number);
                json_put_int(row, "targetPort", port->number);
                json_put_string(row, "protocol", "TCP");
        }
        return ports;
}

static void want_headless(const View *view, Plan *plan, PillarSet set) {
        const char *name = arena_printf(plan->arena, "%s-%s-hl", view->name, pillar_parts[set].suffix);
        Json *object = draft_render(plan, DRAFT_SERVICE_HEADLESS,
                (const Hole[]){ hole_string("name", name), hole_string("namespace", view->namespace_),
                        hole_tree("labels", draft_labels(view, (int)set)),
                        hole_tree("selector", draft_selector(view, (int)set)), hole_tree("ports", ports_of(set)),
                        HOLE_END });

        if (object)
                draft_apply(plan, &kind_service, object, "a StatefulSet needs a Service for its pods' names");
}

/* The address of a Redis or Sentinel stands in what is applied: a Service that goes in the middle of a pass never comes
 * back under another one. */
static void want_member(const View *view, Plan *plan, PillarSet set, const PillarMember *member) {
        Json *object = draft_render(plan, DRAFT_SERVICE_MEMBER,
                (const Hole[]){ hole_string("member", member->name), hole_string("namespace", view->namespace_),
                        hole_tree("labels", draft_labels(view, (int)set)), hole_tree("ports", ports_of(set)),
                        HOLE_END });

        if (!object)
                return;
        if (member->address && set != SET_POSTGRES)
                json_put_string(json_get(object, "spec"), "clusterIP", member->address);
        if (!member->service && member->address && set != SET_POSTGRES) {
                Json *args = json_new_object();
                json_put(args, "service", json_copy(object));
                draft_call(plan, "service-again", args, "members know each other by this address")->event =
                        "ServiceRestored";
        }
        draft_apply(plan, &kind_service, object, sets[set].why);
}

static void want_entry(const View *view, Plan *plan) {
        Json *object = draft_render(plan, DRAFT_SERVICE_ENTRY,
                (const Hole[]){ hole_string("name", view->name), hole_string("namespace", view->namespace_),
                        hole_tree("labels", draft_labels(view, PART_ENTRY)),
                        hole_tree("selector", draft_selector(view, PART_ENTRY)), HOLE_END });

        if (object)
                draft_apply(plan, &kind_service, object, "clients need one stable address");
        for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
                object = draft_render(plan, DRAFT_SERVICE_ALIAS,
                        (const Hole[]){ hole_string("name", draft_name(view, aliases[i].suffix)),
                                hole_string("namespace", view->namespace_),
                                hole_tree("labels", draft_labels(view, PART_ENTRY)),
                                hole_tree("selector", draft_selector(view, PART_ENTRY)),
                                hole_string("port-name", aliases[i].port_name), hole_int("port", aliases[i].port),
                                hole_int("target", aliases[i].target), HOLE_END });
                if (object)
                        draft_apply(plan, &kind_service, object, aliases[i].why);
        }
}

void pillar_plan_services(const View *view, const Target *target, Plan *plan) {
        for (int set = 0; set < SET_COUNT; set++) {
                if (set == SET_ETCD && target->etcd == 0)
                        continue;
                want_headless(view, plan, (PillarSet)set);
                if (!sets[set].members)
                        continue;
                for (int i = 0; i < target->configured; i++)
                        want_member(view, plan, (PillarSet)set, &view->sets[set].members[i]);
        }
        want_entry(view, plan);
}
