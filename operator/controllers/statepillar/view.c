/* SPDX-License-Identifier: Apache-2.0 */
/* Objects and answers into the terms of the plan: which pod, claim, Service and answer belongs to which member. */
#include <stdlib.h>
#include <string.h>

#include "operator/controllers/statepillar/draft.h"

static const Object *find(const Object *const *objects, const char *name) {
        for (; *objects; objects++)
                if (strcmp((*objects)->name, name) == 0)
                        return *objects;
        return NULL;
}

static const ProbeAnswer *find_answer(const Seen *seen, const char *name) {
        for (size_t i = 0; i < seen->answer_count; i++)
                if (strcmp(seen->answers[i].name, name) == 0)
                        return &seen->answers[i];
        return NULL;
}

static Json *parse(Arena *arena, const char *text) {
        Json *json = NULL;
        Error err = { 0 };

        if (!*text || !json_parse(text, strlen(text), &json, &err))
                return NULL;
        return json_adopt(arena, json);
}

static void view_spec(const Seen *seen, Arena *arena, View *view) {
        const Json *spec = parse(arena, object_value(seen->pillar, CUSTOM_SPEC));
        Error err = { 0 };

        view->status = parse(arena, object_value(seen->pillar, CUSTOM_STATUS));
        view->spec_valid = pillar_spec_parse(spec, arena, &view->spec, &err);
        view->spec_error = view->spec_valid ? "" : arena_string(arena, err.text);
}

/* The user's image, else the default that was fixed when the pillar was made, else what runs, else the operator's. */
static void view_images(View *view) {
        static const char *const keys[IMAGE_COUNT] = { "postgres", "redis", "haproxy", "etcd" };
        const OperatorSettings *settings = view->settings;
        const char *defaults[IMAGE_COUNT] = { settings->image_postgres, settings->image_redis, settings->image_haproxy,
                settings->image_etcd };
        const Object *running[IMAGE_COUNT] = { view->sets[SET_POSTGRES].object, view->sets[SET_REDIS].object,
                view->entry, view->sets[SET_ETCD].object };

        for (int i = 0; i < IMAGE_COUNT; i++) {
                const char *asked = view->spec.images[i];
                const char *fixed = json_string(json_get(json_get(view->status, "defaultImages"), keys[i]), NULL);
                if (!fixed && !asked && running[i])
                        fixed = object_value(
                                running[i], i == IMAGE_HAPROXY ? (size_t)DEPLOYMENT_IMAGE : (size_t)STATEFULSET_IMAGE);
                view->default_images[i] = fixed && *fixed ? fixed : defaults[i];
                view->images[i] = asked && *asked ? asked : view->default_images[i];
        }
}

static const char *note_of(const Seen *seen, const View *view, const char *suffix, size_t note) {
        const Object *config = find(seen->configmaps, draft_name(view, suffix));

        /* One that is on its way out with an earlier pillar of this name says nothing about this one. */
        if (!config || (config->owner_uid && !text_equal(config->owner_uid, view->pillar->uid)))
                return "";
        return object_value(config, note);
}

static const char *known_address(const View *view, const PillarMember *member) {
        const char *seen = member->service ? object_value(member->service, SERVICE_ADDRESS) : "";
        const char *noted = json_string(json_get(view->addresses, member->name), NULL);

        return *seen   ? seen
               : noted ? noted
                       : json_string(json_get(json_get(view->status, "addresses"), member->name), NULL);
}

static void view_member(const Seen *seen, View *view, PillarSet set, int ordinal) {
        PillarStatefulSet *state = &view->sets[set];
        PillarMember *member = &state->members[ordinal];

        *member = (PillarMember){ .ordinal = ordinal, .error = "", .role = "", .state = "", .lag = "", .master = "" };
        member->name = arena_printf(view->arena, "%s-%s-%d", view->name, pillar_parts[set].suffix, ordinal);
        member->pod = find(seen->pods, member->name);
        member->claim = find(seen->claims, arena_printf(view->arena, "data-%s", member->name));
        member->service = set == SET_ETCD ? NULL : find(seen->services, member->name);
        member->address = set == SET_ETCD ? NULL : known_address(view, member);
        member->ready = member->pod && text_equal(object_value(member->pod, POD_READY), "True");
        const ProbeAnswer *answer = find_answer(seen, member->name);
        pillar_answer(answer, set, member);
        member->settled = answer && seen->now_ms - answer->since_ms >= PILLAR_SETTLED_MS;
        /* An answer may be older than the pod. */
        member->serves = member->serves && member->ready && !member->pod->deleting;
        if (member->pod)
                state->members_seen = ordinal + 1;
        if (member->claim)
                state->claims_seen = ordinal + 1;
}

