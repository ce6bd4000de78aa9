# SPDX-License-Identifier: Apache-2.0
"""What the controllers' plans say, and what they leave on a real API server.

print-plan (operator/controllers/print_plan.c) makes a plan from the objects it is given. Grown takes a custom resource
through as many plans as it takes to come to rest, as far as that goes without pods: nothing here runs any.
"""

import copy
import json
import os
import pathlib
import subprocess

import yaml

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BUILD = os.environ.get("MADBASE_BUILD", str(REPOSITORY / "build/asan"))
CHART = REPOSITORY / "charts/madbase"
SAMPLES = REPOSITORY / "manifests/samples"
MANAGED = "app.kubernetes.io/managed-by=madbase-operator"
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
ROUNDS = 8
SEEN = ["statepillars", "statefulsets", "deployments", "pods", "services", "configmaps", "persistentvolumeclaims",
        "horizontalpodautoscalers"]
# The API server's own slice cannot stand for itself in tests: its address is made up, and there are two of them.
API_SERVERS = {
    "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
    "metadata": {"name": "kubernetes", "namespace": "default"},
    "endpoints": [{"addresses": ["192.0.2.1"]}, {"addresses": ["192.0.2.2"]}],
    "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}],
}


def _print_plan(what, input=None):
    run = subprocess.run([f"{BUILD}/operator/controllers/print-plan", what], capture_output=True, text=True,
                         input=None if input is None else json.dumps(input))
    assert run.returncode == 0, f"print-plan {what}: {run.stderr}"
    return json.loads(run.stdout)


def watches():
    """The table of every controller: what it watches (and prunes) and the names of its calls."""
    return _print_plan("watches")


def plan(objects, missing="", namespaced=False):
    """The plan for the MadCluster or StatePillar that comes first.

    missing: names of Secrets that are lost; namespaced: by an operator for named namespaces.
    """
    return _print_plan("plan", {"objects": objects, "missing": missing, "namespaced": namespaced})


def owns_all(pairs):
    """For each (what we apply, what the server shows): would the operator find that nothing has to be sent?"""
    return _print_plan("owns", [{"intent": intent, "live": live} for intent, live in pairs])


def sample(name, **spec):
    """A custom resource of manifests/samples, with parts of its spec replaced."""
    resource = yaml.safe_load((SAMPLES / f"{name}.yaml").read_text())
    resource["spec"].update(spec)
    return resource


def golden_plans():
    """Every golden plan as (controller, case, plan)."""
    for path in sorted((REPOSITORY / "operator/controllers").glob("*/testdata/*.plan.json")):
        yield path.parts[-3], path.name.removesuffix(".plan.json"), json.loads(path.read_text())


def identity(thing):
    """Kind and name, for dictionaries and for people."""
    return f"{thing['kind']} {thing['metadata']['name']}"


class Grown:
    """A custom resource and all that its plans made on a real API server, in a namespace of its own.

    objects: what the last plans apply, by identity; live: the same as the server shows it; warnings: what the server
    said while they were applied; plans: the last plan of each custom resource.
    """

    def __init__(self, plane, resource):
        self.plane = plane
        self.namespace = plane.namespace("grown", labels=RESTRICTED)
        self.resource = copy.deepcopy(resource)
        self.resource["metadata"]["namespace"] = self.namespace
        self.name = self.resource["metadata"]["name"]
        self.objects, self.live, self.plans, self.warnings = {}, {}, {}, []
        plane.apply(self.resource, "--validate=strict")
        for _ in range(ROUNDS):
            if not self._round():
                return
        raise AssertionError(f"the plans of {identity(resource)} do not come to rest in {ROUNDS} rounds")

    def _round(self):
        """Plans and applies once; false when the server has all of it already."""
        changed = False
        for kind in ("MadCluster", "StatePillar"):
            mine = self.plane.get(kind, self.name, self.namespace)
            if mine:
                self.plans[kind] = plan([mine, *self._seen(), API_SERVERS])
                changed = self._carry_out(self.plans[kind], mine) or changed
        return changed

    def _seen(self):
        shown = self.plane.kubectl("get", ",".join(SEEN), "-n", self.namespace, "-o", "json")
        return json.loads(shown.stdout)["items"]

    def running(self):
        """The first pod of every workload, as if it ran but had not heard of the newest configuration."""
        for thing in self.live.values():
            if thing["kind"] in ("StatefulSet", "Deployment"):
                yield {"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Running"}, "metadata": {
                    "name": f"{thing['metadata']['name']}-0", "namespace": self.namespace,
                    "labels": thing["spec"]["template"]["metadata"]["labels"]}}

    def plan_with(self, kind, *others):
        """The plan for one of the custom resources with more objects there; nothing is carried out."""
        return plan([self.plane.get(kind, self.name, self.namespace), *self._seen(), *others, API_SERVERS])

    def _carry_out(self, plan, owner):
        wanted = [self._owned(action["object"], owner) for action in plan["actions"] if action["do"] == "apply"]
        before = {name: thing["metadata"]["resourceVersion"] for name, thing in self.live.items()}
        self.objects.update((identity(thing), thing) for thing in wanted)
        after = self.apply(wanted)
        self.live.update(after)
        return any(before.get(name) != thing["metadata"]["resourceVersion"] for name, thing in after.items())

    def _owned(self, thing, owner):
        thing = copy.deepcopy(thing)
        thing["metadata"]["ownerReferences"] = [{
            "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True}]
        return thing

    def apply(self, objects, *arguments):
        """Server-side apply as the operator's; returns what the server shows, by identity."""
        run = self.plane.apply(list(objects), "--server-side", "--force-conflicts", "--field-manager=madbase-operator",
                               "--validate=strict", "--show-managed-fields", "-o", "json", *arguments)
        self.warnings += [line for line in run.stderr.splitlines() if line]
        shown = json.loads(run.stdout)
        return {identity(thing): thing for thing in shown.get("items", [shown])}
