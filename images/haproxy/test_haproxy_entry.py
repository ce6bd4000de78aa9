# SPDX-License-Identifier: Apache-2.0
"""The entry before real members of PostgreSQL and Redis: where connections go, what it does when a member fails, and
how it takes over what is mounted."""
import os
import sys
import time
import urllib.request

import psycopg
import pytest
import redis

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "testing"))
from podlab import REPOSITORY, Lab, until  # noqa: E402  pylint: disable=wrong-import-position
from postgres_pillar import PostgresPillar  # noqa: E402  pylint: disable=wrong-import-position
from redis_pillar import FAST, RedisPillar, Writers  # noqa: E402  pylint: disable=wrong-import-position

CONFIG, SECRETS, TLS = "/etc/madbase/config", "/etc/madbase/secrets", "/etc/madbase/tls"


def reference(members):
    with open(os.path.join(REPOSITORY, "images", "haproxy", "testdata", f"haproxy-{members}.cfg"), encoding="utf-8") as file:
        return file.read()


@pytest.fixture(name="lab")
def fixture_lab():
    with Lab() as lab:
        yield lab


@pytest.fixture(autouse=True)
def show_logs(request, lab):
    yield
    if getattr(request.node, "failed", False) or os.environ.get("SHOW_LOGS"):
        for pod in lab.pods.values():
            print(f"===== {pod.name} {pod.address}\n{pod.log()[-5000:]}")


class Entry:
    """The entry of a pillar and what stands behind it."""

    def __init__(self, lab, members, with_redis=True, with_postgres=True, **env):
        self.redis = RedisPillar(lab, members, members, min_replicas=int(members > 1)) if with_redis else None
        self.postgres = PostgresPillar(lab, members) if with_postgres else None
        self.password = self.redis.password if with_redis else "none"
        files = {CONFIG: {"haproxy__cfg": reference(members)}, SECRETS: {"password": self.password},
                 TLS: self.postgres.tls if with_postgres else {"ca__crt": ""}}
        if not with_postgres:
            files[CONFIG]["haproxy__cfg"] = self.without_postgres(members)
        self.pod = lab.pod("prod-entry", "haproxy", files=files, env={"MADBASE_ROTATE_SECONDS": "3", **env})

    @staticmethod
    def without_postgres(members):
        text = reference(members)
        return text[:text.index("# PostgreSQL:")] + text[text.index("# Redis:"):]

    def start(self):
        self.pod.start()
        for part in (self.redis, self.postgres):
            if part:
                part.start()
        for part in (self.redis, self.postgres):
            if part:
                part.healthy()
        return self

    def client(self, port=6379, **options):
        return redis.Redis(self.pod.address, port, password=self.redis.password, **{**FAST, **options})

    def sql(self, statement, port=5433):
        with self.postgres.connect(self.pod, port=port) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else None

    def page(self, path):
        with urllib.request.urlopen(f"http://{self.pod.address}:7000{path}", timeout=2) as answer:
            return answer.read().decode()


def test_postgres_goes_to_the_primary_and_to_the_replicas(lab):
    entry = Entry(lab, 3, with_redis=False).start()
    until(lambda: entry.sql("SELECT pg_is_in_recovery()") == [(False,)], 15, "5433 reaches the primary")
    entry.sql("CREATE TABLE t (n int)")
    until(lambda: entry.sql("SELECT pg_is_in_recovery()", 5434) == [(True,)], 15, "5434 reaches a replica")
    assert entry.page("/healthz")
    assert 'haproxy_server_status{proxy="postgres-primary",server="prod-pg-0",state="UP"}' in entry.page("/metrics")
    # A switchover: sessions of the old primary end, new ones reach the new one.
    session, old = entry.postgres.connect(entry.pod, port=5433), entry.postgres.primary()
    session.execute("SELECT 1")
    old.stop()
    began = time.monotonic()
    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT 1")
    until(lambda: entry.sql("INSERT INTO t VALUES (1)") is None, 20, "writes again")
    print(f"writes again {time.monotonic() - began:.1f} s after the old primary had ended")
    # A hung primary: Patroni does not answer, so the entry lets nobody reach it.
    primary = entry.postgres.primary()
    old.start()
    entry.postgres.healthy()
    session = entry.postgres.connect(entry.pod, port=5433)
    primary.connected(False)
    began = time.monotonic()
    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT 1")
    print(f"the session ended {time.monotonic() - began:.1f} s after the cable was pulled")
    assert time.monotonic() - began < 8
    until(lambda: entry.sql("INSERT INTO t VALUES (2)") is None, 40, "writes again")
    print(f"writes again after {time.monotonic() - began:.1f} s")


def test_one_member_serves_all_ports(lab):
    entry = Entry(lab, 1).start()
    for port in (5433, 5434):
        until(lambda p=port: entry.sql("SELECT 1", p) == [(1,)], 15, f"{port} serves")
    for port in (6379, 6380):
        until(lambda p=port: entry.client(p).ping(), 15, f"{port} serves")
    assert entry.client().set("a", "1") and entry.client(6380).get("a") == b"1"


