# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the chart's tests: helm, and a real API server (see e2e/integration/control_plane.py)."""

import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from control_plane import REPOSITORY, ControlPlane  # noqa: E402
from plans import Grown, sample  # noqa: E402


def tool(*names):
    """Path of a tool of hack/tools, built on first use; names: set and program."""
    run = subprocess.run([REPOSITORY / "hack/tools/path", "/".join(names)], stdout=subprocess.PIPE, text=True,
                         check=True)
    return f"{run.stdout.strip()}/{names[-1]}"


@pytest.fixture(scope="session")
def apiserver(tmp_path_factory):
    """A real API server without anything of this project."""
    plane = ControlPlane(tmp_path_factory.mktemp("apiserver"))
    try:
        yield plane.start()
    finally:
        plane.stop()


@pytest.fixture(scope="session")
def platform(tmp_path_factory):
    """A real API server with the custom resource definitions."""
    plane = ControlPlane(tmp_path_factory.mktemp("platform"))
    try:
        plane.start().kubectl("apply", "--server-side", "-f", REPOSITORY / "crds")
        plane.kubectl("wait", "crd", "--selector=app.kubernetes.io/part-of=madbase", "--for=condition=Established",
                      "--timeout=30s")
        yield plane
    finally:
        plane.stop()


@pytest.fixture(scope="session")
def grown(platform):
    """What the plans of a custom resource leave on a real API server; made once for each."""
    made = {}

    def grow(name, **spec):
        key = (name, str(spec))
        if key not in made:
            made[key] = Grown(platform, sample(name, **spec))
        return made[key]

    return grow
