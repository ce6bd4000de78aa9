# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the chart's tests: the tools, and real API servers (see e2e/integration/control_plane.py)."""

import pathlib
import subprocess
import sys

import pytest
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from control_plane import ControlPlane  # noqa: E402
from plans import CHART, REPOSITORY, Grown, sample  # noqa: E402


@pytest.fixture(scope="session")
def tool():
    """Runs a program of hack/tools, built on first use; says what it printed when it fails."""
    folders = {}

    def run(name, *arguments, check=True, **options):
        if name not in folders:
            folders[name] = subprocess.run(
                [REPOSITORY / "hack/tools/path", name], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        done = subprocess.run([f"{folders[name]}/{name}", *map(str, arguments)], text=True, capture_output=True, **options)
        assert not check or done.returncode == 0, f"{name} {' '.join(map(str, arguments))}:\n{done.stdout}{done.stderr}"
        return done

    return run


@pytest.fixture(scope="session")
def rendered(tool):
    """The chart's objects, as helm renders them for some values ("name=value" as --set takes them)."""

    def render(*values, namespace="madbase-system"):
        sets = [word for value in values for word in ("--set", value)]
        text = tool("helm", "template", "madbase", CHART, "-n", namespace, *sets).stdout
        return [document for document in yaml.safe_load_all(text) if document]

    return render


def _plane(request, tmp_path_factory):
    plane = ControlPlane(tmp_path_factory.mktemp("apiserver"), version=request.config.getoption("--kubernetes"))
    try:
        yield plane.start()
    finally:
        plane.stop()


@pytest.fixture(scope="module")
def apiserver(request, tmp_path_factory):
    """A real API server without anything of this project; each file of tests has one of its own."""
    yield from _plane(request, tmp_path_factory)


@pytest.fixture(scope="session")
def platform(request, tmp_path_factory):
    """A real API server with the custom resource definitions."""
    for plane in _plane(request, tmp_path_factory):
        plane.kubectl("apply", "--server-side", "-f", REPOSITORY / "crds")
        plane.kubectl("wait", "crd", "--selector=app.kubernetes.io/part-of=madbase", "--for=condition=Established",
                      "--timeout=30s")
        yield plane


@pytest.fixture(scope="session")
def grown(platform):
    """What the plans of a sample leave on a real API server; made once for each."""
    made = {}

    def grow(name, **spec):
        key = (name, str(spec))
        if key not in made:
            made[key] = Grown(platform, sample(name, **spec))
        return made[key]

    return grow
