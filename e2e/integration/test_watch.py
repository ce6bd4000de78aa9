# SPDX-License-Identifier: Apache-2.0
"""Reflectors, caches and credentials of lib/kube against a real API server."""

import base64
import concurrent.futures
import json
import os
import random
import secrets
import signal
import socket
import stat
import threading
import time

import pytest
import yaml
from control_plane import HOST, Authority
from watch_program import WatchProgram, eventually

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(params=["WatchList", "LIST"])
def plane(request):
    """Both ways to the first state; each test runs with either."""
    name = "apiserver" if request.param == "WatchList" else "apiserver_no_watchlist"
    return request.getfixturevalue(name)


def config_map(name, value="1", labels=None):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels or {}},
            "data": {"v": value}}


def maps_path(namespace, name=None):
    return f"/api/v1/namespaces/{namespace}/configmaps" + (f"/{name}" if name else "")


def create(plane, namespace, name, value="1", labels=None):
    status, reply = plane.request("POST", maps_path(namespace), config_map(name, value, labels))
    assert status == 201, reply
    return reply["metadata"]["resourceVersion"]


def change(plane, namespace, name, value):
    status, reply = plane.request(
        "PATCH", maps_path(namespace, name), {"data": {"v": value}}, "application/merge-patch+json")
    assert status == 200, reply
    return reply["metadata"]["resourceVersion"]


def delete(plane, namespace, name):
    assert plane.request("DELETE", maps_path(namespace, name))[0] == 200


def create_many(plane, namespace, count):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: create(plane, namespace, f"map-{i:04}"), range(count)))


def listed(plane, namespace):
    """What a consistent LIST says: keys and versions."""
    status, reply = plane.request("GET", maps_path(namespace))
    assert status == 200, reply
    return {f"{namespace}/{item['metadata']['name']}": item["metadata"]["resourceVersion"] for item in reply["items"]}


def expect_equal(program, plane, namespace):
    eventually(lambda: program.objects() == listed(plane, namespace), what="cache equal to LIST")


def kubeconfig_for(plane, folder, user=None, cluster=None):
    """A kubeconfig of its own with another user or other cluster fields."""
    config = yaml.safe_load(plane.kubeconfig.read_text())
    if user is not None:
        config["users"][0]["user"] = user
    config["clusters"][0]["cluster"].update(cluster or {})
    path = folder / f"{secrets.token_hex(4)}.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


class Relay:
    """TCP to the API server through this process, with two kinds of broken network."""

    def __init__(self, plane):
        self._plane = plane
        self._blocked = False
        self._frozen = set()
        self._sockets = []
        self._listener = socket.create_server((HOST, 0))
        self.url = f"https://{HOST}:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.block()
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                if self._blocked:
                    raise OSError
                server = socket.create_connection((HOST, self._plane.port))
            except OSError:
                client.close()
                continue
            self._sockets += [client, server]
            for pair in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source, sink):
        try:
            while data := source.recv(65536):
                if source in self._frozen:
                    return
                sink.sendall(data)
            if source not in self._frozen:
                sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def freeze(self):
        """What is connected now is dead without knowing; new connections work."""
        self._frozen.update(self._sockets)

    def block(self):
        """Breaks all connections, and new ones until unblock()."""
        self._blocked = True
        for each in self._sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._sockets.clear()

    def unblock(self):
        self._blocked = False


def test_initial_sync_brings_every_object(plane):
    namespace = plane.namespace()
    create_many(plane, namespace, 20)
    with WatchProgram(plane.kubeconfig, namespaces=[namespace]) as program:
        program.wait_synced()
        assert program.objects() == listed(plane, namespace)
        assert len(program.changes) == 20
        assert all(each["initial"] and each["type"] == "ADDED" for each in program.changes)
        # The server without WatchList said so, and was believed.
        assert program.relists("no_watch_list") == (0 if plane.watchlist else 1)


def test_more_objects_than_one_page(apiserver_no_watchlist):
    plane = apiserver_no_watchlist
    namespace = plane.namespace()
    create_many(plane, namespace, 500)
    plane.audit_mark()
    with WatchProgram(plane.kubeconfig, "--page", 50, "--no-watch-list", namespaces=[namespace]) as program:
        program.wait_synced()
        assert len(program.objects()) == 500
        assert program.objects() == listed(plane, namespace)
    pages = [each for each in plane.audit(user_agent="madbase") if each["verb"] == "list"]
    assert len(pages) == 10


def test_watch_list_option_off_uses_list_on_any_server(apiserver):
    namespace = apiserver.namespace()
    create_many(apiserver, namespace, 5)
    apiserver.audit_mark()
    with WatchProgram(apiserver.kubeconfig, "--no-watch-list", namespaces=[namespace]) as program:
        program.wait_synced()
        assert len(program.objects()) == 5
    verbs = [each["verb"] for each in apiserver.audit(user_agent="madbase")]
    assert verbs.count("list") == 1


