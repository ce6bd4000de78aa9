# SPDX-License-Identifier: Apache-2.0
"""The operator's rights in the chart against the calls that its code makes, both ways.

The calls follow from the tables of the controllers (print-plan watches), from plans (the golden ones, those that the
samples go through on a real API server, and those of a deletion), and from the table below for the calls that plans
name and for the runtime itself.
"""

import re

import pytest

from plans import REPOSITORY, golden_plans, plan, sample, watches

OPERATOR = "madbase-operator"
# Which requests a named call of a plan makes: (group, resource, verb).
CALLS = {
    "hand-over-replicas": {("apps", "deployments", "patch"), ("apps", "deployments", "create")},
    "secrets": {("", "secrets", "get"), ("", "secrets", "create")},
    "delete-records": {("", kind, verb) for kind in ("secrets", "configmaps") for verb in ("get", "delete")},
    "service-again": {("", "services", "create")},
    # These talk to PostgreSQL, Patroni, Redis and Sentinel, with passwords that they read by name.
    **{name: {("", "secrets", "get")} for name in (
        "patroni-config", "confirm-primary", "postgres-restart", "switchover", "redis-config", "confirm-master",
        "redis-handover", "sentinel-reset")},
}
# What the runtime asks for itself: (where, group, resource, name, verb). "all" is every namespace that is watched.
RUNTIME = {
    *(("all", "events.k8s.io", "events", "", verb) for verb in ("create", "patch")),
    ("own", "coordination.k8s.io", "leases", "", "create"),
    *(("own", "coordination.k8s.io", "leases", OPERATOR, verb) for verb in ("get", "watch", "update")),
}
# Sources whose requests CALLS stands for: every kind that they name must be in it.
CALL_SOURCES = ["madcluster/reconcile.c", "statepillar/calls.c", "statepillar/calls_*.c", "statepillar/secrets.c"]


def needed(grown):
    """Every request that the code can make, as a dictionary from right to the reason for it."""
    reasons = {}
    tables = watches()
    resources = {row["kind"]: (row["group"], row["plural"]) for table in tables for row in [table, *table["watches"]]}

    def need(reason, where, group, resource, verbs, name=""):
        for verb in verbs:
            reasons.setdefault((where, group, resource, name, verb), reason)

    for table in tables:
        kind, controller = table["kind"], table["name"]
        need(f"{controller} watches its own kind", "all", table["group"], table["plural"], ["list", "watch"])
        need(f"{controller} reports", "all", table["group"], table["plural"] + "/status", ["patch"])
        need(f"owner references to {kind} hold up its deletion", "all", table["group"], table["plural"] + "/finalizers",
             ["update"])
        for row in table["watches"]:
            where = row.get("namespace", "all")
            need(f"{controller} watches {row['kind']}", where, row["group"], row["plural"], ["list", "watch"])
            if row["prune"]:
                need(f"{controller} prunes {row['kind']}", where, row["group"], row["plural"], ["delete"])
        for call in table["calls"]:
            for group, resource, verb in CALLS.get(call, ()):
                need(f"{controller} calls {call}", "all", group, resource, [verb])
    for origin, one in plans(grown):
        for action in one["actions"]:
            if action["do"] != "call":
                verbs = {"apply": ["get", "create", "patch"], "create": ["create"], "patch": ["patch"],
                         "delete": ["get", "delete"] if action.get("careful") else ["delete"]}[action["do"]]
                need(f"{origin}: {action['do']} {action['kind']}", "all", *resources[action["kind"]], verbs)
            role = action.get("object", {}).get("roleRef")
            if role:
                need(f"{origin}: {action['name']} binds {role['name']}", "all", "rbac.authorization.k8s.io",
                     role["kind"].lower() + "s", ["bind"], role["name"])
    for where, group, resource, name, verb in RUNTIME:
        need("the runtime", where, group, resource, [verb], name)
    return reasons


def plans(grown):
    """(where it comes from, plan), of as many ways as there are to want something."""
    yield from ((f"{controller}, {case}", one) for controller, case, one in golden_plans())
    for name, spec in (("madcluster", {}), ("statepillar", {"dcs": "Etcd"})):
        case = grown(name, **spec)
        for kind, one in case.plans.items():
            yield f"{kind} of sample {name}", one
            yield f"{kind} of sample {name} with running pods", case.plan_with(kind, *case.running())
    yield from ((f"a pillar that goes with its data, step {step}", one) for step, one in enumerate(deletion()))


def deletion():
    """The plans of a pillar under deletionPolicy Delete: pods, then volumes, then passwords."""
    labels = {"madbase.io/cluster": "orders", "app.kubernetes.io/managed-by": OPERATOR}
    pillar = sample("statepillar", deletionPolicy="Delete")
    pillar["metadata"].update(deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["madbase.io/data"])
    common = {"namespace": "madbase", "labels": labels}
    workloads = [{"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": {"replicas": 3},
                  "metadata": {"name": f"orders-{part}", **common}} for part in ("pg", "redis", "sentinel")]
    workloads.append({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 3},
                      "metadata": {"name": "orders-entry", **common}})
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data-orders-pg-0", **common}}
    for objects in ([*workloads, claim], [claim], []):
        yield plan([pillar, *objects])


