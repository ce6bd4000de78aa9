/* SPDX-License-Identifier: Apache-2.0 */
/* The entry: HAProxy asks Patroni and Redis themselves who takes writes, so that clients follow a failover while the
 * operator is away. A new template of a newer operator changes no pod: the Deployment is then paused, which still
 * scales. */
#include "operator/controllers/statepillar/draft.h"

static const char *servers(const View *view, const Target *target, PillarSet set, int port) {
        CLEANUP(text_done) Text text = { 0 };
        const char *suffix = pillar_parts[set].suffix;

        for (int i = 0; i < target->configured; i++) {
                text_printf(
                        &text, "    server %s-%s-%d %s-%s-%d:%d", view->name, suffix, i, view->name, suffix, i, port);
                if (set == SET_POSTGRES)
                        text_printf(&text, " verifyhost %s-%s-%d.%s.svc", view->name, suffix, i, view->namespace_);
                text_append(&text, "\n");
        }
        return arena_string(view->arena, text_string(&text));
}

static void want_configuration(const View *view, Target *target, Plan *plan) {
        bool single = target->wanted < 3;
        const char *config = draft_text(plan, DRAFT_HAPROXY_CFG,
                (const Hole[]){ hole_string("name", view->name), hole_string("namespace", view->namespace_),
                        hole_string("postgres-servers", servers(view, target, SET_POSTGRES, PILLAR_PORT_POSTGRES)),
                        hole_string("redis-servers", servers(view, target, SET_REDIS, PILLAR_PORT_REDIS)),
                        hole_string("replica-uri", single ? "/read-only" : "/replica?lag=16MB"),
                        hole_string("replica-role", single ? "role:(master|slave[^~]*master_link_status:up)"
                                                           : "role:slave[^~]*master_link_status:up"),
                        hole_string("started-also",
                                single ? " { nbsrv(postgres-replicas) gt 0 } { nbsrv(redis-replicas) gt 0 }" : ""),
                        HOLE_END });
        Json *data = json_new_object();

        json_put_string(data, "haproxy.cfg", config);
        draft_configmap(view, target, plan, PART_ENTRY, data,
                target->joined ? arena_printf(plan->arena, "members=%d", target->joined) : NULL,
                "HAProxy reads its configuration here");
}

/* What the running Deployment was rolled out for; "" when there is none. */
static bool is_new_template_only(const View *view, const Json *object) {
        const char *roll = json_find_string(object, "/spec/template/metadata/annotations/madbase.io~1roll", "");
        const char *whole = json_find_string(object, "/spec/template/metadata/annotations/madbase.io~1template", "");

        if (!view->entry || !text_equal(object_value(view->entry, DEPLOYMENT_ROLL), roll))
                return false;
        if (!text_equal(object_value(view->entry, DEPLOYMENT_TEMPLATE), whole))
                return true;
        /* Once paused it stays so until the user asks for a restart, or no pod differs any more. */
        for (size_t i = 0; i < view->entry_pod_count; i++)
                if (!text_equal(object_value(view->entry_pods[i], POD_TEMPLATE), whole) &&
                        text_equal(object_value(view->entry_pods[i], POD_ROLL), roll))
                        return true;
        return false;
}

static int replicas_of(const Target *target) {
        return target->wanted == 1 ? 1 : target->wanted;
}

void pillar_plan_entry(const View *view, Target *target, Plan *plan) {
        want_configuration(view, target, plan);
        Json *object = draft_render(plan, DRAFT_ENTRY,
                (const Hole[]){ hole_string("name", view->name), hole_string("namespace", view->namespace_),
                        hole_tree("labels", draft_labels(view, PART_ENTRY)),
                        hole_tree("selector", draft_selector(view, PART_ENTRY)),
                        hole_int("replicas", replicas_of(target)),
                        hole_tree("pod-security", draft_fragment(view, plan, PART_ENTRY, "pod-security")),
                        hole_tree("security", draft_fragment(view, plan, PART_ENTRY, "security")),
                        hole_tree("env", draft_fragment(view, plan, PART_ENTRY, "env")),
                        hole_string("image", view->images[IMAGE_HAPROXY]),
                        hole_string("pull-policy", view->settings->pull_policy),
                        hole_tree("resources", draft_resources(&view->spec.entry)), HOLE_END });
        if (!object)
                return;
        Json *roll = json_new_object();
        json_put_string(roll, "image", view->images[IMAGE_HAPROXY]);
        json_put_int(roll, "profile", view->spec.profile);
        draft_notes(view, target, PART_ENTRY, object, roll);
        if (is_new_template_only(view, object))
                json_put_bool(json_get(object, "spec"), "paused", true);
        draft_apply(plan, &kind_deployment, object, "clients reach the pillar through the entry");
}
