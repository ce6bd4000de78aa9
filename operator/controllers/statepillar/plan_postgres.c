/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL under Patroni: its configuration by plan and by the user's wishes, and its StatefulSet. What Patroni keeps
 * in its DCS is changed through its REST API; the ConfigMap then notes what was taken over, so that a pass that was cut
 * short does it again and one that was not does nothing. */
#include "operator/controllers/statepillar/draft.h"

#include <inttypes.h>

enum { MI = 1024 * 1024 };

static int64_t within(int64_t value, int64_t least, int64_t most) {
        return value < least ? least : value > most ? most : value;
}

static void put_mi(Json *parameters, const char *name, int64_t bytes) {
        char text[32];

        (void)snprintf(text, sizeof(text), "%" PRId64 "MB", bytes / MI);
        json_put_string(parameters, name, text);
}

/* A quarter of the memory for shared buffers, work_mem so that every connection may sort at once in another quarter. */
static Json *wanted_parameters(const View *view, Plan *plan) {
        Json *parameters = json_copy(draft_render(plan, DRAFT_POSTGRES_PARAMETERS, (const Hole[]){ HOLE_END }));
        const PillarSpec *spec = &view->spec;
        int64_t memory = spec->postgres.memory_limit > 0 ? spec->postgres.memory_limit : 1024LL * MI;
        int64_t volume = spec->storage_bytes;
        bool development = spec->profile == PROFILE_DEVELOPMENT;

        if (!parameters)
                return json_new_object();
        json_put_int(parameters, "max_connections", spec->connections);
        put_mi(parameters, "shared_buffers", development ? 64LL * MI : memory / 4);
        put_mi(parameters, "effective_cache_size", development ? 256LL * MI : memory / 4 * 3);
        put_mi(parameters, "work_mem", within(memory / 4 / spec->connections, 4LL * MI, 256LL * MI));
        put_mi(parameters, "maintenance_work_mem", within(memory / 16, 32LL * MI, 1024LL * MI));
        put_mi(parameters, "max_wal_size", within(volume / 8, 64LL * MI, 4096LL * MI));
        put_mi(parameters, "wal_keep_size", within(volume / 32, 32LL * MI, 256LL * MI));
        put_mi(parameters, "max_slot_wal_keep_size", within(volume / 4, 64LL * MI, 8192LL * MI));
        for (const Json *own = json_first(spec->parameters); own; own = json_next(own))
                json_put_string(parameters, json_key(own), json_string(own, ""));
        return parameters;
}

static Json *wanted_dynamic(const View *view, Plan *plan) {
        static const int off = SYNCHRONOUS_DISABLED, quorum = SYNCHRONOUS_QUORUM;
        int mode = view->spec.synchronous;
        Hole synchronous =
                mode == quorum ? hole_string("synchronous", "quorum") : hole_bool("synchronous", mode != off);
        Json *dynamic = draft_render(plan, DRAFT_PATRONI_DYNAMIC,
                (const Hole[]){ synchronous, hole_tree("parameters", wanted_parameters(view, plan)), HOLE_END });

        return dynamic ? json_copy(dynamic) : json_new_object();
}

static Json *etcd_section(const View *view, const Target *target) {
        if (target->etcd == 0)
                return NULL;
        Json *etcd = json_new_object();
        Json *hosts = json_put_array(etcd, "hosts");
        for (int i = 0; i < target->etcd; i++)
                json_add_string(hosts, arena_printf(view->arena, "%s-etcd-%d.%s-etcd-hl.%s.svc:2379", view->name, i,
                                               view->name, view->namespace_));
        json_put_string(etcd, "protocol", "https");
        json_put_string(etcd, "cacert", "/etc/madbase/tls/ca.crt");
        json_put_string(etcd, "cert", "/etc/madbase/tls/tls.crt");
        json_put_string(etcd, "key", "/etc/madbase/tls/tls.key");
        return etcd;
}

