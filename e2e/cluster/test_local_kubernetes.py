# SPDX-License-Identifier: Apache-2.0
"""hack/cluster: a start that was killed half way, what the next one makes of it, and what down leaves."""

import os
import pathlib
import signal
import subprocess
import time

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
NAME = "selftest"
CLUSTER = [str(REPOSITORY / "hack/cluster"), "--name", NAME]
POD = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 0
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
  containers:
    - name: web
      image: docker.io/library/debian:trixie-slim
      imagePullPolicy: Never
      volumeMounts: [{name: data, mountPath: /data}]
      readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
      command:
        - perl
        - -e
        - >-
          use IO::Socket::INET; $| = 1; open(F, ">/data/file") or die; print F "kept"; close F; print "serving\\n";
          my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 5, ReuseAddr => 1) or die;
          while (my $c = $s->accept) { while (<$c>) { last if /^\\r?$/ }
          print $c "HTTP/1.0 200 OK\\r\\n\\r\\nhello"; close $c }
"""


def run(*arguments, **options):
    return subprocess.run([*CLUSTER, *arguments], check=True, text=True, stdout=subprocess.PIPE, timeout=240,
                          **options).stdout


def fetch(url):
    """Tries again for 20 s: kube-proxy and the cluster's DNS hear of a Ready pod a moment later."""
    return run("exec", "curl", "-sS", "--max-time", "20", "--retry", "40", "--retry-delay", "1", "--retry-all-errors",
               "--retry-max-time", "20", url)


def remains():
    """Processes in the cluster's cgroups, its cgroups, mounts and files, looked up without hack/cluster's help."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if f"-{NAME}-" in (process / "cgroup").read_text() and "State:\tZ" not in (process / "status").read_text():
                found.append(str(process))
        except OSError:
            continue
    for top, folders, _ in os.walk("/sys/fs/cgroup"):
        found += [os.path.join(top, folder) for folder in folders if f"-{NAME}-" in folder]
    found += [line for line in pathlib.Path("/proc/mounts").read_text().splitlines() if f"-{NAME}/" in line]
    state = pathlib.Path(os.environ.get("MADBASE_CACHE", pathlib.Path.home() / ".cache/madbase")) / "clusters"
    return found + [str(folder) for folder in state.glob(f"*-{NAME}")]


def kill_a_start_at(step):
    """Starts a cluster and kills everything of that run once it says that a step is done."""
    start = subprocess.Popen([*CLUSTER, "up", "--nodes", "1"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                             text=True, start_new_session=True)
    try:
        for line in start.stderr:
            if step in line:
                return
        pytest.fail(f"the start ended without the step {step!r}")
    finally:
        os.killpg(start.pid, signal.SIGKILL)
        start.wait()
        start.stderr.close()


@pytest.fixture(autouse=True)
def cleared():
    yield
    run("down")


@pytest.mark.parametrize("step", ["network", "control plane", "nodes are Ready"])
def test_down_leaves_nothing_of_a_killed_start(step):
    kill_a_start_at(step)
    assert remains()
    run("down")
    assert remains() == []


def test_a_start_after_a_killed_one_serves_pods_volumes_services_and_names():
    kill_a_start_at("control plane")
    run("up", "--nodes", "1")
    run("kubectl", "apply", "-f", "-", input=POD)
    run("kubectl", "wait", "--for=condition=Ready", "pod/web", "--timeout=90s")
    assert run("kubectl", "exec", "web", "--", "cat", "/data/file") == "kept"
    assert run("kubectl", "logs", "web") == "serving\n"
    assert fetch("http://web.default.svc.cluster.local") == "hello"
    address = run("kubectl", "wait", "service/web", "--for=jsonpath={.status.loadBalancer.ingress[0].ip}",
                  "--timeout=30s", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}")
    assert fetch(f"http://{address}") == "hello"

    processes = run("status")
    again = time.monotonic()
    assert run("up", "--nodes", "1").split("NAME")[0] == processes.split("NAME")[0], "a second start changed something"
    assert time.monotonic() - again < 10
    run("down")
    assert remains() == []