def test_changes_are_seen_in_order(plane):
    namespace = plane.namespace()
    with WatchProgram(plane.kubeconfig, namespaces=[namespace]) as program:
        program.wait_synced()
        for value in range(5):
            create(plane, namespace, f"a{value}", str(value))
            change(plane, namespace, f"a{value}", "new")
            delete(plane, namespace, f"a{value}")
        program.wait_seen("DELETED", "a4")
        told = [(each["type"], each["key"].split("/")[1], each["value"]) for each in program.changes]
        assert told == [step for i in range(5) for step in (
            ("ADDED", f"a{i}", str(i)), ("MODIFIED", f"a{i}", "new"), ("DELETED", f"a{i}", "new"))]
        assert program.objects() == {}


def test_label_selector_and_namespaces_limit_what_is_seen(apiserver):
    one, two, other = (apiserver.namespace() for _ in range(3))
    for namespace in (one, two, other):
        create(apiserver, namespace, "in", labels={"app": "x"})
        create(apiserver, namespace, "out", labels={"app": "y"})
    with WatchProgram(apiserver.kubeconfig, "--selector", "app in (x,z)", namespaces=[one, two]) as program:
        program.wait_synced()
        assert set(program.objects()) == {f"{one}/in", f"{two}/in"}
        # A label that stops to match is a deletion for us.
        apiserver.request("PATCH", maps_path(one, "in"), {"metadata": {"labels": {"app": "y"}}},
                          "application/merge-patch+json")
        program.wait_seen("DELETED", "in")
        assert set(program.objects()) == {f"{two}/in"}


def test_own_writes_are_seen_by_version(plane):
    namespace = plane.namespace()
    with WatchProgram(plane.kubeconfig, namespaces=[namespace]) as program:
        program.wait_synced()
        version = create(plane, namespace, "mine")
        program.ask(f"when {namespace} {version}")
        eventually(lambda: version in program.woken, what="the wake")
        assert program.ask(f"seen {namespace} {version}")["seen"]
        assert not program.ask(f"seen {namespace} {int(version) + 1000}")["seen"]


def test_compaction_under_a_running_watch_leads_to_a_relist_told_as_difference(plane, tmp_path):
    namespace = plane.namespace()
    for name in ("same", "changed", "gone", "again"):
        create(plane, namespace, name)
    with Relay(plane) as relay, WatchProgram(
            kubeconfig_for(plane, tmp_path, cluster={"server": relay.url}), "--page", 2,
            namespaces=[namespace]) as program:
        program.wait_synced()
        before = len(program.changes)
        relay.block()
        change(plane, namespace, "changed", "2")
        delete(plane, namespace, "gone")
        delete(plane, namespace, "again")
        create(plane, namespace, "again")
        create(plane, namespace, "new")
        plane.stop_apiserver(signal.SIGKILL)
        plane.compact()
        plane.start_apiserver()
        relay.unblock()
        program.wait_seen("ADDED", "new", before)
        expect_equal(program, plane, namespace)
        told = sorted((each["type"], each["key"].split("/")[1]) for each in program.changes[before:])
        assert told == [("ADDED", "again"), ("ADDED", "new"), ("DELETED", "again"), ("DELETED", "gone"),
                        ("MODIFIED", "changed")]
        assert program.seen("DELETED", "gone", before)["final_unknown"]
        assert program.seen("DELETED", "again", before)["final_unknown"]
        assert program.relists("expired") >= 1
        create(plane, namespace, "later")
        program.wait_seen("ADDED", "later")


# Told to end, an API server waits for its watches, whoever's they are: 60 s, of which the fixture grants 20.
@pytest.mark.parametrize("name, how", [("apiserver", signal.SIGTERM), ("apiserver", signal.SIGKILL),
                                       ("apiserver_no_watchlist", signal.SIGKILL)],
                         ids=["orderly", "killed", "killed, LIST"])
def test_api_server_restarted(request, name, how):
    plane = request.getfixturevalue(name)
    namespace = plane.namespace()
    create_many(plane, namespace, 30)
    with WatchProgram(plane.kubeconfig, "--page", 10, namespaces=[namespace]) as program:
        program.wait_synced()
        plane.restart_apiserver(how)
        create(plane, namespace, "after")
        program.wait_seen("ADDED", "after")
        expect_equal(program, plane, namespace)
        # Nothing that did not change was told again.
        assert len(program.changes) == 31
        assert program.trouble() == ""


