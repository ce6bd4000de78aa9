# SPDX-License-Identifier: Apache-2.0
"""What stands in the way is said: in waitingFor and as one Event; and it heals by itself when the cause goes away."""

import pytest

from local_cluster import SYSTEM, Refused, wait_until
from objects import MadCluster, StatePillar, condition

SMALL = {"members": 1, "profile": "Development", "deletionProtection": False, "storage": {"size": "256Mi"}}


def wait_for_word(thing, *words, timeout=60):
    """A wait that holds all these words."""
    return thing.wait(f"a wait that says {words}", lambda now: any(
        all(word in f"{row['what']} {row.get('unblock', '')}" for word in words)
        for row in now.get("status", {}).get("waitingFor", [])), timeout)


def assert_one_event(thing, word):
    def told():
        return [row for row in thing.events(type="Warning") if word in row["note"]]

    wait_until(f"an Event that says {word!r}", told, 20)
    assert len(told()) == 1, told()


@pytest.mark.timeout(300)
def test_a_wrong_image_is_said_and_heals(cluster, room, operator):
    pillar = StatePillar(cluster, room, "p").apply({**SMALL, "images": {"redis": "docker.io/madbase/redis:nowhere"}})
    wait_for_word(pillar, "p-redis-0", "image")
    assert_one_event(pillar, "p-redis-0")
    pillar.change(images=None)
    pillar.wait_members(1, 180)


@pytest.mark.timeout(300)
def test_a_pod_that_no_node_takes_is_said_and_heals(cluster, room, operator):
    worker = {"replicas": 1, "resources": {"requests": {"cpu": "1000"}, "limits": {"cpu": "1000"}}}
    made = MadCluster(cluster, room, "m").apply({"profile": "Development", "deletionProtection": False, "worker": worker})
    wait_for_word(made, "no node takes it")
    assert_one_event(made, "no node takes it")
    made.change(worker={"resources": None})
    made.wait_ready(120)


@pytest.mark.timeout(300)
def test_a_full_quota_is_said_and_heals(cluster, room, operator):
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none", "namespace": room},
             "spec": {"hard": {"pods": "0"}}}
    cluster.apply(quota)
    made = MadCluster(cluster, room, "m").apply(
        {"profile": "Development", "deletionProtection": False, "worker": {"replicas": 1}})
    wait_for_word(made, "quota")
    assert_one_event(made, "quota")
    cluster.delete(f"/api/v1/namespaces/{room}/resourcequotas/none")
    made.wait_ready(180)


@pytest.mark.timeout(300)
def test_a_lost_secret_is_made_again_and_clients_get_in(solo, cluster):
    path = f"/api/v1/namespaces/{solo.namespace}/secrets/{solo.name}-app"
    before = cluster.get(path)
    cluster.delete(path)
    again = wait_until("the Secret to be made again", lambda: (now := cluster.get(path)) and
                       now["metadata"]["uid"] != before["metadata"]["uid"] and now, 75, 0.5)
    assert set(again["data"]) == set(before["data"])
    wait_until("the new password to be taken", lambda: cluster.sql(solo.entry_uri(), "SELECT 1") == [[1]], 150, 1)


@pytest.mark.timeout(300)
def test_a_missing_right_is_said_and_heals(cluster, room, operator):
    rules = "/apis/rbac.authorization.k8s.io/v1/clusterroles/madbase-operator"
    role = cluster.get(rules)
    fewer = [rule for rule in role["rules"] if "networkpolicies" not in rule.get("resources", [])]
    assert len(fewer) < len(role["rules"])
    cluster.merge(rules, {"rules": fewer})
    try:
        made = MadCluster(cluster, room, "m").apply(
            {"profile": "Development", "deletionProtection": False, "worker": {"replicas": 1}})
        wait_for_word(made, "networkpolicies")
        assert_one_event(made, "networkpolicies")
    finally:
        cluster.merge(rules, {"rules": role["rules"]})
    made.wait_ready(180)


@pytest.mark.timeout(300)
def test_a_count_made_even_behind_the_schemas_back_holds_what_is_there(solo, cluster, operator):
    """The rules of the definition are taken away for a moment, as an old definition would lack them."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/statepillars.madbase.io"
    before = cluster.get(path)
    versions = before["spec"]["versions"]

    def without_rules(node):
        if isinstance(node, dict):
            return {key: without_rules(value) for key, value in node.items() if key != "x-kubernetes-validations"}
        return [without_rules(item) for item in node] if isinstance(node, list) else node

    cluster.merge(path, {"spec": {"versions": without_rules(versions)}})
    pods = {pod["metadata"]["uid"] for pod in solo.pods()}
    try:
        wait_until("the rules to be away", lambda: try_change(solo, 2), 30, 0.5)
        held = solo.wait("Stalled", lambda now: condition(now, "Stalled").get("status") == "True", 60)
        assert "2" in condition(held, "Stalled")["message"]
        assert condition(held, "QuorumHealthy")["status"] == "False"
        assert {pod["metadata"]["uid"] for pod in solo.pods()} == pods, "something was torn down or made"
        solo.change(members=1)
    finally:
        cluster.merge(path, {"spec": {"versions": versions}})
    solo.wait_members(1)


def try_change(pillar, members):
    try:
        pillar.change(members=members)
    except Refused:
        return False
    return True


def test_the_operators_own_namespace_shows_no_secret_in_its_log(operator, solo):
    secrets = {value for suffix in ("app", "postgres", "redis-auth") for key, value in solo.secret(suffix).items()
               if "password" in key}
    for pod in operator.pods():
        log = operator.log(pod["metadata"]["name"])
        assert log and not any(secret in log for secret in secrets), f"a password stands in the log of {SYSTEM}"