def test_redis_goes_to_the_master_and_moves_with_it(lab):
    entry = Entry(lab, 3, with_postgres=False).start()
    until(lambda: entry.client().set("a", "1"), 10, "6379 reaches the master")
    until(lambda: entry.client(6380).role()[0] == b"slave", 10, "6380 reaches a replica")
    session, old = entry.client(), entry.redis.master()
    session.ping()
    old.kill()
    began = time.monotonic()
    until(lambda: entry.client().set("a", "2"), 20, "writes again")
    gap = time.monotonic() - began
    print(f"writes again {gap:.1f} s after the master was killed")
    assert entry.redis.master() is not old and gap < 15


def test_a_handover_is_short_through_the_entry_and_loses_nothing(lab):
    entry = Entry(lab, 3, with_postgres=False).start()
    until(lambda: entry.client().set("a", "1"), 10, "6379 reaches the master")
    writers = Writers(entry.redis.password, [entry.pod.address]).start()
    time.sleep(2)
    print(entry.redis.master().exec("madbase-redis", "handover"))
    time.sleep(3)
    writers.stop()
    entry.redis.healthy()
    assert writers.acknowledged() > 500 and writers.lost(entry.client()) == 0
    assert writers.gap() < 2


def test_an_isolated_old_master_takes_no_writes_through_the_entry(lab):
    entry = Entry(lab, 3, with_postgres=False).start()
    until(lambda: entry.client().set("a", "1"), 10, "6379 reaches the master")
    old = entry.redis.master()
    others = [pod for pod in entry.redis.redis if pod is not old]
    for pod in others + entry.redis.sentinels:  # the master keeps its link to the entry alone
        pod.partition(old)
    until(lambda: entry.redis.client(others[0]).role()[0] == b"master" or
          entry.redis.client(others[1]).role()[0] == b"master", 20, "another is promoted")
    new = next(pod for pod in others if entry.redis.client(pod).role()[0] == b"master")

    def right():
        entry.client().set("b", "1")
        return entry.redis.client(new).get("b") == b"1"
    until(right, 15, "writes through the entry reach the new master")
    kept = []
    for i in range(200):
        try:
            entry.client().set(f"c{i}", "1")
            kept.append(f"c{i}")
        except redis.RedisError:
            pass  # refused, while both claim to lead
        time.sleep(0.02)
    assert len(kept) > 100 and entry.redis.client(new).exists(*kept) == len(kept)


def test_a_bad_configuration_is_refused_and_a_good_one_reloaded_without_dropping_sessions(lab):
    entry = Entry(lab, 1, with_postgres=False).start()
    until(lambda: entry.client().ping(), 15, "6379 serves")
    session = entry.client(single_connection_client=True)
    session.ping()
    good = Entry.without_postgres(1)
    entry.pod.put(CONFIG, haproxy__cfg=good + "\nnonsense here\n")
    until(lambda: "new configuration refused" in entry.pod.log(), 10, "it is refused")
    assert entry.client().ping()
    entry.pod.put(CONFIG, haproxy__cfg=good + "\nlisten extra\n    bind :7001\n    mode tcp\n    server prod-redis-0 prod-redis-0:6379\n")
    until(lambda: entry.client(7001).ping(), 10, "the new port serves")
    assert session.ping()
    assert "RELOAD" not in session.info("server")


def test_a_new_password_of_redis_interrupts_nobody(lab):
    entry = Entry(lab, 1, with_postgres=False).start()
    until(lambda: entry.client().ping(), 15, "6379 serves")
    for pod in entry.redis.redis + [entry.pod]:
        pod.put(SECRETS, password="made anew")
    session, end = entry.client(), time.monotonic() + 8
    while time.monotonic() < end:
        session.ping()
        time.sleep(0.05)
    assert "the new password is used" in entry.pod.log()
    entry.redis.password = "made anew"
    assert entry.client().ping()


def test_a_member_without_an_address_joins_when_it_has_one(lab):
    entry = Entry(lab, 1, with_postgres=False)
    hosts = os.path.join(lab.folder, "hosts")
    with open(hosts, encoding="ascii") as file:
        full = file.read()
    with open(hosts, "w", encoding="ascii") as file:
        file.write("127.0.0.1 localhost\n" + "".join(line + "\n" for line in full.splitlines() if "sentinel" in line))
    entry.pod.start()
    until(lambda: entry.page("/healthz"), 10, "HAProxy runs")
    lab.write_hosts()
    entry.redis.start()
    until(lambda: entry.client().ping(), 30, "the member is reached")


def test_sigterm_drains_open_sessions(lab):
    entry = Entry(lab, 1, with_postgres=False, MADBASE_DRAIN_SECONDS="4").start()
    until(lambda: entry.client().ping(), 15, "6379 serves")
    session = entry.client(single_connection_client=True)
    session.ping()
    entry.pod.signal(15)
    began = time.monotonic()
    time.sleep(1)
    with pytest.raises(redis.ConnectionError):
        entry.client().ping()
    assert session.ping()
    until(lambda: not entry.pod.running(), 10, "HAProxy has ended")
    assert 3 < time.monotonic() - began < 8 and entry.pod.process.returncode == 0
