# SPDX-License-Identifier: Apache-2.0
"""The operator itself with the rights and the environment that the chart gives it, on a real API server without pods."""

import contextlib
import os
import subprocess
import time

import pytest

from plans import BUILD, REPOSITORY, RESTRICTED, sample

SECONDS = 60


@contextlib.contextmanager
def operator(plane, objects, namespace, log):
    """Runs the program as the chart's Deployment would; gives its account's name and a way to wait while it runs."""
    plane.apply(objects, "--server-side", "--force-conflicts")
    deployment = next(thing for thing in objects if thing["kind"] == "Deployment")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    fields = {"metadata.name": "madbase-operator-0", "metadata.namespace": namespace}
    told = {row["name"]: row.get("value") or fields.get(row.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath"), "")
            for row in container["env"]}
    account = f"system:serviceaccount:{namespace}:madbase-operator"
    kubeconfig = plane.user_kubeconfig(account, ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"])
    with open(log, "wb") as file:
        process = subprocess.Popen(
            [f"{BUILD}/operator/madbase-operator", "--health-port", "0"], stdout=file, stderr=file,
            env={"PATH": os.environ["PATH"], "KUBECONFIG": str(kubeconfig), **told})

    def eventually(check, what):
        deadline = time.monotonic() + SECONDS
        while not (answer := check()):
            assert process.poll() is None, f"the operator ended:\n{log.read_text()[-4000:]}"
            assert time.monotonic() < deadline, f"{what} did not come true in {SECONDS} s"
            time.sleep(0.1)
        return answer

    try:
        yield account, eventually
        process.terminate()
        assert process.wait(30) == 0, log.read_text()[-4000:]
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("named", [False, True], ids=["all namespaces", "named namespaces"])
def test_the_chart_gives_the_operator_what_it_needs(apiserver, rendered, tmp_path, named):
    own = apiserver.namespace("operator")
    space = apiserver.namespace("platform", labels=RESTRICTED)
    objects = rendered(*([f"namespaces={{{space}}}"] if named else []), namespace=own)
    apiserver.kubectl("apply", "--server-side", "--force-conflicts", "-f", REPOSITORY / "crds")
    apiserver.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=30s")
    apiserver.audit_mark()
    with operator(apiserver, objects, own, tmp_path / "operator.log") as (account, eventually):
        resource = sample("madcluster")
        resource["metadata"]["namespace"] = space
        apiserver.apply(resource)

        def refused():
            return [f"{event['verb']} {event['requestURI']}: {event['responseStatus'].get('message')}"
                    for event in apiserver.audit(user=account) if event["responseStatus"]["code"] == 403]

        # The last things that a platform without pods comes to.
        eventually(lambda: apiserver.get("statefulset", "prod-redis", space) or refused(), "StatefulSet prod-redis")
        eventually(lambda: apiserver.get("networkpolicy", "prod-entry", space) or refused(), "NetworkPolicy prod-entry")
        eventually(lambda: (apiserver.get("statepillar", "prod", space).get("status") or {}).get("phase") or refused(),
                   "the phase of the pillar")
        binding = apiserver.get("rolebinding", "prod-patroni", space)
        assert binding["roleRef"]["kind"] == ("Role" if named else "ClusterRole")
        assert refused() == []
    assert {event["verb"] for event in apiserver.audit(user=account)
            if event["objectRef"]["resource"] == "secrets"} <= {"get", "create", "delete"}
    apiserver.kubectl("delete", "clusterrolebinding", "madbase-operator", "--ignore-not-found")
