# SPDX-License-Identifier: Apache-2.0
"""madbase-gateway and madbase-worker as a pod runs them: with a real PostgreSQL and a real Redis that come and go."""

import glob
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import psycopg
import pytest
import redis
import requests
from prometheus_client.parser import text_string_to_metric_families

from watch_program import BUILD, eventually

PROGRAMS = ["gateway", "worker"]
# Both programs have one frame: for slow tests, one of them for each store is enough.
EACH_STORE_ONCE = [("gateway", "postgres"), ("worker", "redis")]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """A server of ours on loopback, in a folder of its own, that can be killed, frozen and started again."""

    def __init__(self):
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="madbase-programs-"))
        self.process = None

    def __enter__(self):
        self.prepare()
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder)

    def prepare(self):
        pass

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(self.command(), cwd=self.folder, stdout=log, stderr=log, **self.user())
        eventually(self.answers, what=f"{type(self).__name__} answering ({self.folder}/log)")

    def user(self):
        return {}

    def kill(self):
        self.process.kill()
        self.process.wait()

    def signal(self, number):
        self.process.send_signal(number)


class Postgres(Service):
    def __init__(self):
        super().__init__()
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        assert found, "these tests need PostgreSQL (package postgresql)"
        self.binaries = found[-1]
        self.url = f"postgresql://app:p%40ss@127.0.0.1:{self.port}/postgres"

    def user(self):
        """PostgreSQL does not run as root."""
        return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}

    def prepare(self):
        (self.folder / "password").write_text("p@ss\n")
        if os.geteuid() == 0:
            who = pwd.getpwnam("postgres")
            os.chown(self.folder, who.pw_uid, who.pw_gid)
        (self.folder / "password").chmod(0o644)
        subprocess.run([f"{self.binaries}/initdb", "-D", "data", "-U", "app", "-A", "scram-sha-256", "--no-sync",
                        "--pwfile=password", "--locale=C", "-E", "UTF8"],
                       cwd=self.folder, check=True, stdout=subprocess.DEVNULL, **self.user())

    def command(self):
        return [f"{self.binaries}/postgres", "-D", "data", "-p", str(self.port), "-k", str(self.folder),
                "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "shared_buffers=16MB"]

    def answers(self):
        try:
            with psycopg.connect(self.url, connect_timeout=2) as connection:
                return connection.execute("select 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False

    def kill(self):
        """Its children notice by themselves that it is gone; their last words need the folder."""
        super().kill()
        eventually(lambda: not self.answers(), what="PostgreSQL being gone")

    def freeze(self, frozen):
        """The postmaster alone accepts connections: frozen, it takes them and never answers."""
        self.signal(signal.SIGSTOP if frozen else signal.SIGCONT)


class Redis(Service):
    def __init__(self):
        super().__init__()
        assert shutil.which("redis-server"), "these tests need Redis (package redis-server)"
        self.url = f"redis://:secret@127.0.0.1:{self.port}/0"

    def command(self):
        return ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--requirepass", "secret"]

    def client(self):
        return redis.Redis(port=self.port, password="secret", socket_timeout=5)

    def answers(self):
        try:
            return self.client().ping()
        except redis.RedisError:
            return False

    def freeze(self, frozen):
        self.signal(signal.SIGSTOP if frozen else signal.SIGCONT)


def command_of(name):
    return f"{BUILD}/{name}/madbase-{name}"


class Program:
    """A running program. `log` holds what it said on standard error."""

    def __init__(self, name, **environment):
        self.log = []
        environment = {"PORT": "0", "METRICS_PORT": "0", "DRAIN_SECONDS": "0", **environment}
        self.process = subprocess.Popen([command_of(name)], stderr=subprocess.PIPE, text=True,
                                        env={"PATH": os.environ["PATH"], **environment})
        self._reader = threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True)
        self._reader.start()
        said = eventually(self._serving, what=f"{name} serving: {self.log}")
        self.port, self.metrics_port = int(said.group(1)), int(said.group(2))

    def _serving(self):
        assert self.process.poll() is None, "".join(self.log)
        return re.search(r"serves on port (\d+), health and metrics on port (\d+)", "".join(self.log))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            if kind is None:
                assert self.stop() == 0, "".join(self.log)
            else:
                self.process.kill()
                self.process.wait()

    def stop(self, seconds=30):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def get(self, path, inner=True, **options):
        port = self.metrics_port if inner else self.port
        return requests.get(f"http://127.0.0.1:{port}{path}", timeout=5, **options)

    def ready(self):
        return self.get("/readyz").status_code == 200

    def metric(self, name, **labels):
        for family in text_string_to_metric_families(self.get("/metrics").text):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return sample.value
        return None


@pytest.fixture(scope="module")
def postgres():
    with Postgres() as server:
        yield server


@pytest.fixture(scope="module")
def redis_server():
    with Redis() as server:
        yield server


@pytest.fixture(params=PROGRAMS)
def program(request, postgres, redis_server):
    with Program(request.param, DATABASE_URL=postgres.url, REDIS_URL=redis_server.url) as running:
        yield running


@pytest.mark.parametrize("name", PROGRAMS)
def test_version_and_help_are_printed(name):
    said = subprocess.run([command_of(name), "--version"], capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(rf"madbase-{name} \d+\.\d+\.\d+\n", said)
    assert "DATABASE_URL" in subprocess.run([command_of(name), "--help"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("arguments, environment, sentence", [
    (["--port=1"], {}, 'there is no option "--port=1"; try --help'),
    ([], {"PORT": "x"}, 'PORT is "x"; it must be a number from 0 to 65535'),
    ([], {"PORT": "-1"}, 'PORT is "-1"; it must be a number from 0 to 65535'),
    ([], {"METRICS_PORT": "8080"}, "PORT and METRICS_PORT are both 8080; they must differ"),
    ([], {"DRAIN_SECONDS": "301"}, 'DRAIN_SECONDS is "301"; it must be a number from 0 to 300'),
    ([], {"LOG_LEVEL": "loud"}, 'LOG_LEVEL is "loud"; it must be debug, info, warn or error'),
    ([], {"REDIS_URL": "redis://:hush@host:port"},
     "REDIS_URL: a Redis address has a port that is not a number from 1 to 65535"),
    ([], {"DATABASE_URL": "postgresql://app:hush%zz@host/app"},
     "DATABASE_URL: the PostgreSQL connection string cannot be parsed"),
])
def test_wrong_settings_end_it_with_one_sentence(name, arguments, environment, sentence):
    ended = subprocess.run([command_of(name), *arguments], env=environment, capture_output=True, text=True, timeout=20)
    assert (ended.returncode, ended.stderr) == (2, f"madbase-{name}: {sentence}\n")


def test_a_taken_port_ends_it_with_a_sentence(program):
    ended = subprocess.run([command_of("gateway")], env={"PORT": str(program.port), "METRICS_PORT": "0"},
                           capture_output=True, text=True, timeout=20)
    assert ended.returncode == 1
    assert f"listening on all addresses port {program.port}: Address already in use" in ended.stderr


def test_without_stores_it_is_ready_at_once():
    with Program("gateway") as running:
        assert running.get("/readyz?verbose").text.endswith("readyz check passed\n")


def test_it_serves_health_metrics_and_version_and_nothing_else(program):
    eventually(program.ready, what="readiness")
    assert program.get("/healthz").text == "ok"
    assert program.get("/readyz?verbose").text == (
        "[+]ping ok\n[+]stopping ok\n[+]postgres ok\n[+]redis ok\nreadyz check passed\n")
    assert program.get("/readyz/postgres").text == "ok"
    assert program.metric("madbase_dependency_up", dependency="postgres") == 1
    assert program.metric("madbase_dependency_up", dependency="redis") == 1
    assert program.metric("process_resident_memory_bytes") > 0
    assert program.get("/version", inner=False).json()["version"]
    for path in ("/", "/healthz", "/metrics", "/v1/anything"):
        answer = program.get(path, inner=False)
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
        assert answer.json()["status"] == 404 and answer.json()["detail"]


@pytest.mark.parametrize("program, store", EACH_STORE_ONCE, indirect=["program"])
def test_readiness_follows_a_store_that_dies_and_returns(program, store, postgres, redis_server):
    server = {"postgres": postgres, "redis": redis_server}[store]
    eventually(program.ready, what="readiness")
    server.kill()
    eventually(lambda: not program.ready(), what="unreadiness")
    answer = program.get("/readyz")
    assert answer.status_code == 500
    assert re.search(rf"^\[-\]{store} failed: .*Connection refused", answer.text, re.M), answer.text
    assert "ss@" not in answer.text and "secret" not in answer.text
    assert program.get("/healthz").text == "ok"
    assert program.metric("madbase_dependency_up", dependency=store) == 0
    server.start()
    eventually(program.ready, what="readiness again")


@pytest.mark.parametrize("program, store", EACH_STORE_ONCE, indirect=["program"])
def test_a_store_that_hangs_makes_it_unready_but_never_slow(program, store, postgres, redis_server):
    server = {"postgres": postgres, "redis": redis_server}[store]
    eventually(program.ready, what="readiness")
    server.freeze(True)
    try:
        slowest = 0.0
        deadline = time.monotonic() + 30
        while program.ready():
            assert time.monotonic() < deadline, "it stays ready"
        for _ in range(50):
            began = time.monotonic()
            assert program.get("/healthz").status_code == 200
            assert program.get("/readyz").status_code == 500
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < 1, "a probe waited for the store"
        assert re.search(rf"^\[-\]{store} failed: .*(no answer in time)", program.get("/readyz").text, re.M)
    finally:
        server.freeze(False)
    eventually(program.ready, what="readiness again")


def test_a_wrong_password_says_so_without_showing_it(postgres, redis_server):
    with Program("gateway", DATABASE_URL=postgres.url.replace("p%40ss", "guess"),
                 REDIS_URL=redis_server.url.replace("secret", "guess")) as running:
        eventually(lambda: "password authentication failed" in running.get("/readyz").text, what="the sentence")
        eventually(lambda: "WRONGPASS" in running.get("/readyz").text, what="the sentence")
        assert "guess" not in running.get("/readyz").text + "".join(running.log)


def test_a_redis_that_is_no_master_is_not_good_enough(postgres):
    with Redis() as replica, Program("worker", DATABASE_URL=postgres.url, REDIS_URL=replica.url) as running:
        eventually(running.ready, what="readiness")
        replica.client().replicaof("127.0.0.1", free_port())
        eventually(lambda: "not the master" in running.get("/readyz").text, what="unreadiness")


def test_a_drain_fails_readiness_first_and_lets_requests_end(postgres, redis_server):
    with Program("gateway", DATABASE_URL=postgres.url, REDIS_URL=redis_server.url, DRAIN_SECONDS="3") as running:
        eventually(running.ready, what="readiness")
        under_way = socket.create_connection(("127.0.0.1", running.port), timeout=20)
        under_way.sendall(b"GET /version HTTP/1.1\r\nHost: x\r\n")
        running.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        eventually(lambda: "[-]stopping failed: stopping" in running.get("/readyz").text, what="unreadiness", seconds=2)
        assert running.get("/healthz").text == "ok"
        assert running.get("/version", inner=False).status_code == 200, "it serves on while it drains"

        def refused():
            try:
                socket.create_connection(("127.0.0.1", running.port), timeout=5).close()
            except ConnectionRefusedError:
                return True
            return False
        eventually(refused, what="the closed port")
        assert time.monotonic() - began >= 2.9
        under_way.sendall(b"\r\n")
        with under_way, under_way.makefile("rb") as answer:
            heard = answer.read()
        assert heard.startswith(b"HTTP/1.1 200 OK\r\n") and b"Connection: close\r\n" in heard
        assert running.process.wait(20) == 0


def test_a_second_signal_ends_the_wait(postgres, redis_server):
    with Program("worker", DATABASE_URL=postgres.url, REDIS_URL=redis_server.url, DRAIN_SECONDS="300") as running:
        running.process.send_signal(signal.SIGTERM)
        eventually(lambda: "[-]stopping" in running.get("/readyz").text, what="unreadiness")
        began = time.monotonic()
        assert running.stop() == 0
        assert time.monotonic() - began < 10
