# SPDX-License-Identifier: Apache-2.0
"""The custom resources and the operator as the tests handle them."""

import base64
import contextlib
import os
import pathlib
import re
import signal
import time

from local_cluster import GROUP, REPOSITORY, SYSTEM, NotYet, Progress, Refused, Writer, say, wait_until

PARTS = ("pg", "redis", "sentinel")
OPERATOR_USER = f"system:serviceaccount:{SYSTEM}:madbase-operator"


def make_namespace(cluster, name):
    """A namespace that admits nothing below Pod Security "restricted"."""
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})


def condition(thing, kind):
    return next((row for row in thing.get("status", {}).get("conditions", []) if row["type"] == kind), {})


def is_ready_pod(pod):
    return condition(pod, "Ready").get("status") == "True" and "deletionTimestamp" not in pod["metadata"]


class Custom:
    """A StatePillar or MadCluster by name."""

    kind = plural = None

    def __init__(self, cluster, namespace, name):
        self.cluster, self.namespace, self.name = cluster, namespace, name

    @property
    def path(self):
        return f"{GROUP}/namespaces/{self.namespace}/{self.plural}/{self.name}"

    @property
    def core(self):
        return f"/api/v1/namespaces/{self.namespace}"

    def apply(self, spec, **metadata):
        self.cluster.apply({"apiVersion": "madbase.io/v1alpha1", "kind": self.kind, "spec": spec,
                            "metadata": {"name": self.name, "namespace": self.namespace, **metadata}})
        return self

    def get(self):
        return self.cluster.get(self.path)

    def status(self):
        return self.get().get("status", {})

    def waits(self):
        return [row["what"] for row in self.status().get("waitingFor", [])]

    def change(self, **spec):
        return self.cluster.merge(self.path, {"spec": spec})

    def annotate(self, **notes):
        self.cluster.merge(self.path, {"metadata": {"annotations": {
            f"madbase.io/{key.replace('_', '-')}": value for key, value in notes.items()}}})

    def delete(self):
        """Deletes it and waits until it is gone; its pods may still be ending."""
        if not self.get():
            return
        self.change(deletionProtection=False)
        self.cluster.delete(self.path)
        self.wait("gone", lambda thing: thing is None, 120)

    def wait(self, what, holds, timeout):
        """Waits until `holds(object)` is true; shows phase and waits meanwhile."""

        def look():
            thing = self.get()
            if holds(thing):
                return thing or True
            status = (thing or {}).get("status", {})
            waits = "; ".join(row["what"] for row in status.get("waitingFor", [])[:2])
            raise NotYet(f"{status.get('phase')} {status.get('ready')} {waits}")

        return wait_until(f"{self.kind} {self.name}: {what}", look, timeout)

    def wait_ready(self, timeout=240):
        """Ready for the newest spec."""

        def ready(thing):
            return (thing and thing.get("status", {}).get("observedGeneration") == thing["metadata"]["generation"]
                    and condition(thing, "Ready").get("status") == "True"
                    and condition(thing, "Reconciling").get("status") == "False")

        return self.wait("Ready", ready, timeout)

    def row(self, *options):
        """The columns of kubectl get, by header."""
        text = self.cluster.kubectl("-n", self.namespace, "get", self.plural, self.name, *options)
        header, row = text.splitlines()
        starts = [match.start() for match in re.finditer(r"\S+", header)]
        return {header[start:end].strip(): row[start:end].strip() for start, end in zip(starts, [*starts[1:], None])}

    def pods(self, app=None):
        return self.cluster.pods(self.namespace, f"madbase.io/cluster={self.name}"
                                 + (f",app.kubernetes.io/name={app}" if app else ""))

    def pod(self, name):
        return self.cluster.get(f"{self.core}/pods/{name}")

    def secret(self, suffix="app"):
        data = self.cluster.get(f"{self.core}/secrets/{self.name}-{suffix}")["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def entry_uri(self, port=5433):
        return f"postgresql://app:{self.secret()['password']}@{self.name}-entry.{self.namespace}.svc:{port}/app"

    def entry_redis(self, port=6379):
        password = self.secret("redis-auth")["password"]
        return f"redis://default:{password}@{self.name}-entry.{self.namespace}.svc:{port}/0"

    def wait_open(self):
        """Every way in answers: kube-proxy and HAProxy hear of what got ready a moment later than the operator."""
        uri = self.secret()["uri"]

        def answers():
            try:
                for way in (self.entry_uri(), self.entry_uri(5434), uri, uri.replace("-rw.", "-ro.")):
                    self.cluster.sql(way, "SELECT 1")
                for way in (self.entry_redis(), self.entry_redis(6380), self.secret()["REDIS_URL"]):
                    self.cluster.redis(way, "PING")
            except Refused as error:
                raise NotYet(error) from error
            return True

        wait_until(f"every way into {self.name}", answers, 20)

    @contextlib.contextmanager
    def writers(self, label, may_lose=False):
        """Clients that write to PostgreSQL and Redis through the entry; at the end nothing acknowledged is missing, or
        where a leader dies with what it had not passed on yet, what is missing is told."""
        name = re.sub(r"\W", "_", label)

        def emptied():
            try:
                self.cluster.sql(self.entry_uri(), f"CREATE TABLE IF NOT EXISTS {name} (number bigint PRIMARY KEY)")
                self.cluster.sql(self.entry_uri(), f"TRUNCATE {name}")
                self.cluster.redis(self.entry_redis(), "DEL", name)
            except Refused as error:
                raise NotYet(error) from error
            return True

        wait_until("the entry to take writes", emptied, 20)
        pair = []
        try:
            pair.append(Writer(self.cluster, "postgres", self.entry_uri(), name))
            pair.append(Writer(self.cluster, "redis", self.entry_redis(), name))
            yield pair
            for writer in pair:
                lost, count = writer.lost(), len(writer.acknowledged())
                say(f"{label}: {count} writes of {writer.kind} acknowledged, {len(lost)} lost, "
                    f"at most {writer.longest_gap():.1f} s without one")
                assert may_lose or not lost, f"acknowledged writes of {writer.kind} are lost: {lost[:20]}"
        finally:
            for writer in pair:
                writer.stop()

    def events(self, **fields):
        """Events about this object that the operator sent, by reason and the like."""
        rows = self.cluster.get(f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events")["items"]
        return [row for row in rows if row["regarding"].get("kind") == self.kind
                and row["regarding"].get("name") == self.name
                and all(row.get(key) == value for key, value in fields.items())]


class StatePillar(Custom):
    kind, plural = "StatePillar", "statepillars"

    def wait_members(self, count, timeout=240):
        """Ready with that many members, and settled: nothing of a larger pillar left."""
        self.wait_ready(timeout)
        return self.wait(f"{count} members", lambda thing: thing["status"]["ready"] == f"{count}/{count}"
                         and thing["status"]["members"] == count and thing["status"]["phase"] == "Ready"
                         and not thing["status"].get("waitingFor"), timeout)


class MadCluster(Custom):
    kind, plural = "MadCluster", "madclusters"

    @property
    def pillar(self):
        return StatePillar(self.cluster, self.namespace, self.name)


class Operator:
    """The operator as the chart installs it."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.deployment = f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/madbase-operator"
        self.lease_path = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/madbase-operator"

    def install(self, **values):
        settings = {"image.tag": "dev", **values}
        arguments = [item for key, value in settings.items() for item in ("--set", f"{key}={value}")]
        with Progress("helm upgrade --install"):
            self.cluster.helm("upgrade", "--install", "madbase", str(REPOSITORY / "charts/madbase"), "--namespace",
                              SYSTEM, "--create-namespace", "--wait", "--timeout", "120s", *arguments, timeout=180)

    def pods(self):
        return self.cluster.pods(SYSTEM, "app.kubernetes.io/name=madbase-operator")

    def scale(self, replicas):
        self.cluster.merge(self.deployment, {"spec": {"replicas": replicas}})

    def wait_replicas(self, replicas, timeout=60):
        def there():
            pods = self.pods()
            return len(pods) == replicas and all(is_ready_pod(pod) for pod in pods)

        wait_until(f"{replicas} operator pods", there, timeout)

    def leader(self):
        """Name of the pod that leads; "" without one."""
        holder = (self.cluster.get(self.lease_path) or {}).get("spec", {}).get("holderIdentity") or ""
        return holder.rsplit("_", 1)[0]

    def holder(self):
        return (self.cluster.get(self.lease_path) or {}).get("spec", {}).get("holderIdentity") or ""

    def wait_leader(self, timeout=30):
        names = [pod["metadata"]["name"] for pod in self.pods()]
        return wait_until("an operator that leads", lambda: self.leader() in names and self.leader(), timeout)

    @contextlib.contextmanager
    def replicas(self, count):
        before = self.cluster.get(self.deployment)["spec"]["replicas"]
        self.scale(count)
        self.wait_replicas(count)
        try:
            yield
        finally:
            self.scale(before)
            self.wait_replicas(before)
            if before:
                self.wait_leader()

    @contextlib.contextmanager
    def away(self):
        """No operator: its pods are deleted by force and none comes back until the end."""
        before = self.cluster.get(self.deployment)["spec"]["replicas"]
        self.scale(0)
        for pod in self.pods():
            self.cluster.delete(f"/api/v1/namespaces/{SYSTEM}/pods/{pod['metadata']['name']}",
                                {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0})
        wait_until("the operator to be away", lambda: not self.pods(), 60)
        try:
            yield
            assert not self.pods(), "the operator came back too early"
        finally:
            self.scale(before)
            self.wait_replicas(before)
            self.wait_leader()

    def processes(self, pod_name):
        """Process ids, on this machine, of the operator in that pod."""
        pod = self.cluster.get(f"/api/v1/namespaces/{SYSTEM}/pods/{pod_name}")
        uid, found = pod["metadata"]["uid"], []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (process / "comm").read_text().strip() == "madbase-operato" and uid in re.sub(
                        "_", "-", (process / "cgroup").read_text()):
                    found.append(int(process.name))
        return found

    def memory(self, pod_name):
        """RssAnon and VmRSS of the operator in that pod, in KiB."""
        (process,) = self.processes(pod_name)
        text = pathlib.Path(f"/proc/{process}/status").read_text(encoding="ascii")
        return {key: int(value) for key, value in re.findall(r"^(RssAnon|VmRSS):\s+(\d+) kB$", text, re.MULTILINE)}

    def signal(self, pod_name, number=signal.SIGKILL):
        (process,) = self.processes(pod_name)
        os.kill(process, number)
        return time.monotonic()

    def log(self, pod_name):
        return self.cluster.kubectl("-n", SYSTEM, "logs", pod_name)

    def settle(self, quiet=6.0, timeout=90):
        """Waits until the operator has written nothing but its Lease for `quiet` seconds; returns the audit mark."""
        mark, since = self.cluster.audit_mark(), time.monotonic()

        def is_quiet():
            nonlocal mark, since
            now = self.cluster.audit_mark()
            if self.cluster.writes_since(mark, OPERATOR_USER):
                mark, since = now, time.monotonic()
            return time.monotonic() - since > quiet

        wait_until("the operator to be quiet", is_quiet, timeout, 0.5)
        return self.cluster.audit_mark()


def refusal(call, *arguments, **options):
    """The text with which a call is refused."""
    try:
        call(*arguments, **options)
    except Refused as error:
        return str(error)
    raise AssertionError("it was not refused")