def granted(objects):
    """What the chart lets the operator's account do, as a set of rights."""
    rules = {(thing["kind"], thing["metadata"]["name"], thing["metadata"].get("namespace")): thing["rules"]
             for thing in objects if thing["kind"] in ("Role", "ClusterRole")}
    rights = set()
    for binding in objects:
        if binding["kind"] not in ("RoleBinding", "ClusterRoleBinding"):
            continue
        assert [subject["name"] for subject in binding["subjects"]] == [OPERATOR]
        namespace = binding["metadata"].get("namespace")
        where = {"madbase-system": "own", "default": "default"}.get(namespace, "all")
        role = binding["roleRef"]
        for rule in rules[role["kind"], role["name"], namespace if role["kind"] == "Role" else None]:
            rights |= {(where, group, resource, name, verb) for group in rule["apiGroups"]
                       for resource in rule["resources"] for name in rule.get("resourceNames", [""])
                       for verb in rule["verbs"]}
    return rights


def sentence(right):
    where, group, resource, name, verb = right
    places = {"all": "the watched namespaces", "own": "its own namespace", "default": "namespace default"}
    return f"{verb} {resource}{'.' + group if group else ''}{' ' + name if name else ''} in {places[where]}"


@pytest.fixture
def reasons(grown):
    return needed(grown)


@pytest.fixture
def rights(rendered):
    return granted(rendered())


def test_grants_what_the_code_asks_for(reasons, rights):
    missing = [f"{sentence(right)} is missing: {reason}" for right, reason in sorted(reasons.items()) if right not in rights]
    assert missing == []


def test_grants_nothing_else(reasons, rights):
    assert [f"{sentence(right)} is superfluous: no code asks for it" for right in sorted(rights - reasons.keys())] == []


def test_named_namespaces_have_the_same_rights(rendered):
    """With Roles for ClusterRoles, Patroni's among them."""
    def plain(rights):
        return {(where, group, resource.replace("clusterroles", "roles"), name, verb)
                for where, group, resource, name, verb in rights}

    for namespace in ("shop", "other"):
        some = [thing for thing in rendered("namespaces={shop,other}")
                if thing["metadata"].get("namespace") in (namespace, "madbase-system", "default")]
        assert plain(granted(some)) == plain(granted(rendered()))


def test_binds_the_role_that_the_chart_ships(rendered):
    """In both kinds of installation Patroni's binding names a role that is there."""
    pillar = sample("statepillar")
    for namespaced, values in ((False, []), (True, ["namespaces={madbase}"])):
        roles = {(thing["kind"], thing["metadata"]["name"], thing["metadata"].get("namespace"))
                 for thing in rendered(*values) if "rules" in thing}
        made = plan([pillar], namespaced=namespaced)["actions"]
        bindings = [action["object"] for action in made if action.get("kind") == "RoleBinding"]
        assert bindings
        for binding in bindings:
            role = binding["roleRef"]
            assert (role["kind"], role["name"], "madbase" if role["kind"] == "Role" else None) in roles


def test_no_wildcard_and_no_way_into_pods(rights):
    assert [sentence(right) for right in rights if "*" in right] == []
    assert [sentence(right) for right in rights if right[2].startswith("pods/") or "escalate" in right] == []


def test_secrets_are_never_listed_or_watched(rights):
    assert {right[4] for right in rights if right[2] == "secrets"} == {"get", "create", "delete"}


def test_patroni_may_not_read_secrets(rendered):
    role = next(thing for thing in rendered() if thing["metadata"]["name"] == f"{OPERATOR}-patroni")
    assert {resource for rule in role["rules"] for resource in rule["resources"]} == {"configmaps", "pods"}
    assert not any("delete" in verb for rule in role["rules"] for verb in rule["verbs"])


def test_the_table_of_calls_is_that_of_the_code():
    code = {call for table in watches() for call in table["calls"]}
    assert code - CALLS.keys() == set(), "these calls of the controllers have no row in CALLS"
    assert CALLS.keys() - code == set(), "these rows of CALLS stand for no call"


def test_every_kind_that_calls_ask_for_is_in_the_table():
    """A request to a kind that is new in these files must come with a row above."""
    source = "".join(path.read_text() for pattern in CALL_SOURCES
                     for path in sorted((REPOSITORY / "operator/controllers").glob(pattern)))
    code = re.sub(r"static const Watched watches\[\].*?\n};", "", source, flags=re.S)
    kinds = {kind for kind in re.findall(r"&kind_(\w+)", code) if kind != "statepillar" and kind != "madcluster"}
    assert {f"{kind}s" for kind in kinds} == {resource for rows in CALLS.values() for _, resource, _ in rows}
