# SPDX-License-Identifier: Apache-2.0
"""What the README promises of hack/up: from nothing to a Ready platform, lines that work as they are printed, a second
run that changes nothing, and hack/down that leaves nothing."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
NAME = "up"
KINDS = "pods,services,statefulsets,deployments,configmaps,secrets,pvc,networkpolicies,pdb,madclusters,statepillars"
# Patroni notes its lock, its position and its role in these, while clients write.
PATRONIS_OWN = re.compile(r"ConfigMap madbase/demo-leader|Pod madbase/demo-pg-\d")
CLIENTS = """
import psycopg, redis, sys
with psycopg.connect(sys.argv[1], autocommit=True, connect_timeout=5) as sql:
    sql.execute("CREATE TABLE IF NOT EXISTS t (n int)")
    sql.execute("INSERT INTO t VALUES (42)")
    assert sql.execute("SELECT n FROM t").fetchall() == [(42,)]
store = redis.Redis.from_url(sys.argv[2], socket_timeout=5)
assert store.set("hello", "world") and store.get("hello") == b"world"
"""


def run(*command, **options):
    return subprocess.run(command, cwd=REPOSITORY, text=True, stdout=subprocess.PIPE, timeout=600, **options)


def kubectl(*arguments):
    return run("hack/cluster", "--name", NAME, "kubectl", *arguments, check=True).stdout


def versions():
    """Every object with its identity and version: a write changes one of them, and so does a restart."""
    rows = {}
    for item in json.loads(kubectl("get", KINDS, "-A", "-o", "json"))["items"]:
        meta, name = item["metadata"], f"{item['kind']} {item['metadata']['namespace']}/{item['metadata']['name']}"
        restarts = [status["restartCount"] for status in item.get("status", {}).get("containerStatuses", [])]
        rows[name] = (meta["uid"], restarts, None if PATRONIS_OWN.fullmatch(name) else meta["resourceVersion"])
    return rows


def secret(key):
    return kubectl("-n", "madbase", "get", "secret", "demo-app", "-o", f"go-template={{{{index .data \"{key}\" | base64decode}}}}")


@pytest.fixture(scope="module")
def printed():
    """What the first run prints."""
    try:
        first = run("hack/up", "--name", NAME)
        assert first.returncode == 0, first.stdout
        yield first.stdout
    finally:
        run("hack/down", "--name", NAME)


def line(printed, word):
    (found,) = re.findall(rf"^{word} +(.*)$", printed, re.MULTILINE)
    return found


def shell(command):
    return run("bash", "-euo", "pipefail", "-c", command, check=True, stderr=subprocess.DEVNULL).stdout.strip()


def test_it_ends_with_a_ready_platform_of_three_members_on_three_nodes(printed):
    assert re.search(r"^madbase +demo +4/4 +Ready +\d/\d +2/2 +2/2 +3/3 +Healthy ", printed, re.MULTILINE), printed
    nodes = kubectl("-n", "madbase", "get", "pods", "-l", "app.kubernetes.io/name=postgresql", "-o",
                    "jsonpath={.items[*].spec.nodeName}")
    assert sorted(nodes.split()) == ["node1", "node2", "node3"]


def test_psycopg_and_redis_py_write_and_read_through_the_entry(printed):
    run("hack/cluster", "--name", NAME, "exec", sys.executable, "-c", CLIENTS, secret("uri"), secret("REDIS_URL"),
        check=True)


def test_the_printed_lines_work_as_they_are(printed):
    assert shell(line(printed, "PostgreSQL") + " -Atc 'SELECT 42'") == "42"
    assert shell(line(printed, "Redis") + " ping") == "PONG"
    assert json.loads(shell(line(printed, "API")))["ready"] == "4/4"
    assert "statepillar.madbase.io/demo" in shell(line(printed, "Look"))
    shell(line(printed, "Scale") + " --dry-run=server")
    assert line(printed, "Tear down") == f"hack/down --name {NAME}"


def test_a_second_run_changes_nothing(printed):
    before = versions()
    second = run("hack/up", "--name", NAME)
    assert second.returncode == 0 and "already installed" in second.stdout, second.stdout
    assert versions() == before


def test_down_leaves_nothing(printed):
    run("hack/down", "--name", NAME, check=True)
    state = pathlib.Path(os.environ.get("MADBASE_CACHE", pathlib.Path.home() / ".cache/madbase")) / "clusters"
    assert not list(state.glob(f"*-{NAME}"))
    mine = [process for process in pathlib.Path("/proc").glob("[0-9]*")
            if (text := read(process / "cgroup")) and f"-{NAME}-" in text and "State:\tZ" not in read(process / "status")]
    assert not mine


def read(path):
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
