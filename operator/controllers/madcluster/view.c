/* SPDX-License-Identifier: Apache-2.0 */
/* Turns what observe collected into the plan's terms. */
#include <string.h>

#include "operator/controllers/madcluster/madcluster.h"

static const struct {
        const char *suffix, *word, *image_key;
} parts[PART_COUNT] = {
        [PART_API] = { "api", "madbase-api", "api" },
        [PART_GATEWAY] = { "gateway", "madbase-gateway", "gateway" },
        [PART_WORKER] = { "worker", "madbase-worker", "worker" },
        [PART_METRICS] = { "metrics", "victoria-metrics", "victoriaMetrics" },
};

const char *cluster_part_name(const ClusterView *view, ClusterPart part) {
        return arena_printf(view->arena, "%s-%s", view->name, parts[part].suffix);
}

const char *cluster_part_word(ClusterPart part) {
        return parts[part].word;
}

static const Json *parsed(Arena *arena, const char *text) {
        Json *tree = NULL;

        if (!text[0] || !json_parse(text, strlen(text), &tree, NULL))
                return NULL;
        return json_adopt(arena, tree);
}

/* The user's image, else the default that was fixed when the cluster was made, else what runs, else the operator's. */
static void choose_images(ClusterView *view) {
        const char *defaults[PART_COUNT] = {
                [PART_API] = view->settings->image_api,
                [PART_GATEWAY] = view->settings->image_gateway,
                [PART_WORKER] = view->settings->image_worker,
                [PART_METRICS] = view->settings->image_victoria_metrics,
        };

        for (int part = 0; part < PART_COUNT; part++) {
                const Json *noted = json_get(json_get(view->status, "defaultImages"), parts[part].image_key);
                const Object *runs = part == PART_METRICS ? view->metrics_set : view->deployments[part];
                const char *asked = view->spec_valid ? view->spec.images[part] : NULL;
                const char *fixed = json_string(noted, NULL);

                if (!fixed && !asked && runs)
                        fixed = object_value(runs, part == PART_METRICS ? STATEFULSET_IMAGE : DEPLOYMENT_IMAGE);
                view->default_images[part] = fixed && fixed[0] ? fixed : defaults[part];
                view->images[part] = asked && asked[0] ? asked : view->default_images[part];
        }
}

static const Object *named(const Object *const *objects, const char *name) {
        for (; objects && *objects; objects++)
                if (!strcmp((*objects)->name, name))
                        return *objects;
        return NULL;
}

static void sort_pods(ClusterView *view, const Object *const *pods) {
        size_t total = 0;

        while (pods && pods[total])
                total++;
        for (int part = 0; part < PART_COUNT; part++) {
                const Object **own = arena_alloc(view->arena, (total + 1) * sizeof(*own));
                size_t count = 0;

                for (size_t i = 0; i < total; i++)
                        if (!strcmp(object_value(pods[i], POD_APP), parts[part].word))
                                own[count++] = pods[i];
                view->pods[part] = own;
                view->pod_counts[part] = count;
        }
}

/* Addresses of the API server: every address with every port of its EndpointSlices. */
static const Json *addresses(const Object *const *slices, Arena *arena) {
        Json *list = json_adopt(arena, json_new_array());

        for (; slices && *slices; slices++) {
                const Json *endpoints = parsed(arena, object_value(*slices, ENDPOINTSLICE_ENDPOINTS));
                const Json *ports = parsed(arena, object_value(*slices, ENDPOINTSLICE_PORTS));

                for (const Json *e = json_first(endpoints); e; e = json_next(e))
                        for (const Json *a = json_first(json_get(e, "addresses")); a; a = json_next(a))
                                for (const Json *p = json_first(ports); p; p = json_next(p)) {
                                        Json *row = json_add_object(list);

                                        json_put_string(row, "ip", json_string(a, ""));
                                        json_put_int(row, "port", json_int(json_get(p, "port"), 443));
                                }
        }
        return json_size(list) > 0 ? list : NULL;
}

static void read_spec(ClusterView *view) {
        const Json *spec = parsed(view->arena, object_value(view->cluster, CUSTOM_SPEC));
        Error err = { 0 };

        view->spec_valid = cluster_spec_parse(spec, view->arena, &view->spec, &err);
        view->spec_error = arena_string(view->arena, err.text);
}

void cluster_view(const ClusterSeen *seen, Arena *arena, ClusterView *ret_view) {
        ClusterView view = { .arena = arena, .settings = seen->settings, .cluster = seen->cluster };

        view.name = seen->cluster->name;
        view.namespace_ = seen->cluster->namespace_;
        view.deleting = seen->cluster->deleting;
        view.dry_run = !strcmp(object_value(seen->cluster, CUSTOM_DRY_RUN), "true");
        view.restart = object_value(seen->cluster, CUSTOM_RESTART);
        view.status = parsed(arena, object_value(seen->cluster, CUSTOM_STATUS));
        read_spec(&view);
        for (int part = 0; part < PART_COUNT; part++)
                view.deployments[part] = named(seen->deployments, cluster_part_name(&view, (ClusterPart)part));
        view.metrics_set = named(seen->statefulsets, cluster_part_name(&view, PART_METRICS));
        view.autoscaler = named(seen->autoscalers, cluster_part_name(&view, PART_GATEWAY));
        sort_pods(&view, seen->pods);
        view.pillar = seen->pillar;
        view.pillar_foreign = seen->pillar && !text_equal(seen->pillar->owner_uid, seen->cluster->uid);
        if (seen->pillar && !view.pillar_foreign)
                view.pillar_status = parsed(arena, object_value(seen->pillar, CUSTOM_STATUS));
        view.api_addresses = addresses(seen->slices, arena);
        choose_images(&view);
        *ret_view = view;
}
