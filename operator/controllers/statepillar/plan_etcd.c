/* SPDX-License-Identifier: Apache-2.0 */
/* The pillar's own etcd: as many members as the profile says, for good; Patroni's lock survives the loss of one of
 * three. */
#include "operator/controllers/statepillar/draft.h"

static Json *environment(const View *view, const Target *target, Plan *plan) {
        Json *env = draft_fragment(view, plan, SET_ETCD, "env");
        CLEANUP(text_done) Text names = { 0 };
        const struct {
                const char *name, *value;
        } more[] = {
                { "MADBASE_MEMBERS", NULL },
                { "MADBASE_DOMAIN", arena_printf(plan->arena, "%s-etcd-hl.%s.svc", view->name, view->namespace_) },
                { "MADBASE_TOKEN", arena_printf(plan->arena, "%s-%s", view->namespace_, view->name) },
        };

        for (int i = 0; i < target->etcd; i++)
                text_printf(&names, "%s%s-etcd-%d", i ? "," : "", view->name, i);
        for (size_t i = 0; i < ARRAY_LEN(more); i++) {
                Json *row = json_add_object(env);
                json_put_string(row, "name", more[i].name);
                json_put_string(row, "value", more[i].value ? more[i].value : text_string(&names));
        }
        return env;
}

void pillar_plan_etcd(const View *view, Target *target, Plan *plan) {
        if (target->etcd == 0)
                return;
        const char *image = view->images[IMAGE_ETCD];
        Json *object = draft_render(plan, DRAFT_ETCD,
                (const Hole[]){ hole_string("name", view->name), hole_string("namespace", view->namespace_),
                        hole_tree("labels", draft_labels(view, SET_ETCD)),
                        hole_tree("selector", draft_selector(view, SET_ETCD)), hole_int("replicas", target->etcd),
                        hole_tree("pod-security", draft_fragment(view, plan, SET_ETCD, "pod-security")),
                        hole_tree("security", draft_fragment(view, plan, SET_ETCD, "security")),
                        hole_tree("spread", draft_fragment(view, plan, SET_ETCD, "spread")),
                        hole_tree("env", environment(view, target, plan)), hole_string("image", image),
                        hole_string("pull-policy", view->settings->pull_policy),
                        hole_tree("resources", draft_resources(&view->spec.etcd)),
                        hole_string("storage-class", view->spec.storage_class), HOLE_END });

        if (!object)
                return;
        Json *roll = json_new_object();
        json_put_string(roll, "image", image);
        json_put_int(roll, "profile", view->spec.profile);
        draft_notes(view, target, SET_ETCD, object, roll);
        draft_apply(plan, &kind_statefulset, object, "Patroni keeps its lock in the pillar's own etcd");
}
