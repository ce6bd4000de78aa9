# SPDX-License-Identifier: Apache-2.0
"""Who reaches whom, computed from NetworkPolicies as https://kubernetes.io/docs/concepts/services-networking/network-policies/
says: a pod that no policy selects for a direction is open in it; else what any of its policies allows is allowed, and a
connection needs both ends. Policies act on the addresses of pods: a Service has been resolved before.
"""

import ipaddress
from dataclasses import dataclass, field


@dataclass(frozen=True)
class End:
    """One end of a connection: a pod, or with namespace None an address outside of the cluster's pods."""

    name: str
    address: str
    namespace: str | None = None
    namespace_labels: dict = field(default_factory=dict, hash=False)
    labels: dict = field(default_factory=dict, hash=False)
    ports: dict = field(default_factory=dict, hash=False)  # of its containers, by name


def selects(selector, labels):
    """A label selector; an empty one selects everything."""
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for row in selector.get("matchExpressions", []):
        key, values = row["key"], row.get("values", [])
        good = {"In": labels.get(key) in values, "NotIn": labels.get(key) not in values,
                "Exists": key in labels, "DoesNotExist": key not in labels}[row["operator"]]
        if not good:
            return False
    return True


def _peer_fits(peer, end, policy_namespace):
    if "ipBlock" in peer:
        address = ipaddress.ip_address(end.address)

        def inside(cidr):
            return address in ipaddress.ip_network(cidr)

        return inside(peer["ipBlock"]["cidr"]) and not any(map(inside, peer["ipBlock"].get("except", [])))
    if end.namespace is None:
        return False
    if "namespaceSelector" not in peer and end.namespace != policy_namespace:
        return False
    return selects(peer.get("namespaceSelector", {}), end.namespace_labels) and selects(
        peer.get("podSelector", {}), end.labels)


def _port_fits(row, target, port, protocol):
    if row.get("protocol", "TCP") != protocol:
        return False
    wanted = row.get("port")
    if wanted is None:
        return True
    if isinstance(wanted, str):
        return target.ports.get(wanted) == port
    return wanted <= port <= row.get("endPort", wanted)


def _types(policy):
    spec = policy["spec"]
    return spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]


def _allows(policies, direction, own, other, target, port, protocol):
    side, peers = {"Ingress": ("ingress", "from"), "Egress": ("egress", "to")}[direction]
    if own.namespace is None:
        return True
    mine = [policy for policy in policies
            if policy["metadata"]["namespace"] == own.namespace and direction in _types(policy)
            and selects(policy["spec"]["podSelector"], own.labels)]
    return not mine or any(
        (not rule.get(peers) or any(_peer_fits(peer, other, own.namespace) for peer in rule[peers]))
        and (not rule.get("ports") or any(_port_fits(row, target, port, protocol) for row in rule["ports"]))
        for policy in mine for rule in policy["spec"].get(side) or [])


def reaches(policies, source, target, port, protocol="TCP"):
    """Whether a connection from source to a port of target is let through on both ends."""
    return (_allows(policies, "Egress", source, target, target, port, protocol)
            and _allows(policies, "Ingress", target, source, target, port, protocol))
