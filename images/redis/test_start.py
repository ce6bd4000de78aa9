# SPDX-License-Identifier: Apache-2.0
"""How Redis members start, and how the master moves: the image itself, one network namespace for each member."""
import os
import sys
import threading
import time

import pytest
import redis

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "testing"))
from podlab import Lab, until  # noqa: E402  pylint: disable=wrong-import-position
from redis_pillar import CONFIG, FAST, GROUP, SECRETS, RedisPillar, Writers  # noqa: E402  pylint: disable=wrong-import-position


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


def stays(condition, seconds, what):
    """The condition holds the whole time: for what must not happen."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert condition(), what
        time.sleep(0.1)


def open_port(pod):
    try:
        redis.Redis(pod.address, 6379, **FAST).ping()
    except redis.AuthenticationError:
        return True
    except redis.RedisError:
        return False
    return True


def test_first_start_makes_member_0_the_master(lab):
    pillar = RedisPillar(lab).start()
    assert pillar.healthy() is pillar.redis[0]
    for pod in pillar.redis:
        until(lambda p=pod: "0" in p.exec("sh", "-c", "madbase-redis ready && echo 0"), 5, f"{pod.name} is ready")
        pod.exec("madbase-redis", "live")
    for pod in pillar.sentinels:
        pod.exec("madbase-redis", "ready", "sentinel")
        pod.exec("madbase-redis", "live", "sentinel")


def test_one_member_without_sentinels_leads_at_once_and_again(lab):
    pillar = RedisPillar(lab, members=1, sentinels=0).start()
    until(pillar.master, 10, "the only member leads")
    pillar.fill("a", 100)
    pillar.redis[0].stop()
    pillar.redis[0].start()
    until(pillar.master, 10, "the only member leads again")
    assert pillar.count("a") == 100


def test_first_start_waits_for_all_members(lab):
    pillar = RedisPillar(lab)
    pillar.start(pillar.redis[:2])
    until(lambda: pillar.state(pillar.redis[0])["phase"] == "Closed", 10, "member 0 has started")
    stays(lambda: not open_port(pillar.redis[0]) and not open_port(pillar.redis[1]), 6, "a port is open")
    assert "do not answer" in pillar.state(pillar.redis[0])["why"]
    pillar.redis[2].start()
    assert pillar.healthy() is pillar.redis[0]


@pytest.mark.parametrize("restart", ["at once", "late"])
def test_a_master_that_comes_back_empty_wipes_nobody(lab, restart):
    pillar = RedisPillar(lab).start()
    old = pillar.healthy()
    pillar.fill("a", 2000)
    until(lambda: pillar.replicas_in_step(2), 5, "replicas in step")
    old.kill()
    old.wipe()
    if restart == "late":
        until(lambda: pillar.named() is not old, 20, "the Sentinels promoted another")
    old.start()
    until(lambda: pillar.named() is not old and pillar.master(), 30, "another member leads")
    pillar.healthy()
    assert pillar.master() is not old
    assert pillar.count("a") == 2000
    assert pillar.client(old).dbsize() == 2000


def test_older_data_never_leads_though_the_sentinels_name_it(lab):
    """All members lost at once, and the master's volume is put back from an earlier day."""
    pillar = RedisPillar(lab).start()
    old = pillar.healthy()
    pillar.fill("a", 500)
    time.sleep(1.5)  # the earlier day: the witness is written each second
    old.stop()
    volume = os.path.join(old.folder, "volume")
    os.system(f"cp -a {volume} {volume}.saved")
    old.start()
    pillar.healthy()
    if pillar.master() is not old:
        sentinel = pillar.sentinel(pillar.sentinels[0])
        until(lambda: sentinel.execute_command("SENTINEL", "FAILOVER", GROUP) and False or pillar.master() is old, 60,
              "moved back")
        pillar.healthy()
    pillar.fill("b", 500)
    until(lambda: pillar.replicas_in_step(2), 5, "replicas in step")
    time.sleep(1.5)
    for pod in pillar.redis + pillar.sentinels:
        pod.kill()
    old.wipe()
    os.system(f"cp -a {volume}.saved/. {volume}/")
    pillar.start()
    pillar.healthy(60)
    assert pillar.master() is not old
    assert pillar.count("a") == 500 and pillar.count("b") == 500
    assert pillar.client(old).dbsize() == 1000


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_all_pods_lost_at_once_heal_without_help(lab, how):
    pillar = RedisPillar(lab, min_replicas=1).start()
    pillar.healthy()
    pillar.fill("a", 1000)
    until(lambda: pillar.replicas_in_step(2), 5, "replicas in step")
    pods = pillar.redis + pillar.sentinels
    threads = [threading.Thread(target=getattr(pod, how)) for pod in pods]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    began = time.monotonic()
    pillar.start()
    pillar.healthy(60)
    print(f"healthy again {time.monotonic() - began:.1f} s after the start")
    assert pillar.count("a") == 1000


