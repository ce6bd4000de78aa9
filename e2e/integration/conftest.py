# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the integration tests: a real kube-apiserver and etcd, started once for the whole run.

apiserver               WatchList on
apiserver_no_watchlist  WatchList off, as older servers have it
namespace               a fresh namespace on `apiserver`

Tests that restart the server or compact etcd do it on a shared one: what they need is made by themselves, and
they leave it running. Kubernetes 1.36 instead of 1.34: `pytest --kubernetes=1.36`.
"""

import pytest

from control_plane import REPOSITORY, ControlPlane


def _running(folder, request, watchlist):
    plane = ControlPlane(folder, watchlist=watchlist, version=request.config.getoption("--kubernetes"))
    try:
        yield plane.start()
    finally:
        plane.stop()


@pytest.fixture(scope="session")
def apiserver(request, tmp_path_factory):
    yield from _running(tmp_path_factory.mktemp("apiserver"), request, True)


@pytest.fixture(scope="session")
def apiserver_no_watchlist(request, tmp_path_factory):
    yield from _running(tmp_path_factory.mktemp("apiserver-no-watchlist"), request, False)


def install_crds(plane):
    """Applies the CRDs and policies and waits until both are in force."""
    plane.kubectl("apply", "--server-side", "-f", REPOSITORY / "crds")
    plane.kubectl("wait", "crd", "--selector=app.kubernetes.io/part-of=madbase", "--for=condition=Established",
                  "--timeout=30s")
    plane.kubectl("apply", "--server-side", "-f", REPOSITORY / "crds/policies")


@pytest.fixture(scope="session")
def crds(apiserver):
    """The API server with this project's CRDs and policies."""
    install_crds(apiserver)
    return apiserver


@pytest.fixture(scope="session")
def crds_no_watchlist(apiserver_no_watchlist):
    install_crds(apiserver_no_watchlist)
    return apiserver_no_watchlist


@pytest.fixture
def namespace(apiserver):
    return apiserver.namespace()
