# SPDX-License-Identifier: Apache-2.0
"""A newer operator whose templates differ restarts nothing until it is asked to; then members roll without a lost write."""

import subprocess

import pytest

import next_operator
from local_cluster import REPOSITORY, SYSTEM, say, wait_until
from objects import condition
from test_operator import pods_of

NEXT = "docker.io/madbase/operator:next"
CHANGES = {b"terminationGracePeriodSeconds: 120": b"terminationGracePeriodSeconds: 121",  # PostgreSQL
           b"terminationGracePeriodSeconds: 60": b"terminationGracePeriodSeconds: 61",    # Redis, programs, metrics
           b"terminationGracePeriodSeconds: 15": b"terminationGracePeriodSeconds: 16",    # Sentinel
           b"terminationGracePeriodSeconds: 30": b"terminationGracePeriodSeconds: 31"}    # entry


def is_pending(thing):
    return condition(thing.get(), "UpdatePending").get("status") == "True"


def use(operator, demo, image):
    """Upgrades the release to the image and waits until its operator has looked at everything."""
    operator.install(**({"images.operator": image} if image else {}))

    def runs():
        pods = operator.pods()
        return pods and all((pod["spec"]["containers"][0]["image"] == NEXT) == bool(image) for pod in pods)

    wait_until("the pods of the other operator", runs, 60)
    operator.wait_replicas(2)
    operator.wait_leader()
    operator.settle()


@pytest.fixture(scope="module")
def next_image(cluster):
    archive = subprocess.run([REPOSITORY / "hack/images", "--print", "operator"], check=True, text=True,
                             stdout=subprocess.PIPE).stdout.strip()
    out = REPOSITORY / "build/test/e2e/operator-next.tar"
    out.parent.mkdir(parents=True, exist_ok=True)
    counts = next_operator.make(archive, out, NEXT, CHANGES)
    assert all(counts.values()), f"the program carries other templates than this test knows: {counts}"
    cluster.load_archive(out)
    return NEXT


@pytest.mark.timeout(600)
def test_a_newer_operator_restarts_nothing_until_it_is_asked(next_image, operator, demo, cluster):
    demo.wait_ready()
    assert not is_pending(demo) and not is_pending(demo.pillar)
    pods = pods_of(demo)
    use(operator, demo, next_image)
    assert pods_of(demo) == pods, "pods were restarted or replaced"
    for thing in (demo, demo.pillar):
        wait_until(f"{thing.kind} to say UpdatePending", lambda thing=thing: is_pending(thing), 20)
        assert thing.status()["updatePending"]
    assert demo.row()["PHASE"] == "Ready"
    say(f"a newer operator restarted none of {len(pods)} pods; UpdatePending names "
        f"{len(demo.status()['updatePending'])} and {len(demo.pillar.status()['updatePending'])}")

    with demo.writers("the roll that was asked for"):
        demo.annotate(restart="1")
        demo.wait("nothing pending", lambda thing: not is_pending(demo) and not is_pending(demo.pillar), 300)
        demo.wait_ready(120)
    now = pods_of(demo)
    same = [name for name in now if now[name] == pods.get(name)]
    assert not same, f"not restarted: {same}"

    use(operator, demo, None)
    assert pods_of(demo) == now, "going back restarted pods"
    assert cluster.get(operator.deployment)["metadata"]["namespace"] == SYSTEM
