# SPDX-License-Identifier: Apache-2.0
"""manifests/, its samples and what the chart renders, as kubectl applies them to a real API server."""

import json

import pytest
import yaml

from plans import REPOSITORY


@pytest.fixture
def manifests():
    return sorted((REPOSITORY / "manifests").glob("*.yaml"))


def test_manifests_are_what_the_chart_renders(rendered, manifests):
    """And kubectl apply -f manifests/ leaves nothing out but the definitions' copies, which are checked as files."""
    def names(objects):
        return sorted((thing["kind"], thing["metadata"].get("namespace", ""), thing["metadata"]["name"])
                      for thing in objects if thing["kind"] != "Namespace")

    applied = [thing for path in manifests for thing in yaml.safe_load_all(path.read_text()) if thing]
    assert names(applied) == names(rendered())


def test_manifests_apply_twice_and_the_second_changes_nothing(apiserver):
    def apply():
        done = apiserver.kubectl("apply", "--validate=strict", "-f", REPOSITORY / "manifests", "-o", "json")
        return done.stderr, {f"{thing['kind']} {thing['metadata']['name']}": thing["metadata"]["resourceVersion"]
                             for thing in json.loads(done.stdout)["items"]}

    said, first = apply()
    assert said == "" and len(first) > 20
    apiserver.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=30s")
    first = apply()[1]  # The server wrote conditions into the definitions.
    assert apply() == ("", first)


@pytest.mark.parametrize("sample", sorted((REPOSITORY / "manifests/samples").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_sample_passes_a_strict_dry_run(platform, sample):
    space = yaml.safe_load(sample.read_text())["metadata"]["namespace"]
    if not platform.get("namespace", space):
        platform.kubectl("create", "namespace", space)
    done = platform.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", sample, "-o", "json")
    assert done.stderr == "" and json.loads(done.stdout)["spec"]


@pytest.mark.parametrize("values", [[], ["namespaces={default,kube-system}"], ["replicas=1", "rbac.aggregate=false"]],
                         ids=lambda values: " ".join(values) or "defaults")
def test_the_chart_passes_a_strict_dry_run(platform, rendered, values):
    objects = rendered(*values, namespace="default")
    assert objects
    done = platform.apply(objects, "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")
    assert done.stderr == ""
