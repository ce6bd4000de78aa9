# SPDX-License-Identifier: Apache-2.0
"""What the operator does by itself: it hands leadership on, writes nothing when all is well, and mends what it owns."""

import json
import os
import re
import signal
import time

import pytest

from local_cluster import NotYet, say, wait_until
from objects import OPERATOR_USER

SECONDS = 600 if os.environ.get("MADBASE_LONG") == "1" else 120
HEAL_SECONDS = 2.0
OWNED = {  # kinds that the operator owns, and a change by hand to a field that it applies
    "api/v1 services": {"spec": {"selector": {"app.kubernetes.io/name": "changed"}}},
    "api/v1 configmaps": None,
    "api/v1 serviceaccounts": {"automountServiceAccountToken": True},
    "apis/rbac.authorization.k8s.io/v1 rolebindings": {"subjects": []},
    "apis/policy/v1 poddisruptionbudgets": {"spec": {"maxUnavailable": 0}},
    "apis/networking.k8s.io/v1 networkpolicies": {"spec": {"ingress": []}},
    "apis/apps/v1 statefulsets": {"spec": {"updateStrategy": {"type": "RollingUpdate"}}},
    "apis/apps/v1 deployments": {"spec": {"revisionHistoryLimit": 7}},
    "apis/madbase.io/v1alpha1 statepillars": {"spec": {"deletionProtection": True}},
}
WORKLOADS = ("statefulsets", "deployments")
DELETED_WITH_ALL_DATA_KEPT = ("statepillars",)  # its deletion and return: test_state_pillar.py


def owned_by_the_operator(demo, kind):
    """Paths and objects of one kind that a custom resource of `demo` owns."""
    group, plural = kind.split()
    base = f"/{group}/namespaces/{demo.namespace}/{plural}"
    return {f"{base}/{thing['metadata']['name']}": thing for thing in demo.cluster.get(base)["items"]
            if any(owner["apiVersion"].startswith("madbase.io/") for owner in thing["metadata"].get("ownerReferences", []))}


def essence(thing):
    """What is compared: everything but what the server and other controllers keep in it."""
    if thing is None or "deletionTimestamp" in thing["metadata"]:
        return None
    copy = json.loads(json.dumps(thing))
    meta = copy["metadata"]
    # The names of former pods go with these pods; the intent is a hash of what is applied, those names among it.
    notes = {key: value for key, value in meta.get("annotations", {}).items() if not key.startswith("deployment.")
             and key not in ("madbase.io/former-pods", "madbase.io/intent")}
    copy["metadata"] = {"name": meta["name"], "labels": meta.get("labels"), "annotations": notes}
    copy.pop("status", None)
    copy.pop("kind", None)
    copy.pop("apiVersion", None)
    if not re.search(r"-(redis|sentinel)-\d$", meta["name"]):
        for key in ("clusterIP", "clusterIPs"):  # these are known by their addresses, other Services by their names
            copy.get("spec", {}).pop(key, None)
    return copy


def assert_as_it_was(demo, path, before, since, what):
    """Waits until the object is as before; returns how long it took."""

    def mended():
        now = essence(demo.cluster.get(path))
        if now != before:
            raise NotYet("gone" if now is None else "changed")
        return time.monotonic() - since

    took = wait_until(f"{path.rsplit('/', 2)[1]} {path.rsplit('/', 1)[1]} to be as it was after {what}", mended, 15, 0.02)
    assert took <= HEAL_SECONDS, f"{path}: as it was {took:.2f} s after {what}"
    return took


def pods_of(demo):
    """Identity and restarts of every pod of the platform."""
    return {pod["metadata"]["name"]: (pod["metadata"]["uid"],
                                      [row["restartCount"] for row in pod["status"]["containerStatuses"]])
            for pod in demo.pods()}


def wait_other_leader(operator, before, moment, timeout):
    wait_until("another operator to lead", lambda: operator.holder() not in ("", before), timeout, 0.05)
    return time.monotonic() - moment


@pytest.mark.timeout(120)
def test_a_killed_leader_is_followed_within_17_seconds(operator, demo):
    operator.wait_replicas(2)
    leader, before = operator.wait_leader(), operator.holder()
    took = wait_other_leader(operator, before, operator.signal(leader, signal.SIGKILL), 40)
    say(f"SIGKILL of the leading operator: another leads after {took:.1f} s")
    assert took <= 17
    operator.wait_replicas(2)


