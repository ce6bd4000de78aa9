# SPDX-License-Identifier: Apache-2.0
"""The PostgreSQL image: members over etcd, as pods. What Patroni does is tested as far as our program and our
configuration have a part in it."""
import os
import signal
import sys
import time

import psycopg
import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "testing"))
from podlab import Lab, until  # noqa: E402  pylint: disable=wrong-import-position
from postgres_pillar import CONFIG, SECRETS, PostgresPillar  # noqa: E402  pylint: disable=wrong-import-position


@pytest.fixture(name="lab")
def fixture_lab():
    with Lab() as lab:
        yield lab


@pytest.fixture(autouse=True)
def show_logs(request, lab):
    yield
    if getattr(request.node, "failed", False) or os.environ.get("SHOW_LOGS"):
        for pod in lab.pods.values():
            print(f"===== {pod.name} {pod.address}\n{pod.log()[-6000:]}")


def pid_of(pod, name):
    """The lowest process id in the pod whose command line holds the name."""
    for pid in sorted(int(word) for word in pod.exec("ls", "/proc").split() if word.isdigit()):
        line = pod.exec("sh", "-c", f"tr '\\0' ' ' < /proc/{pid}/cmdline 2>/dev/null || true")
        if name in line and "/proc" not in line:
            return pid
    raise AssertionError(f"no {name}")


def write(pillar, pod, number):
    pillar.sql(pod, f"INSERT INTO t VALUES ({number})")


