# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share variables
# Brings a whole cluster up, tells about it, and runs commands in it.

tools_find() { # KUBERNETES_VERSION [TOOL_SET...]
    local version=$1
    shift
    tools_etcd=$("$root/hack/tools/path" etcd)
    case $version in
    1.34) tools_apiserver=$("$root/hack/tools/path" kubernetes/kube-apiserver) ;;
    1.36) tools_apiserver=$("$root/hack/tools/path" kubernetes-1.36) ;;
    *) die "Kubernetes $version is not built here; there are 1.34 and 1.36" ;;
    esac
    tools_kubernetes=$("$root/hack/tools/path" kubernetes)
}

kubectl() { in_net control env KUBECONFIG="$state/kubeconfig" "$tools_kubernetes/kubectl" "$@"; }

cluster_up() {
    local wanted_nodes=3 wanted_metrics='' start node
    while [ $# -gt 0 ]; do
        case $1 in
        --nodes) wanted_nodes=${2:?--nodes needs a number}; shift ;;
        --metrics-server) wanted_metrics=1 ;;
        *) die "up: '$1' is not known; see hack/cluster --help" ;;
        esac
        shift
    done
    case $wanted_nodes in 1 | 2 | 3) ;; *) die "a cluster has 1 to 3 nodes, not '$wanted_nodes'" ;; esac
    start=$(now_ms)
    if cluster_healthy; then
        [ "$nodes" = "$wanted_nodes" ] || die "it runs with $nodes nodes; take it down first to have $wanted_nodes"
        [ -z "$wanted_metrics" ] || metrics_add
        say "it is up already"
        cluster_status
        return 0
    fi
    nodes=$wanted_nodes metrics='' kubernetes=1.34 mode=cluster
    "$root/hack/deps" --check || die "run hack/deps first"
    step "tools are built" cluster_tools
    step "base images are built" base_images
    step "cleared what was left" cluster_remove
    mkdir -p "$state/logs"
    step "certificates" certs_make "$control_address"
    step "network" network_up "$nodes"
    cgroup_make "$id-control"
    for ((node = 1; node <= nodes; node++)); do node_boot_async "node$node"; done
    step "control plane" control_plane_up
    api_save
    step "DNS and volumes" addons_up
    step "containerd on $nodes nodes, with base images" node_boot_wait
    for ((node = 1; node <= nodes; node++)); do node_join "node$node"; done
    step "$nodes nodes are Ready" wait_until 120 "nodes" nodes_ready "$nodes"
    [ -z "$wanted_metrics" ] || metrics_add
    step "cluster answers" wait_until 60 "the DNS of the cluster and the default service account" cluster_answers
    touch "$state/complete"
    say "up in $(seconds_since "$start") s"
    cluster_status
}

cluster_tools() {
    tools_find "$kubernetes"
    tools_coredns=$("$root/hack/tools/path" coredns)
    tools_local_path=$("$root/hack/tools/path" local-path-provisioner)
}

base_images() { base_archives=$("$root/hack/images" --print pause base); }

# Nodes boot while the control plane starts.
node_boot_async() { # NODE
    (
        node_boot "$1"
        for archive in $base_archives; do load_archive "$archive" "$1"; done
        touch "$state/$1/booted"
    ) >>"$state/logs/$1-boot.log" 2>&1 &
    boot_pids+=($!)
}

node_boot_wait() {
    local pid
    for pid in "${boot_pids[@]}"; do
        wait "$pid" || {
            tail -n 20 "$state"/logs/node*-boot.log >&2
            die "a node does not boot"
        }
    done
}

# DNS answers with the address of the API server's Service, and pods can be made.
cluster_answers() {
    cluster_run getent hosts kubernetes.default.svc.cluster.local && kubectl -n default get serviceaccount default
}

# Up to the last step, and as it was started: every process lives and the API server says it is ready.
cluster_healthy() {
    local process
    [ -f "$state/complete" ] || return 1
    api_load
    for process in $(recorded_processes); do live_pid "$process" >/dev/null || return 1; done
    apiserver_ready >/dev/null 2>&1
}

metrics_add() {
    live_pid metrics-server >/dev/null && return 0
    tools_metrics=$("$root/hack/tools/path" metrics-server)
    metrics_up
    step "metrics server" wait_for_process 90 "metrics" metrics-server metrics_ready
    metrics=1
    api_save
}

cluster_status() {
    local process pid
    [ -f "$state/facts" ] || { say "it is not up"; exit 3; }
    api_load
    for process in $(recorded_processes); do
        pid=$(live_pid "$process") || pid=ended
        printf '%-24s %s\n' "$process" "$pid"
    done
    if apiserver_ready >/dev/null 2>&1; then kubectl get nodes; else echo "the API server does not answer"; fi
    printf '%-12s %s\n' kubeconfig "$state/kubeconfig" audit-log "$state/audit.log" logs "$state/logs" \
        api "$api_url" enter "hack/cluster${name:+ --name $name} exec COMMAND"
}

# A command in the cluster's network and with its DNS. Its mounts follow the machine's, not the other way.
cluster_run() {
    local resolv
    resolv=$(readlink -f /etc/resolv.conf || true)
    printf 'nameserver %s\nsearch default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n' \
        "$control_address" >"$state/resolv.conf"
    # shellcheck disable=SC2016 # the inner shell expands these
    KUBECONFIG=$state/kubeconfig MADBASE_CLUSTER=$id PATH=$tools_kubernetes:$PATH in_net control \
        unshare --mount --propagation slave -- sh -c '
            [ ! -e "$1" ] || mount --bind "$2" "$1"
            shift 2
            exec "$@"' exec "$resolv" "$state/resolv.conf" "$@"
}

cluster_exec() {
    [ $# -gt 0 ] || die "exec what?"
    trap - EXIT ERR
    cluster_run "$@"
}

cluster_forward() { # PORT HOST:PORT
    [ $# = 2 ] || die "forward needs PORT HOST:PORT"
    say "127.0.0.1:$1 leads to $2 until this ends"
    exec socat "TCP-LISTEN:$1,bind=127.0.0.1,reuseaddr,fork" \
        "EXEC:$root/hack/cluster ${name:+--name $name }exec socat STDIO TCP\\:${2%:*}\\:${2##*:}"
}
