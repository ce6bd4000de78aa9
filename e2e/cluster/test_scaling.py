# SPDX-License-Identifier: Apache-2.0
"""The State pillar grows and shrinks while clients write: nothing that was acknowledged is lost."""

import time

import pytest

from local_cluster import say, wait_until


def move_leaders_to(pillar, member):
    """Makes `member` lead PostgreSQL and Redis, so that a shrinking pillar has to move both."""
    cluster, name, namespace = pillar.cluster, pillar.name, pillar.namespace
    pillar.annotate(switchover=f"{name}-pg-{member}")
    pillar.wait(f"{name}-pg-{member} leads", lambda thing: thing["status"].get("primary") == f"{name}-pg-{member}", 60)
    passwords = pillar.secret("redis-auth")
    replica = f"redis://:{passwords['password']}@{name}-redis-{member}.{namespace}.svc:6379"
    sentinel = f"redis://:{passwords['sentinel-password']}@{name}-sentinel-0.{namespace}.svc:26379"
    cluster.redis(replica, "CONFIG", "SET", "replica-priority", "1")

    def preferred():
        rows = cluster.redis(sentinel, "SENTINEL", "REPLICAS", f"{namespace}.{name}")
        address = pillar.status()["addresses"][f"{name}-redis-{member}"]
        return any(str(row.get("ip")) == address and int(row.get("slave-priority")) == 1 for row in rows)

    wait_until("Sentinel to see the preference", preferred, 30, 0.5)
    cluster.redis(sentinel, "SENTINEL", "FAILOVER", f"{namespace}.{name}")
    pillar.wait(f"{name}-redis-{member} leads",
                lambda thing: thing["status"].get("redisMaster") == f"{name}-redis-{member}", 60)
    cluster.redis(replica, "CONFIG", "SET", "replica-priority", "100")


@pytest.mark.timeout(700)
def test_scaling_up_and_down_under_writes_loses_nothing(demo):
    pillar = demo.pillar
    for before, count in ((3, 5), (5, 3), (3, 1), (1, 3)):
        if count < before:
            # Without writers: a bare failover by Sentinel forgets what the old master takes meanwhile.
            move_leaders_to(pillar, before - 1)
            pillar.wait_members(before)
        with demo.writers(f"from {before} to {count} members"):
            started = time.monotonic()
            demo.change(state={"members": count})
            pillar.wait_members(count, 240)
            say(f"from {before} to {count} members in {time.monotonic() - started:.0f} s")
    demo.wait_ready()
    assert demo.row()["STATE"] == "3/3"