def test_all_lost_and_the_named_master_gone_for_good(lab):
    pillar = RedisPillar(lab, sentinel_conf="failover-timeout 3000\n").start()
    old = pillar.healthy()
    pillar.fill("a", 1000)
    until(lambda: pillar.replicas_in_step(2), 5, "replicas in step")
    time.sleep(1.5)
    for pod in pillar.redis + pillar.sentinels:
        pod.kill()
    rest = [pod for pod in pillar.redis if pod is not old]
    pillar.start(rest)
    until(lambda: pillar.master() in rest, 60, "one of the two others leads")
    assert pillar.count("a") == 1000


def test_a_single_member_within_reach_does_not_lead_alone(lab):
    pillar = RedisPillar(lab).start()
    pillar.healthy()
    pillar.fill("a", 10)
    for pod in pillar.redis + pillar.sentinels:
        pod.kill()
    pillar.start([pillar.redis[1]], [pillar.sentinels[1]])
    until(lambda: pillar.state(pillar.redis[1])["phase"] == "Closed", 10, "member 1 has started")
    stays(lambda: not open_port(pillar.redis[1]), 8, "member 1 opened")
    pillar.start([pillar.redis[0], pillar.redis[2]], [pillar.sentinels[0], pillar.sentinels[2]])
    pillar.healthy(60)
    assert pillar.count("a") == 10


def test_sentinels_lost_with_their_volumes_the_most_advanced_member_leads(lab):
    """Nobody knows a master any more, and member 0 is the stale one."""
    pillar = RedisPillar(lab).start()
    pillar.healthy()
    pillar.fill("a", 500)
    until(lambda: pillar.replicas_in_step(2), 5, "replicas in step")
    pillar.redis[0].kill()
    until(lambda: pillar.master() not in (None, pillar.redis[0]), 20, "another leads")
    pillar.fill("b", 500)
    time.sleep(1.5)
    for pod in pillar.redis + pillar.sentinels:
        pod.kill()
    for pod in pillar.sentinels:
        pod.wipe()
    pillar.start()
    pillar.healthy(60)
    assert pillar.master() is not pillar.redis[0]
    assert pillar.count("a") == 500 and pillar.count("b") == 500


def test_a_killed_master_is_replaced_and_comes_back_as_replica(lab):
    pillar = RedisPillar(lab, min_replicas=1).start()
    old = pillar.healthy()
    pillar.fill("a", 500)
    until(lambda: pillar.replicas_in_step(2), 5, "replicas in step")
    began = time.monotonic()
    old.kill()
    until(lambda: pillar.master() not in (None, old), 15, "another leads")
    print(f"another leads after {time.monotonic() - began:.1f} s")
    old.start()
    pillar.healthy()
    assert pillar.count("a") == 500
    for pod in pillar.sentinels:
        assert len(pillar.sentinel(pod).sentinel_sentinels(GROUP)) == 2
        assert len(pillar.sentinel(pod).sentinel_slaves(GROUP)) == 2


def redis_pid(pod):
    for pid in pod.exec("ls", "/proc").split():
        if pid.isdigit() and "redis-server" in pod.exec("cat", f"/proc/{pid}/comm", check=False):
            return pid
    raise AssertionError("no redis-server")


def test_a_master_that_crashed_leads_again_when_nobody_has_newer_data(lab):
    pillar = RedisPillar(lab, min_replicas=1).start()
    master = pillar.healthy()
    pillar.fill("a", 500)
    until(lambda: pillar.replicas_in_step(2), 5, "replicas in step")
    time.sleep(1)  # the witness catches up
    master.exec("sh", "-c", f"kill -KILL {redis_pid(master)}")
    until(lambda: not master.running(), 5, "the container ends with its Redis")
    master.restart()
    pillar.healthy()
    assert pillar.master() is master and pillar.count("a") == 500


def test_a_hung_master_gives_way_when_it_wakes(lab):
    pillar = RedisPillar(lab, min_replicas=1).start()
    old = pillar.healthy()
    pillar.fill("a", 500)
    until(lambda: pillar.replicas_in_step(2), 5, "replicas in step")
    pid = redis_pid(old)
    old.exec("sh", "-c", f"kill -STOP {pid}")
    until(lambda: pillar.named() not in (None, old), 15, "another is named")
    old.exec("sh", "-c", f"kill -CONT {pid}")
    began = time.monotonic()
    pillar.healthy()
    print(f"one master {time.monotonic() - began:.1f} s after it woke")
    assert pillar.master() is not old and pillar.count("a") == 500


def test_a_replica_that_the_sentinels_never_met_is_not_left_behind(lab):
    pillar = RedisPillar(lab).start()
    old = pillar.healthy()
    master, stray = [pod for pod in pillar.redis if pod is not old]
    for pod in pillar.sentinels:  # as if the master went before they saw the replica
        pod.kill()
    pillar.client(stray).replicaof("no", "one")
    pillar.client(stray).replicaof(master.address, 6379)
    for pod in pillar.sentinels:
        pod.restart()
    until(lambda: pillar.client(stray).info("replication")["master_host"] == old.address, 30, "it follows the master")
    pillar.healthy()