def test_rotated_token_is_read_again(apiserver, tmp_path):
    plane = apiserver
    namespace = plane.namespace()
    before = plane._tokens.read_text()
    file = tmp_path / "token"
    try:
        plane._tokens.write_text(before + 'first,rotating,7,"system:masters"\n')
        plane.restart_apiserver(signal.SIGKILL)
        file.write_text("first")
        with WatchProgram(kubeconfig_for(plane, tmp_path, {"tokenFile": "token"}), namespaces=[namespace]) as program:
            program.wait_synced()
            assert "code" not in program.ask(f"get {namespace} none")
            plane._tokens.write_text(before + 'second,rotating,7,"system:masters"\n')
            file.write_text("second")
            plane.restart_apiserver(signal.SIGKILL)
            create(plane, namespace, "after")
            program.wait_seen("ADDED", "after")
            assert "version" in program.ask(f"get {namespace} after")
            assert program.trouble() == ""
            assert program.metric("rest_client_requests_total", code="401") >= 1
    finally:
        plane._tokens.write_text(before)
        plane.restart_apiserver(signal.SIGKILL)


def test_bad_token_is_told_and_does_not_hammer_the_server(apiserver, tmp_path):
    namespace = apiserver.namespace()
    (tmp_path / "token").write_text("wrong")
    with WatchProgram(kubeconfig_for(apiserver, tmp_path, {"tokenFile": "token"}), namespaces=[namespace]) as program:
        eventually(program.trouble, what="trouble")
        assert "cannot watch configmaps" in program.trouble()
        assert "401" in program.trouble()
        answer = program.ask(f"get {namespace} x")
        assert answer["code"] == "unauthorized"
        time.sleep(2)
        assert program.metric("rest_client_requests_total", code="401") <= 8
        (tmp_path / "token").write_text(apiserver.token)
        program.wait_synced()
        assert program.trouble() == ""


def test_missing_rights_are_told_and_heal(apiserver):
    namespace = apiserver.namespace()
    name = f"reader-{secrets.token_hex(4)}"
    with WatchProgram(apiserver.user_kubeconfig(name), namespaces=[namespace]) as program:
        eventually(program.trouble, what="trouble")
        assert f'User "{name}" cannot' in program.trouble()
        apiserver.kubectl("create", "role", "reader", "--verb=list,watch", "--resource=configmaps", "-n", namespace)
        apiserver.kubectl("create", "rolebinding", "reader", "--role=reader", f"--user={name}", "-n", namespace)
        program.wait_synced()
        assert program.trouble() == ""


def test_missing_type_is_told_and_heals(apiserver):
    group = f"g{secrets.token_hex(4)}.example.com"
    with WatchProgram(apiserver.kubeconfig, watch=[f"{group},v1,Thing,things"]) as program:
        eventually(program.trouble, what="trouble")
        assert f"cannot watch things.{group}" in program.trouble()
        apiserver.apply({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"things.{group}"},
            "spec": {"group": group, "scope": "Namespaced", "names": {"kind": "Thing", "plural": "things"},
                     "versions": [{"name": "v1", "served": True, "storage": True,
                                   "schema": {"openAPIV3Schema": {"type": "object"}}}]}})
        program.wait_synced()
        apiserver.apply({"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": {"name": "one", "namespace": "default"}})
        program.wait_seen("ADDED", "one")
        assert program.trouble() == ""


def test_many_watches_share_one_connection(apiserver):
    kinds = [",v1,ConfigMap,configmaps", ",v1,Service,services", ",v1,Pod,pods", ",v1,ServiceAccount,serviceaccounts",
             "apps,v1,StatefulSet,statefulsets", "apps,v1,Deployment,deployments",
             "policy,v1,PodDisruptionBudget,poddisruptionbudgets", "networking.k8s.io,v1,NetworkPolicy,networkpolicies",
             "batch,v1,Job,jobs", ",v1,Node,nodes,cluster"]
    namespace = apiserver.namespace()
    with WatchProgram(apiserver.kubeconfig, "--quiet", watch=kinds) as program:
        program.wait_synced()
        for i in range(50):
            create(apiserver, namespace, f"m{i}")
        eventually(lambda: f"{namespace}/m49" in program.objects(), what="the last object")
        assert connections_of(program.process.pid) == 1


def connections_of(pid):
    """Established TCP connections of a process."""
    inodes = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            continue
        if target.startswith("socket:"):
            inodes.add(target[8:-1])
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return sum(1 for row in rows if row[9] in inodes and row[3] == "01")


def test_silent_connection_is_found_and_replaced(apiserver, tmp_path):
    namespace = apiserver.namespace()
    with Relay(apiserver) as relay, WatchProgram(
            kubeconfig_for(apiserver, tmp_path, cluster={"server": relay.url}), "--silence-ms", 2000,
            namespaces=[namespace]) as program:
        program.wait_synced()
        create(apiserver, namespace, "before")
        program.wait_seen("ADDED", "before")
        relay.freeze()
        create(apiserver, namespace, "meanwhile")
        program.wait_seen("ADDED", "meanwhile", seconds=15)
        expect_equal(program, apiserver, namespace)