def test_one_member_serves_app_and_keeps_its_rows(lab):
    pillar = PostgresPillar(lab, members=1).start()
    primary = pillar.healthy()
    pillar.sql(primary, "CREATE TABLE t (n int)")
    pillar.sql(primary, "INSERT INTO t SELECT generate_series(1, 1000)")
    assert pillar.sql(primary, "SHOW data_checksums") == [("on",)]
    assert pillar.sql(primary, "SELECT current_setting('server_encoding'), datlocprovider::text, datlocale "
                      "FROM pg_database WHERE datname = 'app'") == [("UTF8", "b", "C.UTF-8")]
    assert pillar.sql(primary, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'app'") == [("app",)]
    assert primary.exec("id", "-u").strip() == "1000"
    with pytest.raises(RuntimeError):
        primary.exec("touch", "/usr/stray")
    began = time.monotonic()
    assert primary.stop() == 0
    print(f"stopped after {time.monotonic() - began:.1f} s")
    primary.start()
    pillar.healthy()
    assert pillar.sql(primary, "SELECT count(*) FROM t") == [(1000,)]


def test_rest_wants_a_password_for_what_changes_something(lab):
    pillar = PostgresPillar(lab, members=1).start()
    primary = pillar.healthy()
    assert pillar.rest(primary, "/readiness")[0] == 200
    assert pillar.rest(primary, "/liveness")[0] == 200
    assert pillar.rest(primary, "/restart", "POST", {})[0] == 401
    assert pillar.rest(primary, "/config", "PATCH", {"pause": True})[0] == 401


def test_new_passwords_reach_the_roles_without_a_restart(lab):
    pillar = PostgresPillar(lab).start()
    primary = pillar.healthy()
    started = pillar.sql(primary, "SELECT pg_postmaster_start_time()")
    new = {key: f"{value} made anew" for key, value in pillar.passwords.items()}
    for pod in pillar.members:
        pod.put(SECRETS, **new)
    old, pillar.passwords = pillar.passwords, new
    for user in ("app", "postgres"):
        until(lambda u=user: pillar.connect(primary, u).close() is None, 15, f"{user} has its new password")
    pillar.passwords = old
    with pytest.raises(psycopg.OperationalError):
        pillar.connect(primary, "app")
    pillar.passwords = new
    replica = next(pod for pod in pillar.members if pod is not primary)
    replica.stop()
    replica.start()
    pillar.healthy()
    assert pillar.sql(primary, "SELECT pg_postmaster_start_time()") == started
    verifiers = pillar.sql(primary, "SELECT rolname, rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL", "postgres")
    assert sorted(name for name, _ in verifiers) == ["app", "postgres", "replicator", "rewind_user"]
    time.sleep(12)  # one more look of the aligner: what fits is left alone
    assert verifiers == pillar.sql(primary, "SELECT rolname, rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL",
                                   "postgres")


def test_a_changed_configuration_is_reloaded_and_a_bad_one_is_not(lab):
    pillar = PostgresPillar(lab, members=1).start()
    primary = pillar.healthy()
    primary.put(CONFIG, patroni__yml="scope: [unclosed")
    until(lambda: "mounted files refused" in primary.log(), 10, "the bad configuration is refused")
    primary.put(CONFIG, patroni__yml=pillar.config.replace("unix_socket_permissions: '0700'",
                                                           "unix_socket_permissions: '0700'\n    work_mem: 7MB"))
    until(lambda: pillar.sql(primary, "SHOW work_mem") == [("7MB",)], 15, "the good one is taken over")


def test_patroni_killed_does_not_end_postgresql(lab):
    pillar = PostgresPillar(lab).start()
    primary = pillar.healthy()
    pillar.sql(primary, "CREATE TABLE t (n int)")
    with pillar.connect(primary) as session:
        primary.exec("kill", "-KILL", str(pid_of(primary, "/usr/bin/patroni")))
        end, n = time.monotonic() + 10, 0
        while time.monotonic() < end:
            session.execute("INSERT INTO t VALUES (%s)", (n,))
            n += 1
            time.sleep(0.05)
    assert pillar.healthy() is primary
    assert "starting it again" in primary.log()


def test_a_killed_primary_process_is_back_or_replaced_soon(lab):
    pillar = PostgresPillar(lab).start()
    primary = pillar.healthy()
    pillar.sql(primary, "CREATE TABLE t (n int)")
    primary.exec("kill", "-KILL", primary.exec("head", "-1", "/var/lib/madbase/pgdata/postmaster.pid").strip())
    began = time.monotonic()
    time.sleep(0.5)

    def written():
        leader = pillar.primary()
        return leader and write(pillar, leader, 1) is None
    until(written, 20, "somebody takes writes")
    print(f"writes again after {time.monotonic() - began:.1f} s")
    pillar.healthy()


def test_a_lost_primary_is_replaced_and_comes_back_as_replica(lab):
    pillar = PostgresPillar(lab).start()
    primary = pillar.healthy()
    pillar.sql(primary, "CREATE TABLE t (n int)")
    primary.kill()
    began = time.monotonic()
    until(lambda: pillar.primary() not in (None, primary), 40, "another leads")
    print(f"another leads after {time.monotonic() - began:.1f} s")
    write(pillar, pillar.primary(), 1)
    primary.start()
    assert pillar.healthy() is not primary
    assert pillar.sql(primary, "SELECT count(*) FROM t") == [(1,)]


def test_a_stopped_primary_hands_over_at_once(lab):
    pillar = PostgresPillar(lab).start()
    primary = pillar.healthy()
    pillar.sql(primary, "CREATE TABLE t (n int)")
    began = time.monotonic()
    primary.signal(signal.SIGTERM)
    until(lambda: pillar.primary() not in (None, primary), 20, "another leads")
    print(f"another leads after {time.monotonic() - began:.1f} s")
    until(lambda: not primary.running(), 20, "the old one has ended")
    assert pillar.sql(pillar.primary(), "SELECT count(*) FROM t") == [(0,)]


def test_an_etcd_member_that_lost_its_disk_joins_anew(lab):
    pillar = PostgresPillar(lab, members=1, etcd=3).start()
    pillar.healthy()
    lost = pillar.etcd[1]
    lost.kill()
    lost.wipe()
    lost.start()
    tls = ["--cacert=/etc/madbase/tls/ca.crt", "--cert=/etc/madbase/tls/tls.crt", "--key=/etc/madbase/tls/tls.key"]
    ends = ["--endpoints=" + ",".join(f"https://{pod.name}.data.svc:2379" for pod in pillar.etcd)]
    told = until(lambda: pillar.etcd[0].exec("etcdctl", *tls, *ends, "endpoint", "health"), 30, "three healthy members")
    assert told.count("is healthy") == 3
    assert "joining anew" in lost.log()
    pillar.etcd[2].kill()  # the new member counts: two of three are a quorum
    pillar.sql(pillar.healthy(), "CREATE TABLE t (n int)")
