# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share variables
# The cluster's network: one namespace for the control plane with a bridge, one for each node with
# a veth into it. Nothing is ever made in the machine's own namespace and no route leads out, so
# clusters cannot meet although all use the same addresses.

control_address=192.168.77.1
service_range=10.96.0.0/16
pod_range=10.244.0.0/16
dns_service=10.96.0.10

node_address() { printf '192.168.77.%d\n' $((10 + $1)); }
node_pods() { printf '10.244.%d.0/24\n' "$1"; }

namespace_make() { # NAME
    mkdir -p "$state/net"
    touch "$state/net/$1"
    unshare --net="$state/net/$1" true
    in_net "$1" ip link set lo up
    in_net "$1" sysctl -qw net.ipv4.ip_forward=1
}

network_up() { # NODES
    local node other
    namespace_make control
    in_net control ip link add br0 type bridge forward_delay 0
    in_net control sysctl -qw net.bridge.bridge-nf-call-iptables=0 2>/dev/null || true
    in_net control ip address add "$control_address/24" dev br0
    in_net control ip link set br0 up
    in_net control ip route add "$service_range" dev br0
    in_net control ip route add unreachable default
    for ((node = 1; node <= $1; node++)); do
        namespace_make "node$node"
        in_net control ip link add "node$node" type veth peer name eth0 netns "$state/net/node$node"
        in_net control ip link set "node$node" master br0 up
        in_net "node$node" ip address add "$(node_address "$node")/24" dev eth0
        in_net "node$node" ip link set eth0 up
        in_net "node$node" ip route add "$service_range" dev eth0
        in_net "node$node" ip route add unreachable default
        in_net control ip route add "$(node_pods "$node")" via "$(node_address "$node")"
        for ((other = 1; other <= $1; other++)); do
            [ "$other" = "$node" ] ||
                in_net "node$node" ip route add "$(node_pods "$other")" via "$(node_address "$other")"
        done
    done
}

# Links go first: a namespace that another mount namespace still pins is then empty.
network_down() {
    local file link
    for file in "$state"/net/*; do
        [ -e "$file" ] || continue
        if mountpoint -q "$file" || grep -q " $file nsfs " /proc/mounts; then
            for link in $(nsenter --net="$file" ip -o link show 2>/dev/null | awk -F': ' '{ sub(/@.*/, "", $2); print $2 }'); do
                [ "$link" = lo ] || nsenter --net="$file" ip link delete "$link" 2>/dev/null || true
            done
            umount -l "$file" || true
        fi
        rm -f "$file"
    done
}
