/* SPDX-License-Identifier: Apache-2.0 */
/* The State pillar: PostgreSQL under Patroni, Redis under Sentinel, one HAProxy entry. Four steps: observe fills a View
 * from caches and the prober's answers, plan (pure) makes a Plan of it, run and report carry it out. No part decides a
 * failover: Patroni and Sentinel do, and go on without the operator. */
#pragma once

#include "lib/base/fields.h"
#include "operator/runtime/controller.h"

enum {
        PILLAR_MEMBERS_MAXIMUM = 5,
        PILLAR_ETCD_MAXIMUM = 3,
        PILLAR_NAME_MAXIMUM = 40,
        PILLAR_PORT_POSTGRES = 5432,
        PILLAR_PORT_PATRONI = 8008,
        PILLAR_PORT_REDIS = 6379,
        PILLAR_PORT_SENTINEL = 26379,
        PILLAR_SETTLED_MS = 6000 /* two loops of Patroni, and a look of the prober */
};

typedef enum PillarProfile { PROFILE_DEVELOPMENT, PROFILE_PRODUCTION } PillarProfile;
typedef enum PillarDcs { DCS_KUBERNETES, DCS_ETCD } PillarDcs;
typedef enum PillarSynchronous { SYNCHRONOUS_DISABLED, SYNCHRONOUS_ENABLED, SYNCHRONOUS_QUORUM } PillarSynchronous;
typedef enum PillarDeletion { DELETION_RETAIN, DELETION_DELETE } PillarDeletion;

/* The StatefulSets of a pillar. */
typedef enum PillarSet { SET_POSTGRES, SET_REDIS, SET_SENTINEL, SET_ETCD, SET_COUNT } PillarSet;
/* The images of a pillar. */
typedef enum PillarImage { IMAGE_POSTGRES, IMAGE_REDIS, IMAGE_HAPROXY, IMAGE_ETCD, IMAGE_COUNT } PillarImage;

/* What a container asks for and may use; CPU in thousandths, memory in bytes; 0: not said. */
typedef struct Size {
        int64_t cpu_request, cpu_limit;
        int64_t memory_request, memory_limit;
} Size;

typedef struct PillarSpec {
        int64_t members;
        int plan, profile, dcs, synchronous, deletion;
        bool paused;
        const char *storage_size, *redis_size, *storage_class; /* redis_size NULL: as storage_size */
        int64_t storage_bytes;
        const Json *allow_from, *parameters;
        int64_t version;
        const char *images[IMAGE_COUNT];             /* NULL: the default that was fixed when the object was made */
        Size asked_postgres, asked_redis;            /* spec.resources */
        Size postgres, redis, sentinel, entry, etcd; /* resolved from profile, plan and resources */
        int64_t connections;
} PillarSpec;

/* One member of one StatefulSet, present or not. */
typedef struct PillarMember {
        int ordinal;
        const char *name; /* of the pod: "prod-pg-0" */
        const Object *pod;
        const Object *claim;
        const Object *service; /* the member's own; NULL for etcd */
        const char *address;   /* ClusterIP of that Service, seen or remembered; NULL: not known yet */
        bool ready;            /* the pod's Ready condition */
        bool asked, reachable; /* the prober's */
        bool settled;          /* the answer is the same for long enough that all members know what one knows */
        const char *error;     /* why not reachable; "" else */
        const Json *answer;
        /* From the answer: "primary", "replica", "sync_standby", "quorum_standby", ...; "master" and "replica" for
         * Redis; "" when not known. */
        const char *role;
        const char *state; /* Patroni's word, "streaming" too; of a Redis replica the link: "Up", "Syncing", "Down" */
        const char *lag;   /* "Streaming", "Lagging", "Broken" */
        int64_t timeline;
        bool pending_restart;
        bool serves;        /* takes part as it should: running and reachable, and following when a replica */
        int64_t known;      /* Sentinel: Sentinels it knows of, itself too */
        int64_t replicas;   /* Sentinel: replicas it knows of; Redis master: connected replicas */
        bool quorum_ok;     /* Sentinel: CKQUORUM said OK */
        const char *master; /* Sentinel: address of the master it names */
        bool failing_over;  /* of a Sentinel: in the middle of a failover, its own word */
} PillarMember;

