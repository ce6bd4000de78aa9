# SPDX-License-Identifier: Apache-2.0
"""The zones: what zones.yaml says against what the NetworkPolicies of the plans and of the chart let through.

Nothing here enforces policies: who reaches whom is computed (network.py), whose reading of them is tested below.
"""

import pathlib

import pytest
import yaml

from network import End, reaches, selects
from plans import sample

ZONES = yaml.safe_load((pathlib.Path(__file__).parent / "zones.yaml").read_text())
# Names in zones.yaml of the pods whose label app.kubernetes.io/name is another word.
WORDS = {"madbase-api": "api", "madbase-gateway": "gateway", "madbase-worker": "worker", "victoria-metrics": "metrics",
         "postgresql": "pg", "haproxy": "entry", "madbase-operator": "operator"}
ADMIN, WORLD, FOREIGN_PORT = "10.8.1.2", "203.0.113.9", 9999


def pod(name, namespace, labels, address, ports=None, **namespace_labels):
    return End(name, address, namespace, {"kubernetes.io/metadata.name": namespace, **namespace_labels}, labels, ports or {})


class Place:
    """All ends and all policies of a cluster with one platform and its operator."""

    def __init__(self, case, chart):
        self.policies = [thing for thing in [*case.objects.values(), *chart] if thing["kind"] == "NetworkPolicy"]
        self.ends = {}
        for thing in [*case.objects.values(), *chart]:
            if thing["kind"] in ("Deployment", "StatefulSet"):
                self._add_pod(thing)
        self.platform = list(self.ends)
        for end in (
            pod("app", "shop", {"app": "cart"}, "10.244.9.1", app="shop"),
            pod("neighbour", case.namespace, {"app": "cart"}, "10.244.9.2"),
            pod("foreign", "elsewhere", {"madbase.io/cluster": "prod", "madbase.io/pillar": "worker"}, "10.244.9.3"),
            End("admin", ADMIN), End("world", WORLD),
        ):
            self.ends[end.name] = end

    def _add_pod(self, thing):
        template = thing["spec"]["template"]
        labels = template["metadata"]["labels"]
        word = labels["app.kubernetes.io/name"]
        ports = {port["name"]: port["containerPort"] for container in template["spec"]["containers"]
                 for port in container.get("ports", [])}
        name = WORDS.get(word, word)
        self.ends[name] = pod(name, thing["metadata"]["namespace"], labels, f"10.244.1.{len(self.ends) + 1}", ports)

    def who_reaches(self, target, port):
        return {end.name for end in self.ends.values() if reaches(self.policies, end, target, port)}

    def inward(self):
        """As `in` of zones.yaml: every port that a pod declares, and who gets there."""
        return {name: {port: self.who_reaches(self.ends[name], port) for port in self.ends[name].ports.values()}
                for name in self.platform}

    def outward(self):
        """As `out` of zones.yaml: who of the platform gets where."""
        server = End("apiserver", "192.0.2.1")
        roads = {"dns": (End("dns", "198.51.100.53"), 53, "UDP"), "apiserver": (server, 6443, "TCP"),
                 "foreign": (self.ends["foreign"], FOREIGN_PORT, "TCP"),
                 "neighbour": (self.ends["neighbour"], FOREIGN_PORT, "TCP"), "world": (self.ends["world"], 443, "TCP")}
        return {road: {name for name in self.platform if reaches(self.policies, self.ends[name], target, port, protocol)}
                for road, (target, port, protocol) in roads.items()}


def lines(table):
    """One line a port, so that a difference names what differs."""
    return {f"{name}:{port}": sorted(who) for name, rows in table.items() for port, who in rows.items()}


def state(**changes):
    return {**sample("madcluster")["spec"]["state"], **changes}


@pytest.fixture(params=["Kubernetes", "Etcd"])
def dcs(request):
    return request.param


@pytest.fixture
def place(grown, rendered, dcs):
    return Place(grown("madcluster", state=state(dcs=dcs)), rendered())


def sets(table, names):
    return {key: {name for name in row if name in names} for key, row in table.items()}


def test_lets_in_what_the_table_says(place):
    wanted = {name: sets(rows, place.ends) for name, rows in ZONES["in"].items() if name in place.ends}
    assert lines(place.inward()) == lines(wanted)


def test_lets_out_what_the_table_says(place, dcs):
    table = {**ZONES["out"], **(ZONES["out-with-etcd"] if dcs == "Etcd" else {})}
    assert place.outward() == sets(table, place.ends)


