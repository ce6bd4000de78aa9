/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the spec of a MadCluster and says how much CPU and memory each pod gets. The state part stays a tree: it is the
 * spec of the StatePillar, whose own controller reads it. */
#include <stddef.h>
#include <string.h>

#include "operator/controllers/madcluster/madcluster.h"

enum { GI = 1024 * 1024 * 1024, MI = 1024 * 1024 };

static const char *const profiles[] = { "Development", "Production", NULL };
static const char *const plans[] = { "CX21", "CX31", "CX41", NULL };
static const char *const deletion_policies[] = { "Retain", "Delete", NULL };
static const char *const modes[] = { "Disabled", "Embedded", NULL };
static const char *const service_types[] = { "ClusterIP", "NodePort", "LoadBalancer", NULL };

typedef struct Read {
        ClusterSpec spec;
        int deletion, mode, system_plan;
} Read;

#define AT(member) offsetof(Read, member)
#define SIZE_ROWS(path, part)                                                                                          \
        { path "/requests/cpu", FIELD_MILLI, .offset = AT(spec.asked[part].cpu_request) },                             \
                { path "/requests/memory", FIELD_QUANTITY, .offset = AT(spec.asked[part].memory_request) },            \
                { path "/limits/cpu", FIELD_MILLI, .offset = AT(spec.asked[part].cpu_limit) }, {                       \
                path "/limits/memory", FIELD_QUANTITY, .offset = AT(spec.asked[part].memory_limit)                     \
        }
const Field cluster_fields[] = {
        { "/spec/profile", FIELD_CHOICE, .offset = AT(spec.profile), .choices = profiles,
                .fallback = CLUSTER_PRODUCTION },
        { "/spec/paused", FIELD_BOOL, .offset = AT(spec.paused) },
        { "/spec/deletionProtection", FIELD_BOOL, .offset = AT(spec.protected_), .fallback = 1 },
        { "/spec/deletionPolicy", FIELD_CHOICE, .offset = AT(deletion), .choices = deletion_policies },
        { "/spec/zones/public/adminCIDRs", FIELD_TREE, .offset = AT(spec.admin_cidrs) },
        { "/spec/system", FIELD_PRESENT, .offset = AT(spec.has_system) },
        { "/spec/system/plan", FIELD_CHOICE, .offset = AT(system_plan), .choices = plans },
        { "/spec/system/observability/mode", FIELD_CHOICE, .offset = AT(mode), .choices = modes, .fallback = 1 },
        { "/spec/system/images/api", FIELD_STRING, .offset = AT(spec.images[PART_API]) },
        { "/spec/system/images/victoriaMetrics", FIELD_STRING, .offset = AT(spec.images[PART_METRICS]) },
        SIZE_ROWS("/spec/system/resources/api", PART_API),
        SIZE_ROWS("/spec/system/resources/victoriaMetrics", PART_METRICS),
        { "/spec/proxy", FIELD_PRESENT, .offset = AT(spec.has_proxy) },
        { "/spec/proxy/replicas", FIELD_INT, .offset = AT(spec.replicas[PART_GATEWAY]), .minimum = 1, .maximum = 100,
                .fallback = 2 },
        { "/spec/proxy/plan", FIELD_CHOICE, .offset = AT(spec.plans[PART_GATEWAY]), .choices = plans },
        { "/spec/proxy/image", FIELD_STRING, .offset = AT(spec.images[PART_GATEWAY]) },
        { "/spec/proxy/service/type", FIELD_CHOICE, .offset = AT(spec.service_type), .choices = service_types,
                .fallback = 2 },
        { "/spec/proxy/autoscale", FIELD_PRESENT, .offset = AT(spec.autoscale) },
        { "/spec/proxy/autoscale/min", FIELD_INT, .offset = AT(spec.autoscale_min), .maximum = 100 },
        { "/spec/proxy/autoscale/max", FIELD_INT, .offset = AT(spec.autoscale_max), .minimum = 0, .maximum = 100,
                .fallback = 1 },
        { "/spec/proxy/autoscale/targetCPUPercent", FIELD_INT, .offset = AT(spec.autoscale_target), .minimum = 1,
                .maximum = 1000, .fallback = 70 },
        SIZE_ROWS("/spec/proxy/resources", PART_GATEWAY),
        { "/spec/worker", FIELD_PRESENT, .offset = AT(spec.has_worker) },
        { "/spec/worker/replicas", FIELD_INT, .offset = AT(spec.replicas[PART_WORKER]), .minimum = 1, .maximum = 1000,
                .fallback = 2 },
        { "/spec/worker/plan", FIELD_CHOICE, .offset = AT(spec.plans[PART_WORKER]), .choices = plans },
        { "/spec/worker/image", FIELD_STRING, .offset = AT(spec.images[PART_WORKER]) },
        SIZE_ROWS("/spec/worker/resources", PART_WORKER),
        { "/spec/state", FIELD_PRESENT, .offset = AT(spec.has_state) },
        { "/spec/state", FIELD_TREE, .offset = AT(spec.state) },
        { "/spec/state/members", FIELD_INT, .offset = AT(spec.members), .fallback = 3 },
        { 0 },
};
#undef AT

