# SPDX-License-Identifier: Apache-2.0
"""Drives itest_runtime: the operator's program with a small controller for the kind Toy."""

import json
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

from watch_program import BUILD, eventually

GROUP = "test.madbase.io"
LEASE = "madbase-operator"

_CONDITION = {
    "type": "object", "required": ["type", "status", "reason", "message", "lastTransitionTime"],
    "properties": {
        "type": {"type": "string"}, "status": {"type": "string"}, "reason": {"type": "string"},
        "message": {"type": "string"}, "observedGeneration": {"type": "integer"},
        "lastTransitionTime": {"type": "string", "format": "date-time"},
    },
}
_WAIT = {
    "type": "object", "required": ["what", "since", "unblock"],
    "properties": {
        "what": {"type": "string", "minLength": 1, "maxLength": 512}, "unblock": {"type": "string", "maxLength": 1024},
        "since": {"type": "string", "format": "date-time"}, "kind": {"type": "string"}, "name": {"type": "string"},
    },
}
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"toys.{GROUP}"},
    "spec": {
        "group": GROUP, "scope": "Namespaced",
        "names": {"kind": "Toy", "listKind": "ToyList", "plural": "toys", "singular": "toy"},
        "versions": [{
            "name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": {
                "type": "object",
                "properties": {
                    "spec": {"type": "object", "properties": {
                        "text": {"type": "string"}, "wait": {"type": "string"}, "port": {"type": "integer"},
                        "bad": {"type": "boolean"}, "paused": {"type": "boolean"}, "noService": {"type": "boolean"},
                    }},
                    "status": {"type": "object", "properties": {
                        "text": {"type": "string"}, "phase": {"type": "string"},
                        "observedGeneration": {"type": "integer"},
                        "conditions": {"type": "array", "items": _CONDITION, "x-kubernetes-list-type": "map",
                                       "x-kubernetes-list-map-keys": ["type"]},
                        "waitingFor": {"type": "array", "items": _WAIT, "x-kubernetes-list-type": "atomic"},
                    }},
                },
            }},
        }],
    },
}


class Operator:
    """A running itest_runtime that acts on one namespace. `lines` holds its log."""

    def __init__(self, plane, namespace, *arguments, user=None, identity="op", environment=None):
        self.plane = plane
        self.namespace = namespace
        self.user = user or f"operator-{namespace}"
        self.kubeconfig = plane.user_kubeconfig(self.user, () if user else ("system:masters",))
        self.lines = []
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            [f"{BUILD}/operator/itest_runtime", f"--kubeconfig={self.kubeconfig}", f"--namespace={namespace}",
             f"--namespaces={namespace}", "--health-port=0", *arguments],
            stderr=subprocess.PIPE, text=True,
            env={**plane.environment(self.kubeconfig), "POD_NAME": identity, **(environment or {})})
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            if kind is None:
                assert self.stop() == 0, "".join(self.raw()[-40:])
            else:
                self.process.kill()
                self.process.wait()

    def _read(self):
        """Ends with the process; then `lines` is the whole log."""
        for line in self.process.stderr:
            with self._news:
                try:
                    self.lines.append(json.loads(line))
                except ValueError:
                    self.lines.append({"msg": line.rstrip("\n"), "raw": True})
                self._news.notify_all()
        with self._news:
            self._reader = None
            self._news.notify_all()

    def raw(self):
        return [json.dumps(line) + "\n" for line in self.lines]

    def wait_line(self, pattern, seconds=20, count=1):
        """The match of the count-th log line whose msg fits."""
        def find():
            found = [match for line in self.lines if (match := re.search(pattern, line.get("msg", "")))]
            return found[count - 1] if len(found) >= count else None
        with self._news:
            self._news.wait_for(lambda: find() or self._reader is None, seconds)
            match = find()
        assert match, f"no line like {pattern!r}:\n" + "".join(self.raw()[-40:])
        return match

    def stop(self, how=signal.SIGTERM, seconds=20):
        """Sends the signal and returns the exit status."""
        self.process.send_signal(how)
        return self.process.wait(seconds)

    def port(self):
        return int(self.wait_line(r"health and metrics on port (\d+)").group(1))

    def http(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port()}{path}", timeout=5) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, line):
        """The value of a series, named as on the page; 0 when it is not there."""
        for each in self.http("/metrics")[1].splitlines():
            if each.startswith(line + " "):
                return float(each.rsplit(" ", 1)[1])
        return 0.0

    def memory(self):
        """VmRSS and RssAnon in KiB."""
        with open(f"/proc/{self.process.pid}/status") as file:
            text = file.read()
        return {name: int(re.search(rf"^{name}:\s+(\d+)", text, re.M).group(1)) for name in ("VmRSS", "RssAnon")}

    def requests(self):
        """What it asked since audit_mark(), but for its Lease and its watches."""
        return [event for event in self.plane.audit(user=self.user)
                if event.get("objectRef", {}).get("resource") != "leases" and event["verb"] != "watch"]

    def writes(self):
        return [f'{event["verb"]} {event["objectRef"]["resource"]}/{event["objectRef"].get("name", "")}'
                + (f'/{event["objectRef"]["subresource"]}' if event["objectRef"].get("subresource") else "")
                for event in self.plane.audit(user=self.user, writes_only=True)
                if event["objectRef"]["resource"] != "leases"]


class Toys:
    """The Toys of one namespace, as a person sees them."""

    def __init__(self, plane, namespace):
        self.plane = plane
        self.namespace = namespace

    def apply(self, name="one", **spec):
        self.plane.kubectl("apply", "--server-side", "-f", "-", "--field-manager=person", "--force-conflicts", input={
            "apiVersion": f"{GROUP}/v1", "kind": "Toy", "metadata": {"name": name, "namespace": self.namespace},
            "spec": spec})

    def path(self, resource, name):
        return f"/api/v1/namespaces/{self.namespace}/{resource}/{name}"

    def get(self, resource, name):
        status, body = self.plane.request("GET", self.path(resource, name))
        return body if status == 200 else None

    def toy(self, name="one"):
        status, body = self.plane.request("GET", f"/apis/{GROUP}/v1/namespaces/{self.namespace}/toys/{name}")
        return body if status == 200 else None

    def patch(self, resource, name, body, manager="person"):
        status, reply = self.plane.request(
            "PATCH", self.path(resource, name) + f"?fieldManager={manager}", body, "application/merge-patch+json")
        assert status == 200, reply
        return reply

    def delete(self, resource, name):
        assert self.plane.request("DELETE", self.path(resource, name))[0] in (200, 202)

    def condition(self, kind, name="one"):
        return condition(self.toy(name), kind)

    def wait_ready(self, name="one", seconds=20):
        def ready():
            toy = self.toy(name)
            return (condition(toy, "Ready").get("status") == "True"
                    and toy["status"]["observedGeneration"] == toy["metadata"]["generation"])
        eventually(ready, seconds, f"Toy {name} Ready")

    def waits(self, name="one"):
        return (self.toy(name) or {}).get("status", {}).get("waitingFor", [])

    def events(self, reason):
        path = f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events"
        return [event for event in self.plane.request("GET", path)[1]["items"] if event["reason"] == reason]

    def holder(self):
        path = f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases/{LEASE}"
        status, lease = self.plane.request("GET", path)
        return lease["spec"].get("holderIdentity", "") if status == 200 else None


def condition(toy, kind):
    """A condition of an object; {} when there is none."""
    conditions = (toy or {}).get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == kind), {})


def seconds_until(check, limit):
    """How long it took until check() was true."""
    before = time.monotonic()
    eventually(check, limit)
    return time.monotonic() - before
