# SPDX-License-Identifier: Apache-2.0
"""Installing by helm on a real API server: for all namespaces, and for some by their admin."""

import shutil

import pytest
import yaml

from plans import CHART, REPOSITORY

DEFINITIONS = ["crd/madclusters.madbase.io", "crd/statepillars.madbase.io"]
MONITOR_DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "podmonitors.monitoring.coreos.com"},
    "spec": {
        "group": "monitoring.coreos.com", "scope": "Namespaced",
        "names": {"kind": "PodMonitor", "plural": "podmonitors", "singular": "podmonitor"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
            "type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]},
}
PROTECTION = "validatingadmissionpolicy/madbase-deletion-protection"


@pytest.fixture
def helm(tool, apiserver, tmp_path):
    def run(*arguments, kubeconfig=None, check=True):
        return tool("helm", *arguments, check=check, env={
            **apiserver.environment(kubeconfig), "HELM_CACHE_HOME": str(tmp_path), "HELM_CONFIG_HOME": str(tmp_path)})

    return run


def there(plane, *names, namespace=None):
    """Those of the objects that exist."""
    where = ["-n", namespace] if namespace else []
    shown = plane.kubectl("get", *names, *where, "--ignore-not-found", "-o", "name").stdout.split()
    return {name.replace(".apiextensions.k8s.io/", "/").replace("customresourcedefinition", "crd") for name in shown}


def established(plane):
    plane.kubectl("wait", *DEFINITIONS, "--for=condition=Established", "--timeout=30s")


def test_a_release_from_first_to_last(apiserver, helm, tmp_path):
    """One story, because definitions are there once: install, upgrade, uninstall, install again."""
    space = apiserver.namespace("release", labels={"pod-security.kubernetes.io/enforce": "restricted",
                                                   "pod-security.kubernetes.io/warn": "restricted"})
    done = helm("install", "madbase", CHART, "-n", space)
    assert "Warning" not in done.stdout + done.stderr
    established(apiserver)
    assert apiserver.get("deployment", "madbase-operator", space)["spec"]["replicas"] == 2
    assert there(apiserver, PROTECTION)

    # An upgrade brings a changed definition, and a PodMonitor once there is such a thing.
    newer = shutil.copytree(CHART, tmp_path / "newer")
    path = newer / "files/crds/madbase.io_statepillars.yaml"
    definition = yaml.safe_load(path.read_text())
    definition["spec"]["versions"][0]["additionalPrinterColumns"].append(
        {"name": "Newer", "type": "string", "jsonPath": ".status.phase", "priority": 1})
    path.write_text(yaml.safe_dump(definition))
    apiserver.apply(MONITOR_DEFINITION)
    apiserver.kubectl("wait", "crd/podmonitors.monitoring.coreos.com", "--for=condition=Established", "--timeout=30s")
    helm("upgrade", "madbase", newer, "-n", space, "--set", "podMonitor.labels.release=prometheus")
    columns = apiserver.get("crd", "statepillars.madbase.io")["spec"]["versions"][0]["additionalPrinterColumns"]
    assert columns[-1]["name"] == "Newer"
    assert apiserver.get("podmonitors", "madbase-operator", space)["metadata"]["labels"]["release"] == "prometheus"

    # Removing the release keeps the definitions, and with them every custom resource.
    apiserver.apply(yaml.safe_load((REPOSITORY / "manifests/samples/development.yaml").read_text()) | {
        "metadata": {"name": "demo", "namespace": space}})
    helm("uninstall", "madbase", "-n", space)
    assert there(apiserver, *DEFINITIONS) == set(DEFINITIONS)
    assert apiserver.get("madcluster", "demo", space)
    assert not there(apiserver, "deployment/madbase-operator", namespace=space)
    assert not there(apiserver, PROTECTION)

    # The same release comes back over what was kept; another one takes it over when told so.
    helm("install", "madbase", CHART, "-n", space)
    helm("uninstall", "madbase", "-n", space)
    other = apiserver.namespace("other")
    refused = helm("install", "madbase", CHART, "-n", other, check=False)
    assert refused.returncode != 0 and "cannot be imported into the current release" in refused.stderr
    helm("install", "madbase", CHART, "-n", other, "--take-ownership")
    helm("uninstall", "madbase", "-n", other)
    apiserver.kubectl("delete", "crd/podmonitors.monitoring.coreos.com")


ADMIN_OF_A_NAMESPACE = [f"{prefix}-{verb}" for prefix in ("system:aggregate-to", "madbase-operator")
                        for verb in ("view", "edit", "admin")]


def test_an_admin_of_namespaces_installs_an_operator_for_them(apiserver, tool, helm):
    """With what the admin of the cluster made once, and no right outside of the namespaces."""
    own, shop = apiserver.namespace("own"), apiserver.namespace("shop")
    values = ["-n", own, "--set", f"namespaces={{{own},{shop}}}"]
    once = tool("helm", "template", "madbase", CHART, *values, "--set", "operator.install=false").stdout
    apiserver.apply(once, "--server-side", "--force-conflicts", "--validate=strict")
    user = apiserver.user_kubeconfig("nina")
    install = ["install", "madbase", CHART, *values]
    for space in (own, shop):
        # Nothing here fills the standard role admin, as the controller manager does: its parts stand for it.
        for role in ADMIN_OF_A_NAMESPACE:
            apiserver.kubectl("create", "rolebinding", f"nina-{role.replace(':', '-')}", "-n", space,
                              f"--clusterrole={role}", "--user=nina")
    refused = helm(*install, kubeconfig=user, check=False)
    assert refused.returncode != 0 and "forbidden" in refused.stderr
    helm("uninstall", "madbase", "-n", own, "--ignore-not-found", kubeconfig=user)
    helm(*install, "--set", "clusterScoped.install=false", kubeconfig=user)
    assert apiserver.get("deployment", "madbase-operator", own)
    account = f"system:serviceaccount:{own}:madbase-operator"

    def may(*what):
        return apiserver.kubectl("auth", "can-i", *what, f"--as={account}", check=False).stdout.strip() == "yes"

    assert may("list", "pods", "-n", own) and may("list", "pods", "-n", shop)
    assert may("list", "endpointslices.discovery.k8s.io", "-n", "default")
    assert not may("list", "pods", "-n", "default") and not may("list", "pods", "-A")
    assert may("update", "leases/madbase-operator", "-n", own) and not may("update", "leases/madbase-operator", "-n", shop)
    helm("uninstall", "madbase", "-n", own, kubeconfig=user)
