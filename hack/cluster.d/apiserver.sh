# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share variables
# A bare API server on loopback for integration tests: etcd, kube-apiserver, on demand the controller
# manager; no nodes, no namespaces, no root. Ports are picked, and reserved among all checkouts.

# Claims a free port; the claim is a file that names the state folder of its owner.
port_claim() {
    local port owner
    mkdir -p "$cache/ports"
    while :; do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 10000))
        owner=$(cat "$cache/ports/$port" 2>/dev/null || true)
        [ -n "$owner" ] && [ ! -d "$owner" ] && rm -f "$cache/ports/$port"
        (set -o noclobber && printf '%s\n' "$state" >"$cache/ports/$port") 2>/dev/null || continue
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
        rm -f "$cache/ports/$port"
    done
    printf '%s\n' "$port"
}

ports_release() {
    [ -d "$cache/ports" ] || return 0
    { grep -lxF "$state" "$cache"/ports/* 2>/dev/null || true; } | xargs -r rm -f
}

# What later commands need to know is kept in a file of assignments.
api_save() {
    {
        printf 'api_url=%q\netcd_url=%q\ntools_kubernetes=%q\n' "$api_url" "$etcd_url" "$tools_kubernetes"
        printf 'nodes=%q\nmetrics=%q\nkubernetes=%q\nmode=%q\n' "${nodes:-0}" "${metrics:-}" "$kubernetes" "$mode"
    } >"$state/facts"
}

api_load() {
    [ -f "$state/facts" ] || die "it is not up"
    # shellcheck disable=SC1091 # written by api_save
    . "$state/facts"
    api_enter=''
    [ "$mode" = apiserver ] || api_enter="nsenter --net=$state/net/control --"
}

apiserver_environment() {
    printf 'KUBECONFIG=%q\nAUDIT_LOG=%q\nAPISERVER=%q\nETCD=%q\nSTATE=%q\n' \
        "$state/kubeconfig" "$state/audit.log" "$api_url" "$etcd_url" "$state"
    [ "$mode" = apiserver ] || printf 'NETWORK=%q\n' "$state/net/control"
}

apiserver_up() { # WITH_CONTROLLER_MANAGER KUBERNETES_VERSION FLAGS...
    local manager=$1 start port
    kubernetes=$2 mode=apiserver
    shift 2
    start=$(now_ms)
    tools_find "$kubernetes"
    # What a killed run left under this name goes first.
    cluster_remove
    mkdir -p "$state"
    certs_make 127.0.0.1
    api_enter=''
    etcd_start '' 127.0.0.1 "$(port_claim)" "$(port_claim)"
    port=$(port_claim)
    api_url=https://127.0.0.1:$port
    kubeconfig_make "$state/kubeconfig" "$api_url" admin
    apiserver_start '' 127.0.0.1 "$port" - --endpoint-reconciler-type=none "$@"
    api_save
    apiserver_wait
    if [ -n "$manager" ]; then
        controller_manager_start '' - --secure-port="$(port_claim)"
        wait_for_process 30 "the controller manager" kube-controller-manager \
            api_get /api/v1/namespaces/default/serviceaccounts/default
    fi
    say "$(printf '%5.1f s  API server %s at %s' "$(seconds_since "$start")" "$kubernetes" "$api_url")"
    printf '%s\n' "$state/kubeconfig"
}

# Takes away the history behind the newest revision, as the API server itself does every 5 minutes.
etcd_compact() {
    local revision
    revision=$($api_enter curl -fsS "$etcd_url/v3/kv/range" -d '{"key":"AA=="}' | jq -r .header.revision)
    $api_enter curl -fsS "$etcd_url/v3/kv/compaction" -d "{\"revision\":\"$revision\",\"physical\":true}" >/dev/null
    printf '%s\n' "$revision"
}

apiserver_command() { # VERB ARGUMENTS...
    local verb=${1:-} name='' manager='' version=1.34 flags=()
    [ $# -eq 0 ] || shift
    while [ $# -gt 0 ]; do
        case $1 in
        --name) name=${2:?--name needs a name}; shift ;;
        --version) version=${2:?--version needs 1.34 or 1.36}; shift ;;
        --no-watchlist) flags+=(--feature-gates=WatchList=false) ;;
        --controller-manager) manager=1 ;;
        --) shift; flags+=("$@"); break ;;
        *) die "apiserver: '$1' is not known; see hack/cluster --help" ;;
        esac
        shift
    done
    cluster_identify "api${name:+-$name}"
    lock
    case $verb in
    up) apiserver_up "$manager" "$version" "${flags[@]}" ;;
    down) cluster_down ;;
    env) api_load; apiserver_environment ;;
    compact) api_load; etcd_compact ;;
    stop) api_load; process_stop kube-apiserver TERM 70 ;;
    kill) api_load; process_stop kube-apiserver KILL ;;
    start) api_load; process_start kube-apiserver; apiserver_wait ;;
    restart) api_load; process_stop kube-apiserver TERM 70; process_start kube-apiserver; apiserver_wait ;;
    *) die "apiserver: the verbs are up, down, env, stop, kill, start, restart, compact" ;;
    esac
}
