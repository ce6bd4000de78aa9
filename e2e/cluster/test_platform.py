# SPDX-License-Identifier: Apache-2.0
"""The sample MadCluster: four pillars, their columns, metrics, the control-plane API, drain and autoscaling."""

import json
import re
import time

import jsonschema
import pytest

from local_cluster import NotYet, say, wait_until
from objects import is_ready_pod, refusal

MEMORY_KIB = {"RssAnon": 4 * 1024, "VmRSS": 16 * 1024}
START_MS, START_TRIES = 300, 3


def ask(demo, method, path, token=None, body=None):
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    reply = demo.cluster.http(method, f"http://{demo.name}-api.{demo.namespace}.svc:8001{path}", headers=headers,
                              body=None if body is None else json.dumps(body))
    return reply["status"], json.loads(reply["text"])


@pytest.fixture(scope="module")
def tokens(demo, cluster):
    """Tokens of two service accounts: one that may edit MadClusters, and one that may do nothing."""
    made = {}
    for name in ("editor", "nobody"):
        cluster.kubectl("-n", demo.namespace, "create", "serviceaccount", name)
        made[name] = cluster.kubectl("-n", demo.namespace, "create", "token", name).strip()
    cluster.kubectl("-n", demo.namespace, "create", "rolebinding", "editor", "--clusterrole=edit",
                    f"--serviceaccount={demo.namespace}:editor")

    def may():
        return cluster.kubectl("auth", "can-i", "get", "madclusters", "-n", demo.namespace,
                               f"--as=system:serviceaccount:{demo.namespace}:editor").strip() == "yes"

    wait_until("the editor's rights", may, 10)
    yield made
    cluster.kubectl("-n", demo.namespace, "delete", "rolebinding/editor", "serviceaccount/editor",
                    "serviceaccount/nobody")


@pytest.mark.timeout(420)
def test_the_sample_becomes_ready_and_kubectl_shows_every_pillar(demo):
    row = demo.row()
    assert list(row) == ["NAME", "READY", "PHASE", "SYSTEM", "PROXY", "WORKER", "STATE", "QUORUM", "AGE"]
    assert {**row, "AGE": ""} == {"NAME": "demo", "READY": "4/4", "PHASE": "Ready", "SYSTEM": "2/2", "PROXY": "2/2",
                                  "WORKER": "2/2", "STATE": "3/3", "QUORUM": "Healthy", "AGE": ""}
    assert all(is_ready_pod(pod) for pod in demo.pods())


def test_members_of_one_part_are_on_different_nodes(demo):
    for app in ("postgresql", "redis", "haproxy"):
        nodes = {pod["spec"]["nodeName"] for pod in demo.pods(app)}
        assert len(nodes) == 3, f"{app} runs on {nodes}"


def test_kubectl_wait_ends_at_once(demo, cluster):
    cluster.kubectl("-n", demo.namespace, "wait", "--for=condition=Ready", "madcluster/demo", "statepillar/demo",
                    "--timeout=1s")


def test_clients_write_to_the_primary_and_read_from_a_replica(demo, cluster):
    cluster.sql(demo.entry_uri(), "CREATE TABLE IF NOT EXISTS seen (number int)")
    cluster.sql(demo.entry_uri(), "INSERT INTO seen VALUES (1)")
    assert cluster.sql(demo.entry_uri(), "SELECT pg_is_in_recovery()") == [[False]]
    assert cluster.sql(demo.entry_uri(5434), "SELECT pg_is_in_recovery()") == [[True]]
    wait_until("the row on a replica", lambda: cluster.sql(demo.entry_uri(5434), "SELECT * FROM seen"), 5)
    assert cluster.redis(demo.entry_redis(), "SET", "seen", "1")
    assert cluster.redis(demo.entry_redis(), "ROLE")[0] == "master"
    assert cluster.redis(demo.entry_redis(6380), "ROLE")[0] == "slave"
    assert "READONLY" in refusal(cluster.redis, demo.entry_redis(6380), "SET", "seen", "2").upper().replace("-", "")


