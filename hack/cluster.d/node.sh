# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share variables
# A node: a network namespace, a mount namespace with its own /run, /var/lib and /var/log, a cgroup,
# and in them containerd, kubelet and kube-proxy. An idle process holds the mount namespace, so a node
# can be entered while its daemons are away.

node_enter() { # NODE; the words that run a command on it
    local pid
    pid=$(live_pid "$1-init") || die "$1 is not running"
    printf 'nsenter --net=%s --mount=/proc/%s/ns/mnt --' "$state/net/$1" "$pid"
}

node_boot() { # NODE; up to containerd
    local node=$1 number=${1#node} folder=$state/$1 group=$id-$1 enter
    mkdir -p "$folder/etc"
    cgroup_make "$group"
    process_run "$node-init" "$group" nsenter --net="$state/net/$node" -- "$pieces/private-mounts" "$folder" sleep infinity
    wait_until 10 "$node to have its mounts" node_has_mounts "$node"
    enter=$(node_enter "$node")
    containerd_config >"$folder/etc/containerd.toml"
    $enter mkdir -p /run/cni
    cni_config "$(node_pods "$number")" >"$folder/etc/10-pods.conflist"
    $enter cp "$folder/etc/10-pods.conflist" /run/cni/10-pods.conflist
    # shellcheck disable=SC2086 # a list of words
    process_run "$node-containerd" "$group" $enter containerd --config "$folder/etc/containerd.toml"
    wait_for_process 30 "containerd on $node" "$node-containerd" node_ctr "$node" version
}

node_has_mounts() { [ "$(readlink "/proc/$(live_pid "$1-init")/exe")" = "$(readlink -f "$(command -v sleep)")" ]; }

node_ctr() { # NODE ARGUMENTS...
    local enter
    enter=$(node_enter "$1") || return 1
    shift
    $enter ctr --namespace k8s.io "$@"
}

containerd_config() {
    cat <<EOF
version = 2
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp"]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/madbase/pause:dev"
  # Without CAP_SYS_RESOURCE, lowering the score of a sandbox fails, and with it every pod.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/run/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
EOF
}

# Each pod gets a link of its own and every packet passes the node's routing, so Services work
# between pods of one node without bridge filtering.
cni_config() { # POD_RANGE
    cat <<EOF
{ "cniVersion": "0.4.0", "name": "pods", "plugins": [
  { "type": "ptp", "ipMasq": false,
    "ipam": { "type": "host-local", "ranges": [[{ "subnet": "$1" }]], "routes": [{ "dst": "0.0.0.0/0" }] } },
  { "type": "portmap", "capabilities": { "portMappings": true }, "snat": true }
] }
EOF
}

kubelet_config() { # NODE
    cat <<EOF
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
authentication:
  anonymous: { enabled: false }
  webhook: { enabled: true, cacheTTL: 10s }
  x509: { clientCAFile: $state/certs/ca.crt }
authorization: { mode: Webhook }
tlsCertFile: $state/certs/$1-serving.crt
tlsPrivateKeyFile: $state/certs/$1-serving.key
cgroupDriver: cgroupfs
cgroupRoot: /$id-$1
failCgroupV1: false
failSwapOn: false
clusterDNS: [$dns_service]
clusterDomain: cluster.local
resolvConf: /dev/null
volumePluginDir: /var/lib/kubelet/volume-plugins
enableServer: true
# Several nodes share this machine's disk and memory: none of them may evict pods for it.
evictionHard: { memory.available: 1Mi, nodefs.available: 0%, nodefs.inodesFree: 0%, imagefs.available: 0%, imagefs.inodesFree: 0% }
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
registerNode: true
EOF
}

node_join() { # NODE; the kubelet and the proxy
    local node=$1 number=${1#node} folder=$state/$1 group=$id-$1 enter address
    enter=$(node_enter "$node")
    address=$(node_address "$number")
    if [ ! -f "$state/kubeconfigs/$node" ]; then
        cert_make ca "$node" "/O=system:nodes/CN=system:node:$node"
        cert_make ca "$node-serving" "/CN=$node" "DNS:$node,IP:$address"
        kubeconfig_make "$state/kubeconfigs/$node" "$api_url" "$node"
    fi
    kubelet_config "$node" >"$folder/etc/kubelet.yaml"
    # shellcheck disable=SC2086 # a list of words
    process_run "$node-kubelet" "$group" $enter "$tools_kubernetes/kubelet" --config="$folder/etc/kubelet.yaml" \
        --kubeconfig="$state/kubeconfigs/$node" --hostname-override="$node" --node-ip="$address" \
        --node-labels="topology.kubernetes.io/region=local,topology.kubernetes.io/zone=zone-$number"
    kube_proxy_start "$node" "$node" "$group"
}

nodes_ready() { # COUNT
    [ "$(kubectl get nodes -o jsonpath='{range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' | grep -c True)" = "$1" ]
}

node_names() {
    local file
    for file in "$state"/net/node[0-9]; do
        [ -e "$file" ] && basename "$file"
    done
    return 0
}

# Faults, and their ends. Lost: cut and kill. Hung: freeze.
node_fault() { # VERB NODE
    local node=$2 process
    node_names | grep -qx "$node" || die "there is no node named '$node'"
    case $1 in
    cut) in_net control ip link set "$node" down ;;
    join) in_net control ip link set "$node" up ;;
    freeze) cgroup_freeze "$id-$node" 1 ;;
    thaw) cgroup_freeze "$id-$node" 0 ;;
    kill)
        cgroup_freeze "$id-$node" 1
        cgroup_kill "$id-$node"
        ;;
    boot)
        cgroup_kill "$id-$node"
        in_net "$node" ip -o link show | awk -F': ' '{ sub(/@.*/, "", $2); print $2 }' | while read -r process; do
            case $process in lo | eth0) ;; *) in_net "$node" ip link delete "$process" || true ;; esac
        done
        in_net control ip link set "$node" up
        in_net "$node" ip link set eth0 up
        node_boot "$node"
        node_join "$node"
        ;;
    *) die "node: the verbs are cut, join, freeze, thaw, kill, boot" ;;
    esac
}
