# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share variables
# One cgroup for the control plane and one for each node, in cgroup v1 and in v2.
# A group GROUP holds the leaf GROUP/system with the node's own processes; the kubelet adds
# GROUP/kubepods beside it (in v2 a group with children must hold no processes itself).

cgroup_version() {
    if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then echo 2; else echo 1; fi
}

# The mount points of all hierarchies that groups are made in.
cgroup_roots() {
    if [ "$(cgroup_version)" = 2 ]; then
        echo /sys/fs/cgroup
    else
        awk '{ for (i = 7; i < NF; i++) if ($i == "-") { if ($(i + 1) == "cgroup" && $4 == "/") print $5; break } }' \
            /proc/self/mountinfo | sort -u
    fi
}

# The same, and where v1 and v2 are both mounted the tree of v2, in which runc makes groups too.
cgroup_trees() {
    { cgroup_roots; awk '$3 == "cgroup2" { print $2 }' /proc/mounts; } | sort -u
}

cgroup_make() { # GROUP
    local top folder
    [ -n "$(cgroup_roots)" ] || die "no cgroup hierarchy is mounted with its root at /sys/fs/cgroup"
    while read -r top; do
        for folder in "$top/$1" "$top/$1/system"; do
            mkdir -p "$folder"
            if [ "$(cgroup_version)" = 2 ]; then
                [ "$folder" = "$top/$1/system" ] || cgroup_delegate "$top" "$folder"
            elif [ -f "$folder/cpuset.cpus" ]; then
                cat "$top/cpuset.cpus" >"$folder/cpuset.cpus"
                cat "$top/cpuset.mems" >"$folder/cpuset.mems"
            fi
        done
    done < <(cgroup_roots)
}

# Hands the controllers that a kubelet needs down to a group's children (v2).
cgroup_delegate() { # TOP FOLDER
    local folder controller
    for folder in "$1" "$2"; do
        for controller in cpu cpuset io memory pids hugetlb; do
            grep -qw "$controller" "$folder/cgroup.controllers" || continue
            grep -qw "$controller" "$folder/cgroup.subtree_control" && continue
            echo "+$controller" >"$folder/cgroup.subtree_control" 2>/dev/null ||
                die "cannot turn on the cgroup controller $controller in $folder: processes sit in it, or it is not ours"
        done
    done
}

# The files that take a process into the group's leaf.
cgroup_files() { # GROUP
    cgroup_roots | while read -r top; do printf '%s\n' "$top/$1/system/cgroup.procs"; done
}

cgroup_pids() { # GROUP
    cgroup_trees | while read -r top; do
        [ ! -d "$top/$1" ] || find "$top/$1" -name cgroup.procs -exec cat {} + 2>/dev/null || true
    done | sort -un
}

cgroup_freeze() { # GROUP 1|0
    local top file
    while read -r top; do
        if [ -f "$top/$1/cgroup.freeze" ]; then
            echo "$2" >"$top/$1/cgroup.freeze"
        elif [ -d "$top/$1" ]; then
            # In v1 a frozen child keeps a state of its own.
            find "$top/$1" -depth -name freezer.state | while read -r file; do
                if [ "$2" = 1 ]; then echo FROZEN; else echo THAWED; fi >"$file" 2>/dev/null || true
            done
        fi
    done < <(cgroup_trees)
}

# Kills everything in a group; what forks meanwhile is caught by the next round.
cgroup_kill() { # GROUP
    local top round pids
    for ((round = 0; round < 200; round++)); do
        mapfile -t pids < <(cgroup_pids "$1")
        [ ${#pids[@]} -gt 0 ] || return 0
        while read -r top; do
            [ ! -f "$top/$1/cgroup.kill" ] || echo 1 >"$top/$1/cgroup.kill"
        done < <(cgroup_trees)
        kill -KILL "${pids[@]}" 2>/dev/null || true
        cgroup_freeze "$1" 0
        sleep 0.05
    done
    say "still in the cgroup $1: ${pids[*]}"
    return 1
}

cgroup_remove() { # GROUP
    local top
    while read -r top; do
        [ ! -d "$top/$1" ] || find "$top/$1" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done < <(cgroup_trees)
}

# The groups of a cluster that exist, one name a line.
cgroup_list() { # CLUSTER_ID
    cgroup_trees | while read -r top; do
        find "$top" -maxdepth 1 \( -name "$1-control" -o -name "$1-node[0-9]" \) -printf '%f\n' 2>/dev/null || true
    done | sort -u
}
