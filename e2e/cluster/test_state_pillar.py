# SPDX-License-Identifier: Apache-2.0
"""A StatePillar of one member, its clients, and what stays of it when it is deleted."""

import pytest

from conftest import SOLO
from local_cluster import NotYet, Refused, wait_until
from objects import StatePillar, is_ready_pod, refusal


@pytest.mark.timeout(300)
def test_one_member_becomes_ready_and_kubectl_shows_it(solo):
    row = solo.row()
    assert list(row) == ["NAME", "READY", "PHASE", "PRIMARY", "REDIS-MASTER", "QUORUM", "AGE"]
    assert {**row, "AGE": ""} == {"NAME": "solo", "READY": "1/1", "PHASE": "Ready", "PRIMARY": "solo-pg-0",
                                  "REDIS-MASTER": "solo-redis-0", "QUORUM": "Single", "AGE": ""}
    assert all(is_ready_pod(pod) for pod in solo.pods())


def test_psycopg_writes_and_reads_through_the_entry_and_both_usual_names(solo, cluster):
    app = solo.secret()
    host = f"{solo.name}-%s.{solo.namespace}.svc"
    cluster.sql(solo.entry_uri(), "CREATE TABLE IF NOT EXISTS seen (name text PRIMARY KEY)")
    for name, uri in (("entry", solo.entry_uri()), ("rw", app["uri"]), ("database_url", app["DATABASE_URL"])):
        cluster.sql(uri, "INSERT INTO seen VALUES (%s) ON CONFLICT DO NOTHING", [name])
    readers = [solo.entry_uri(), solo.entry_uri(5434), app["uri"], app["uri"].replace(host % "rw", host % "ro")]
    for uri in readers:
        assert cluster.sql(uri, "SELECT name FROM seen ORDER BY name") == [["database_url"], ["entry"], ["rw"]]


def test_redis_py_writes_and_reads_through_the_entry_and_the_usual_name(solo, cluster):
    for number, url in enumerate((solo.entry_redis(), solo.secret()["REDIS_URL"])):
        assert cluster.redis(url, "SET", f"key{number}", "kept") is True
    for url in (solo.entry_redis(), solo.entry_redis(6380), solo.secret()["REDIS_URL"]):
        assert [cluster.redis(url, "GET", f"key{number}") for number in range(2)] == ["kept", "kept"]


def test_the_apps_secret_has_every_key_and_they_say_the_same(solo):
    app = solo.secret()
    assert set(app) == {"username", "password", "host", "port", "dbname", "uri", "jdbc-uri", "DATABASE_URL", "REDIS_URL"}
    assert app["uri"] == app["DATABASE_URL"] == (
        f"postgresql://{app['username']}:{app['password']}@{app['host']}:{app['port']}/{app['dbname']}")
    assert app["jdbc-uri"] == (f"jdbc:postgresql://{app['host']}:{app['port']}/{app['dbname']}"
                               f"?user={app['username']}&password={app['password']}")
    assert app["REDIS_URL"] == f"redis://default:{solo.secret('redis-auth')['password']}@solo-redis.e2e-solo.svc:6379/0"


def test_passwords_are_asked_for(solo, cluster):
    wrong = solo.entry_uri().replace(solo.secret()["password"], "wrong")
    assert "password authentication failed" in refusal(cluster.sql, wrong, "SELECT 1")
    password = solo.secret("redis-auth")["password"]
    for url in (solo.entry_redis().replace(password, "wrong"), solo.entry_redis().replace(f"default:{password}@", "")):
        assert "Authentication" in refusal(cluster.redis, url, "PING")


@pytest.mark.timeout(300)
def test_one_member_with_an_etcd_of_its_own_serves(cluster, room, operator):
    pillar = StatePillar(cluster, room, "own").apply({**SOLO, "dcs": "Etcd"})
    pillar.wait_members(1, 180)
    assert pillar.row("-o", "wide")["DCS"] == "Etcd"
    assert cluster.sql(pillar.entry_uri(), "SELECT 1") == [[1]]


@pytest.mark.timeout(300)
def test_deletion_protection_is_refused_with_the_way_out(solo, cluster):
    solo.change(deletionProtection=True)

    def protected():
        with_words = refusal(cluster.kubectl, "-n", solo.namespace, "delete", "sp", solo.name, "--wait=false")
        return "spec.deletionProtection" in with_words

    try:
        assert wait_until("deletion to be refused", protected, 10)
    finally:
        solo.change(deletionProtection=False)


def hold_member_0_away(pillar, *parts):
    """Takes the pods of member 0 away, with the operator's hands off; the others go on."""
    pillar.change(paused=True)
    pillar.wait("Paused", lambda thing: thing["status"]["phase"] == "Paused", 30)
    for part in parts:
        pillar.cluster.merge(f"/apis/apps/v1/namespaces/{pillar.namespace}/statefulsets/{pillar.name}-{part}",
                             {"spec": {"ordinals": {"start": 1}, "replicas": 2}})
    for part in parts:
        wait_until(f"{part}-0 to be away", lambda part=part: not pillar.pod(f"{pillar.name}-{part}-0"), 150)


@pytest.mark.timeout(420)
def test_every_row_is_back_after_deletion_under_retain_also_when_member_0_was_behind(cluster, room, operator):
    spec = {**SOLO, "members": 3}
    pillar = StatePillar(cluster, room, "kept").apply(spec)
    pillar.wait_members(3)
    cluster.sql(pillar.entry_uri(), "CREATE TABLE rows (number int)")
    hold_member_0_away(pillar, "pg", "redis")

    def written_without_member_0():
        try:
            cluster.sql(pillar.entry_uri(), "INSERT INTO rows SELECT generate_series(1, 1000)")
            cluster.redis(pillar.entry_redis(), "SET", "late", "kept")
            return cluster.sql(pillar.entry_uri(), "SELECT count(*) FROM rows")
        except Refused as error:
            raise NotYet(error) from error

    count = wait_until("writes without member 0", written_without_member_0, 60)
    secrets = [pillar.secret(name) for name in ("app", "postgres", "redis-auth", "ca")]

    pillar.delete()
    pillar.apply(spec)
    pillar.wait_members(3)
    assert [pillar.secret(name) for name in ("app", "postgres", "redis-auth", "ca")] == secrets
    assert cluster.sql(pillar.entry_uri(), "SELECT count(*) FROM rows") == count
    assert cluster.redis(pillar.entry_redis(), "GET", "late") == "kept"
