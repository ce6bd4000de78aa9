# SPDX-License-Identifier: Apache-2.0
"""A real cluster of three nodes for the tests: hack/cluster, kubectl, helm, and clients inside its network."""

import concurrent.futures
import contextlib
import itertools
import json
import os
import pathlib
import shlex
import subprocess
import sys
import threading
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
OUT = REPOSITORY / "build/test/e2e"
HERE = pathlib.Path(__file__).resolve().parent
NAME = "e2e"
SYSTEM = "madbase-system"
GROUP = "/apis/madbase.io/v1alpha1"
IMAGES = ("operator", "api", "gateway", "worker", "postgres", "redis", "haproxy", "etcd", "victoria-metrics")
PROGRESS_AFTER = 2.0


def say(text):
    print(f"    {text}", file=sys.__stderr__, flush=True)


class Progress:
    """One line for whatever takes more than two seconds: when it starts to, and when it ends."""

    def __init__(self, what):
        self.what, self.started, self.told = what, time.monotonic(), None

    def tell(self, state=""):
        took = time.monotonic() - self.started
        if took > PROGRESS_AFTER and state != self.told:
            say(f"{took:6.1f} s  {self.what}{': ' + state if state else ''}")
            self.told = state

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if time.monotonic() - self.started > PROGRESS_AFTER:
            self.tell("done" if kind is None else "failed")


def wait_until(what, condition, timeout, interval=0.1):
    """Waits until `condition()` returns something true and returns it; the last state it raised goes into the failure.

    A condition that is not met yet raises NotYet with what it sees, or returns something false."""
    end, last = time.monotonic() + timeout, ""
    with Progress(what) as progress:
        while True:
            try:
                value = condition()
                if value:
                    return value
            except NotYet as state:
                last = str(state)
            progress.tell(last[:160])
            if time.monotonic() > end:
                raise AssertionError(f"{what}: not within {timeout:g} s. {last}")
            time.sleep(interval)


class NotYet(Exception):
    """What a condition sees while it does not hold."""


class Refused(Exception):
    """A command that ended with an error; its text is what the command said."""


class Inside:
    """Calls of inside.py, in the cluster's network."""

    def __init__(self, cluster):
        self.cluster, self.numbers, self.waiting, self.lock = cluster, itertools.count(1), {}, threading.Lock()
        self.process = subprocess.Popen([*cluster.command, "exec", sys.executable, str(HERE / "inside.py")],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            answer = json.loads(line)
            with self.lock:
                future = self.waiting.pop(answer["id"])
            if "error" in answer:
                future.set_exception(Refused(answer["error"]))
            else:
                future.set_result(answer["result"])

    def start(self, call, *args, **options):
        future, number = concurrent.futures.Future(), next(self.numbers)
        request = json.dumps({"id": number, "call": call, "args": args, "options": options})
        with self.lock:
            self.waiting[number] = future
            self.process.stdin.write(request + "\n")
            self.process.stdin.flush()
        return future

    def call(self, call, *args, **options):
        return self.start(call, *args, **options).result(timeout=60)

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)


