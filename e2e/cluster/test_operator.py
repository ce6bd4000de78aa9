# SPDX-License-Identifier: Apache-2.0
"""The operator itself: not needed for failover, one at a time, quiet when all is as asked, and quick to put things back."""

import os
import signal
import time

import pytest

from local_cluster import say, wait_until
from objects import OPERATOR_USER

BY_FORCE = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}


def delete_by_force(pillar, pod):
    pillar.cluster.delete(f"{pillar.core}/pods/{pod}", BY_FORCE)
    return time.monotonic()


def test_with_the_operator_away_clients_write_again_after_the_primary_is_lost(demo, operator):
    pillar = demo.pillar
    pillar.wait_members(3)
    with operator.away(), demo.writers("primary lost, operator away") as (postgres, _):
        started = delete_by_force(pillar, pillar.status()["primary"])
        took = postgres.wait_for_write(started, 40) - started
        wait_until("the writes to go on", lambda: len([1 for _, when in postgres.acknowledged() if when > started]) > 50, 60)
        gap = postgres.longest_gap()
        say(f"PostgreSQL: first write {took:.1f} s after its primary was deleted, at most {gap:.1f} s without one")
        assert gap <= 25
    pillar.wait_members(3)


def test_with_the_operator_away_clients_write_again_after_the_redis_master_is_lost(demo, operator):
    pillar = demo.pillar
    pillar.wait_members(3)
    with operator.away(), demo.writers("Redis master lost, operator away") as (_, redis):
        started = delete_by_force(pillar, pillar.status()["redisMaster"])
        redis.wait_for_write(started, 40)
        wait_until("the writes to go on", lambda: len([1 for _, when in redis.acknowledged() if when > started]) > 50, 60)
        gap = redis.longest_gap()
        say(f"Redis: at most {gap:.1f} s without a write after its master was deleted")
        assert gap <= 15
    pillar.wait_members(3)


@pytest.mark.parametrize("number, bound", [(signal.SIGKILL, 17.0), (signal.SIGTERM, 3.0)], ids=["SIGKILL", "SIGTERM"])
def test_the_standby_takes_over(demo, operator, number, bound):
    operator.wait_replicas(2)
    leader, holder = operator.wait_leader(), operator.holder()
    started = operator.signal(leader, number)

    def other_leads():
        now = operator.holder()
        return now and now != holder and not now.startswith(f"{leader}_")

    wait_until("the standby to lead", other_leads, 40, 0.02)
    took = time.monotonic() - started
    say(f"the standby leads {took:.1f} s after {number.name}")
    assert took <= bound
    operator.wait_replicas(2, 90)


def test_a_restart_with_everything_converged_writes_nothing_and_touches_no_pod(demo, cluster, operator):
    demo.wait_ready()
    operator.settle()
    before = {pod["metadata"]["uid"]: pod["metadata"]["name"] for pod in demo.pods()}
    mark = cluster.audit_mark()
    with operator.replicas(0):
        pass
    operator.settle()
    writes = cluster.writes_since(mark, OPERATOR_USER)
    assert not writes, f"a restart wrote {writes}"
    assert {pod["metadata"]["uid"]: pod["metadata"]["name"] for pod in demo.pods()} == before


def owned_objects(demo):
    """Everything the operator owns for the sample, by kind; Secrets and volume claims are another matter."""
    base, group = f"/api/v1/namespaces/{demo.namespace}", demo.namespace
    paths = {
        "Service": f"{base}/services", "ConfigMap": f"{base}/configmaps", "ServiceAccount": f"{base}/serviceaccounts",
        "Deployment": f"/apis/apps/v1/namespaces/{group}/deployments",
        "StatefulSet": f"/apis/apps/v1/namespaces/{group}/statefulsets",
        "NetworkPolicy": f"/apis/networking.k8s.io/v1/namespaces/{group}/networkpolicies",
        "PodDisruptionBudget": f"/apis/policy/v1/namespaces/{group}/poddisruptionbudgets",
        "RoleBinding": f"/apis/rbac.authorization.k8s.io/v1/namespaces/{group}/rolebindings",
    }
    selector = f"app.kubernetes.io/managed-by=madbase-operator,madbase.io/cluster={demo.name}"
    return {kind: [(path, item) for item in demo.cluster.items(path, selector)] for kind, path in paths.items()}


