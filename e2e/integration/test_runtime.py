# SPDX-License-Identifier: Apache-2.0
"""operator/runtime against a real API server: healing, quiet, restarts, crashes, leadership, Events, what status says."""

import re
import signal
import time

import pytest
from toy_program import CRD, GROUP, Operator, Toys, seconds_until
from watch_program import eventually

HEAL_SECONDS = 2
CRASHED = 3  # exit status


@pytest.fixture(scope="session")
def toys_crd(apiserver):
    apiserver.kubectl("apply", "--server-side", "-f", "-", input=CRD)
    apiserver.kubectl("wait", "--for=condition=Established", "--timeout=30s", f"crd/toys.{GROUP}")
    return apiserver


@pytest.fixture
def toys(toys_crd):
    return Toys(toys_crd, toys_crd.namespace("toys"))


@pytest.fixture
def operator(toys):
    """An operator that has brought Toy "one" to Ready and is quiet."""
    toys.apply(text="hello", port=80)
    with Operator(toys.plane, toys.namespace) as operator:
        toys.wait_ready()
        yield operator


def quiet(operator, seconds=0.8):
    """Waits until it asks nothing for that long, and begins to count anew."""
    deadline = time.monotonic() + 20
    while True:
        operator.plane.audit_mark()
        time.sleep(seconds)
        if not operator.requests():
            operator.plane.audit_mark()
            return
        assert time.monotonic() < deadline, f"never quiet: {operator.requests()[:5]}"


def test_a_toy_gets_its_objects_with_owner_and_mark(operator, toys):
    toy = toys.toy()
    service, settings = toys.get("services", "one-front"), toys.get("configmaps", "one-settings")
    kept, secret = toys.get("configmaps", "one-kept"), toys.get("secrets", "one-keys")
    assert settings["data"] == {"text": "hello"}
    for owned in (service, settings):
        assert owned["metadata"]["ownerReferences"] == [{
            "apiVersion": f"{GROUP}/v1", "kind": "Toy", "name": "one", "uid": toy["metadata"]["uid"],
            "controller": True, "blockOwnerDeletion": True}]
        assert len(owned["metadata"]["annotations"]["madbase.io/intent"]) == 16
    assert "ownerReferences" not in kept["metadata"] and "ownerReferences" not in secret["metadata"]
    assert {c["type"]: c["status"] for c in toy["status"]["conditions"]} == {
        "Ready": "True", "Reconciling": "False", "Stalled": "False"}
    assert toy["status"]["phase"] == "Playing" and "waitingFor" not in toy["status"]
    managers = {entry["manager"] for entry in toy["metadata"]["managedFields"]}
    assert managers == {"person", "madbase-operator-status"}


def test_once_converged_it_asks_nothing(operator, toys):
    quiet(operator)
    # A change of no consequence wakes it; the pass finds everything as wanted.
    passes = operator.metric('controller_runtime_reconcile_total{controller="toy",result="success"}')
    toys.plane.kubectl("annotate", "-n", toys.namespace, "toys/one", "toys/note=look")
    eventually(lambda: operator.metric('controller_runtime_reconcile_total{controller="toy",result="success"}') > passes)
    time.sleep(0.5)
    assert operator.requests() == []


@pytest.mark.parametrize("resource, name, patch, look, wanted", [
    ("configmaps", "one-settings", {"data": {"text": "edited"}}, lambda o: o["data"]["text"], "hello"),
    ("configmaps", "one-settings", {"data": {"text": None}}, lambda o: o["data"].get("text"), "hello"),
    ("configmaps", "one-settings", {"metadata": {"annotations": {"madbase.io/intent": "x"}}},
     lambda o: len(o["metadata"]["annotations"]["madbase.io/intent"]), 16),
    ("configmaps", "one-settings", {"metadata": {"labels": {"app.kubernetes.io/managed-by": "me"}}},
     lambda o: o["metadata"]["labels"]["app.kubernetes.io/managed-by"], "toys"),
    ("configmaps", "one-settings", {"metadata": {"ownerReferences": None}},
     lambda o: len(o["metadata"].get("ownerReferences", [])), 1),
    ("services", "one-front", {"spec": {"selector": {"app": "other"}}}, lambda o: o["spec"]["selector"], {"app": "one"}),
    ("services", "one-front", {"spec": {"ports": [{"name": "http", "port": 81}]}},
     lambda o: [p["port"] for p in o["spec"]["ports"]], [80]),
    ("configmaps", "one-kept", {"data": {"a": "2"}}, lambda o: o["data"]["a"], "1"),
])
def test_foreign_edits_of_our_fields_are_put_back(operator, toys, resource, name, patch, look, wanted):
    toys.patch(resource, name, patch)
    took = seconds_until(lambda: look(toys.get(resource, name)) == wanted, 10)
    assert took < HEAL_SECONDS
    quiet(operator)


