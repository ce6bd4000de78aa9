/* SPDX-License-Identifier: Apache-2.0 */
/* The platform: a MadCluster owns a StatePillar and the System, Proxy and Worker pillars, and adds their health up.
 * Four steps: observe fills a View from the caches, plan (pure) makes a Plan of it, run and report carry it out. */
#pragma once

#include "lib/base/fields.h"
#include "operator/controllers/kinds.h"
#include "operator/runtime/controller.h"

enum {
        CLUSTER_PORT_API = 8001,
        CLUSTER_PORT_PUBLIC = 8080,  /* of gateway and worker */
        CLUSTER_PORT_METRICS = 9090, /* of gateway and worker: health, metrics */
        CLUSTER_PORT_VICTORIA = 8428,
        CLUSTER_PORT_STATISTICS = 7000
};

typedef enum ClusterProfile { CLUSTER_DEVELOPMENT, CLUSTER_PRODUCTION } ClusterProfile;

/* The programs that run as Deployments, and VictoriaMetrics. */
typedef enum ClusterPart { PART_API, PART_GATEWAY, PART_WORKER, PART_METRICS, PART_COUNT } ClusterPart;

/* CPU in thousandths, memory in bytes; 0: not said. */
typedef struct ClusterSize {
        int64_t cpu_request, cpu_limit;
        int64_t memory_request, memory_limit;
} ClusterSize;

typedef struct ClusterSpec {
        int profile;
        bool paused, delete_data, protected_;
        const Json *admin_cidrs;
        bool has_system, has_proxy, has_worker, has_state, observability;
        int plans[PART_COUNT];
        ClusterSize asked[PART_COUNT];
        ClusterSize sizes[PART_COUNT];  /* resolved from profile, plan and resources */
        const char *images[PART_COUNT]; /* NULL: the default that was fixed when the object was made */
        int64_t replicas[PART_COUNT];
        int service_type;
        bool autoscale;
        int64_t autoscale_min, autoscale_max, autoscale_target; /* min 0: as replicas */
        const Json *state;                                      /* spec.state; NULL without one */
        int64_t members;
} ClusterSpec;

typedef struct ClusterView {
        Arena *arena;
        const OperatorSettings *settings;
        const Object *cluster;
        const char *name, *namespace_;
        bool deleting, dry_run, spec_valid;
        const char *spec_error;
        const char *restart; /* annotation madbase.io/restart; "" without one */
        ClusterSpec spec;
        const Json *status;                     /* present; NULL without one */
        const char *default_images[PART_COUNT]; /* as fixed when the cluster was made */
        const char *images[PART_COUNT];         /* in force: spec, else the default */
        const Object *deployments[PART_COUNT];
        const Object *metrics_set;             /* StatefulSet of VictoriaMetrics */
        const Object *const *pods[PART_COUNT]; /* NULL-terminated each */
        size_t pod_counts[PART_COUNT];
        const Object *autoscaler;
        const Object *pillar; /* the StatePillar of our name */
        bool pillar_foreign;  /* it is there and is not ours */
        const Json *pillar_status;
        const Json *api_addresses; /* of the API server: [{"ip","port"}]; NULL: not known */
} ClusterView;

/* What observe collects before it is made into a View; arrays are NULL-terminated. */
typedef struct ClusterSeen {
        const OperatorSettings *settings;
        const Object *cluster;
        const Object *pillar;
        const Object *const *deployments, *const *statefulsets, *const *pods, *const *autoscalers, *const *slices;
} ClusterSeen;

/* The table that cluster_spec_parse reads by; its paths start at the object. For the test against the CRD. */
extern const Field cluster_fields[];
/* Reads spec, every size resolved. ERROR_INVALID with a sentence. Trees point into `spec`. */
bool cluster_spec_parse(const Json *spec, Arena *arena, ClusterSpec *ret_spec, Error *err) MUST_USE;

/* view.c: the facts in the plan's terms. Never fails: a spec that cannot be read is told by spec_valid. */
void cluster_view(const ClusterSeen *seen, Arena *arena, ClusterView *ret_view);
/* "prod-gateway": the name of a part's Deployment and Service, in the arena. */
const char *cluster_part_name(const ClusterView *view, ClusterPart part);
/* "api", "gateway", "worker", "victoria-metrics": label app.kubernetes.io/name and container name. */
const char *cluster_part_word(ClusterPart part);
/* Whether the spec declares the part. */
bool cluster_part_declared(const ClusterSpec *spec, ClusterPart part);

/* plan.c: what should be, given what is. Pure. */
void cluster_plan(const ClusterView *view, Plan *plan);
extern const Controller madcluster_controller;
extern const Call cluster_calls[];
