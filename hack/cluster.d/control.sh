# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share variables
# etcd, kube-apiserver and the two controllers. Used for whole clusters (in the control plane's
# namespace) and for a bare API server on loopback.

# Reads are recorded for everybody but the control plane and the kubelets; writes for everybody.
audit_policy() {
    cat <<'EOF'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  nonResourceURLs: ["/healthz*", "/livez*", "/readyz*", "/openapi*", "/version"]
- level: None
  verbs: [get, list, watch]
  users: ["system:kube-controller-manager", "system:kube-scheduler", "system:kube-proxy", "system:apiserver", "system:coredns", "system:metrics-server", "system:local-path-provisioner"]
- level: None
  verbs: [get, list, watch]
  userGroups: ["system:nodes", "system:serviceaccounts:kube-system"]
- level: Metadata
EOF
}

etcd_start() { # ENTER ADDRESS CLIENT_PORT PEER_PORT [CGROUP]; ENTER is a word list put before the command
    local enter=$1 client=http://$2:$3 peer=http://$2:$4
    # shellcheck disable=SC2086 # ENTER is a list of words
    process_run etcd "${5:--}" $enter "$tools_etcd/etcd" --name default --data-dir "$state/etcd" \
        --listen-client-urls "$client" --advertise-client-urls "$client" \
        --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer" \
        --unsafe-no-fsync --log-level warn
    etcd_url=$client
}

# The caller adds what depends on where the server runs.
apiserver_start() { # ENTER ADDRESS PORT CGROUP FLAGS...
    local enter=$1 address=$2 port=$3 group=$4 certs=$state/certs
    shift 4
    audit_policy >"$state/audit-policy.yaml"
    # shellcheck disable=SC2086
    process_run kube-apiserver "$group" $enter "$tools_apiserver/kube-apiserver" \
        --etcd-servers="$etcd_url" --bind-address="$address" --advertise-address="$address" --secure-port="$port" \
        --tls-cert-file="$certs/apiserver.crt" --tls-private-key-file="$certs/apiserver.key" \
        --client-ca-file="$certs/ca.crt" --authorization-mode=Node,RBAC \
        --service-cluster-ip-range="$service_range" --service-account-issuer=https://kubernetes.default.svc.cluster.local \
        --service-account-key-file="$certs/service-account.key" \
        --service-account-signing-key-file="$certs/service-account.key" \
        --requestheader-client-ca-file="$certs/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy-client \
        --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
        --requestheader-extra-headers-prefix=X-Remote-Extra- \
        --proxy-client-cert-file="$certs/front-proxy-client.crt" --proxy-client-key-file="$certs/front-proxy-client.key" \
        --audit-policy-file="$state/audit-policy.yaml" --audit-log-path="$state/audit.log" --audit-log-format=json \
        --audit-log-maxsize=4096 --profiling=false "$@"
}

api_get() { # PATH
    $api_enter curl -fsS --max-time 2 --cacert "$state/certs/ca.crt" --cert "$state/certs/admin.crt" \
        --key "$state/certs/admin.key" "$api_url$1"
}

apiserver_ready() { api_get /readyz; }

apiserver_wait() { wait_for_process 60 "the API server" kube-apiserver apiserver_ready; }

controller_manager_start() { # ENTER CGROUP FLAGS...
    local enter=$1 group=$2 certs=$state/certs config=$state/kubeconfigs/controller-manager
    shift 2
    kubeconfig_make "$config" "$api_url" controller-manager
    # shellcheck disable=SC2086
    process_run kube-controller-manager "$group" $enter "$tools_kubernetes/kube-controller-manager" \
        --kubeconfig="$config" --authentication-kubeconfig="$config" --authorization-kubeconfig="$config" \
        --leader-elect=false --use-service-account-credentials --root-ca-file="$certs/ca.crt" \
        --service-account-private-key-file="$certs/service-account.key" \
        --cluster-signing-cert-file="$certs/ca.crt" --cluster-signing-key-file="$certs/ca.key" \
        --bind-address=127.0.0.1 --profiling=false "$@"
}

control_plane_up() {
    local enter="nsenter --net=$state/net/control --" group=$id-control certs=$state/certs config
    api_enter=$enter
    api_url=https://$control_address:6443
    kubeconfig_make "$state/kubeconfig" "$api_url" admin
    etcd_start "$enter" 127.0.0.1 2379 2380 "$group"
    apiserver_start "$enter" "$control_address" 6443 "$group" \
        --kubelet-preferred-address-types=InternalIP --kubelet-certificate-authority="$certs/ca.crt" \
        --kubelet-client-certificate="$certs/apiserver-kubelet-client.crt" \
        --kubelet-client-key="$certs/apiserver-kubelet-client.key" \
        --enable-admission-plugins=NodeRestriction --enable-aggregator-routing=true
    apiserver_wait
    controller_manager_start "$enter" "$group" --horizontal-pod-autoscaler-sync-period=5s
    cert_make ca scheduler /CN=system:kube-scheduler
    config=$state/kubeconfigs/scheduler
    kubeconfig_make "$config" "$api_url" scheduler
    # shellcheck disable=SC2086
    process_run kube-scheduler "$group" $enter "$tools_kubernetes/kube-scheduler" --kubeconfig="$config" \
        --authentication-kubeconfig="$config" --authorization-kubeconfig="$config" --leader-elect=false \
        --bind-address=127.0.0.1 --profiling=false
    kube_proxy_start control node1 "$group"
}

# The control plane's namespace gets a proxy too, as node1's twin, so that tests reach Services from it.
kube_proxy_start() { # NAMESPACE NODE_NAME CGROUP
    local config=$state/kubeconfigs/kube-proxy process=kube-proxy-$1
    [ -f "$state/certs/kube-proxy.crt" ] || cert_make ca kube-proxy /CN=system:kube-proxy
    [ -f "$config" ] || kubeconfig_make "$config" "$api_url" kube-proxy
    process_run "$process" "$3" nsenter --net="$state/net/$1" -- "$pieces/private-mounts" - \
        "$tools_kubernetes/kube-proxy" --kubeconfig="$config" --hostname-override="$2" --proxy-mode=iptables \
        --cluster-cidr="$pod_range" --conntrack-max-per-core=0 --iptables-min-sync-period=200ms
}
