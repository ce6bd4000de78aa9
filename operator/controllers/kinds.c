/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of kinds.h: types by group and plural, and the paths that are kept. Rows stand in the order of the enums.
 */
#include "operator/controllers/kinds.h"

#include <stdio.h>
#include <string.h>

#define CLUSTER        "/metadata/labels/madbase.io~1cluster"
#define PILLAR         "/metadata/labels/madbase.io~1pillar"
#define NOTES          "/metadata/annotations"
#define TEMPLATE_NOTES "/spec/template/metadata/annotations"

static const char *const custom_paths[] = {
        [CUSTOM_CLUSTER] = CLUSTER,
        [CUSTOM_SPEC] = "/spec",
        [CUSTOM_STATUS] = "/status",
        [CUSTOM_FINALIZERS] = "/metadata/finalizers",
        [CUSTOM_RESTART] = NOTES "/madbase.io~1restart",
        [CUSTOM_DRY_RUN] = NOTES "/madbase.io~1dry-run",
        [CUSTOM_SWITCHOVER] = NOTES "/madbase.io~1switchover",
        NULL,
};

static const char *const statefulset_paths[] = {
        [STATEFULSET_CLUSTER] = CLUSTER,
        [STATEFULSET_REPLICAS] = "/spec/replicas",
        [STATEFULSET_OBSERVED] = "/status/observedGeneration",
        [STATEFULSET_PODS] = "/status/replicas",
        [STATEFULSET_READY] = "/status/readyReplicas",
        [STATEFULSET_UPDATE_REVISION] = "/status/updateRevision",
        [STATEFULSET_ROLL] = TEMPLATE_NOTES "/madbase.io~1roll",
        [STATEFULSET_TEMPLATE] = TEMPLATE_NOTES "/madbase.io~1template",
        [STATEFULSET_IMAGE] = "/spec/template/spec/containers[0]/image",
        NULL,
};

static const char *const deployment_paths[] = {
        [DEPLOYMENT_CLUSTER] = CLUSTER,
        [DEPLOYMENT_REPLICAS] = "/spec/replicas",
        [DEPLOYMENT_OBSERVED] = "/status/observedGeneration",
        [DEPLOYMENT_PODS] = "/status/replicas",
        [DEPLOYMENT_READY] = "/status/readyReplicas",
        [DEPLOYMENT_UPDATED] = "/status/updatedReplicas",
        [DEPLOYMENT_PAUSED] = "/spec/paused",
        [DEPLOYMENT_ROLL] = TEMPLATE_NOTES "/madbase.io~1roll",
        [DEPLOYMENT_TEMPLATE] = TEMPLATE_NOTES "/madbase.io~1template",
        [DEPLOYMENT_IMAGE] = "/spec/template/spec/containers[0]/image",
        [DEPLOYMENT_FAILURE] = "/status/conditions[type=ReplicaFailure]/message",
        [DEPLOYMENT_PILLAR] = PILLAR,
        [DEPLOYMENT_SCALED_BY] = NOTES "/madbase.io~1scaled-by",
        NULL,
};

static const char *const pod_paths[] = {
        [POD_CLUSTER] = CLUSTER,
        [POD_PILLAR] = PILLAR,
        [POD_APP] = "/metadata/labels/app.kubernetes.io~1name",
        [POD_INSTANCE] = "/metadata/labels/app.kubernetes.io~1instance",
        [POD_PHASE] = "/status/phase",
        [POD_READY] = "/status/conditions[type=Ready]/status",
        [POD_SCHEDULED] = "/status/conditions[type=PodScheduled]/status",
        [POD_SCHEDULED_MESSAGE] = "/status/conditions[type=PodScheduled]/message",
        [POD_WAITING] = "/status/containerStatuses[*]/state/waiting/reason",
        [POD_WAITING_INIT] = "/status/initContainerStatuses[*]/state/waiting/reason",
        [POD_ENDED] = "/status/containerStatuses[*]/lastState/terminated/reason",
        [POD_EVICTED] = "/status/reason",
        [POD_NODE] = "/spec/nodeName",
        [POD_ROLL] = NOTES "/madbase.io~1roll",
        [POD_TEMPLATE] = NOTES "/madbase.io~1template",
        [POD_REVISION] = "/metadata/labels/controller-revision-hash",
        [POD_COMPONENT] = "/metadata/labels/app.kubernetes.io~1component",
        [POD_CONFIG] = NOTES "/madbase.io~1config",
        NULL,
};