def test_foreign_ca_and_wrong_name_are_refused(apiserver, tmp_path):
    foreign = base64.b64encode(Authority(tmp_path / "foreign").certificate.read_bytes()).decode()
    cases = [({"certificate-authority-data": foreign}, "certificate"), ({"tls-server-name": "wrong.example"}, "")]
    for cluster, word in cases:
        with WatchProgram(kubeconfig_for(apiserver, tmp_path, cluster=cluster)) as program:
            answer = program.ask("get default x")
            assert answer["code"] == "unavailable"
            assert word in answer["error"]
            assert not program.ask("wait 500")["synced"]


def test_server_name_may_differ_from_the_address(apiserver, tmp_path):
    config = kubeconfig_for(apiserver, tmp_path, cluster={"tls-server-name": "kubernetes.default.svc"})
    with WatchProgram(config) as program:
        program.wait_synced()


def test_exec_plugin_supplies_the_token(apiserver, tmp_path):
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
              "status": {"token": apiserver.token}}
    plugin = tmp_path / "login plugin"
    plugin.write_text(f"#!/bin/sh\ntest \"$1\" = 'an argument' && echo '{json.dumps(answer)}'\n")
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./login plugin",
                     "args": ["an argument"], "interactiveMode": "Never"}}
    with WatchProgram(kubeconfig_for(apiserver, tmp_path, user)) as program:
        program.wait_synced()
        assert "code" not in program.ask("get default none")


def churn(plane, namespace, seed, least, enough):
    """Creates, changes and deletes at random: so many times at least, and until `enough` is set; errors are the
    server's restarts."""
    dice = random.Random(seed)
    writes = 0
    while writes < least or not enough.is_set():
        name = f"m{seed}-{dice.randrange(40)}"
        try:
            kind = dice.randrange(3)
            if kind == 0:
                plane.request("POST", maps_path(namespace), config_map(name, "0"))
            elif kind == 1:
                plane.request("PATCH", maps_path(namespace, name), {"data": {"v": str(dice.random())}},
                              "application/merge-patch+json")
            else:
                plane.request("DELETE", maps_path(namespace, name))
            writes += 1
        except OSError:
            time.sleep(0.1)


def replay(changes):
    """What a handler that only listens believes; also that each object's story makes sense."""
    state = {}
    for each in changes:
        key = each["key"]
        assert (key in state) == (each["type"] != "ADDED"), f"{each['type']} of {key} makes no sense"
        if each["type"] == "DELETED":
            del state[key]
        else:
            state[key] = each["value"]
    return state


@pytest.mark.parametrize("disturbed", [False, True], ids=["quiet", "restarts and compaction"])
def test_cache_equals_a_consistent_list_after_a_churn(plane, disturbed):
    namespace = plane.namespace()
    enough = threading.Event()
    with WatchProgram(plane.kubeconfig, "--page", 20, "--timeout-s", 2, namespaces=[namespace]) as program:
        program.wait_synced()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            running = [pool.submit(churn, plane, namespace, seed, 150, enough) for seed in range(4)]
            try:
                if disturbed:
                    eventually(lambda: len(program.changes) > 100, what="the first changes")
                    plane.restart_apiserver(signal.SIGKILL)
                    plane.compact()
                    plane.restart_apiserver(signal.SIGKILL)
            finally:
                enough.set()
            for each in running:
                each.result()
        expect_equal(program, plane, namespace)
        reply = plane.request("GET", maps_path(namespace))[1]
        assert replay(program.changes) == {
            f"{namespace}/{item['metadata']['name']}": item["data"]["v"] for item in reply["items"]}
        assert program.trouble() == ""


def test_corrected_ca_and_client_certificate_files_are_read_again(apiserver, tmp_path):
    foreign = Authority(tmp_path / "foreign")
    certificate, key = foreign.issue("nobody", groups=["system:masters"])
    config = kubeconfig_for(
        apiserver, tmp_path, {"client-certificate": "client.crt", "client-key": "client.key"},
        {"certificate-authority": "ca.crt", "certificate-authority-data": ""})
    for name, source in (("ca.crt", foreign.certificate), ("client.crt", certificate), ("client.key", key)):
        (tmp_path / name).write_bytes(source.read_bytes())
    with WatchProgram(config) as program:
        assert program.ask("get default x")["code"] == "unavailable"
        (tmp_path / "ca.crt").write_bytes(apiserver.ca_file.read_bytes())
        eventually(lambda: program.ask("get default x").get("code") == "unauthorized", what="trust in the new CA")
        for name, source in zip(("client.crt", "client.key"), apiserver._admin):
            (tmp_path / name).write_bytes(source.read_bytes())
        program.wait_synced()
