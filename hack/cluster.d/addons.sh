# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share variables
# DNS, volumes, load balancers and metrics. The programs run beside the control plane, not as pods: nothing
# has to be pulled, and a lost node never takes them along.

# A Service without selector that leads to a port of the control plane's address.
control_service() { # NAME CLUSTER_IP|"" NAME:PORT:TARGET:PROTOCOL...
    local name=$1 address=$2 entry port_name port target protocol
    shift 2
    printf -- '---\napiVersion: v1\nkind: Service\nmetadata: { name: %s, namespace: kube-system }\nspec:\n' "$name"
    [ -z "$address" ] || printf '  clusterIP: %s\n' "$address"
    printf '  ports:\n'
    for entry in "$@"; do
        IFS=: read -r port_name port target protocol <<<"$entry"
        printf '  - { name: %s, port: %s, targetPort: %s, protocol: %s }\n' "$port_name" "$port" "$target" "$protocol"
    done
    cat <<EOF
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: $name, namespace: kube-system, labels: { kubernetes.io/service-name: $name } }
addressType: IPv4
endpoints: [{ addresses: [$control_address], conditions: { ready: true } }]
ports:
EOF
    for entry in "$@"; do
        IFS=: read -r port_name port target protocol <<<"$entry"
        printf -- '- { name: %s, port: %s, protocol: %s }\n' "$port_name" "$target" "$protocol"
    done
}

# Rights for a program that comes with a certificate as the user system:PROGRAM.
user_role() { # PROGRAM RULES_YAML
    cat <<EOF
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: system:$1 }
rules:
$2
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: system:$1 }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: system:$1 }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: User, name: system:$1 }]
EOF
}

dns_objects() {
    user_role coredns '- { apiGroups: [""], resources: [services, namespaces, pods], verbs: [list, watch] }
- { apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch] }'
    control_service kube-dns "$dns_service" dns:53:53:UDP dns-tcp:53:53:TCP
}

dns_start() {
    cat >"$state/Corefile" <<EOF
.:53 {
    bind $control_address
    errors
    kubernetes cluster.local in-addr.arpa {
        kubeconfig $state/kubeconfigs/coredns
        ttl 5
    }
}
EOF
    program_start coredns "$tools_coredns/coredns" -conf "$state/Corefile"
}

# Runs a program beside the control plane as the user system:PROGRAM.
program_start() { # PROGRAM COMMAND...
    local program=$1
    shift
    cert_make ca "$program" "/CN=system:$program"
    kubeconfig_make "$state/kubeconfigs/$program" "$api_url" "$program"
    process_run "$program" "$id-control" nsenter --net="$state/net/control" -- "$@"
}

volume_objects() {
    user_role local-path-provisioner '- { apiGroups: [""], resources: [nodes, persistentvolumeclaims, configmaps, pods, pods/log], verbs: [get, list, watch] }
- { apiGroups: [""], resources: [persistentvolumes], verbs: [get, list, watch, create, patch, update, delete] }
- { apiGroups: [""], resources: [pods], verbs: [create, delete, patch] }
- { apiGroups: [""], resources: [events], verbs: [create, patch] }
- { apiGroups: [""], resources: [endpoints], verbs: [get, list, watch, create, update, patch] }
- { apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, list, watch, create, update, patch] }
- { apiGroups: [storage.k8s.io], resources: [storageclasses], verbs: [get, list, watch] }'
    cat <<EOF
---
apiVersion: v1
kind: Namespace
metadata: { name: local-path-storage }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: local-path-provisioner, namespace: local-path-storage }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: local-path-config, namespace: local-path-storage }
data:
  config.json: |
    { "nodePathMap": [{ "node": "DEFAULT_PATH_FOR_NON_LISTED_NODES", "paths": ["/var/lib/volumes"] }] }
  setup: |
    #!/bin/sh
    set -eu
    mkdir -m 0777 -p "\$VOL_DIR"
  teardown: |
    #!/bin/sh
    set -eu
    rm -rf "\$VOL_DIR"
  helperPod.yaml: |
    apiVersion: v1
    kind: Pod
    metadata: { name: helper-pod }
    spec:
      priorityClassName: system-node-critical
      terminationGracePeriodSeconds: 0
      containers:
      - { name: helper-pod, image: docker.io/library/debian:trixie-slim, imagePullPolicy: Never }
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: local
  annotations: { storageclass.kubernetes.io/is-default-class: "true" }
