/* SPDX-License-Identifier: Apache-2.0 */
/* The templates of the State pillar, parsed once, and what fills their holes. */
#include "operator/controllers/statepillar/draft.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "embedded/statepillar.h"

const PillarPart pillar_parts[PART_COUNT] = {
        [SET_POSTGRES] = { "pg", "postgresql", "database", "PostgreSQL" },
        [SET_REDIS] = { "redis", "redis", "cache", "Redis" },
        [SET_SENTINEL] = { "sentinel", "sentinel", "cache-quorum", "Sentinel" },
        [SET_ETCD] = { "etcd", "etcd", "lock", "etcd" },
        [PART_ENTRY] = { "entry", "haproxy", "entry", "the entry" },
};

static const struct {
        const char *name, *yaml;
} files[DRAFT_COUNT] = {
        [DRAFT_SERVICE_HEADLESS] = { "service-headless.yaml", statepillar_service_headless_yaml },
        [DRAFT_SERVICE_MEMBER] = { "service-member.yaml", statepillar_service_member_yaml },
        [DRAFT_SERVICE_ENTRY] = { "service-entry.yaml", statepillar_service_entry_yaml },
        [DRAFT_SERVICE_ALIAS] = { "service-alias.yaml", statepillar_service_alias_yaml },
        [DRAFT_SERVICEACCOUNT] = { "serviceaccount.yaml", statepillar_serviceaccount_yaml },
        [DRAFT_ROLEBINDING] = { "rolebinding.yaml", statepillar_rolebinding_yaml },
        [DRAFT_DISRUPTION] = { "disruption.yaml", statepillar_disruption_yaml },
        [DRAFT_NETWORKPOLICY] = { "networkpolicy.yaml", statepillar_networkpolicy_yaml },
        [DRAFT_CONFIGMAP] = { "configmap.yaml", statepillar_configmap_yaml },
        [DRAFT_POSTGRES] = { "postgres.yaml", statepillar_postgres_yaml },
        [DRAFT_REDIS] = { "redis.yaml", statepillar_redis_yaml },
        [DRAFT_SENTINEL] = { "sentinel.yaml", statepillar_sentinel_yaml },
        [DRAFT_ETCD] = { "etcd.yaml", statepillar_etcd_yaml },
        [DRAFT_ENTRY] = { "entry.yaml", statepillar_entry_yaml },
        [DRAFT_FRAGMENTS] = { "fragments.yaml", statepillar_fragments_yaml },
        [DRAFT_PATRONI] = { "patroni.yaml", statepillar_patroni_yaml },
        [DRAFT_PATRONI_DYNAMIC] = { "patroni-dynamic.yaml", statepillar_patroni_dynamic_yaml },
        [DRAFT_POSTGRES_PARAMETERS] = { "postgres-parameters.yaml", statepillar_postgres_parameters_yaml },
};

static const struct {
        const char *name, *text;
} texts[DRAFT_TEXT_COUNT] = {
        [DRAFT_HAPROXY_CFG] = { "haproxy.cfg", statepillar_haproxy_cfg },
        [DRAFT_REDIS_CONF] = { "redis.conf", statepillar_redis_conf },
        [DRAFT_SENTINEL_CONF] = { "sentinel.conf", statepillar_sentinel_conf },
};

/* Constant once parsed: they stand for the files themselves. */
static Template *templates[DRAFT_COUNT];
static Error parse_error;
static pthread_once_t parsed = PTHREAD_ONCE_INIT;

static void parse_all(void) {
        for (size_t i = 0; i < DRAFT_COUNT; i++)
                if (!template_new(files[i].name, files[i].yaml, &templates[i], &parse_error))
                        return;
}

static void hold(Plan *plan, const Error *err) {
        plan->held = arena_printf(plan->arena, "a manifest of the operator cannot be filled: %s", err->text);
}

Json *draft_render(Plan *plan, DraftObject object, const Hole *holes) {
        Error err = { 0 };
        Json *json = NULL;

        (void)pthread_once(&parsed, parse_all);
        if (!templates[object]) {
                hold(plan, &parse_error);
                return NULL;
        }
        if (!template_render(templates[object], plan->arena, holes, &json, &err)) {
                hold(plan, &err);
                return NULL;
        }
        return json;
}

Action *draft_apply(Plan *plan, const Kind *kind, Json *rendered, const char *why) {
        return rendered ? plan_apply(plan, kind, rendered, why) : NULL;
}

Action *draft_call(Plan *plan, const char *call, Json *args, const char *why) {
        return plan_call(plan, call, json_adopt(plan->arena, args), why);
}

void draft_move(const View *view, Plan *plan, PillarSet set, const PillarMember *from, const PillarMember *to,
        const char *purpose) {
        Json *args = json_new_object();
        bool redis = set == SET_REDIS;

        json_put_string(args, "from", from->name);
        json_put_string(args, "to", to->name);
        if (redis) {
                Json *sentinels = json_put_array(args, "sentinels");
                json_put_string(args, "address", to->address);
                json_put_string(args, "group", pillar_group(view));
                for (int i = 0; i < PILLAR_MEMBERS_MAXIMUM; i++)
                        if (view->sets[SET_SENTINEL].members[i].reachable)
                                json_add_string(sentinels, view->sets[SET_SENTINEL].members[i].name);
        }
        draft_call(plan, redis ? "redis-handover" : "switchover", args,
                arena_printf(plan->arena, "%s leads %s and is about to %s: %s takes over", from->name,
                        pillar_parts[set].title, purpose, to->name))
                ->event = "Switchover";
        plan->requeue_ms = 1000;
}