def test_an_edit_by_server_side_apply_is_put_back(operator, toys):
    toys.plane.kubectl("apply", "--server-side", "--force-conflicts", "--field-manager=person", "-f", "-", input={
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one-settings", "namespace": toys.namespace},
        "data": {"text": "applied by hand"}})
    took = seconds_until(lambda: toys.get("configmaps", "one-settings")["data"]["text"] == "hello", 10)
    assert took < HEAL_SECONDS


def test_what_others_add_stays(operator, toys):
    quiet(operator)
    toys.patch("configmaps", "one-settings", {"data": {"more": "theirs"}, "metadata": {"labels": {"team": "a"}}})
    toys.patch("services", "one-front", {"metadata": {"annotations": {"note": "theirs"}}})
    time.sleep(1)
    assert operator.writes() == []
    assert toys.get("configmaps", "one-settings")["data"] == {"text": "hello", "more": "theirs"}


@pytest.mark.parametrize("resource, name", [
    ("configmaps", "one-settings"), ("services", "one-front"), ("configmaps", "one-kept")])
def test_deleted_objects_are_made_again(operator, toys, resource, name):
    before = toys.get(resource, name)["metadata"]["uid"]
    toys.delete(resource, name)
    took = seconds_until(
        lambda: (toys.get(resource, name) or {"metadata": {"uid": before}})["metadata"]["uid"] != before, 10)
    assert took < HEAL_SECONDS
    quiet(operator)


def test_an_object_held_by_a_finalizer_is_waited_for(operator, toys):
    toys.patch("configmaps", "one-settings", {"metadata": {"finalizers": ["test.io/hold"]}})
    toys.delete("configmaps", "one-settings")
    eventually(lambda: any("is being deleted" in wait["what"] for wait in toys.waits()))
    toys.patch("configmaps", "one-settings", {"metadata": {"finalizers": None}})
    eventually(lambda: "deletionTimestamp" not in (toys.get("configmaps", "one-settings") or
                                                   {"metadata": {"deletionTimestamp": ""}})["metadata"])
    toys.wait_ready()
    assert toys.waits() == []


def test_an_object_of_somebody_else_is_left_alone(toys):
    toys.plane.kubectl("create", "-f", "-", input={
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one-settings", "namespace": toys.namespace},
        "data": {"text": "theirs"}})
    toys.apply(text="hello")
    with Operator(toys.plane, toys.namespace):
        eventually(lambda: any("was not made by this operator" in wait["what"] for wait in toys.waits()))
        assert toys.get("configmaps", "one-settings")["data"] == {"text": "theirs"}
        toys.delete("configmaps", "one-settings")
        toys.wait_ready()
        assert toys.get("configmaps", "one-settings")["data"] == {"text": "hello"}


def test_what_is_not_wanted_any_more_is_pruned(operator, toys):
    toys.apply(text="hello", port=80, noService=True)
    eventually(lambda: toys.get("services", "one-front") is None, 10)
    assert toys.get("configmaps", "one-kept") and toys.get("secrets", "one-keys")
    quiet(operator)


def test_a_paused_toy_is_left_alone_and_says_so(operator, toys):
    toys.apply(text="changed", port=80, paused=True)
    eventually(lambda: toys.condition("Reconciling").get("reason") == "Held")
    toys.delete("services", "one-front")
    time.sleep(1)
    assert toys.get("services", "one-front") is None
    assert toys.get("configmaps", "one-settings")["data"] == {"text": "hello"}
    toys.apply(text="changed", port=80)
    eventually(lambda: toys.get("configmaps", "one-settings")["data"] == {"text": "changed"})
    eventually(lambda: toys.get("services", "one-front"))


def test_an_edited_status_is_put_back(operator, toys):
    path = f"/apis/{GROUP}/v1/namespaces/{toys.namespace}/toys/one/status"
    toys.plane.request("PATCH", path, {"status": {"phase": "Broken"}}, "application/merge-patch+json")
    eventually(lambda: toys.toy()["status"]["phase"] == "Playing", 5)
    quiet(operator)


