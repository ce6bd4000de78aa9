# SPDX-License-Identifier: Apache-2.0
"""The objects that the operator makes, on a real API server: accepted strictly, within Pod Security "restricted", and
as the server would write them, so that applying them again changes nothing.
"""

import pytest

from plans import identity, owns_all

CASES = {
    "the whole platform": ("madcluster", {}),
    "the whole platform on a laptop": ("development", {}),
    "one State member": ("statepillar", {"members": 1}),
    "five State members with etcd": ("statepillar", {"members": 5, "dcs": "Etcd", "storage": {
        "size": "10Gi", "className": "fast"}}),
}


@pytest.fixture(params=CASES)
def case(request, grown):
    name, spec = CASES[request.param]
    return grown(name, **spec)


def test_makes_something_of_every_kind(grown):
    kinds = {name.split()[0] for name in [*grown("madcluster").objects,
                                          *grown("statepillar", **CASES["five State members with etcd"][1]).objects]}
    assert kinds == {
        "StatePillar", "StatefulSet", "Deployment", "Service", "ConfigMap", "ServiceAccount", "RoleBinding",
        "PodDisruptionBudget", "NetworkPolicy", "HorizontalPodAutoscaler"}


def test_is_accepted_without_a_warning(case):
    assert case.objects and case.warnings == []


def test_applied_again_keeps_its_version(case):
    again = case.apply(case.objects.values())
    moved = [name for name, thing in again.items()
             if thing["metadata"]["resourceVersion"] != case.live[name]["metadata"]["resourceVersion"]]
    assert moved == []


def test_is_found_to_be_as_wanted(case):
    """A restarted operator reads each object once and sends nothing."""
    names = list(case.objects)
    verdicts = owns_all([(case.objects[name], case.live[name]) for name in names])
    assert [name for name, good in zip(names, verdicts) if not good] == []


def test_makes_pods_that_are_restricted(case):
    pods = []
    for name, thing in case.live.items():
        if thing["kind"] in ("Deployment", "StatefulSet"):
            template = thing["spec"]["template"]
            pod = {"apiVersion": "v1", "kind": "Pod", "spec": template["spec"],
                   "metadata": {**template["metadata"], "name": thing["metadata"]["name"]}}
            for claim in thing["spec"].get("volumeClaimTemplates", []):
                pod["spec"].setdefault("volumes", []).append(
                    {"name": claim["metadata"]["name"], "persistentVolumeClaim": {"claimName": "made-for-the-member"}})
            pods.append(pod)
    assert pods
    run = case.plane.kubectl("create", "--dry-run=server", "--validate=strict", "-n", case.namespace, "-f", "-", input=pods)
    assert run.stderr == ""


def test_owned_objects_carry_the_labels_that_the_watches_ask_for(case):
    bare = [identity(thing) for thing in case.objects.values()
            if thing["kind"] != "StatePillar"
            and thing["metadata"].get("labels", {}).get("app.kubernetes.io/managed-by") != "madbase-operator"]
    assert bare == []