void draft_confirm(
        Plan *plan, PillarSet set, const PillarMember *leader, const PillarMember *member, const char *purpose) {
        Json *args = json_new_object();

        json_put_string(args, "leader", leader->name);
        draft_call(plan, set == SET_REDIS ? "confirm-master" : "confirm-primary", args,
                arena_printf(plan->arena, "%s is about to %s and must not lead", member->name, purpose));
}

const char *draft_text(Plan *plan, DraftText text, const Hole *holes) {
        Error err = { 0 };
        char *filled = NULL;

        if (!template_text(texts[text].name, texts[text].text, plan->arena, holes, &filled, &err)) {
                hold(plan, &err);
                return "";
        }
        return filled;
}

const char *draft_name(const View *view, const char *suffix) {
        return arena_printf(view->arena, "%s-%s", view->name, suffix);
}

Json *draft_labels(const View *view, int part) {
        Json *labels = draft_selector(view, part);

        json_put_string(labels, "app.kubernetes.io/instance", view->name);
        json_put_string(labels, "app.kubernetes.io/component", pillar_parts[part].component);
        json_put_string(labels, "app.kubernetes.io/part-of", "madbase");
        json_put_string(labels, "app.kubernetes.io/managed-by", "madbase-operator");
        json_put_string(labels, KINDS_LABEL_PILLAR, "state");
        return labels;
}

Json *draft_selector(const View *view, int part) {
        Json *selector = json_new_object();

        json_put_string(selector, "app.kubernetes.io/name", pillar_parts[part].app);
        json_put_string(selector, KINDS_LABEL_CLUSTER, view->name);
        return selector;
}

void draft_configmap(
        const View *view, Target *target, Plan *plan, int part, Json *data, const char *applied, const char *why) {
        const char *name = arena_printf(plan->arena, "%s-%s-config", view->name, pillar_parts[part].suffix);
        Json *notes = json_new_object();

        target->config_hash[part] = draft_hash(plan->arena, data);
        json_put_string(notes, KINDS_NOTE_CONFIG, target->config_hash[part]);
        json_put_string(notes, KINDS_NOTE_APPLIED, applied && *applied ? applied : NULL);
        draft_apply(plan, &kind_configmap,
                draft_render(plan, DRAFT_CONFIGMAP,
                        (const Hole[]){ hole_string("name", name), hole_string("namespace", view->namespace_),
                                hole_tree("labels", draft_labels(view, part)), hole_tree("notes", notes),
                                hole_tree("data", data), HOLE_END }),
                why);
}

const char *draft_hash(Arena *arena, const Json *json) {
        CLEANUP(text_done) Text text = { 0 };

        json_append(json, &text);
        return arena_printf(arena, "%016" PRIx64, text_hash(text_string(&text), text.size));
}

/* A StatefulSet made again cannot make its pods until those of the deleted one have ended. The StatefulSet controller
 * tries, is refused, and backs off for minutes; nothing of the old pods wakes it, but a change of the StatefulSet does.
 * So what it waits for stands on it: when the last of them has ended, the note goes, and the controller looks again. */
static void note_former_pods(const View *view, int part, Json *object) {
        const PillarStatefulSet *state = &view->sets[part];
        CLEANUP(text_done) Text former = { 0 };

        for (int i = 0; state->object && i < PILLAR_MEMBERS_MAXIMUM; i++) {
                const Object *pod = state->members[i].pod;
                if (pod && pod->owner_uid && !text_equal(pod->owner_uid, state->object->uid))
                        text_printf(&former, "%s%s", former.size ? " " : "", pod->name);
        }
        if (former.size)
                json_put_string(json_put_object(json_get(object, "metadata"), "annotations"), KINDS_NOTE_FORMER,
                        text_string(&former));
}

void draft_notes(const View *view, Target *target, int part, Json *object, Json *roll) {
        Json *template = json_find(object, "/spec/template");

        target->template_hash[part] = draft_hash(view->arena, template);
        json_put_string(roll, "restart", *view->restart ? view->restart : NULL);
        target->roll_hash[part] = draft_hash(view->arena, roll);
        json_free(roll);
        Json *notes = json_put_object(json_get(template, "metadata"), "annotations");
        json_put_string(notes, KINDS_NOTE_ROLL, target->roll_hash[part]);
        json_put_string(notes, KINDS_NOTE_TEMPLATE, target->template_hash[part]);
        if (part < SET_COUNT)
                note_former_pods(view, part, object);
}

static void put_quantities(Json *resources, const char *key, int64_t milli, int64_t bytes) {
        char text[32];

        if (milli == 0 && bytes == 0)
                return;
        Json *side = json_put_object(resources, key);
        if (milli > 0) {
                (void)snprintf(text, sizeof(text), milli % 1000 ? "%" PRId64 "m" : "%" PRId64,
                        milli % 1000 ? milli : milli / 1000);
                json_put_string(side, "cpu", text);
        }
        if (bytes > 0) {
                bool mebi = bytes % (1024 * 1024) == 0;
                (void)snprintf(
                        text, sizeof(text), mebi ? "%" PRId64 "Mi" : "%" PRId64, mebi ? bytes / (1024 * 1024) : bytes);
                json_put_string(side, "memory", text);
        }
}

Json *draft_resources(const Size *size) {
        Json *resources = json_new_object();

        put_quantities(resources, "requests", size->cpu_request, size->memory_request);
        put_quantities(resources, "limits", size->cpu_limit, size->memory_limit);
        return resources;
}

Json *draft_fragment(const View *view, Plan *plan, int part, const char *key) {
        Json *fragments = draft_render(plan, DRAFT_FRAGMENTS,
                (const Hole[]){
                        hole_string("name", view->name), hole_tree("selector", draft_selector(view, part)), HOLE_END });

        return json_copy(json_get(fragments, key));
}

bool draft_may_miss_one(const Target *target) {
        return target->configured >= 3;
}