@pytest.mark.timeout(180)
def test_victoria_metrics_sees_every_pod_of_the_platform_up(demo, cluster):
    apps = {"api": "madbase-api", "gateway": "madbase-gateway", "worker": "madbase-worker", "entry": "haproxy",
            "postgres": "postgresql", "victoria-metrics": "victoria-metrics"}
    wanted = {job: len(demo.pods(app)) for job, app in apps.items()}

    def all_up():
        reply = cluster.http("GET", f"http://{demo.name}-metrics.{demo.namespace}.svc:8428/api/v1/query?query=up")
        rows = json.loads(reply["text"])["data"]["result"]
        down = [row["metric"] for row in rows if row["value"][1] != "1"]
        seen = {job: sum(row["metric"]["job"] == job for row in rows) for job in wanted}
        if down or seen != wanted:
            raise NotYet(f"down: {down}; seen {seen}, wanted {wanted}")
        return True

    wait_until("`up` of every pod", all_up, 90, 1)


def test_the_api_tells_status_to_who_may_see_it(demo, tokens):
    status, body = ask(demo, "GET", "/api/v1/cluster/status", tokens["editor"])
    assert status == 200
    assert (body["name"], body["phase"], body["ready"], body["quorum"], body["db_count"]) == (
        "demo", "Ready", "4/4", "Healthy", 3)
    assert body["pillars"] == {"system": "2/2", "proxy": "2/2", "worker": "2/2", "state": "3/3"}


def test_the_api_passes_on_401_and_403(demo, tokens):
    for token in (None, "wrong"):
        status, problem = ask(demo, "GET", "/api/v1/cluster/status", token)
        assert (status, problem["status"]) == (401, 401)
    status, problem = ask(demo, "GET", "/api/v1/cluster/status", tokens["nobody"])
    assert status == 403 and f"system:serviceaccount:{demo.namespace}:nobody" in problem["detail"]
    status, _ = ask(demo, "POST", "/api/v1/cluster/scale", tokens["nobody"], {"target_db_count": 3})
    assert status == 403


@pytest.mark.parametrize("body", [{"target_db_count": 2}, {"target_db_count": 4}, {"target_db_count": 7}, {},
                                  {"target_db_count": 1, "min_ha_nodes": True}])
def test_the_api_refuses_counts_that_cannot_be_with_a_sentence(demo, tokens, body):
    status, problem = ask(demo, "POST", "/api/v1/cluster/scale", tokens["editor"], body)
    assert status == 400 and len(problem["detail"].split()) > 4
    assert demo.get()["spec"]["state"]["members"] == 3


def test_the_api_takes_a_count_that_can_be(demo, tokens):
    status, body = ask(demo, "POST", "/api/v1/cluster/scale", tokens["editor"],
                       {"target_db_count": 3, "min_ha_nodes": True})
    assert (status, body) == (202, {"target_db_count": 3, "db_count": 3})


def test_the_answers_are_as_the_openapi_document_says(demo, tokens):
    status, document = ask(demo, "GET", "/api/v1/openapi.json")
    assert status == 200 and document["openapi"].startswith("3.")
    _, answer = ask(demo, "GET", "/api/v1/cluster/status", tokens["editor"])
    jsonschema.validate(answer, document["components"]["schemas"]["ClusterStatus"])
    _, problem = ask(demo, "GET", "/api/v1/cluster/status")
    jsonschema.validate(problem, document["components"]["schemas"]["Problem"])


@pytest.mark.parametrize("how", ["apply", "scale", "patch"])
@pytest.mark.parametrize("kind", ["madcluster", "statepillar"])
def test_an_even_count_is_refused_with_the_reason(demo, cluster, how, kind):
    command = ["-n", demo.namespace]
    name = f"{kind}/demo"
    if how == "scale":
        text = refusal(cluster.kubectl, *command, "scale", name, "--replicas=2")
    else:
        spec = {"state": {"members": 2}} if kind == "madcluster" else {"members": 2}
        if how == "patch":
            text = refusal(cluster.kubectl, *command, "patch", name, "--type=merge", "-p", json.dumps({"spec": spec}))
        else:
            live = json.loads(cluster.kubectl(*command, "get", name, "-o", "json"))
            live["spec"].get("state", live["spec"])["members"] = 2
            live["metadata"] = {key: live["metadata"][key] for key in ("name", "namespace")}
            text = refusal(cluster.apply, live)
    path = "spec.state.members" if kind == "madcluster" else "spec.members"
    assert f"{path} is 2; it must be 1, 3 or 5" in text