/* CPU in thousandths and memory of a plan; the API takes a fixed small share of the System pillar's. */
static const struct {
        int64_t cpu, memory;
} shares[] = { { 3000, 8LL * GI }, { 4000, 16LL * GI }, { 8000, 32LL * GI } };
static const ClusterSize api_share = { 200, 200, 128LL * MI, 128LL * MI };
static const ClusterSize program_development = { 10, 0, 16LL * MI, 128LL * MI };
static const ClusterSize metrics_development = { 20, 0, 64LL * MI, 512LL * MI };

static ClusterSize planned(const ClusterSpec *spec, ClusterPart part) {
        ClusterSize size = { shares[spec->plans[part]].cpu, shares[spec->plans[part]].cpu,
                shares[spec->plans[part]].memory, shares[spec->plans[part]].memory };

        if (spec->profile == CLUSTER_DEVELOPMENT)
                return part == PART_METRICS ? metrics_development : program_development;
        if (part == PART_API)
                return api_share;
        if (part == PART_METRICS) {
                size.cpu_request = size.cpu_limit -= api_share.cpu_limit;
                size.memory_request = size.memory_limit -= api_share.memory_limit;
        }
        return size;
}

/* What the user says wins; the other end gives way so that a request never exceeds its limit. */
static void meet(int64_t asked_request, int64_t asked_limit, int64_t *request, int64_t *limit) {
        if (asked_limit > 0)
                *limit = asked_limit;
        if (asked_request > 0)
                *request = asked_request;
        if (asked_limit > 0 && asked_request == 0 && *request > *limit)
                *request = *limit;
        if (asked_request > 0 && asked_limit == 0 && *limit > 0 && *limit < *request)
                *limit = *request;
}

static void resolve_sizes(ClusterSpec *spec) {
        for (int part = 0; part < PART_COUNT; part++) {
                const ClusterSize *asked = &spec->asked[part];
                ClusterSize size = planned(spec, (ClusterPart)part);

                meet(asked->cpu_request, asked->cpu_limit, &size.cpu_request, &size.cpu_limit);
                meet(asked->memory_request, asked->memory_limit, &size.memory_request, &size.memory_limit);
                spec->sizes[part] = size;
        }
}

bool cluster_spec_parse(const Json *spec, Arena *arena, ClusterSpec *ret_spec, Error *err) {
        Json *object = json_adopt(arena, json_new_object());
        Read read = { 0 };

        json_put(object, "spec", json_copy(spec));
        if (!fields_parse(cluster_fields, object, arena, &read, err))
                return false;
        if (read.spec.has_state && read.spec.members != 1 && read.spec.members != 3 && read.spec.members != 5)
                return error_set(err, ERROR_INVALID,
                        "spec.state.members is %lld; it must be 1, 3 or 5, because a quorum needs an odd count",
                        (long long)read.spec.members);
        read.spec.delete_data = read.deletion == 1;
        read.spec.observability = read.mode == 1;
        read.spec.plans[PART_API] = read.spec.plans[PART_METRICS] = read.system_plan;
        read.spec.replicas[PART_API] = read.spec.replicas[PART_METRICS] = 1;
        if (read.spec.autoscale && read.spec.autoscale_min == 0)
                read.spec.autoscale_min = read.spec.replicas[PART_GATEWAY] < read.spec.autoscale_max
                                                  ? read.spec.replicas[PART_GATEWAY]
                                                  : read.spec.autoscale_max;
        resolve_sizes(&read.spec);
        *ret_spec = read.spec;
        return true;
}

bool cluster_part_declared(const ClusterSpec *spec, ClusterPart part) {
        switch (part) {
        case PART_API:
                return spec->has_system;
        case PART_METRICS:
                return spec->has_system && spec->observability;
        case PART_GATEWAY:
                return spec->has_proxy;
        case PART_WORKER:
                return spec->has_worker;
        case PART_COUNT:
                break;
        }
        return false;
}
