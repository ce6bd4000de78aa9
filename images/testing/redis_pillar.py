# SPDX-License-Identifier: Apache-2.0
"""Redis members and Sentinels of a pillar, each in a pod of a lab."""
import threading
import time

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from podlab import until

CONFIG, SECRETS = "/etc/madbase/config", "/etc/madbase/secrets"
GROUP, PASSWORD, SENTINEL_PASSWORD = "data-prod-1", 'pa"ss w\\rd', "sentinel-pw"
FAST = {"socket_connect_timeout": 0.5, "socket_timeout": 1.0, "retry": Retry(NoBackoff(), 0)}


class RedisPillar:
    """They are not started yet."""

    def __init__(self, lab, members=3, sentinels=3, min_replicas=0, sentinel_conf=""):
        self.lab, self.password, self.sentinel_password = lab, PASSWORD, SENTINEL_PASSWORD
        names = [f"prod-redis-{i}" for i in range(members)]
        guards = [f"prod-sentinel-{i}" for i in range(sentinels)]
        self.files = {
            CONFIG: {"members": "\n".join(names) + "\n", "sentinels": "\n".join(guards) + "\n", "group": GROUP,
                     "quorum": str(sentinels // 2 + 1),
                     "sentinel__conf": sentinel_conf, "redis__conf": f"maxmemory 256mb\nmin-replicas-to-write {min_replicas}\n"},
            SECRETS: {"password": PASSWORD, "sentinel-password": SENTINEL_PASSWORD},
        }
        self.redis = [lab.pod(name, "redis", args=["redis"], files=self.files) for name in names]
        self.sentinels = [lab.pod(name, "redis", args=["sentinel"], files=self.files) for name in guards]

    def start(self, redis_members=None, sentinels=None):
        for pod in (self.sentinels if sentinels is None else sentinels):
            pod.start()
        for pod in (self.redis if redis_members is None else redis_members):
            pod.start()
        return self

    def client(self, pod, **options):
        return redis.Redis(pod.address, 6379, password=self.password, **{**FAST, **options})

    def sentinel(self, pod):
        return redis.Redis(pod.address, 26379, password=self.sentinel_password, decode_responses=True, **FAST)

    def state(self, pod):
        port = redis.Redis(pod.address, 16379, password=self.password, decode_responses=True, protocol=2, **FAST)
        answer = port.connection_pool.get_connection()
        try:
            answer.send_command("STATE")
            words = answer.read_response()
            return dict(zip(words[::2], words[1::2]))
        finally:
            answer.disconnect()

    def named(self):
        """Whom a majority of the Sentinels names."""
        names = {pod.address: pod for pod in self.redis}
        votes = []
        for pod in self.sentinels:
            try:
                votes.append(self.sentinel(pod).sentinel_get_master_addr_by_name(GROUP)[0])
            except (redis.RedisError, TypeError):
                pass
        for address in set(votes):
            if votes.count(address) > len(self.sentinels) / 2:
                return names[address]
        return None

    def master(self):
        """The member that leads, is named by the Sentinels, and is the only one to lead."""
        leading = []
        for pod in self.redis:
            try:
                if self.client(pod).role()[0] == b"master":
                    leading.append(pod)
            except redis.RedisError:
                pass
        if len(leading) == 1 and (not self.sentinels or self.named() is leading[0]):
            return leading[0]
        return None

    def replicas_in_step(self, count):
        master = self.master()
        info = self.client(master).info("replication")
        lines = [info[f"slave{i}"] for i in range(info["connected_slaves"])]
        return sum(line["state"] == "online" and line["lag"] <= 1 for line in lines) == count

    def healthy(self, seconds=30):
        until(self.master, seconds, "one master, named by the Sentinels")
        until(lambda: self.replicas_in_step(len(self.redis) - 1), seconds, "all replicas in step")
        for pod in self.redis:
            until(lambda p=pod: self.client(p).ping(), seconds, "all ports open")
        for pod in self.sentinels:
            until(lambda p=pod: self.sentinel(p).execute_command("SENTINEL", "CKQUORUM", GROUP), seconds, "a quorum")
            until(lambda p=pod: len(self.sentinel(p).sentinel_sentinels(GROUP)) == len(self.sentinels) - 1, seconds,
                  "the Sentinels know each other")
            until(lambda p=pod: len(self.sentinel(p).sentinel_slaves(GROUP)) == len(self.redis) - 1, seconds,
                  "the Sentinels know the replicas")
        return self.master()

    def fill(self, prefix, count):
        pipe = self.client(self.master()).pipeline(transaction=False)
        for i in range(count):
            pipe.set(f"{prefix}:{i}", "x" * 100)
        pipe.execute()

    def count(self, prefix):
        return sum(1 for _ in self.client(self.master()).scan_iter(f"{prefix}:*", count=1000))

    def logs(self):
        return "\n".join(f"===== {pod.name} {pod.address}\n{pod.log()[-4000:]}" for pod in self.redis + self.sentinels)


class Writers:
    """Threads that write numbered keys to whichever address takes them, and remember what was acknowledged. They do not
    listen to Sentinel."""

    def __init__(self, password, addresses, count=4):
        self.password, self.addresses, self.halt = password, addresses, False
        self.done, self.gaps = [[] for _ in range(count)], [0.0] * count
        self.threads = [threading.Thread(target=self.run, args=(i,), daemon=True) for i in range(count)]

    def connect(self):
        for address in self.addresses:
            client = redis.Redis(address, password=self.password, socket_connect_timeout=0.2, socket_timeout=20,
                                 retry=Retry(NoBackoff(), 0), single_connection_client=True)
            if client.role()[0] == b"master":
                return client
        return None

    def run(self, number):
        client, last = None, time.monotonic()
        i = 0
        while not self.halt:
            i += 1
            try:
                client = client or self.connect()
                if client is None:
                    continue
                client.set(f"w{number}:{i}", "1")
            except redis.RedisError:
                client = None
                time.sleep(0.01)
                continue
            self.done[number].append(i)
            self.gaps[number], last = max(self.gaps[number], time.monotonic() - last), time.monotonic()

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.halt = True
        for thread in self.threads:
            thread.join(25)

    def acknowledged(self):
        return sum(map(len, self.done))

    def gap(self):
        return max(self.gaps)

    def lost(self, client):
        """How many of the acknowledged keys are not there."""
        lost = 0
        for number, done in enumerate(self.done):
            kept = {int(key.split(b":")[1]) for key in client.scan_iter(f"w{number}:*", count=5000)}
            lost += len(set(done) - kept)
        print(f"{self.acknowledged()} acknowledged, {lost} lost, longest gap {self.gap():.2f} s")
        return lost