static Json *kubernetes_section(const Target *target) {
        if (target->etcd > 0)
                return NULL;
        Json *section = json_new_object();
        json_put_string(json_put_object(section, "labels"), "app.kubernetes.io/name", "postgresql");
        json_put_string(section, "scope_label", KINDS_LABEL_CLUSTER);
        json_put_string(section, "role_label", "madbase.io/role");
        json_put_bool(section, "use_endpoints", false);
        return section;
}

/* Returns the note of settings taken over: what the present primary was told last, or is told in this pass. */
static const char *tell_running_members(const View *view, Plan *plan, const Json *dynamic) {
        const char *wanted = draft_hash(plan->arena, dynamic);
        const PillarMember *leader = pillar_leader(view, SET_POSTGRES);

        if (text_equal(view->applied_postgres, wanted) || !leader || !leader->serves)
                return view->applied_postgres;
        Json *args = json_new_object();
        json_put_string(args, "member", leader->name);
        json_put(args, "config", json_copy(dynamic));
        draft_call(plan, "patroni-config", args, "the settings of PostgreSQL follow the spec");
        return wanted;
}

static void want_configuration(const View *view, Target *target, Plan *plan) {
        Json *dynamic = json_adopt(plan->arena, wanted_dynamic(view, plan));
        const char *applied = tell_running_members(view, plan, dynamic);
        const char *keys = target->etcd ? arena_printf(plan->arena, "/madbase/%s", view->namespace_) : NULL;
        Json *config = draft_render(plan, DRAFT_PATRONI,
                (const Hole[]){ hole_string("name", view->name), hole_string("etcd-namespace", keys),
                        hole_tree("kubernetes", kubernetes_section(target)),
                        hole_tree("etcd3", etcd_section(view, target)), hole_tree("dynamic", json_copy(dynamic)),
                        HOLE_END });
        CLEANUP(cleanup_free) char *text = config ? json_print(config) : NULL;
        Json *data = json_new_object();

        /* JSON is YAML, and keeps every value what it is. */
        json_put_string(data, "patroni.yml", text ? text : "");
        draft_configmap(view, target, plan, SET_POSTGRES, data, applied, "Patroni reads its configuration here");
}

static Json *wishes(const View *view) {
        Json *roll = json_new_object();
        const Size *asked = &view->spec.asked_postgres;

        json_put_string(roll, "image", view->images[IMAGE_POSTGRES]);
        json_put_int(roll, "plan", view->spec.plan);
        json_put_int(roll, "profile", view->spec.profile);
        json_put(roll, "resources", draft_resources(asked));
        return roll;
}

void pillar_plan_postgres(const View *view, Target *target, Plan *plan) {
        const Size *size = &view->spec.postgres;
        int64_t shm = within(size->memory_limit / 4, 64LL * MI, 1024LL * MI) / MI;

        want_configuration(view, target, plan);
        Json *object = draft_render(plan, DRAFT_POSTGRES,
                (const Hole[]){ hole_string("name", view->name), hole_string("namespace", view->namespace_),
                        hole_tree("labels", draft_labels(view, SET_POSTGRES)),
                        hole_tree("selector", draft_selector(view, SET_POSTGRES)),
                        hole_int("replicas", target->replicas[SET_POSTGRES]), hole_bool("token", target->etcd == 0),
                        hole_tree("pod-security", draft_fragment(view, plan, SET_POSTGRES, "pod-security")),
                        hole_tree("security", draft_fragment(view, plan, SET_POSTGRES, "security")),
                        hole_tree("spread", draft_fragment(view, plan, SET_POSTGRES, "spread")),
                        hole_tree("env", draft_fragment(view, plan, SET_POSTGRES, "env")),
                        hole_string("image", view->images[IMAGE_POSTGRES]),
                        hole_string("pull-policy", view->settings->pull_policy),
                        hole_tree("resources", draft_resources(size)),
                        hole_string("shm", arena_printf(plan->arena, "%" PRId64 "Mi", shm)),
                        hole_string("storage-class", view->spec.storage_class),
                        hole_string("storage", view->spec.storage_size), HOLE_END });
        if (!object)
                return;
        draft_notes(view, target, SET_POSTGRES, object, wishes(view));
        draft_apply(plan, &kind_statefulset, object, "PostgreSQL members run in a StatefulSet");
}
