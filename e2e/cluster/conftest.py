# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the end-to-end tests: a real cluster of three nodes, the operator from its chart, and the platform.

cluster    hack/cluster --name e2e, with all images; taken down at the end unless MADBASE_KEEP=1
operator   the chart, installed
demo       the sample MadCluster of three State members, Ready; shared: who changes it brings it back
solo       a StatePillar of one member, Ready

What failed leaves objects, events and logs in build/test/e2e. MADBASE_LONG=1 runs the long forms.
"""

import contextlib
import re

import pytest
import yaml

from local_cluster import OUT, REPOSITORY, SYSTEM, Cluster, say
from objects import MadCluster, Operator, StatePillar, make_namespace

DEMO = REPOSITORY / "manifests/samples/development.yaml"
SOLO = {"members": 1, "profile": "Development", "deletionProtection": False, "storage": {"size": "512Mi"}}


def pytest_configure(config):
    config.addinivalue_line("markers", "timeout(seconds): from pytest-timeout")


@pytest.fixture(scope="session")
def cluster():
    made = Cluster()
    try:
        made.up()
        yield made
    finally:
        made.down()


@pytest.fixture(scope="session")
def operator(cluster):
    made = Operator(cluster)
    made.install()
    made.wait_leader()
    return made


@pytest.fixture(scope="session")
def demo(cluster, operator):
    sample = yaml.safe_load(DEMO.read_text(encoding="utf-8"))
    made = MadCluster(cluster, sample["metadata"]["namespace"], sample["metadata"]["name"])
    make_namespace(cluster, made.namespace)
    cluster.apply(DEMO.read_text(encoding="utf-8"))
    made.wait_ready(300)
    made.wait_open()
    return made


@pytest.fixture(scope="session")
def solo(cluster, operator):
    make_namespace(cluster, "e2e-solo")
    made = StatePillar(cluster, "e2e-solo", "solo").apply(SOLO)
    made.wait_members(1, 180)
    made.wait_open()
    return made


@pytest.fixture
def room(cluster, request):
    """A fresh namespace; it and what is in it go at the end."""
    name = "e2e-" + re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[:40].strip("-")
    make_namespace(cluster, name)
    yield name
    for kind in (MadCluster, StatePillar):
        for thing in cluster.get(kind(cluster, name, "").path.rstrip("/"))["items"]:
            kind(cluster, name, thing["metadata"]["name"]).delete()
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed and (made := item.funcargs.get("cluster")) and made.inside:
        folder = OUT / re.sub(r"\W+", "-", item.name)[:80]
        say(f"collecting what there is to know into {folder.relative_to(REPOSITORY)}")
        collect(made, folder)
    return report


def collect(cluster, folder):
    """Objects, events and logs of every namespace of ours."""
    folder.mkdir(parents=True, exist_ok=True)

    def keep(name, *arguments):
        with contextlib.suppress(Exception), open(folder / name, "w", encoding="utf-8") as file:
            file.write(cluster.kubectl(*arguments, timeout=30))

    keep("nodes", "describe", "nodes")
    namespaces = [row["metadata"]["name"] for row in cluster.get("/api/v1/namespaces")["items"]]
    for name in namespaces:
        if name != SYSTEM and not name.startswith(("e2e-", "madbase")):
            continue
        keep(f"{name}.objects", "-n", name, "get", "-o", "wide",
             "all,configmaps,pvc,pdb,networkpolicies,leases,madclusters,statepillars")
        keep(f"{name}.custom", "-n", name, "get", "-o", "yaml", "madclusters,statepillars")
        keep(f"{name}.pods", "-n", name, "describe", "pods")
        keep(f"{name}.events", "-n", name, "get", "events", "--sort-by=.metadata.creationTimestamp")
        for pod in cluster.pods(name):
            pod_name = pod["metadata"]["name"]
            keep(f"{name}.{pod_name}.log", "-n", name, "logs", pod_name, "--tail=2000")
            restarts = [row["restartCount"] for row in pod["status"].get("containerStatuses", [])]
            if any(restarts):
                keep(f"{name}.{pod_name}.previous.log", "-n", name, "logs", pod_name, "--previous", "--tail=2000")
