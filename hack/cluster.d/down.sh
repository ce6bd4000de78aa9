# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share variables
# Takes a cluster away, also one whose run was killed half way, and proves that nothing is left.

cluster_remove() {
    local process group
    for group in $(cgroup_list "$id"); do cgroup_kill "$group" & done
    wait
    # What runs outside of any cgroup: the servers of a bare API server.
    for process in $(recorded_processes); do process_stop "$process" KILL 10; done
    for group in $(cgroup_list "$id"); do cgroup_remove "$group"; done
    [ ! -d "$state/net" ] || network_down
    mounts_under "$state" | sort -r | while read -r folder; do umount -l "$folder"; done
    ports_release
    rm -rf "$state"
}

mounts_under() { awk -v folder="$1/" 'index($2, folder) == 1 { print $2 }' /proc/mounts; }

# Prints whatever of the cluster is still there.
leftovers() {
    local file
    for file in $(cgroup_list "$id"); do printf 'cgroup %s\n' "$file"; done
    mounts_under "$state" | sed 's/^/mount /'
    [ ! -e "$state" ] || printf 'folder %s\n' "$state"
    # A process of ours names the state folder or the id in its arguments, or sits in its cgroup.
    for file in /proc/[0-9]*; do
        # What has ended but was not yet looked at by its parent is not left behind.
        grep -qs '^State:[[:space:]]*[ZX]' "$file/status" && continue
        if grep -qsE "/$id-(control|node[0-9])(/|\$)" "$file/cgroup" || arguments_name_us "$file"; then
            printf 'process %s %s\n' "${file#/proc/}" "$(tr '\0' ' ' <"$file/cmdline" 2>/dev/null | cut -c1-120)"
        fi
    done
}

# This script and its parents (a shell, a test) may name the state folder too and are not leftovers.
arguments_name_us() { # PROC_FOLDER
    local executable
    grep -qsF "$state/" "$1/cmdline" || return 1
    executable=$(readlink "$1/exe" 2>/dev/null) || return 1
    case ${executable##*/} in
    kube* | etcd | containerd* | runc | coredns | local-path* | metrics-server | sleep) return 0 ;;
    *) return 1 ;;
    esac
}

cluster_down() {
    local left
    step "taken down" cluster_remove
    left=$(leftovers)
    if [ -n "$left" ]; then
        printf '%s\n' "$left" >&2
        die "this was left behind"
    fi
    say "nothing is left: no process, cgroup, mount, namespace or file"
}
