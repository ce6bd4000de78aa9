# SPDX-License-Identifier: Apache-2.0
"""Leaders that die while the operator is away: PostgreSQL and Redis mend themselves, and clients write again in time."""

import time

import pytest

from local_cluster import say

POSTGRES_SECONDS, REDIS_SECONDS = 25, 15
AT_ONCE = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}


def writes_again_within(demo, leader, kind, seconds):
    """Deletes the leader's pod by force under writes, and waits until they go on."""
    with demo.writers(f"the {kind} leader dies", may_lose=True) as writers:
        writer = next(writer for writer in writers if writer.kind == kind)
        moment = time.monotonic()
        demo.cluster.delete(f"{demo.core}/pods/{leader}", AT_ONCE)
        took = writer.outage_after(moment, seconds + 30)
    say(f"{leader} deleted by force: {took:.1f} s later clients write to {kind} again, with the operator away")
    assert took <= seconds, f"{took:.1f} s; allowed are {seconds} s"


@pytest.mark.timeout(300)
def test_clients_write_to_postgresql_again_with_the_operator_away(demo, operator):
    demo.wait_ready()
    with operator.away():
        writes_again_within(demo, demo.pillar.status()["primary"], "postgres", POSTGRES_SECONDS)
    demo.wait_ready()
    demo.pillar.wait_members(3)


@pytest.mark.timeout(300)
def test_clients_write_to_redis_again_with_the_operator_away(demo, operator):
    demo.wait_ready()
    with operator.away():
        writes_again_within(demo, demo.pillar.status()["redisMaster"], "redis", REDIS_SECONDS)
    demo.wait_ready()
    demo.pillar.wait_members(3)
