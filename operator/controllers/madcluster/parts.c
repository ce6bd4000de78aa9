/* SPDX-License-Identifier: Apache-2.0 */
/* The templates of the MadCluster, parsed once, and the pieces that fill their holes. */
#include "operator/controllers/madcluster/parts.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "embedded/madcluster.h"

static const struct {
        const char *name, *yaml;
} files[] = {
        { "program", madcluster_program_yaml },
        { "metrics", madcluster_metrics_yaml },
        { "configmap", madcluster_configmap_yaml },
        { "service", madcluster_service_yaml },
        { "disruption", madcluster_disruption_yaml },
        { "autoscaler", madcluster_autoscaler_yaml },
        { "networkpolicy", madcluster_networkpolicy_yaml },
        { "statepillar", madcluster_statepillar_yaml },
        { "scrape", madcluster_scrape_yaml },
};

/* Constant once parsed: they stand for the files themselves. */
static Template *templates[ARRAY_LEN(files)];
static pthread_once_t parsed = PTHREAD_ONCE_INIT;

static void parse_all(void) {
        for (size_t i = 0; i < ARRAY_LEN(files); i++) {
                Error err = { 0 };

                if (!template_new(files[i].name, files[i].yaml, &templates[i], &err))
                        abort(); /* a manifest of ours that is not YAML: the unit tests fail here */
        }
}

static void free_holes(const Hole *holes) {
        for (; holes->type != HOLE_END_MARK; holes++)
                if (holes->type == HOLE_TREE)
                        json_free(holes->tree);
}

Json *parts_render(const ClusterView *view, const char *name, const Hole *holes) {
        Error err = { 0 };
        Json *json = NULL;

        (void)pthread_once(&parsed, parse_all);
        for (size_t i = 0; i < ARRAY_LEN(files); i++) {
                if (strcmp(files[i].name, name) != 0)
                        continue;
                if (!template_render(templates[i], view->arena, holes, &json, &err))
                        abort(); /* a hole without a value: test_plan renders every template */
                return json;
        }
        free_holes(holes);
        abort();
}

const char *parts_pillar(ClusterPart part) {
        static const char *const pillars[PART_COUNT] = { "system", "proxy", "worker", "system" };

        return pillars[part];
}

Json *parts_selector(const ClusterView *view, const char *word) {
        Json *labels = json_new_object();

        json_put_string(labels, "app.kubernetes.io/name", word);
        json_put_string(labels, KINDS_LABEL_CLUSTER, view->name);
        return labels;
}

Json *parts_labels(const ClusterView *view, const char *word, const char *pillar) {
        Json *labels = parts_selector(view, word);

        json_put_string(labels, "app.kubernetes.io/instance", view->name);
        json_put_string(labels, "app.kubernetes.io/component", pillar);
        json_put_string(labels, "app.kubernetes.io/part-of", "madbase");
        json_put_string(labels, "app.kubernetes.io/managed-by", "madbase-operator");
        json_put_string(labels, KINDS_LABEL_PILLAR, pillar);
        return labels;
}

static void put_quantities(Json *resources, const char *key, int64_t milli, int64_t bytes) {
        char text[32];

        if (milli <= 0 && bytes <= 0)
                return;
        Json *side = json_put_object(resources, key);
        if (milli > 0) {
                bool whole = milli % 1000 == 0;

                (void)snprintf(text, sizeof(text), whole ? "%" PRId64 : "%" PRId64 "m", whole ? milli / 1000 : milli);
                json_put_string(side, "cpu", text);
        }
        if (bytes > 0) {
                bool mebi = bytes % (1024 * 1024) == 0;

                (void)snprintf(
                        text, sizeof(text), mebi ? "%" PRId64 "Mi" : "%" PRId64, mebi ? bytes / (1024 * 1024) : bytes);
                json_put_string(side, "memory", text);
        }
}

Json *parts_resources(const ClusterSize *size) {
        Json *resources = json_new_object();

        put_quantities(resources, "requests", size->cpu_request, size->memory_request);
        put_quantities(resources, "limits", size->cpu_limit, size->memory_limit);
        return resources;
}

Json *parts_port(const char *name, int port, const char *target) {
        Json *row = json_new_object();

        json_put_string(row, "name", name);
        json_put_int(row, "port", port);
        json_put_string(row, "protocol", "TCP");
        json_put_string(row, "targetPort", target);
        return row;
}
