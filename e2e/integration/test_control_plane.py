# SPDX-License-Identifier: Apache-2.0
"""The control plane of the integration tests does what the tests of the programs rely on."""

import json
import signal
import subprocess

import pytest

from test_crds import fresh_name

STREAMED = (
    "/api/v1/namespaces?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
    "&allowWatchBookmarks=true&timeoutSeconds=1"
)


def config_map(name):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}}


def watch_error(plane, version):
    """The code that a watch from a resourceVersion is answered with: the reply's, or that of its ERROR event."""
    status, body = plane.request("GET", f"/api/v1/configmaps?watch=1&resourceVersion={version}&timeoutSeconds=1")
    if status != 200 or not body:
        return status
    event = body if isinstance(body, dict) else json.loads(body.splitlines()[0])
    return event["object"]["code"] if event["type"] == "ERROR" else 200


def test_streams_lists_where_watchlist_is_on(apiserver):
    status, text = apiserver.request("GET", STREAMED)
    events = [json.loads(line) for line in text.splitlines()]
    assert status == 200
    assert any(e["type"] == "ADDED" and e["object"]["metadata"]["name"] == "default" for e in events)
    assert any("k8s.io/initial-events-end" in e["object"]["metadata"].get("annotations", {}) for e in events)


def test_refuses_to_stream_lists_where_watchlist_is_off(apiserver_no_watchlist):
    status, reply = apiserver_no_watchlist.request("GET", STREAMED)
    assert status == 422 and "sendInitialEvents" in reply["message"]


def test_a_compaction_ends_pages_where_watchlist_is_off(apiserver_no_watchlist):
    plane = apiserver_no_watchlist
    space = plane.namespace()
    plane.apply([config_map(f"page-{i}") for i in range(3)], "-n", space)
    path = f"/api/v1/namespaces/{space}/configmaps"
    _, first = plane.request("GET", f"{path}?limit=1")
    next_page = f"{path}?limit=1&continue={first['metadata']['continue']}"
    plane.apply(config_map("later"), "-n", space)
    assert plane.request("GET", next_page)[0] == 200
    plane.compact()
    status, reply = plane.request("GET", next_page)
    assert (status, reply["reason"]) == (410, "Expired")


def test_a_compaction_and_a_restart_end_old_watches(apiserver_no_watchlist):
    plane = apiserver_no_watchlist
    space = plane.namespace()
    plane.apply(config_map("first"), "-n", space)
    old = plane.get("configmap", "first", space)["metadata"]["resourceVersion"]
    plane.apply(config_map("later"), "-n", space)
    assert watch_error(plane, old) == 200
    plane.compact()
    plane.restart_apiserver()
    assert watch_error(plane, old) == 410


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_keeps_address_and_objects_over_a_restart(apiserver_no_watchlist, how):
    plane = apiserver_no_watchlist
    space, url = plane.namespace(), plane.url
    plane.apply(config_map("stays"), "-n", space)
    plane.stop_apiserver(how)
    assert not plane.ready()
    plane.start_apiserver()
    assert plane.url == url
    assert plane.get("configmap", "stays", space)["data"] == {"a": "1"}


def test_counts_writes_by_who_made_them(apiserver, namespace):
    apiserver.audit_mark()
    apiserver.apply(config_map("seen"), "-n", namespace, kubeconfig=apiserver.token_kubeconfig)
    apiserver.get("configmap", "seen", namespace)
    apiserver.apply(config_map("seen"), "-n", namespace)
    writes = apiserver.audit(writes_only=True)
    assert [(w["verb"], w["objectRef"]["name"], w["user"]["username"]) for w in writes] == [
        ("create", "seen", "token-admin")]
    assert writes[0]["requestObject"]["data"] == {"a": "1"}
    assert apiserver.audit(user="admin", user_agent="kubectl/") and not apiserver.audit(user="nobody")


def test_gives_other_users_what_rbac_gives_them(apiserver, namespace):
    user = apiserver.user_kubeconfig("reader")
    run = apiserver.kubectl("get", "configmaps", "-n", namespace, kubeconfig=user, check=False)
    assert "configmaps is forbidden" in run.stderr
    apiserver.kubectl("create", "role", "read", "-n", namespace, "--verb=get,list", "--resource=configmaps")
    apiserver.kubectl("create", "rolebinding", "read", "-n", namespace, "--role=read", "--user=reader")
    apiserver.kubectl("get", "configmaps", "-n", namespace, kubeconfig=user)


def test_verifies_its_certificate_and_knows_no_anonymous_user(apiserver):
    curl = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", f"{apiserver.url}/api"]
    assert subprocess.run([*curl, "--cacert", apiserver.ca_file], capture_output=True, text=True).stdout == "401"
    assert subprocess.run(curl, capture_output=True, text=True).returncode == 60


def test_names_an_address_of_its_own_in_the_endpoint_slice(apiserver):
    assert apiserver.get("endpointslice", fresh_name(), "default") is None
    slices = json.loads(apiserver.kubectl(
        "get", "endpointslices", "-n", "default", "-l", "kubernetes.io/service-name=kubernetes", "-o", "json").stdout)
    assert [e["addresses"] for s in slices["items"] for e in s["endpoints"]] == [["192.0.2.1"]]