typedef struct PillarStatefulSet {
        const Object *object; /* NULL: not there */
        int replicas;         /* spec.replicas as applied; 0 when not there */
        int members_seen;     /* highest ordinal with a pod, plus one */
        int claims_seen;      /* highest ordinal with a claim, plus one */
        PillarMember members[PILLAR_MEMBERS_MAXIMUM];
} PillarStatefulSet;

/* Everything the plan decides on. Lives in the arena of one reconcile. */
typedef struct View {
        Arena *arena;
        const OperatorSettings *settings;
        const Object *pillar;
        const char *name, *namespace_;
        const char *cluster; /* name of the MadCluster that owns the pillar; NULL without one */
        bool deleting, finalizer;
        bool dry_run;
        const char *restart;    /* annotation madbase.io/restart; "" without one */
        const char *switchover; /* annotation madbase.io/switchover; "" without one */
        bool spec_valid;
        const char *spec_error; /* sentence when not valid */
        bool asked;             /* every member that can be asked was asked at least once */
        PillarSpec spec;
        const Json *status;    /* present status; NULL without one */
        const Json *addresses; /* as noted on the ConfigMap NAME-addresses, which outlives the pillar; NULL: none */
        const char *default_images[IMAGE_COUNT]; /* as fixed when the pillar was made */
        const char *images[IMAGE_COUNT];         /* in force: spec, else the default */
        PillarStatefulSet sets[SET_COUNT];
        const Object *entry;             /* the Deployment */
        const Object *const *entry_pods; /* NULL-terminated */
        size_t entry_pod_count;
        const Object *const *claims;                  /* all of the pillar, NULL-terminated */
        const Object *const *services;                /* all of the pillar, NULL-terminated */
        const char *applied_postgres, *applied_redis; /* notes on the ConfigMaps: settings that members took over */
        const char *config_postgres, *config_redis, *config_entry; /* and the hashes of their data */
        int joined; /* members that have all served together, as noted on the entry's ConfigMap; 0: none yet */
        const char *missing_secrets; /* names with commas of Secrets that are lost or incomplete; "" when none is */
        const char *odd_secrets;     /* names of Secrets whose values do not fit together; "" */
        const Json *api_addresses;   /* of the API server: [{"ip","port"}]; NULL: not known */
} View;

/* spec.c: reads spec into `ret_spec`, with every size resolved. ERROR_INVALID with a sentence. Trees point into `spec`.
 */
bool pillar_spec_parse(const Json *spec, Arena *arena, PillarSpec *ret_spec, Error *err) MUST_USE;
/* "1", "3" or "5" members. */
bool pillar_members_valid(int64_t members);
/* The table that pillar_spec_parse reads by; its paths start at the object ("/spec/..."). For the CRD's test. */
extern const Field pillar_fields[];

/* What observe collects before it is made into a View; tests bring their own. Arrays are NULL-terminated. */
typedef struct Seen {
        const OperatorSettings *settings;
        const Object *pillar;
        const Object *const *statefulsets,
                *const *deployments, *const *pods, *const *services, *const *configmaps, *const *claims, *const *slices;
        const ProbeAnswer *answers;
        size_t answer_count;
        int64_t now_ms; /* clock_now_ms() */
        const char *missing_secrets, *odd_secrets;
} Seen;

/* view.c: the facts in the plan's terms. Never fails: a spec that cannot be read is told by spec_valid. */
void pillar_view(const Seen *seen, Arena *arena, View *ret_view);
/* observe.c: caches, Secrets and prober into a View; `*ret_exists` false when the pillar is gone. Also tells the prober
 * what to look at. Errors: those of reading Secrets. */
bool pillar_observe(Runtime *runtime, const char *namespace_, const char *name, Arena *arena, View *ret_view,
        bool *ret_exists, Error *err) MUST_USE;
/* Host name of a member's own Service: "prod-pg-0.data.svc". */
const char *pillar_host(const View *view, const char *member);
/* plan.c: what should be, given what is. Pure. */
void pillar_plan(const View *view, Plan *plan);
/* calls.c: what is done outside Kubernetes, or with secrets. */
extern const Call pillar_calls[];

extern const Controller statepillar_controller;