def test_a_restart_with_everything_converged_writes_nothing(operator, toys):
    quiet(operator)
    assert operator.stop() == 0
    versions = {name: toys.get(*name)["metadata"]["resourceVersion"] for name in (
        ("services", "one-front"), ("configmaps", "one-settings"), ("configmaps", "one-kept"), ("secrets", "one-keys"))}
    status_version = toys.toy()["metadata"]["resourceVersion"]
    toys.plane.audit_mark()
    with Operator(toys.plane, toys.namespace) as again:
        again.wait_line("first reconcile after")
        eventually(lambda: again.metric('controller_runtime_reconcile_total{controller="toy",result="success"}') >= 1)
        time.sleep(1)
        assert again.writes() == []
        assert {name: toys.get(*name)["metadata"]["resourceVersion"] for name in versions} == versions
        assert toys.toy()["metadata"]["resourceVersion"] == status_version


def test_an_edit_while_it_was_away_is_put_back(operator, toys):
    assert operator.stop() == 0
    toys.patch("services", "one-front", {"spec": {"selector": {"app": "other"}}})
    toys.delete("configmaps", "one-settings")
    with Operator(toys.plane, toys.namespace) as again:
        eventually(lambda: toys.get("services", "one-front")["spec"]["selector"] == {"app": "one"})
        eventually(lambda: toys.get("configmaps", "one-settings"))
        quiet(again)


def test_a_crash_after_any_write_ends_in_the_same_state(toys):
    """Dies after its n-th write, for every n there is, each time with a fresh Toy."""
    end_states = []
    for n in range(1, 30):
        name = f"toy{n}"
        toys.apply(name, text="hello", port=80)
        with Operator(toys.plane, toys.namespace, "--no-leader-election",
                      environment={"MADBASE_CRASH_AFTER_WRITES": str(n)}) as operator:
            operator.wait_line("first reconcile after")
            eventually(lambda: operator.process.poll() is not None
                       or toys.condition("Ready", name).get("status") == "True")
            time.sleep(0.2)
            # The last write may be an Event that is sent while it stops.
            crashed = (operator.process.poll() or operator.stop()) == CRASHED
        with Operator(toys.plane, toys.namespace, "--no-leader-election") as operator:
            operator.wait_line("first reconcile after")
            toys.wait_ready(name)
            quiet(operator, 0.3)
        end_states.append({
            "settings": toys.get("configmaps", f"{name}-settings")["data"],
            "kept": toys.get("configmaps", f"{name}-kept")["data"],
            "ports": [p["port"] for p in toys.get("services", f"{name}-front")["spec"]["ports"]],
            "secret": toys.get("secrets", f"{name}-keys")["data"],
            "phase": toys.toy(name)["status"]["phase"],
        })
        toys.plane.request("DELETE", f"/apis/{GROUP}/v1/namespaces/{toys.namespace}/toys/{name}")
        if not crashed:
            break
    assert n >= 5, "a toy needs at least five writes"
    assert not crashed
    assert all(state == end_states[0] for state in end_states)


def test_repeated_drift_is_one_event_with_a_series(operator, toys):
    for i in range(4):
        toys.patch("configmaps", "one-settings", {"data": {"text": f"edit {i}"}})
        eventually(lambda: toys.get("configmaps", "one-settings")["data"]["text"] == "hello", 10)
    eventually(lambda: toys.events("DriftReverted") and toys.events("DriftReverted")[0].get("series"))
    events = toys.events("DriftReverted")
    assert len(events) == 1
    event = events[0]
    assert event["series"]["count"] >= 2 and event["type"] == "Warning"
    assert event["regarding"]["kind"] == "Toy" and event["regarding"]["name"] == "one"
    assert event["reportingController"] == "madbase.io/operator"
    assert event["note"] == (f"ConfigMap {toys.namespace}/one-settings was changed by hand and put back; "
                             "change spec.text of Toy one instead")
    assert [e["note"] for e in toys.events("SettingsApplied")] == [
        f"made ConfigMap {toys.namespace}/one-settings: members read it"]


def test_strict_validation_shows_in_waiting_for_and_ends_with_the_spec(operator, toys):
    toys.apply(text="hello", port=80, bad=True)
    eventually(lambda: any("nonsense" in wait["what"] for wait in toys.waits()))
    assert toys.condition("Stalled")["status"] == "True"
    assert toys.condition("Ready")["status"] == "Unknown"
    assert toys.get("services", "one-front")
    eventually(lambda: toys.events("Invalid"))
    quiet(operator)
    toys.apply(text="hello", port=80)
    toys.wait_ready()
    assert toys.waits() == [] and toys.condition("Stalled")["status"] == "False"


