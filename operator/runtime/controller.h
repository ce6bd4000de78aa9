/* SPDX-License-Identifier: Apache-2.0 */
/* What a kind hands to the runtime: one constant table. A reconcile gets a key, never an event, and answers with a
 * Result; the worker (worker.c) is the one place that logs errors and maps their codes to retries. */
#pragma once

#include "lib/base/log.h"
#include "lib/kube/cache.h"
#include "lib/remote/prober.h"
#include "operator/runtime/events.h"
#include "operator/runtime/plan.h"
#include "operator/runtime/secrets.h"

typedef struct Runtime Runtime;

/* How an object of another kind leads to the key it wakes. */
typedef enum WakeRule {
        WAKE_OWNER, /* the controlling owner, when it is of the controller's kind */
        WAKE_LABEL, /* the object's namespace and the value of its label madbase.io/cluster */
        WAKE_ALL,   /* every object of the controller's kind (addresses of the API server) */
        WAKE_NONE   /* nobody: read when somebody is awake anyway */
} WakeRule;

typedef struct Watched {
        const Kind *kind;
        size_t label_path;          /* index of the label madbase.io/cluster among the kind's paths; SIZE_MAX: none */
        const char *label_selector; /* at the server; NULL: all. All rows of a kind name one selector, or none */
        WakeRule wake;
        bool prune;             /* owned objects that a complete plan does not name are deleted */
        const char *namespace_; /* watched there only ("default"); NULL: in the operator's namespaces */
} Watched;

/* Something done outside Kubernetes, carried out by run.h for ACTION_CALL. Secret material is read inside, by name.
 * What it writes to Kubernetes is told by runtime_wrote. */
typedef struct Call {
        const char *name;
        bool (*run)(Runtime *runtime, const Object *about, const Json *args, Error *err);
} Call;

typedef struct Result {
        bool failed;        /* the Error says why */
        int64_t requeue_ms; /* 0: only when something changes */
} Result;

/* `reconcile` is called for objects that are gone, too (the cache then has none): forget them there. */
typedef struct Controller {
        const char *name; /* "statepillar"; label of the metrics */
        const Kind *kind;
        const Watched *watches; /* ended by a row whose kind is NULL; the kind itself is always watched, whole */
        const Call *calls;      /* ended by a row whose name is NULL; may be NULL */
        Result (*reconcile)(Runtime *runtime, const char *namespace_, const char *name, Error *err);
} Controller;

/* Values the operator was started with; constant afterwards. */
typedef struct OperatorSettings {
        const char *namespace_;        /* the operator's own */
        const char *const *namespaces; /* watched; NULL: all */
        const char *pull_policy;
        const char *image_postgres, *image_redis, *image_haproxy, *image_etcd;
        const char *image_api, *image_gateway, *image_worker, *image_victoria_metrics;
        /* name of the role that Patroni's RoleBinding names: a ClusterRole; with `namespaces` a Role in each */
        const char *patroni_cluster_role;
        const char *cluster_domain; /* "cluster.local" */
} OperatorSettings;

/* The parts a reconcile uses. Each worker has a Runtime of its own; what it points at is owned by the manager and safe
 * from every thread. */
struct Runtime {
        const OperatorSettings *settings;
        Client *client;
        Secrets *secrets;
        Prober *prober;
        Events *events;
        Metrics *metrics;
        struct Manager *manager;
        const struct Caches *caches;
        struct Applied *applied;     /* what our writes left on the server: run.c, status.c */
        struct Freshness *freshness; /* our writes that the caches have not shown yet */
        const char *key;             /* of the pass under way: "namespace/name" */
        LogContext log;              /* of the pass under way: controller, namespace, name, reconcile id */
};

/* The cache of a kind that some controller watches; NULL for others. */
Cache *runtime_cache(const Runtime *runtime, const Kind *kind);
/* Owner name of a reconcile key for the prober: "statepillar/ns/name". In the arena. */
const char *runtime_owner(const Controller *controller, const char *namespace_, const char *name, Arena *arena);
/* To be told after every write to Kubernetes but those of run.h and status.h, which do it themselves: the key is not
 * reconciled again before the caches show the written version. `reply` is what the server answered. */
void runtime_wrote(Runtime *runtime, const Kind *kind, const Json *reply);
/* As above for a deletion, whose reply carries no version. */
void runtime_deleted(Runtime *runtime, const Kind *kind, const char *namespace_, const char *name, const char *uid);
