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


@pytest.fixture(name="pillar", scope="module")
def fixture_pillar():
    """Three members, made once; each test leaves them healthy."""
    with Lab() as lab:
        pillar = PostgresPillar(lab).start()
        pillar.sql(pillar.healthy(), "CREATE TABLE t (n int)")
        yield pillar


@pytest.fixture(name="single", scope="module")
def fixture_single(pillar):
    """One member, made once, on the same bridge."""
    single = PostgresPillar(pillar.lab, members=1, etcd=3, name="solo")
    single.start()
    single.healthy()
    return single


@pytest.fixture(autouse=True)
def show_logs(request, pillar):
    yield
    if getattr(request.node, "failed", False) or os.environ.get("SHOW_LOGS"):
        for pod in pillar.lab.pods.values():
            print(f"===== {pod.name} {pod.address}\n{pod.log()[-6000:]}")


def pid_of(pod, name):
    """The lowest process id in the pod whose command line holds the name."""
    for pid in sorted(int(word) for word in pod.exec("ls", "/proc").split() if word.isdigit()):
        line = pod.exec("sh", "-c", f"tr '\\0' ' ' < /proc/{pid}/cmdline 2>/dev/null || true")
        if name in line and "/proc" not in line:
            return pid
    raise AssertionError(f"no {name}")


def test_rest_wants_a_password_for_what_changes_something(pillar):
    primary = pillar.healthy()
    assert pillar.rest(primary, "/readiness")[0] == 200
    assert pillar.rest(primary, "/liveness")[0] == 200
    assert pillar.rest(primary, "/restart", "POST", {})[0] == 401
    assert pillar.rest(primary, "/config", "PATCH", {"pause": True})[0] == 401


def test_new_passwords_reach_the_roles_without_a_restart(pillar):
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
    stored = "SELECT rolname, rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL ORDER BY 1"
    verifiers = pillar.sql(primary, stored, "postgres")
    assert [name for name, _ in verifiers] == ["app", "postgres", "replicator", "rewind_user"]
    for pod in pillar.members:  # one more look of the aligner: what fits is left alone
        pod.put(CONFIG, patroni__yml=pillar.config + "# touched\n")
    until(lambda: primary.log().count("mounted files changed") >= 2, 10, "the aligner has looked again")
    time.sleep(1)
    assert verifiers == pillar.sql(primary, stored, "postgres")


def test_patroni_killed_does_not_end_postgresql(pillar):
    primary = pillar.healthy()
    with pillar.connect(primary) as session:
        primary.exec("kill", "-KILL", str(pid_of(primary, "/usr/bin/patroni")))
        until(lambda: session.execute("INSERT INTO t VALUES (0)") and "starting it again" in primary.log(), 5, "seen")
        until(lambda: session.execute("INSERT INTO t VALUES (0)") and pillar.primary() is primary, 15, "it leads on")
    assert pillar.healthy() is primary


def test_patroni_hung_is_replaced_before_its_lock_runs_out(pillar):
    primary = pillar.healthy()
    with pillar.connect(primary) as session:
        primary.exec("kill", "-STOP", str(pid_of(primary, "/usr/bin/patroni")))
        began = time.monotonic()
        until(lambda: pillar.primary() is None, 5, "nobody is told to lead")
        until(lambda: session.execute("INSERT INTO t VALUES (0)") and pillar.primary() is primary, 20, "it leads on")
    print(f"Patroni answers again after {time.monotonic() - began:.1f} s")
    assert pillar.healthy() is primary


def test_a_killed_primary_process_is_back_or_replaced_soon(pillar):
    primary = pillar.healthy()
    primary.exec("kill", "-KILL", primary.exec("head", "-1", "/var/lib/madbase/pgdata/postmaster.pid").strip())
    began = time.monotonic()

    def written():
        leader = pillar.primary()
        return leader and pillar.sql(leader, "INSERT INTO t VALUES (1)") is None
    time.sleep(0.3)  # a connection made at once may still meet a backend that has not died yet
    until(written, 20, "somebody takes writes")
    print(f"writes again after {time.monotonic() - began:.1f} s")
    pillar.healthy()


def test_a_stopped_primary_hands_over_at_once(pillar):
    primary = pillar.healthy()
    rows = pillar.sql(primary, "SELECT count(*) FROM t")
    began = time.monotonic()
    primary.signal(signal.SIGTERM)
    until(lambda: pillar.primary() not in (None, primary), 20, "another leads")
    print(f"another leads after {time.monotonic() - began:.1f} s")
    until(lambda: not primary.running(), 20, "the old one has ended")
    assert primary.process.returncode == 0
    assert pillar.sql(pillar.primary(), "SELECT count(*) FROM t") == rows
    primary.start()
    pillar.healthy()


def test_a_lost_primary_is_replaced_and_comes_back_as_replica(pillar):
    primary = pillar.healthy()
    rows = pillar.sql(primary, "SELECT count(*) FROM t")
    primary.kill()
    began = time.monotonic()
    until(lambda: pillar.primary() not in (None, primary), 40, "another leads")
    print(f"another leads after {time.monotonic() - began:.1f} s")
    primary.start()
    assert pillar.healthy() is not primary
    assert pillar.sql(primary, "SELECT count(*) FROM t") == rows


def test_one_member_serves_app_and_keeps_its_rows(single):
    primary = single.healthy()
    single.sql(primary, "CREATE TABLE t (n int)")
    single.sql(primary, "INSERT INTO t SELECT generate_series(1, 1000)")
    assert single.sql(primary, "SHOW data_checksums") == [("on",)]
    assert single.sql(primary, "SELECT current_setting('server_encoding'), datlocprovider::text, datlocale "
                      "FROM pg_database WHERE datname = 'app'") == [("UTF8", "b", "C.UTF-8")]
    assert single.sql(primary, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'app'") == [("app",)]
    assert primary.exec("id", "-u").strip() == "1000"
    with pytest.raises(RuntimeError):
        primary.exec("touch", "/usr/stray")
    assert primary.stop() == 0
    primary.start()
    single.healthy()
    assert single.sql(primary, "SELECT count(*) FROM t") == [(1000,)]


def test_a_changed_configuration_is_reloaded_and_a_bad_one_is_not(single):
    primary = single.healthy()
    primary.put(CONFIG, patroni__yml="scope: [unclosed")
    until(lambda: "mounted files refused" in primary.log(), 10, "the bad configuration is refused")
    primary.put(CONFIG, patroni__yml=single.config.replace("unix_socket_permissions: '0700'",
                                                           "unix_socket_permissions: '0700'\n    work_mem: 7MB"))
    until(lambda: single.sql(primary, "SHOW work_mem") == [("7MB",)], 15, "the good one is taken over")


def test_an_etcd_member_that_lost_its_disk_joins_anew(single):
    lost = single.etcd[1]
    lost.kill()
    lost.wipe()
    lost.start()
    tls = ["--cacert=/etc/madbase/tls/ca.crt", "--cert=/etc/madbase/tls/tls.crt", "--key=/etc/madbase/tls/tls.key"]
    ends = ["--endpoints=" + ",".join(f"https://{pod.name}.data.svc:2379" for pod in single.etcd)]
    told = until(lambda: single.etcd[0].exec("etcdctl", *tls, *ends, "endpoint", "health"), 30, "three healthy members")
    assert told.count("is healthy") == 3
    assert "joining anew" in lost.log()
    single.etcd[2].kill()  # the new member counts: two of three are a quorum
    single.sql(single.healthy(), "CREATE TABLE u (n int)")