@pytest.mark.timeout(120)
def test_a_leader_that_is_stopped_hands_over_within_3_seconds(operator, demo):
    operator.wait_replicas(2)
    leader, before = operator.wait_leader(), operator.holder()
    took = wait_other_leader(operator, before, operator.signal(leader, signal.SIGTERM), 40)
    say(f"SIGTERM of the leading operator: another leads after {took:.1f} s")
    assert took <= 3
    operator.wait_replicas(2)


@pytest.mark.timeout(180)
def test_a_restarted_operator_writes_nothing_but_its_lease_and_touches_no_pod(operator, demo, cluster):
    demo.wait_ready()
    mark, pods = operator.settle(), pods_of(demo)
    with operator.away():
        pass
    assert operator.settle() >= mark
    assert cluster.writes_since(mark, OPERATOR_USER) == []
    assert pods_of(demo) == pods


@pytest.mark.timeout(120 + SECONDS)
def test_the_converged_operator_writes_nothing_while_clients_do(operator, demo, cluster):
    demo.wait_ready()
    with demo.writers("quiet"):
        mark = operator.settle()
        versions = {path: thing["metadata"]["resourceVersion"] for kind in OWNED if not kind.endswith(WORKLOADS)
                    for path, thing in owned_by_the_operator(demo, kind).items()}
        versions[demo.path] = demo.get()["metadata"]["resourceVersion"]
        end = time.monotonic() + SECONDS

        def over():
            assert cluster.writes_since(mark, OPERATOR_USER) == []
            return time.monotonic() > end

        wait_until(f"{SECONDS} s without a write by the operator", over, SECONDS + 30, 1)
        assert {path: cluster.get(path)["metadata"]["resourceVersion"] for path in versions} == versions
    say(f"{SECONDS} s under writes: no API write by the operator but its Lease, {len(versions)} objects unchanged")


@pytest.mark.timeout(60)
def test_one_event_names_the_field_to_change_instead(operator, demo, cluster):
    path = f"/apis/apps/v1/namespaces/{demo.namespace}/deployments/{demo.name}-worker"
    before, earlier = essence(cluster.get(path)), {row["metadata"]["name"] for row in demo.events()}
    for _ in range(2):
        since = time.monotonic()
        cluster.merge(path, {"spec": {"replicas": 4}})
        assert_as_it_was(demo, path, before, since, "a change of replicas")

    def told():
        return [row for row in demo.events(reason="DriftReverted")
                if "Deployment madbase/demo-worker" in row["note"] and row["metadata"]["name"] not in earlier]

    (event,) = wait_until("the Event", told, 10)
    assert "change spec.worker of MadCluster demo instead" in event["note"]


@pytest.mark.timeout(240)
def test_what_is_edited_by_hand_is_as_it_was_within_2_seconds(operator, demo, cluster):
    demo.wait_ready()
    operator.settle()
    worst, count = (0.0, ""), 0
    for kind, patch in OWNED.items():
        for path, thing in owned_by_the_operator(demo, kind).items():
            edit = patch or {"data": {next(iter(thing.get("data") or {"key": ""})): "changed"}}
            since = time.monotonic()
            cluster.merge(path, edit)
            worst, count = max(worst, (assert_as_it_was(demo, path, essence(thing), since, "an edit"), path)), count + 1
    say(f"{count} objects edited by hand; the slowest was as before after {worst[0]:.2f} s: {worst[1]}")
    assert count > 40


@pytest.mark.timeout(400)
def test_what_is_deleted_by_hand_is_as_it_was_within_2_seconds(operator, demo, cluster):
    demo.wait_ready()
    operator.settle()
    worst, count = (0.0, ""), 0
    for kind in OWNED:
        if kind.endswith(DELETED_WITH_ALL_DATA_KEPT):
            continue
        demo.pillar.wait_members(3)
        for path, thing in owned_by_the_operator(demo, kind).items():
            if kind.endswith("statefulsets"):
                demo.pillar.wait_members(3)  # the pods of the one before have gone and come
            since = time.monotonic()
            cluster.delete(path, {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"})
            worst, count = max(worst, (assert_as_it_was(demo, path, essence(thing), since, "a deletion"), path)), count + 1
    say(f"{count} objects deleted by hand; the slowest was as before after {worst[0]:.2f} s: {worst[1]}")
    demo.wait_ready(240)
    demo.pillar.wait_members(3)
    wait_until("the pods of what was deleted to have ended",
               lambda: not any("deletionTimestamp" in pod["metadata"] for pod in demo.pods()), 90, 1)