static const char *const service_paths[] = {
        [SERVICE_CLUSTER] = CLUSTER,
        [SERVICE_ADDRESS] = "/spec/clusterIP",
        [SERVICE_TYPE] = "/spec/type",
        [SERVICE_PORTS] = "/spec/ports",
        [SERVICE_INGRESS] = "/status/loadBalancer/ingress",
        NULL,
};

static const char *const configmap_paths[] = {
        [CONFIGMAP_CLUSTER] = CLUSTER,
        [CONFIGMAP_APPLIED] = NOTES "/madbase.io~1applied",
        [CONFIGMAP_CONFIG] = NOTES "/madbase.io~1config",
        [CONFIGMAP_ADDRESSES] = NOTES "/madbase.io~1addresses",
        NULL,
};

static const char *const claim_paths[] = {
        [CLAIM_CLUSTER] = CLUSTER,
        [CLAIM_PHASE] = "/status/phase",
        [CLAIM_APP] = "/metadata/labels/app.kubernetes.io~1name",
        [CLAIM_INSTANCE] = "/metadata/labels/app.kubernetes.io~1instance",
        [CLAIM_SIZE] = "/spec/resources/requests/storage",
        [CLAIM_VOLUME] = "/spec/volumeName",
        NULL,
};

static const char *const plain_paths[] = { [PLAIN_CLUSTER] = CLUSTER, NULL };

static const char *const autoscaler_paths[] = {
        [AUTOSCALER_CLUSTER] = CLUSTER,
        [AUTOSCALER_CURRENT] = "/status/currentReplicas",
        [AUTOSCALER_DESIRED] = "/status/desiredReplicas",
        [AUTOSCALER_ACTIVE] = "/status/conditions[type=ScalingActive]/status",
        [AUTOSCALER_ACTIVE_REASON] = "/status/conditions[type=ScalingActive]/reason",
        [AUTOSCALER_ACTIVE_MESSAGE] = "/status/conditions[type=ScalingActive]/message",
        NULL,
};

static const char *const endpointslice_paths[] = {
        [ENDPOINTSLICE_ENDPOINTS] = "/endpoints",
        [ENDPOINTSLICE_PORTS] = "/ports",
        NULL,
};

const Kind kind_madcluster = { "madbase.io", "v1alpha1", "MadCluster", "madclusters", false, custom_paths };
const Kind kind_statepillar = { "madbase.io", "v1alpha1", "StatePillar", "statepillars", false, custom_paths };
const Kind kind_statefulset = { "apps", "v1", "StatefulSet", "statefulsets", false, statefulset_paths };
const Kind kind_deployment = { "apps", "v1", "Deployment", "deployments", false, deployment_paths };
const Kind kind_pod = { "", "v1", "Pod", "pods", false, pod_paths };
const Kind kind_service = { "", "v1", "Service", "services", false, service_paths };
const Kind kind_configmap = { "", "v1", "ConfigMap", "configmaps", false, configmap_paths };
const Kind kind_claim = { "", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", false, claim_paths };
const Kind kind_secret = { "", "v1", "Secret", "secrets", false, plain_paths };
const Kind kind_serviceaccount = { "", "v1", "ServiceAccount", "serviceaccounts", false, plain_paths };
const Kind kind_rolebinding = { "rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", false, plain_paths };
const Kind kind_disruptionbudget = { "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", false,
        plain_paths };
const Kind kind_networkpolicy = { "networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", false, plain_paths };
const Kind kind_autoscaler = { "autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", false,
        autoscaler_paths };
const Kind kind_endpointslice = { "discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", false,
        endpointslice_paths };

const Kind *const kinds_all[] = {
        &kind_madcluster,
        &kind_statepillar,
        &kind_statefulset,
        &kind_deployment,
        &kind_pod,
        &kind_service,
        &kind_configmap,
        &kind_claim,
        &kind_secret,
        &kind_serviceaccount,
        &kind_rolebinding,
        &kind_disruptionbudget,
        &kind_networkpolicy,
        &kind_autoscaler,
        &kind_endpointslice,
        NULL,
};

const Kind *kinds_of(const Json *object) {
        const char *version = json_find_string(object, "/apiVersion", "");
        const char *name = json_find_string(object, "/kind", "");

        for (const Kind *const *kind = kinds_all; *kind; kind++) {
                char text[128];
                if (strcmp((*kind)->kind, name) != 0)
                        continue;
                (void)snprintf(
                        text, sizeof(text), "%s%s%s", (*kind)->group, *(*kind)->group ? "/" : "", (*kind)->version);
                if (strcmp(text, version) == 0)
                        return *kind;
        }
        return NULL;
}