class Writer:
    """A client that writes through the entry all the time (writer.py) and knows what was acknowledged."""

    def __init__(self, cluster, kind, address, target):
        OUT.mkdir(parents=True, exist_ok=True)
        self.kind, self.address, self.target, self.cluster = kind, address, target, cluster
        self.file = OUT / f"writer-{kind}-{target}-{os.getpid()}-{time.monotonic_ns()}"
        self.errors = open(f"{self.file}.errors", "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [*cluster.command, "exec", sys.executable, str(HERE / "writer.py"), kind, address, target, str(self.file)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self.errors, text=True)
        self.wait_for_write(time.monotonic(), 20)

    def acknowledged(self):
        """(number, time) of each acknowledged write."""
        if not self.file.exists():
            return []
        lines = self.file.read_text(encoding="ascii").split("\n")[:-1]
        return [(int(number), float(when)) for number, when in (line.split() for line in lines)]

    def wait_for_write(self, after, timeout):
        """Waits for an acknowledged write later than `after` (time.monotonic) and returns its time."""

        def newest():
            assert self.process.poll() is None, f"the writer ended; see {self.errors.name}"
            with contextlib.suppress(FileNotFoundError), open(self.file, "rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - 64))
                lines = file.read().split(b"\n")[:-1]
                if lines and lines[-1].count(b" ") == 1:
                    when = float(lines[-1].split()[1])
                    return when > after and when
            return None

        return wait_until(f"a write of {self.kind} through the entry", newest, timeout, 0.02)

    def failed(self):
        """Time of each write that failed."""
        with open(self.errors.name, encoding="utf-8") as file:
            return [float(line.split()[0]) for line in file if line[:1].isdigit()]

    def outage_after(self, moment, timeout, calm=2.0):
        """Waits until writes fail after `moment` and then go on without a failure for `calm` seconds; returns the seconds
        from `moment` to the first acknowledged write of those."""

        def over():
            failures = [when for when in self.failed() if when > moment]
            if not failures:
                raise NotYet("no write failed yet")
            again = [when for _, when in self.acknowledged() if when > failures[-1]]
            if not again or again[-1] - again[0] < calm:
                raise NotYet(f"{len(failures)} writes failed")
            return again[0] - moment

        return wait_until(f"writes of {self.kind} to fail and to go on", over, timeout, 0.2)

    def longest_gap(self):
        """Seconds without an acknowledged write, at most."""
        times = [when for _, when in self.acknowledged()]
        return max((later - earlier for earlier, later in zip(times, times[1:])), default=0.0)

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(timeout=30)
        self.errors.close()

    def stored(self):
        if self.kind == "postgres":
            return {row[0] for row in self.cluster.sql(self.address, f"SELECT number FROM {self.target}")}
        return {int(item) for item in self.cluster.redis(self.address, "ZRANGE", self.target, "0", "-1")}

    def lost(self):
        """Stops, and returns what was acknowledged and is not there now."""
        self.stop()
        return sorted({number for number, _ in self.acknowledged()} - self.stored())


class Cluster:
    """hack/cluster --name e2e, and what the tests ask of it."""

    def __init__(self):
        self.command = [str(REPOSITORY / "hack/cluster"), "--name", NAME]
        self.environment, self.inside, self.helm_path = {}, None, None

    def up(self):
        with Progress("a cluster of three nodes with metrics-server"):
            self._run("up", "--nodes", "3", "--metrics-server", timeout=900)
        for line in self._run("env").splitlines():
            key, _, value = line.partition("=")
            self.environment[key] = shlex.split(value)[0]
        self.helm_path = subprocess.run([REPOSITORY / "hack/tools/path", "helm"], check=True, text=True,
                                        stdout=subprocess.PIPE).stdout.strip() + "/helm"
        with Progress("images built and on the nodes"):
            archives = subprocess.run([REPOSITORY / "hack/images", "--print", *IMAGES], check=True, text=True,
                                      stdout=subprocess.PIPE, timeout=1800).stdout.split()
            self._run("load-image", *archives, timeout=600)
        self.inside = Inside(self)

    def load_archive(self, archive):
        with Progress(f"image {archive.name} on the nodes"):
            self._run("load-image", archive, timeout=300)

    def down(self):
        if self.inside:
            self.inside.close()
        if os.environ.get("MADBASE_KEEP") != "1":
            with Progress("taking the cluster down"):
                self._run("down", timeout=300)

    def _run(self, *arguments, timeout=120, **options):
        done = subprocess.run([*self.command, *map(str, arguments)], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=timeout, check=False, **options)
        if done.returncode:
            raise Refused(f"{' '.join(map(str, arguments[:6]))}: {done.stderr.strip()}{done.stdout.strip()}")
        return done.stdout

    def kubectl(self, *arguments, **options):
        return self._run("kubectl", *arguments, **options)

    def exec(self, *arguments, **options):
        return self._run("exec", *arguments, **options)

    def helm(self, *arguments, **options):
        return self._run("exec", self.helm_path, *arguments, **options)

    def node(self, verb, node):
        return self._run("node", verb, node)

    def apply(self, *objects, options=()):
        """kubectl apply of dicts or YAML texts."""
        for thing in objects:
            self.kubectl("apply", *options, "-f", "-", input=thing if isinstance(thing, str) else json.dumps(thing))

    # The API server, without a process for each look.

    def api(self, method, path, body=None, content_type="application/json"):
        return self.inside.call("api", self.environment["KUBECONFIG"], method, path, body, content_type)

    def get(self, path):
        """The object, or None where there is none."""
        reply = self.api("GET", path)
        if reply.get("kind") == "Status" and reply.get("code") == 404:
            return None
        if reply.get("kind") == "Status" and reply.get("status") == "Failure":
            raise Refused(f"GET {path}: {reply['message']}")
        return reply

    def items(self, path, selector=""):
        return self.get(f"{path}?labelSelector={selector.replace('=', '%3D').replace(',', '%2C')}")["items"]

    def pods(self, namespace, selector=""):
        return self.items(f"/api/v1/namespaces/{namespace}/pods", selector)

    def merge(self, path, patch):
        reply = self.api("PATCH", path, patch, "application/merge-patch+json")
        if reply.get("kind") == "Status" and reply.get("status") == "Failure":
            raise Refused(reply["message"])
        return reply

    def delete(self, path, body=None):
        return self.api("DELETE", path, body)

    # Clients.

    def sql(self, uri, statement, arguments=None):
        return self.inside.call("sql", uri, statement, arguments)

    def redis(self, url, *arguments):
        return self.inside.call("command", url, *arguments)

    def http(self, method, url, **options):
        return self.inside.call("http", method, url, **options)

    # The audit log.

    def audit_mark(self):
        return os.path.getsize(self.environment["AUDIT_LOG"])

    def audit_since(self, mark):
        """Entries of finished requests since the mark."""
        with open(self.environment["AUDIT_LOG"], "rb") as file:
            file.seek(mark)
            lines = file.read().split(b"\n")[:-1]
        return [entry for entry in map(json.loads, lines) if entry["stage"] == "ResponseComplete"]

    def writes_since(self, mark, user):
        """What `user` wrote since the mark, but Leases: "verb resource namespace/name"."""
        return [f"{entry['verb']} {entry['objectRef']['resource']}"
                f"{'/' + entry['objectRef']['subresource'] if entry['objectRef'].get('subresource') else ''} "
                f"{entry['objectRef'].get('namespace', '')}/{entry['objectRef'].get('name', '')}"
                for entry in self.audit_since(mark)
                if entry["user"]["username"] == user and entry["verb"] not in ("get", "list", "watch")
                and entry["objectRef"]["resource"] != "leases"]