def test_a_wait_that_a_person_must_end_is_one_event(operator, toys):
    toys.apply(text="hello", port=80, wait="the cat is on the keyboard")
    eventually(lambda: toys.waits())
    since = toys.waits()[0]["since"]
    eventually(lambda: toys.events("Waiting"))
    toys.apply(text="other", port=80, wait="the cat is on the keyboard")
    eventually(lambda: toys.toy()["status"]["text"] == "other")
    quiet(operator)
    assert toys.waits()[0] == {"what": "the cat is on the keyboard", "since": since, "unblock": "Take spec.wait away"}
    events = toys.events("Waiting")
    assert len(events) == 1 and "series" not in events[0]


RIGHTS = [
    {"apiGroups": [GROUP], "resources": ["toys"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [GROUP], "resources": ["toys/status"], "verbs": ["patch"]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch", "create", "patch", "delete"]},
    {"apiGroups": [""], "resources": ["services"], "verbs": ["get", "list", "watch", "create", "delete"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "create"]},
    {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "list", "watch", "create", "update"]},
]


def grant(toys, user, rules):
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": user, "namespace": toys.namespace}, "rules": rules}
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
               "metadata": {"name": user, "namespace": toys.namespace},
               "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": user},
               "subjects": [{"kind": "User", "name": user}]}
    toys.plane.apply([role, binding])


def test_a_missing_right_is_shown_and_heals_when_it_is_given(toys):
    user = f"limited-{toys.namespace}"
    grant(toys, user, RIGHTS)
    toys.apply(text="hello", port=80)
    with Operator(toys.plane, toys.namespace, user=user) as operator:
        eventually(lambda: toys.waits())
        wait = toys.waits()[0]
        assert "Service" in wait["what"] and "cannot patch" in wait["what"]
        assert wait["unblock"].startswith("Grant this right to the operator")
        assert toys.condition("Reconciling")["reason"] == "Forbidden"
        assert toys.condition("Stalled")["status"] == "False"
        eventually(lambda: toys.events("Forbidden"))
        time.sleep(2)
        assert len(toys.events("Forbidden")) == 1
        # Slow, not hot.
        assert operator.metric('controller_runtime_reconcile_errors_total{controller="toy"}') <= 6
        grant(toys, user, [*RIGHTS, {"apiGroups": [""], "resources": ["services"], "verbs": ["patch"]}])
        toys.wait_ready(seconds=30)
        assert toys.waits() == []


def test_a_full_quota_is_shown_and_heals_when_it_is_raised(toys):
    def quota(services):
        # Nobody counts here but admission itself, which needs a status to count in.
        toys.plane.kubectl("apply", "-f", "-", input={
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": toys.namespace},
            "spec": {"hard": {"services": str(services)}}})
        toys.plane.request("PATCH", f"/api/v1/namespaces/{toys.namespace}/resourcequotas/q/status",
                           {"status": {"hard": {"services": str(services)}, "used": {"services": "0"}}},
                           "application/merge-patch+json")
    quota(0)
    toys.apply(text="hello", port=80)
    with Operator(toys.plane, toys.namespace):
        eventually(lambda: any("exceeded quota" in wait["what"] for wait in toys.waits()))
        assert toys.waits()[0]["unblock"].startswith("Raise the ResourceQuota")
        quota(5)
        toys.wait_ready(seconds=30)


def test_health_readiness_and_metrics_are_served(operator, toys):
    assert operator.http("/healthz") == (200, "ok")
    assert operator.http("/readyz") == (200, "ok")
    for check in ("/healthz/lease", "/readyz/caches", "/readyz/watches"):
        assert operator.http(check)[0] == 200, check
    page = operator.http("/metrics")[1]
    for name in ("controller_runtime_reconcile_time_seconds_bucket", "controller_runtime_active_workers",
                 "workqueue_depth", "workqueue_adds_total", "workqueue_queue_duration_seconds_bucket",
                 "rest_client_requests_total", "leader_election_master_status", "process_resident_memory_bytes",
                 "api_writes_total", "reconcile_stale_skips_total", "madbase_build_info"):
        assert name in page, name
    assert operator.metric('leader_election_master_status{name="madbase-operator"}') == 1
    assert operator.metric('workqueue_depth{name="toy",controller="toy",priority="0"}') == 0


def test_a_start_that_cannot_be_ends_with_a_sentence(operator, toys):
    with Operator(toys.plane, toys.namespace, f"--health-port={operator.port()}", identity="second") as second:
        assert second.process.wait(20) == 1
        eventually(lambda: any(str(operator.port()) in line["msg"] and line["level"] == "error" for line in second.lines))
    with Operator(toys.plane, toys.namespace, "--workers=none") as wrong:
        assert wrong.process.wait(20) == 2
        wrong.wait_line("--workers takes a number from 1 to 32")


