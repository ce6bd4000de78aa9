# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share variables
# Puts image archives into the nodes' containerd, once per node and content.

# What is loaded under a tag is remembered by the tag, so that going back to an older build loads it again.
archive_key() { # FILE
    case $1 in
    "$cache"/images/*) basename "$1" ;; # named by content
    *) sha256sum <"$1" | cut -c1-16 ;;
    esac
}

archive_tags() { tar -xOf "$1" manifest.json | jq -r '.[].RepoTags[]'; }

node_load() { # NODE FILE KEY TAG
    local marker
    marker=$state/$1/loaded/${4//[\/:]/_}
    [ "$(cat "$marker" 2>/dev/null)" = "$3" ] && return 0
    mkdir -p "$state/$1/loaded"
    node_ctr "$1" images import - <"$2" >>"$state/logs/$1-import.log" 2>&1 || return 1
    printf '%s\n' "$3" >"$marker"
}

# Nodes load at the same time.
load_archive() { # FILE NODE...
    local file=$1 key tag node pids=() pid failed=0
    shift
    key=$(archive_key "$file")
    tag=$(archive_tags "$file" | head -n 1)
    [ -n "$tag" ] || die "$file is not an image archive"
    for node in "$@"; do
        node_load "$node" "$file" "$key" "$tag" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
    [ "$failed" = 0 ] || die "loading $file failed; see $state/logs/node*-import.log"
}

# An argument is an archive file, the name of a folder of images/, or docker.io/madbase/NAME:dev.
archive_for() { # ARGUMENT
    local name=${1#docker.io/madbase/}
    if [ -f "$1" ]; then
        realpath "$1"
    elif [ "$1" = docker.io/library/debian:trixie-slim ]; then
        "$root/hack/images" --print base
    else
        "$root/hack/images" --print "${name%:dev}"
    fi
}

load_images() { # ARGUMENT...
    local argument file nodes
    mapfile -t nodes < <(node_names)
    for argument in "$@"; do
        file=$(archive_for "$argument") || die "there is no image '$argument'"
        step "image $(basename "$file") on ${#nodes[@]} nodes" load_archive "$file" "${nodes[@]}"
    done
}
