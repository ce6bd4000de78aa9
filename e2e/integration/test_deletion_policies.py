# SPDX-License-Identifier: Apache-2.0
"""What the ValidatingAdmissionPolicies refuse to delete, in which words, and how it goes on from there.

Deletions are dry runs where they must be refused or must not last: admission is the same.
"""

import time

import pytest

from test_crds import API, build, fresh_name

GARBAGE_COLLECTOR = "system:serviceaccount:kube-system:generic-garbage-collector"
NAMESPACE_CONTROLLER = "system:serviceaccount:kube-system:namespace-controller"
KINDS = ["MadCluster", "StatePillar"]


def refused(policy, sentence):
    return f"ValidatingAdmissionPolicy '{policy}' with binding '{policy}' denied request: {sentence}\n"


def delete(plane, *what, user=None, dry=False):
    """Tries to delete; returns kubectl's error text, or None when it went through."""
    as_user = ["--as", user, "--as-group", "system:masters"] if user else []
    run = plane.kubectl("delete", *what, "--wait=false", *as_user, *(["--dry-run=server"] if dry else []), check=False)
    return None if run.returncode == 0 else run.stderr


def eventually(condition, seconds=30):
    """Policies and their parameters reach the API server's admission a moment after they are stored."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, "did not come true"
        time.sleep(0.2)
    return answer


@pytest.fixture(scope="module")
def policies(crds):
    """The API server with all policies in force."""
    name = fresh_name()
    space = crds.namespace("probe")
    crds.apply([build("StatePillar", name, {}), build("MadCluster", name, {})], "-n", space)
    for what in (["sp", name, "-n", space], ["mc", name, "-n", space], ["crd", "statepillars.madbase.io"], ["ns", space]):
        eventually(lambda what=what: delete(crds, *what, dry=True))
    return crds


@pytest.fixture
def space(policies):
    return policies.namespace("policies")


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_to_delete_what_is_protected_and_says_how_to_go_on(policies, space, kind):
    name = fresh_name()
    policies.apply(build(kind, name, {}), "-n", space)
    unprotect = f"kubectl patch {kind.lower()} {name} -n {space} --type merge -p '{{\"spec\":{{\"deletionProtection\":false}}}}'"
    sentence = f"{kind} {name} is protected by spec.deletionProtection. To delete it, first run: {unprotect}"
    assert delete(policies, kind, name, "-n", space).endswith(refused("madbase-deletion-protection", sentence))
    assert policies.get(kind, name, space)
    arguments = unprotect.removeprefix("kubectl ").replace("'", "").split()
    policies.kubectl(*arguments)
    assert delete(policies, kind, name, "-n", space) is None
    assert policies.get(kind, name, space) is None


@pytest.mark.parametrize("kind, plural", [("MadCluster", "madclusters"), ("StatePillar", "statepillars")])
def test_refuses_to_delete_a_collection_with_a_protected_one_in_it(policies, space, kind, plural):
    name = fresh_name()
    policies.apply(build(kind, name, {}), "-n", space)
    status, reply = policies.request("DELETE", f"/apis/{API}/namespaces/{space}/{plural}")
    assert status == 403 and "madbase-deletion-protection" in reply["message"]
    assert policies.get(kind, name, space)


def owned(policies, space, uid="00000000-0000-0000-0000-000000000000"):
    name = fresh_name()
    pillar = build("StatePillar", name, {})
    pillar["metadata"]["ownerReferences"] = [
        {"apiVersion": API, "kind": "MadCluster", "name": name, "uid": uid, "controller": True}]
    policies.apply(pillar, "-n", space)
    return name


def test_names_the_cluster_that_a_pillar_belongs_to(policies, space):
    name = owned(policies, space)
    sentence = (
        f"StatePillar {name} is protected by spec.deletionProtection. It belongs to MadCluster {name}: to delete "
        f"it, first run: kubectl patch madcluster {name} -n {space} --type merge -p "
        "'{\"spec\":{\"deletionProtection\":false}}' and then take spec.state out of that MadCluster, or delete that")
    assert delete(policies, "sp", name, "-n", space).endswith(refused("madbase-deletion-protection", sentence))


def test_lets_the_garbage_collector_follow_a_deleted_cluster(policies, space):
    name = owned(policies, space)
    assert delete(policies, "sp", name, "-n", space, user=GARBAGE_COLLECTOR) is None


def test_does_not_let_the_garbage_collector_take_a_pillar_without_an_owner(policies, space):
    name = fresh_name()
    policies.apply(build("StatePillar", name, {}), "-n", space)
    assert delete(policies, "sp", name, "-n", space, user=GARBAGE_COLLECTOR)


def test_does_not_let_the_namespace_controller_take_a_protected_pillar(policies, space):
    name = owned(policies, space)
    assert delete(policies, "sp", name, "-n", space, user=NAMESPACE_CONTROLLER, dry=True)


def test_lets_a_deletion_that_has_begun_be_asked_for_again(policies, space):
    name = fresh_name()
    pillar = build("StatePillar", name, {"deletionProtection": False})
    pillar["metadata"]["finalizers"] = ["madbase.io/test"]
    policies.apply(pillar, "-n", space)
    assert delete(policies, "sp", name, "-n", space) is None
    policies.kubectl("patch", "sp", name, "-n", space, "--type=merge", "-p", '{"spec":{"deletionProtection":true}}')
    assert delete(policies, "sp", name, "-n", space) is None
    policies.kubectl("patch", "sp", name, "-n", space, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')


@pytest.mark.parametrize("kind, policy, sentence", [
    ("StatePillar", "madbase-namespace-of-statepillar",
     "StatePillar {} in this namespace is protected by spec.deletionProtection, and its volumes would go with the "
     "namespace. Delete that StatePillar first, or the MadCluster that it belongs to"),
    ("MadCluster", "madbase-namespace-of-madcluster",
     "MadCluster {} in this namespace is protected by spec.deletionProtection, and its volumes would go with the "
     "namespace. Delete that MadCluster first"),
])
def test_refuses_to_delete_a_namespace_with_something_protected_in_it(policies, space, kind, policy, sentence):
    name = fresh_name()
    policies.apply(build(kind, name, {}), "-n", space)
    error = eventually(lambda: delete(policies, "ns", space, dry=True))
    assert error.endswith(refused(policy, sentence.format(name)))
    policies.kubectl("patch", kind, name, "-n", space, "--type=merge", "-p", '{"spec":{"deletionProtection":false}}')
    eventually(lambda: delete(policies, "ns", space, dry=True) is None)


def test_lets_a_namespace_without_them_go(policies, space):
    assert delete(policies, "ns", space) is None


@pytest.mark.parametrize("kind, plural", [("MadCluster", "madclusters"), ("StatePillar", "statepillars")])
def test_refuses_to_delete_a_crd_without_the_annotation(policies, kind, plural):
    crd = f"{plural}.madbase.io"
    sentence = (f"deleting this CRD deletes every {kind} of the whole cluster. To do that all the same, first run: "
                f"kubectl annotate crd {crd} madbase.io/allow-deletion=true")
    assert delete(policies, "crd", crd, dry=True).endswith(refused("madbase-crd-protection", sentence))
    try:
        policies.kubectl("annotate", "crd", crd, "madbase.io/allow-deletion=true")
        assert delete(policies, "crd", crd, dry=True) is None
    finally:
        policies.kubectl("annotate", "crd", crd, "madbase.io/allow-deletion-")
    assert delete(policies, "crd", crd, dry=True)


OTHER_CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {kind: Thing, plural: things}
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
"""


def test_leaves_the_crds_of_others_alone(policies):
    policies.apply(OTHER_CRD)
    assert delete(policies, "crd", "things.example.org") is None