def test_a_killed_leader_is_replaced_in_17_seconds(toys):
    toys.apply(text="hello")
    with Operator(toys.plane, toys.namespace, identity="first") as first:
        first.wait_line("leading as first_")
        toys.wait_ready()
        with Operator(toys.plane, toys.namespace, identity="second") as second:
            # A standby is ready and warm.
            eventually(lambda: second.http("/readyz")[0] == 200)
            assert second.metric('leader_election_master_status{name="madbase-operator"}') == 0
            first.stop(signal.SIGKILL)
            toys.patch("configmaps", "one-settings", {"data": {"text": "edited while nobody led"}})
            took = seconds_until(lambda: toys.get("configmaps", "one-settings")["data"]["text"] == "hello", 30)
            assert (toys.holder() or "").startswith("second_")
            assert took < 17, took
            print(f"leader killed: healed by the standby after {took:.1f} s")


def test_a_leader_that_stops_hands_over_in_3_seconds(toys):
    toys.apply(text="hello")
    with Operator(toys.plane, toys.namespace, identity="first") as first:
        toys.wait_ready()
        with Operator(toys.plane, toys.namespace, identity="second") as second:
            eventually(lambda: second.http("/readyz")[0] == 200)
            before = time.monotonic()
            first.process.send_signal(signal.SIGTERM)
            second.wait_line("leading as second_")
            took = time.monotonic() - before
            assert took < 3, took
            assert first.process.wait(10) == 0
            print(f"leader stopped: the standby leads after {took:.2f} s")


def test_a_frozen_leader_writes_nothing_when_it_wakes_up(toys):
    toys.apply(text="hello")
    with Operator(toys.plane, toys.namespace, "--lease-seconds=3", identity="first") as first:
        toys.wait_ready()
        with Operator(toys.plane, toys.namespace, "--lease-seconds=3", identity="second",
                      environment={}) as second:
            eventually(lambda: second.http("/readyz")[0] == 200)
            first.process.send_signal(signal.SIGSTOP)
            second.wait_line("leading as second_")
            toys.patch("configmaps", "one-settings", {"data": {"text": "edited"}})
            eventually(lambda: toys.get("configmaps", "one-settings")["data"]["text"] == "hello")
            first.process.send_signal(signal.SIGCONT)
            assert first.process.wait(10) == 1
            first.wait_line("leadership is lost")
            assert toys.holder().startswith("second_")


def test_with_lists_and_before_its_crd_is_there(apiserver_no_watchlist):
    """An older server: no WatchList. The operator comes up first, says what it misses, and then does all it should."""
    toys = Toys(apiserver_no_watchlist, apiserver_no_watchlist.namespace("toys"))
    with Operator(toys.plane, toys.namespace) as operator:
        eventually(lambda: operator.http("/readyz/caches")[0] != 200)
        assert operator.http("/healthz")[0] == 200
        apiserver_no_watchlist.kubectl("apply", "--server-side", "-f", "-", input=CRD)
        eventually(lambda: operator.http("/readyz") == (200, "ok"), 60)
        toys.apply(text="hello", port=80)
        toys.wait_ready()
        toys.patch("configmaps", "one-settings", {"data": {"text": "edited"}})
        eventually(lambda: toys.get("configmaps", "one-settings")["data"]["text"] == "hello", HEAL_SECONDS)
        toys.delete("services", "one-front")
        eventually(lambda: toys.get("services", "one-front"), HEAL_SECONDS)
        quiet(operator)
    toys.plane.audit_mark()
    with Operator(toys.plane, toys.namespace) as again:
        again.wait_line("first reconcile after")
        time.sleep(1)
        assert again.writes() == []


def test_memory_and_start_are_small(operator, toys):
    """Prints the figures; the limits hold for a release build, so they are only checked there."""
    started = int(operator.wait_line(r"first reconcile after (\d+) ms").group(1))
    quiet(operator)
    memory = operator.memory()
    print(f"idle: RssAnon {memory['RssAnon']} KiB, VmRSS {memory['VmRSS']} KiB; first reconcile after {started} ms")
    with open(f"/proc/{operator.process.pid}/maps") as maps:
        instrumented = re.search("lib[at]san", maps.read())
    if not instrumented:
        assert memory["RssAnon"] <= 4096 and memory["VmRSS"] <= 16384 and started <= 300