def test_every_pod_of_the_platform_is_in_a_zone(place):
    bare = [name for name in place.platform
            if not any(policy["metadata"]["namespace"] == place.ends[name].namespace
                       and selects(policy["spec"]["podSelector"], place.ends[name].labels) for policy in place.policies)]
    assert bare == []
    assert ZONES["in"].keys() == set(place.platform) | {"etcd"}


def test_closes_the_admin_ports_where_no_admin_is_named(grown, rendered):
    place = Place(grown("madcluster", zones={}), rendered())
    table = place.inward()
    assert not [name for name, rows in table.items() if name != "operator" for port, who in rows.items()
                if "admin" in who and (name, port) != ("gateway", 8080)]


def test_opens_the_entry_to_nobody_who_is_not_named(grown, rendered):
    place = Place(grown("madcluster", state=state(allowFrom=[])), rendered())
    assert place.inward()["entry"][5433] == {"gateway", "worker"}


def test_a_pillar_on_its_own_is_closed_but_for_whom_it_names(grown, rendered):
    place = Place(grown("statepillar"), rendered())
    place.ends["client"] = pod("client", place.ends["pg"].namespace, {"app": "orders"}, "10.244.9.9")
    table = place.inward()
    assert table["entry"][5433] == {"client"}
    assert table["pg"][8008] == {"pg", "redis", "sentinel", "entry", "operator"}
    assert place.outward()["world"] == {"operator"}


# -- how network.py reads policies ------------------------------------------------------------------------

HERE = pod("here", "a", {"app": "x"}, "10.0.0.1", {"web": 80}, team="one")
SAME = pod("same", "a", {"app": "y"}, "10.0.0.2", team="one")
OTHER = pod("other", "b", {"app": "y"}, "10.0.0.3", team="two")
OUTSIDE = End("outside", "203.0.113.9")


def policy(namespace="a", **spec):
    return {"metadata": {"namespace": namespace}, "spec": {"podSelector": {}, **spec}}


@pytest.mark.parametrize("spec, who", [
    ([], {"same", "other", "outside"}),
    ([{"ingress": []}], set()),
    ([{"policyTypes": ["Egress"]}], {"other", "outside"}),
    ([{"podSelector": {"matchLabels": {"app": "z"}}, "ingress": []}], {"same", "other", "outside"}),
    ([{"ingress": [{}]}], {"same", "other", "outside"}),
    ([{"ingress": [{"from": [{"podSelector": {}}]}]}], {"same"}),
    ([{"ingress": [{"from": [{"namespaceSelector": {}}]}]}], {"same", "other"}),
    ([{"ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"team": "two"}}, "podSelector": {"matchLabels": {
        "app": "x"}}}]}]}], set()),
    ([{"ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"team": "two"}}}, {"podSelector": {"matchLabels": {
        "app": "y"}}}]}]}], {"same", "other"}),
    ([{"ingress": [{"from": [{"podSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["y"]}]
                             }}]}]}], set()),
    ([{"ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]}]}], {"outside"}),
    ([{"ingress": [{"ports": [{"port": 81}]}]}], set()),
    ([{"ingress": [{"ports": [{"port": "web"}]}]}], {"same", "other", "outside"}),
    ([{"ingress": [{"ports": [{"port": 70, "endPort": 90}]}]}], {"same", "other", "outside"}),
    ([{"ingress": [{"ports": [{"port": 80, "protocol": "UDP"}]}]}], set()),
    ([{"ingress": []}, {"ingress": [{"from": [{"podSelector": {}}]}]}], {"same"}),
])
def test_reads_the_way_in(spec, who):
    policies = [policy(**one) for one in spec]
    assert {end.name for end in (SAME, OTHER, OUTSIDE) if reaches(policies, end, HERE, 80)} == who


def test_reads_the_way_out():
    closed = policy(egress=[{"to": [{"ipBlock": {"cidr": "10.0.0.0/24"}}], "ports": [{"port": 443}]}], policyTypes=["Egress"])
    assert reaches([closed], HERE, OTHER, 443) and not reaches([closed], HERE, OTHER, 80)
    assert not reaches([closed], HERE, OUTSIDE, 443) and reaches([closed], OUTSIDE, HERE, 80)
    assert not reaches([closed, policy("b", ingress=[])], HERE, OTHER, 443)