static void view_entry(const Seen *seen, Arena *arena, View *view) {
        size_t count = 0;

        while (seen->pods[count])
                count++;
        const Object **pods = arena_alloc(arena, (count + 1) * sizeof(*pods));
        for (const Object *const *pod = seen->pods; *pod; pod++)
                if (strcmp(object_value(*pod, POD_APP), pillar_parts[PART_ENTRY].app) == 0)
                        pods[view->entry_pod_count++] = *pod;
        view->entry_pods = pods;
        view->entry = find(seen->deployments, draft_name(view, "entry"));
}

/* "members=3" */
static int joined_of(const char *note) {
        static const char key[] = "members=";
        int64_t count = 0;

        if (strncmp(note, key, sizeof(key) - 1) != 0 ||
                !text_to_int(note + sizeof(key) - 1, 1, PILLAR_MEMBERS_MAXIMUM, &count))
                return 0;
        return (int)count;
}

/* Addresses of all slices, each with the port of the first port row; kept in the order they stand. */
static const Json *api_addresses(const Seen *seen, Arena *arena) {
        Json *list = json_adopt(arena, json_new_array());

        for (const Object *const *slice = seen->slices; *slice; slice++) {
                const Json *endpoints = parse(arena, object_value(*slice, ENDPOINTSLICE_ENDPOINTS));
                const Json *ports = parse(arena, object_value(*slice, ENDPOINTSLICE_PORTS));
                for (const Json *endpoint = json_first(endpoints); endpoint; endpoint = json_next(endpoint)) {
                        Json *row = json_add_object(list);
                        json_put_string(row, "ip", json_find_string(endpoint, "/addresses[0]", ""));
                        json_put_int(row, "port", json_find_int(json_at(ports, 0), "/port", 443));
                }
        }
        return json_size(list) > 0 ? list : NULL;
}

void pillar_view(const Seen *seen, Arena *arena, View *ret_view) {
        View view = { .arena = arena, .settings = seen->settings, .pillar = seen->pillar };

        view.name = seen->pillar->name;
        view.namespace_ = seen->pillar->namespace_;
        view.cluster = text_equal(seen->pillar->owner_kind, "MadCluster") ? seen->pillar->owner_name : NULL;
        view.deleting = seen->pillar->deleting;
        view.finalizer = strstr(object_value(seen->pillar, CUSTOM_FINALIZERS), "\"madbase.io/data\"") != NULL;
        view.dry_run = *object_value(seen->pillar, CUSTOM_DRY_RUN) != '\0';
        view.restart = object_value(seen->pillar, CUSTOM_RESTART);
        view.switchover = object_value(seen->pillar, CUSTOM_SWITCHOVER);
        view.missing_secrets = seen->missing_secrets;
        view.odd_secrets = seen->odd_secrets;
        view.claims = seen->claims;
        view.services = seen->services;
        view_spec(seen, arena, &view);
        view.addresses = parse(arena, note_of(seen, &view, "addresses", CONFIGMAP_ADDRESSES));
        for (int set = 0; set < SET_COUNT; set++) {
                PillarStatefulSet *state = &view.sets[set];
                state->object = find(seen->statefulsets, draft_name(&view, pillar_parts[set].suffix));
                state->replicas = state->object ? (int)object_value_int(state->object, STATEFULSET_REPLICAS, 0) : 0;
                for (int i = 0; i < PILLAR_MEMBERS_MAXIMUM; i++)
                        view_member(seen, &view, (PillarSet)set, i);
        }
        view_entry(seen, arena, &view);
        view_images(&view);
        view.applied_postgres = note_of(seen, &view, "pg-config", CONFIGMAP_APPLIED);
        view.applied_redis = note_of(seen, &view, "redis-config", CONFIGMAP_APPLIED);
        view.config_postgres = note_of(seen, &view, "pg-config", CONFIGMAP_CONFIG);
        view.config_redis = note_of(seen, &view, "redis-config", CONFIGMAP_CONFIG);
        view.joined = joined_of(note_of(seen, &view, "entry-config", CONFIGMAP_APPLIED));
        view.config_entry = note_of(seen, &view, "entry-config", CONFIGMAP_CONFIG);
        view.api_addresses = api_addresses(seen, arena);
        *ret_view = view;
}