def test_a_sentinel_keeps_its_identity_without_its_volume(lab):
    pillar = RedisPillar(lab).start()
    pillar.healthy()
    before = pillar.sentinel(pillar.sentinels[2]).execute_command("SENTINEL", "MYID")
    pillar.sentinels[2].kill()
    pillar.sentinels[2].wipe()
    pillar.sentinels[2].start()
    pillar.healthy()
    assert pillar.sentinel(pillar.sentinels[2]).execute_command("SENTINEL", "MYID") == before
    assert len(pillar.sentinel(pillar.sentinels[0]).sentinel_sentinels(GROUP)) == 2


def test_an_isolated_master_refuses_writes_and_gives_way(lab):
    pillar = RedisPillar(lab, min_replicas=1).start()
    old = pillar.healthy()
    pillar.fill("a", 100)
    old.connected(False)
    until(lambda: pillar.named() not in (None, old), 20, "another is named")
    time.sleep(5)
    told = old.exec("sh", "-c", "redis-cli -s /run/madbase/redis.sock -a \"$(cat /etc/madbase/secrets/password)\" "
                    "--no-auth-warning set stray 1")
    assert "NOREPLICAS" in told
    old.connected(True)
    began = time.monotonic()
    pillar.healthy()
    print(f"one master {time.monotonic() - began:.1f} s after the cable is back")
    assert pillar.master() is not old and pillar.count("a") == 100


@pytest.mark.parametrize("how", ["preStop", "port"])
def test_a_handover_loses_nothing(lab, how):
    pillar = RedisPillar(lab, min_replicas=1).start()
    old = pillar.healthy()
    writers = Writers(pillar.password, [pod.address for pod in pillar.redis]).start()
    time.sleep(2)
    if how == "preStop":
        told = old.exec("madbase-redis", "handover")
    else:
        told = redis.Redis(old.address, 16379, password=pillar.password, protocol=2, socket_timeout=20).execute_command("HANDOVER")
    print(told)
    time.sleep(2)
    writers.stop()
    until(lambda: pillar.master() not in (None, old), 10, "another leads")
    pillar.healthy()
    assert writers.acknowledged() > 1000 and writers.lost(pillar.client(pillar.master())) == 0
    assert writers.gap() < 2


def test_a_handover_on_a_replica_or_alone_does_nothing(lab):
    pillar = RedisPillar(lab, members=1, sentinels=1).start()
    until(pillar.master, 20, "the only member leads")
    assert "no replica" in pillar.redis[0].exec("madbase-redis", "handover")


def test_a_new_password_is_taken_over_without_a_restart(lab):
    pillar = RedisPillar(lab).start()
    pillar.healthy()
    for pod in pillar.redis + pillar.sentinels:
        pod.put(SECRETS, password="another", **{"sentinel-password": "another-too"})
    old = pillar.password
    for pod in pillar.redis:
        until(lambda p=pod: redis.Redis(p.address, password="another", **FAST).ping(), 10, "the new one is accepted")
        assert redis.Redis(pod.address, password=old, **FAST).ping()
    pillar.password, pillar.sentinel_password = "another", "another-too"
    pillar.healthy()


def test_parameters_change_without_a_restart(lab):
    pillar = RedisPillar(lab).start()
    pillar.healthy()
    for pod in pillar.redis + pillar.sentinels:
        pod.put(CONFIG, redis__conf="maxmemory 128mb\nmin-replicas-to-write 1\nappendonly no\n",
                sentinel__conf="down-after-milliseconds 3000\n")
    for pod in pillar.redis:
        until(lambda p=pod: pillar.client(p).config_get("min-replicas-to-write")["min-replicas-to-write"] == "1", 10, "set")
        assert pillar.client(pod).config_get("maxmemory")["maxmemory"] == str(128 << 20)
        assert pillar.client(pod).config_get("appendonly")["appendonly"] == "yes"
    for pod in pillar.sentinels:
        until(lambda p=pod: pillar.sentinel(p).sentinel_master(GROUP)["down-after-milliseconds"] == 3000, 10, "set")


def test_scaling_up_a_new_member_copies_before_it_opens(lab):
    pillar = RedisPillar(lab, members=3)
    one = {**pillar.files[CONFIG], "members": "prod-redis-0\n"}
    for pod in pillar.redis[:1] + pillar.sentinels:
        pod.put(CONFIG, **one)
    pillar.start(pillar.redis[:1])
    until(pillar.master, 20, "member 0 leads")
    pillar.fill("a", 1000)
    for pod in pillar.redis + pillar.sentinels:
        pod.put(CONFIG, **pillar.files[CONFIG])
    pillar.start(pillar.redis[1:], [])
    assert pillar.healthy() is pillar.redis[0]
    assert pillar.client(pillar.redis[2]).dbsize() == 1000