provisioner: rancher.io/local-path
volumeBindingMode: WaitForFirstConsumer
reclaimPolicy: Delete
EOF
}

volumes_start() {
    kubectl -n local-path-storage get configmap local-path-config -o 'jsonpath={.data.config\.json}' >"$state/local-path.json"
    program_start local-path-provisioner "$tools_local_path/local-path-provisioner" start \
        --config "$state/local-path.json" --kubeconfig "$state/kubeconfigs/local-path-provisioner" \
        --namespace local-path-storage --service-account-name local-path-provisioner \
        --configmap-name local-path-config --helper-image docker.io/library/debian:trixie-slim
}

metrics_objects() {
    user_role metrics-server '- { apiGroups: [""], resources: [nodes/metrics], verbs: [get] }
- { apiGroups: [""], resources: [pods, nodes], verbs: [get, list, watch] }'
    control_service metrics-server '' https:443:4443:TCP
    cat <<EOF
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: metrics-server:auth-delegator }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: system:auth-delegator }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: User, name: system:metrics-server }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: metrics-server-auth-reader, namespace: kube-system }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: extension-apiserver-authentication-reader }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: User, name: system:metrics-server }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: system:aggregated-metrics-reader
  labels:
    rbac.authorization.k8s.io/aggregate-to-admin: "true"
    rbac.authorization.k8s.io/aggregate-to-edit: "true"
    rbac.authorization.k8s.io/aggregate-to-view: "true"
rules:
- { apiGroups: [metrics.k8s.io], resources: [pods, nodes], verbs: [get, list, watch] }
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: { name: v1beta1.metrics.k8s.io }
spec:
  group: metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  caBundle: $(base64 -w0 "$state/certs/ca.crt")
  service: { name: metrics-server, namespace: kube-system }
EOF
}

metrics_start() {
    local certs=$state/certs config=$state/kubeconfigs/metrics-server
    cert_make ca metrics-server-serving /CN=metrics-server \
        "DNS:metrics-server.kube-system.svc,DNS:metrics-server.kube-system,IP:$control_address"
    program_start metrics-server "$tools_metrics/metrics-server" --secure-port=4443 --bind-address="$control_address" \
        --kubeconfig="$config" --authentication-kubeconfig="$config" --authorization-kubeconfig="$config" \
        --tls-cert-file="$certs/metrics-server-serving.crt" --tls-private-key-file="$certs/metrics-server-serving.key" \
        --kubelet-preferred-address-types=InternalIP --kubelet-certificate-authority="$certs/ca.crt" \
        --metric-resolution=10s --kubelet-request-timeout=5s
}

metrics_up() {
    metrics_objects | kubectl apply -f - >/dev/null
    metrics_start
}

metrics_ready() {
    [ "$(kubectl get apiservice v1beta1.metrics.k8s.io -o 'jsonpath={.status.conditions[?(@.type=="Available")].status}')" = True ]
}

balancer_objects() {
    user_role load-balancer '- { apiGroups: [""], resources: [services], verbs: [get, list, watch] }
- { apiGroups: [""], resources: [services/status], verbs: [get, patch] }'
}

balancer_start() {
    program_start load-balancer env KUBECONFIG="$state/kubeconfigs/load-balancer" \
        "$pieces/load-balancer" "$tools_kubernetes/kubectl"
}

addons_up() {
    { dns_objects; volume_objects; balancer_objects; } | kubectl apply -f - >/dev/null
    balancer_start
    dns_start
    volumes_start
}
