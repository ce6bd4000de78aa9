/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds that the controllers read and write, each with the few paths that its cached objects keep. What is not
 * named here wakes nobody: Patroni patches its pods every loop, and no path of its notes is listed. Path 0 of every
 * kind but those without it is the label madbase.io/cluster, by which objects lead to the key they belong to. */
#pragma once

#include "lib/kube/object.h"

/* What the watches ask the server for. */
#define KINDS_SELECTOR            "app.kubernetes.io/managed-by=madbase-operator"
#define KINDS_SELECTOR_API_SERVER "kubernetes.io/service-name=kubernetes"

#define KINDS_LABEL_CLUSTER "madbase.io/cluster"
#define KINDS_LABEL_PILLAR  "madbase.io/pillar"
#define KINDS_NOTE_ROLL     "madbase.io/roll"        /* hash of what the user set that needs a restart */
#define KINDS_NOTE_TEMPLATE "madbase.io/template"    /* hash of the whole pod template */
#define KINDS_NOTE_APPLIED  "madbase.io/applied"     /* on a ConfigMap: the settings that running members took over */
#define KINDS_NOTE_FORMER   "madbase.io/former-pods" /* on a StatefulSet: pods of one of its name that was deleted */
#define KINDS_NOTE_ADDRESSES                                                                                           \
        "madbase.io/addresses" /* on a ConfigMap: {SERVICE: ClusterIP} that members know each other by */
#define KINDS_NOTE_CONFIG    "madbase.io/config" /* hash of a ConfigMap's data, on it and on the pods that mount it */
#define KINDS_NOTE_SCALED_BY "madbase.io/scaled-by" /* who decides replicas, when it is not us */

/* MadCluster and StatePillar: spec and status whole, the annotations that ask for something. */
enum {
        CUSTOM_CLUSTER,
        CUSTOM_SPEC,
        CUSTOM_STATUS,
        CUSTOM_FINALIZERS,
        CUSTOM_RESTART,
        CUSTOM_DRY_RUN,
        CUSTOM_SWITCHOVER,
};

enum {
        STATEFULSET_CLUSTER,
        STATEFULSET_REPLICAS,
        STATEFULSET_OBSERVED,
        STATEFULSET_PODS,
        STATEFULSET_READY,
        STATEFULSET_UPDATE_REVISION,
        STATEFULSET_ROLL,
        STATEFULSET_TEMPLATE,
        STATEFULSET_IMAGE,
};

enum {
        DEPLOYMENT_CLUSTER,
        DEPLOYMENT_REPLICAS,
        DEPLOYMENT_OBSERVED,
        DEPLOYMENT_PODS,
        DEPLOYMENT_READY,
        DEPLOYMENT_UPDATED,
        DEPLOYMENT_PAUSED,
        DEPLOYMENT_ROLL,
        DEPLOYMENT_TEMPLATE,
        DEPLOYMENT_IMAGE,
        DEPLOYMENT_FAILURE, /* why pods cannot be made (quota, admission) */
        DEPLOYMENT_PILLAR,
        DEPLOYMENT_SCALED_BY,
};

enum {
        POD_CLUSTER,
        POD_PILLAR,
        POD_APP, /* app.kubernetes.io/name */
        POD_INSTANCE,
        POD_PHASE,
        POD_READY, /* "True" */
        POD_SCHEDULED,
        POD_SCHEDULED_MESSAGE,
        POD_WAITING, /* "ImagePullBackOff", "CrashLoopBackOff", ... */
        POD_WAITING_INIT,
        POD_ENDED,   /* reason of the last end of a container: "OOMKilled" */
        POD_EVICTED, /* reason of a failed pod */
        POD_NODE,
        POD_ROLL,
        POD_TEMPLATE,
        POD_REVISION,
        POD_COMPONENT,
        POD_CONFIG,
};

enum {
        SERVICE_CLUSTER,
        SERVICE_ADDRESS, /* spec.clusterIP */
        SERVICE_TYPE,
        SERVICE_PORTS,
        SERVICE_INGRESS,
};

enum {
        CONFIGMAP_CLUSTER,
        CONFIGMAP_APPLIED, /* annotation madbase.io/applied: the settings that the running members took over */
        CONFIGMAP_CONFIG,
        CONFIGMAP_ADDRESSES,
};

enum {
        CLAIM_CLUSTER,
        CLAIM_PHASE,
        CLAIM_APP,
        CLAIM_INSTANCE,
        CLAIM_SIZE,
        CLAIM_VOLUME,
};

enum { PLAIN_CLUSTER }; /* ServiceAccount, RoleBinding, PodDisruptionBudget, NetworkPolicy */

enum {
        AUTOSCALER_CLUSTER,
        AUTOSCALER_CURRENT,
        AUTOSCALER_DESIRED,
        AUTOSCALER_ACTIVE, /* condition ScalingActive: status, reason, message */
        AUTOSCALER_ACTIVE_REASON,
        AUTOSCALER_ACTIVE_MESSAGE,
};

enum { ENDPOINTSLICE_ENDPOINTS, ENDPOINTSLICE_PORTS };

extern const Kind kind_madcluster;
extern const Kind kind_statepillar;
extern const Kind kind_statefulset;
extern const Kind kind_deployment;
extern const Kind kind_pod;
extern const Kind kind_service;
extern const Kind kind_configmap;
extern const Kind kind_claim;
extern const Kind kind_secret; /* never watched: read and made by name */
extern const Kind kind_serviceaccount;
extern const Kind kind_rolebinding;
extern const Kind kind_disruptionbudget;
extern const Kind kind_networkpolicy;
extern const Kind kind_autoscaler;
extern const Kind kind_endpointslice;

/* Every kind above, NULL-terminated: for the tests of RBAC and of templates. */
extern const Kind *const kinds_all[];
/* The kind whose apiVersion and kind the object names; NULL for others. */
const Kind *kinds_of(const Json *object);