# What is changed by hand, per kind: a merge patch, and how to see that it was put back.
EDITS = {
    "Service": ({"spec": {"selector": {"app.kubernetes.io/name": "nobody"}}},
                lambda item: item["spec"]["selector"]["app.kubernetes.io/name"] != "nobody"),
    "ConfigMap": (lambda item: {"data": {sorted(item["data"])[0]: "changed by hand"}},
                  lambda item: "changed by hand" not in item["data"].values()),
    "ServiceAccount": ({"automountServiceAccountToken": True},
                       lambda item: item.get("automountServiceAccountToken") is not True),
    "Deployment": ({"spec": {"replicas": 7}}, lambda item: item["spec"]["replicas"] != 7),
    "StatefulSet": ({"spec": {"updateStrategy": {"type": "RollingUpdate"}}},
                    lambda item: item["spec"]["updateStrategy"]["type"] == "OnDelete"),
    "NetworkPolicy": ({"spec": {"ingress": [{}]}}, lambda item: item["spec"].get("ingress") != [{}]),
    "PodDisruptionBudget": ({"spec": {"maxUnavailable": 3}}, lambda item: item["spec"]["maxUnavailable"] != 3),
    "RoleBinding": ({"subjects": []}, lambda item: bool(item.get("subjects"))),
}


@pytest.mark.parametrize("kind", sorted(EDITS))
def test_what_is_edited_by_hand_is_as_it_was_within_two_seconds(demo, cluster, operator, kind):
    demo.wait_ready()
    operator.settle(3)
    patch, is_back = EDITS[kind]
    slowest = 0.0
    for path, item in owned_objects(demo)[kind]:
        target = f"{path}/{item['metadata']['name']}"
        cluster.merge(target, patch(item) if callable(patch) else patch)
        started = time.monotonic()
        wait_until(f"{target} to be put back", lambda: is_back(cluster.get(target)), 10, 0.02)
        slowest = max(slowest, time.monotonic() - started)
    say(f"{kind}: put back within {slowest:.2f} s")
    assert slowest <= 2
    demo.wait_ready()


@pytest.mark.parametrize("kind", ["ConfigMap", "NetworkPolicy", "PodDisruptionBudget", "RoleBinding", "Service",
                                  "ServiceAccount"])
def test_what_is_deleted_by_hand_is_there_again_within_two_seconds(demo, cluster, operator, kind):
    demo.wait_ready()
    operator.settle(3)
    path, item = owned_objects(demo)[kind][0]
    target = f"{path}/{item['metadata']['name']}"
    cluster.delete(target)
    started = time.monotonic()

    def back():
        now = cluster.get(target)
        return now and now["metadata"]["uid"] != item["metadata"]["uid"]

    wait_until(f"{target} to be made again", back, 10, 0.02)
    took = time.monotonic() - started
    say(f"{kind}: there again after {took:.2f} s")
    assert took <= 2
    demo.wait_ready()


def test_a_lost_member_service_comes_back_under_its_address(demo, cluster, operator):
    demo.wait_ready()
    path = f"/api/v1/namespaces/{demo.namespace}/services/{demo.name}-redis-0"
    before = cluster.get(path)
    cluster.delete(path)
    again = wait_until("the Service to be made again", lambda: (now := cluster.get(path)) and
                       now["metadata"]["uid"] != before["metadata"]["uid"] and now, 10)
    assert again["spec"]["clusterIP"] == before["spec"]["clusterIP"]
    demo.pillar.wait_members(3)


def owned_versions(demo):
    return {f"{kind} {item['metadata']['name']}": item["metadata"]["resourceVersion"]
            for kind, rows in owned_objects(demo).items() for _, item in rows
            if kind not in ("Deployment", "StatefulSet", "PodDisruptionBudget")}


def test_the_converged_operator_writes_nothing_while_clients_write(demo, cluster, operator):
    minutes = 10 if os.environ.get("MADBASE_LONG") == "1" else 2
    demo.wait_ready()
    with demo.writers("quiet operator"):
        mark, versions = operator.settle(), owned_versions(demo)
        end = time.monotonic() + 60 * minutes
        wait_until(f"{minutes} minutes to pass", lambda: time.monotonic() > end, 60 * minutes + 30, 1)
        writes = cluster.writes_since(mark, OPERATOR_USER)
        assert not writes, f"the operator wrote {writes}"
        assert owned_versions(demo) == versions
    say(f"{minutes} minutes under writes: no write of the operator but its Lease")
