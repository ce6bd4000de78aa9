# SPDX-License-Identifier: Apache-2.0
"""The chart by itself: lint, its unit tests, kube-score, and that it fits the program and the images it installs."""

import json
import re

import pytest

from plans import CHART, REPOSITORY

# Why a check of kube-score is not for the operator's pod.
OPERATOR_EXCEPTIONS = {
    "container-resources": "a CPU limit would slow the operator down just when many things fail at once",
    "container-image-pull-policy": "a tag is never moved, so IfNotPresent is right, and clusters without a registry work",
    "container-ephemeral-storage-request-and-limit": "the root is read-only and there is no emptyDir; only logs are "
    "written, and kubelet turns those over",
    "container-security-context-user-group-id": "the image's user is 1000; user namespaces, not high numbers, keep "
    "users of nodes and pods apart",
    "pod-networkpolicy": "a policy of the way out would have to name every State pillar's namespace; the way in has one",
    "deployment-has-host-podantiaffinity": "topologySpreadConstraints spread the pods; kube-score does not count them",
}
# The same for the pods of the platform.
PLATFORM_EXCEPTIONS = {
    **{check: OPERATOR_EXCEPTIONS[check] for check in (
        "container-resources", "container-image-pull-policy", "container-security-context-user-group-id",
        "deployment-has-host-podantiaffinity")},
    "container-ephemeral-storage-request-and-limit": "every emptyDir has a sizeLimit of its own",
    "pod-networkpolicy": "the public zone has no policy of the way out on purpose; zones.yaml holds who reaches whom",
    "statefulset-has-host-podantiaffinity": "topologySpreadConstraints spread the members; kube-score does not count them",
    "pod-probes-identical": "HAProxy and VictoriaMetrics have one page for both; liveness asks seldom and gives up late",
    "deployment-replicas": "madbase-api is one pod (design: System scales by plan)",
}


def findings(tool, objects, ignored):
    """What kube-score has against the objects, as sentences."""
    ignore = [word for check in ignored for word in ("--ignore-test", check)]
    run = tool("kube-score", "score", "-", "--output-format=json", "--kubernetes-version=v1.34", *ignore, check=False,
               input="\n---\n".join(json.dumps(thing) for thing in objects))
    assert run.stdout.startswith("["), run.stderr
    return [
        f"{scored['object_name']}: {check['check']['id']}: {comment['summary']}"
        for scored in json.loads(run.stdout) for check in scored["checks"]
        if not check["skipped"] and check["grade"] < 10
        for comment in check["comments"] or [{"summary": check["check"]["comment"]}]
    ]


def workloads(objects):
    """What kube-score can judge: Services of one member select by a label that only a running pod has."""
    return [
        thing for thing in objects
        if not thing["kind"].startswith(("CustomResource", "Validating", "StatePillar"))
        and "statefulset.kubernetes.io/pod-name" not in (thing.get("spec", {}).get("selector") or {})
    ]


def test_lint_finds_nothing(tool):
    run = tool("helm", "lint", "--strict", CHART)
    assert "[WARNING]" not in run.stdout and "1 chart(s) linted, 0 chart(s) failed" in run.stdout


def test_passes_its_unit_tests(tool):
    tool("helm-unittest", "--strict", CHART)


def test_kube_score_has_nothing_against_the_operator(tool, rendered):
    assert findings(tool, workloads(rendered()), OPERATOR_EXCEPTIONS) == []


def test_kube_score_has_nothing_against_the_platform(tool, grown):
    assert findings(tool, workloads(grown("madcluster").objects.values()), PLATFORM_EXCEPTIONS) == []


def test_no_exception_from_kube_score_is_left_over(tool, rendered, grown):
    """An exception for what nobody finds hides the day on which it is found."""
    for objects, exceptions in ((rendered(), OPERATOR_EXCEPTIONS), (grown("madcluster").objects.values(), PLATFORM_EXCEPTIONS)):
        found = {finding.split(": ")[1] for finding in findings(tool, workloads(objects), [])}
        assert set(exceptions) - found == set()


def operator_container(objects):
    return next(thing for thing in objects if thing["kind"] == "Deployment")["spec"]["template"]["spec"]["containers"][0]


def test_sets_what_the_operator_reads(rendered):
    source = (REPOSITORY / "operator/settings.c").read_text()
    read = set(re.findall(r'"((?:MADBASE|POD)_[A-Z_]+)"', source)) - {"MADBASE_CRASH_AFTER_WRITES"}
    assert {row["name"] for row in operator_container(rendered())["env"]} == read


def test_names_an_image_for_every_image_that_is_built(rendered):
    container = operator_container(rendered())
    named = {container["image"], *(row["value"] for row in container["env"] if row["name"].startswith("MADBASE_IMAGE_"))}
    built = {path.parent.name for path in (REPOSITORY / "images").glob("*/Containerfile")}
    assert named == {f"docker.io/madbase/{name}:0.1.0" for name in built}


def test_has_the_version_of_the_programs():
    project = re.search(r"project\(madbase VERSION (\S+)", (REPOSITORY / "CMakeLists.txt").read_text()).group(1)
    assert f"\nappVersion: {project}\n" in (CHART / "Chart.yaml").read_text()


@pytest.mark.parametrize("path", sorted((REPOSITORY / "crds").glob("*.yaml")), ids=lambda path: path.name)
def test_a_definition_is_small_enough_for_plain_apply(path):
    """kubectl apply keeps the whole object in an annotation, of at most 256 KiB."""
    assert path.stat().st_size < 200_000