def idle_memory(operator, when):
    operator.settle()
    memory = operator.memory(operator.wait_leader())
    say(f"idle operator with one MadCluster, {when}: RssAnon {memory['RssAnon']} KiB, VmRSS {memory['VmRSS']} KiB")
    assert all(memory[key] <= most for key, most in MEMORY_KIB.items()), memory


def start_ms(operator):
    """From the start of the process to the first reconcile, of an operator that starts alone and need not wait for
    another's Lease. The process is made by the container runtime, whose part is counted, too."""
    with operator.replicas(0):
        pass
    leader = operator.wait_leader()
    line = wait_until("the first reconcile", lambda: re.search(r"operator started: [^\"]*", operator.log(leader)), 30)
    say(line.group())
    return int(re.search(r"first reconcile after (\d+) ms", line.group()).group(1))


@pytest.mark.timeout(240)
def test_the_idle_operator_is_small_and_starts_quickly(demo, operator):
    demo.wait_ready()
    idle_memory(operator, "as long as it has run")
    with operator.replicas(1):
        times = []
        # What a busy machine adds differs from start to start; what the operator takes does not.
        while len(times) < START_TRIES and (not times or times[-1] > START_MS):
            operator.settle()
            times.append(start_ms(operator))
        idle_memory(operator, "after a restart")
    assert min(times) <= START_MS, times


@pytest.mark.timeout(300)
def test_a_node_can_be_drained_while_clients_work(demo, cluster):
    node = next(pod["spec"]["nodeName"] for pod in demo.pods("postgresql")
                if pod["metadata"]["name"] == demo.pillar.status()["primary"])
    with demo.writers("drain"):
        try:
            cluster.kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=150s",
                            timeout=180)
            left = [pod["metadata"]["name"] for pod in demo.pods() if pod["spec"].get("nodeName") == node]
            assert not left, f"still on {node}: {left}"
        finally:
            cluster.kubectl("uncordon", node)
        demo.wait_ready(180)


def replicas_of(demo):
    return demo.cluster.get(f"/apis/apps/v1/namespaces/{demo.namespace}/deployments/{demo.name}-gateway")[
        "spec"]["replicas"]


@pytest.mark.timeout(400)
def test_autoscaling_turned_on_at_five_replicas_never_shows_fewer_and_follows_the_load(demo, cluster):
    small = {"requests": {"cpu": "10m"}}
    demo.change(proxy={"replicas": 5, "resources": small})
    demo.wait_ready(120)
    assert replicas_of(demo) == 5
    seen, path = set(), f"/apis/autoscaling/v2/namespaces/{demo.namespace}/horizontalpodautoscalers/{demo.name}-gateway"
    demo.change(proxy={"autoscale": {"min": 5, "max": 6, "targetCPUPercent": 50}})

    def watched():
        seen.add(replicas_of(demo))
        scaler = cluster.get(path)
        rows = {row["type"]: row["status"] for row in (scaler or {}).get("status", {}).get("conditions", [])}
        return rows.get("ScalingActive") == "True"

    wait_until("the autoscaler to see metrics", watched, 120, 0.05)
    assert min(seen) == 5, f"replicas were {seen}"

    url = f"http://{demo.name}-gateway.{demo.namespace}.svc/"
    started = time.monotonic()
    load = []

    def grown():
        load[:] = [future for future in load if not future.done()]
        while len(load) < 12:
            load.append(cluster.inside.start("http", "GET", url))
        return replicas_of(demo) == 6

    wait_until("the autoscaler to add a gateway under load", grown, 120, 0.01)
    say(f"a sixth gateway was asked for {time.monotonic() - started:.0f} s after the load began")
    demo.change(proxy={"autoscale": None, "replicas": 2, "resources": None})
    demo.wait_ready(120)
    wait_until("two gateways", lambda: len(demo.pods("madbase-gateway")) == 2, 90)
    assert cluster.get(path) is None
