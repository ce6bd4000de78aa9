# SPDX-License-Identifier: Apache-2.0
"""A real kube-apiserver and etcd on loopback, for tests: no kubelet, no controllers, no scheduler.

Everything lives in one folder, every port is free when asked for, and stop() ends exactly the two
processes that start() made. Run as a program it gives a command such a control plane:

    python3 e2e/integration/control_plane.py [--watchlist off] [--version 1.36] -- COMMAND...

COMMAND finds the admin's kubeconfig in KUBECONFIG and the tools on PATH; without COMMAND it waits
for Ctrl-C.
"""

import argparse
import base64
import contextlib
import ctypes
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import yaml

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
SERVICE_RANGE = "10.96.0.0/16"
# Stands for the API server's own address in the EndpointSlice default/kubernetes (TEST-NET-1): loopback is
# not allowed there.
ADVERTISED = "192.0.2.1"
START_SECONDS = 60
STOP_SECONDS = 20
WRITES = ("create", "update", "patch", "delete", "deletecollection")

AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: None
    nonResourceURLs: ["/readyz*", "/livez*", "/healthz*"]
  - level: Metadata
    resources: [{group: "", resources: [secrets, serviceaccounts/token]}]
  - level: Request
    verbs: [create, update, patch, delete, deletecollection]
  - level: Metadata
"""


def tools_path(version=None):
    """Folders of etcd, kube-apiserver and kubectl joined by ":", built on first use. version: 1.36 or None."""
    kubernetes = "kubernetes" if version in (None, "1.34") else f"kubernetes-{version}"
    wanted = [f"{kubernetes}/kube-apiserver", "kubernetes/kubectl", "etcd/etcd"]
    run = subprocess.run(
        [REPOSITORY / "hack/tools/path", *wanted], stdout=subprocess.PIPE, text=True, check=True
    )
    return run.stdout.strip()


def free_ports(count):
    """That many loopback ports which nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]


def _die_with_parent():
    # PR_SET_PDEATHSIG: a killed test run leaves nothing behind.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Authority:
    """A certificate authority in a folder; it signs with the openssl program."""

    def __init__(self, folder, name="test-ca"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate = self.folder / "ca.crt"
        self._key = self.folder / "ca.key"
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-keyout", self._key, "-out", self.certificate,
        )

    def issue(self, name, groups=(), hosts=(), days=1):
        """Makes a certificate for a client (name and groups) or a server (hosts); returns (certificate, key)."""
        stem = self.folder / f"{name.replace(':', '_').replace('/', '_')}-{secrets.token_hex(4)}"
        certificate, key, request = (stem.with_suffix(end) for end in (".crt", ".key", ".csr"))
        subject = "".join(f"/O={group}" for group in groups) + f"/CN={name}"
        extensions = stem.with_suffix(".ext")
        lines = ["keyUsage=digitalSignature", "extendedKeyUsage=" + ("serverAuth" if hosts else "clientAuth")]
        if hosts:
            kinds = ("IP" if host[0].isdigit() else "DNS" for host in hosts)
            lines.append("subjectAltName=" + ",".join(f"{kind}:{host}" for kind, host in zip(kinds, hosts)))
        extensions.write_text("\n".join(lines) + "\n")
        self._openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-subj", subject, "-keyout", key, "-out", request,
        )
        self._openssl(
            "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-days", str(days),
            "-set_serial", str(secrets.randbits(63)), "-extfile", extensions, "-out", certificate,
        )
        return certificate, key

    @staticmethod
    def _openssl(*arguments):
        run = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
        if run.returncode != 0:
            raise RuntimeError(f"openssl {arguments[0]} failed: {run.stderr}")


class ControlPlane:
    """One kube-apiserver on one etcd.

    url, ca_file, kubeconfig (admin by client certificate), token_kubeconfig (admin by bearer token in a file),
    audit_log and folder are what a program under test needs; the methods are for the test itself.
    """

    def __init__(self, folder, watchlist=True, version=None, arguments=()):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.watchlist = watchlist
        self.version = version
        self.path = tools_path(version)
        self.audit_log = self.folder / "audit.log"
        self.kubeconfig = self.folder / "admin.kubeconfig"
        self.token_kubeconfig = self.folder / "token.kubeconfig"
        self._arguments = list(arguments)
        self._etcd = None
        self._apiserver = None
        self._audit_from = 0
        self._make_credentials()

    # -- life ---------------------------------------------------------------------------------------------

    def start(self):
        """Starts both and waits until the API server is ready; tries other ports if one was taken."""
        for last in (False, False, True):
            self.port, self.etcd_port, self._peer_port = free_ports(3)
            self.url = f"https://{HOST}:{self.port}"
            self.etcd_url = f"http://{HOST}:{self.etcd_port}"
            self._write_kubeconfigs()
            try:
                self._start_etcd()
                self.start_apiserver()
                return self
            except RuntimeError:
                self.stop()
                shutil.rmtree(self.folder / "etcd", ignore_errors=True)
                if last:
                    raise

    def stop(self):
        self.stop_apiserver()
        self._etcd = self._end(self._etcd, signal.SIGKILL)

    def start_apiserver(self):
        """Starts the API server on its old port and waits for /readyz."""
        self._apiserver = self._spawn("kube-apiserver", self._apiserver_arguments())
        self._wait_until(self.ready, "kube-apiserver", self._apiserver)

    def stop_apiserver(self, how=signal.SIGTERM):
        """Ends the API server only; how: SIGTERM (orderly) or SIGKILL (connections just break)."""
        self._apiserver = self._end(self._apiserver, how)

    def restart_apiserver(self, how=signal.SIGTERM):
        """Stops and starts it again: same port, same certificates, empty watch cache."""
        self.stop_apiserver(how)
        self.start_apiserver()

    def ready(self):
        with contextlib.suppress(OSError, urllib.error.URLError):
            return self.request("GET", "/readyz")[0] == 200
        return False

    # -- talking to it ------------------------------------------------------------------------------------

    def environment(self, kubeconfig=None):
        """Environment for a program under test: KUBECONFIG and PATH."""
        return {
            **os.environ,
            "KUBECONFIG": str(kubeconfig or self.kubeconfig),
            "PATH": f"{self.path}:{os.environ['PATH']}",
        }

    def kubectl(self, *arguments, input=None, check=True, kubeconfig=None, timeout=60):
        """Runs the real kubectl. input: text, or objects that are written as JSON. Returns the finished process."""
        if input is not None and not isinstance(input, str):
            items = input if isinstance(input, list) else [input]
            input = json.dumps({"apiVersion": "v1", "kind": "List", "items": items} if len(items) != 1 else items[0])
        run = subprocess.run(
            ["kubectl", f"--cache-dir={self.folder / 'kubectl'}", *map(str, arguments)],
            input=input, capture_output=True, text=True, timeout=timeout, env=self.environment(kubeconfig),
        )
        if check and run.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(map(str, arguments))}: {run.stderr.strip()}")
        return run

    def apply(self, objects, *arguments, **options):
        """kubectl apply of text or objects."""
        return self.kubectl("apply", "-f", "-", *arguments, input=objects, **options)

    def get(self, kind, name, namespace=None):
        """The object as a dict, or None."""
        where = ["-n", namespace] if namespace else []
        run = self.kubectl("get", kind, name, *where, "-o", "json", "--ignore-not-found")
        return json.loads(run.stdout) if run.stdout.strip() else None

    def request(self, method, path, body=None, content_type="application/json", headers=None, timeout=30):
        """One HTTP request as admin; returns (status, decoded body). For what kubectl does not do."""
        request = urllib.request.Request(self.url + path, method=method, headers=dict(headers or {}))
        if body is not None:
            request.data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            request.add_header("Content-Type", content_type)
        try:
            with urllib.request.urlopen(request, timeout=timeout, context=self._tls) as reply:
                status, text = reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read().decode()
        with contextlib.suppress(ValueError):
            return status, json.loads(text)
        return status, text

    def namespace(self, prefix="test", labels=None):
        """Makes a namespace with a name of its own; nothing removes it (there is no namespace controller)."""
        name = f"{prefix}-{secrets.token_hex(4)}"
        self.kubectl("create", "-f", "-", input={
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels or {}}})
        return name

    def user_kubeconfig(self, name, groups=()):
        """Writes and returns a kubeconfig for another user; RBAC says what it may do."""
        certificate, key = self._authority.issue(name, groups)
        path = certificate.with_suffix(".kubeconfig")
        self._write_kubeconfig(path, {
            "client-certificate-data": _base64(certificate), "client-key-data": _base64(key)})
        return path

    # -- etcd ---------------------------------------------------------------------------------------------

    def etcd(self, call, body):
        """One call of etcd's JSON gateway, such as etcd("kv/range", {...})."""
        request = urllib.request.Request(
            f"{self.etcd_url}/v3/{call}", data=json.dumps(body).encode(), headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)

    def revision(self):
        """The newest revision of etcd, which is the newest resourceVersion."""
        return int(self.etcd("kv/range", {"key": _text64("/"), "keys_only": True, "limit": 1})["header"]["revision"])

    def compact(self, revision=None):
        """Forgets history before a revision (default: all of it).

        A continue token from before is 410 after it, at once where watchlist is off. With it, pages come from
        snapshots of the watch cache, and watches always come from its window: there a 410 needs a
        restart_apiserver() too.
        """
        revision = revision or self.revision()
        self.etcd("kv/compaction", {"revision": str(revision), "physical": True})
        return revision

    # -- audit --------------------------------------------------------------------------------------------

    def audit_mark(self):
        """From here on audit() counts."""
        self._audit_from = self.audit_log.stat().st_size if self.audit_log.exists() else 0

    def audit(self, writes_only=False, user=None, user_agent=None):
        """Finished requests since audit_mark(), as audit events; user_agent: how it begins."""
        if not self.audit_log.exists():
            return []
        with open(self.audit_log, "rb") as file:
            file.seek(self._audit_from)
            lines = file.read().split(b"\n")[:-1]
        events = [json.loads(line) for line in lines]
        return [
            event for event in events
            if event["stage"] == "ResponseComplete"
            and (not writes_only or event["verb"] in WRITES)
            and (user is None or event["user"]["username"] == user)
            and (user_agent is None or event.get("userAgent", "").startswith(user_agent))
        ]

    def log_tail(self, name, lines=30):
        path = self.folder / f"{name}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    # -- inside -------------------------------------------------------------------------------------------

    def _make_credentials(self):
        self._authority = Authority(self.folder / "pki")
        self.ca_file = self._authority.certificate
        self._server = self._authority.issue(
            "kube-apiserver", hosts=[HOST, "10.96.0.1", "localhost", "kubernetes.default.svc"])
        self._admin = self._authority.issue("admin", groups=["system:masters"])
        self._account_key = self.folder / "pki/service-accounts.key"
        Authority._openssl("genrsa", "-out", self._account_key, "2048")
        self.token = secrets.token_urlsafe(24)
        self._tokens = self.folder / "pki/tokens.csv"
        self._tokens.write_text(f'{self.token},token-admin,1,"system:masters"\n')
        self.token_file = self.folder / "pki/token"
        self.token_file.write_text(self.token)
        self._audit_policy = self.folder / "audit-policy.yaml"
        self._audit_policy.write_text(AUDIT_POLICY)
        self._tls = ssl.create_default_context(cafile=self.ca_file)
        self._tls.load_cert_chain(*self._admin)

    def _write_kubeconfigs(self):
        certificate, key = self._admin
        self._write_kubeconfig(self.kubeconfig, {
            "client-certificate-data": _base64(certificate), "client-key-data": _base64(key)})
        self._write_kubeconfig(self.token_kubeconfig, {"tokenFile": str(self.token_file)})

    def _write_kubeconfig(self, path, user):
        cluster = {"server": self.url, "certificate-authority-data": _base64(self.ca_file)}
        path.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "user", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "user"}}],
        }))
        path.chmod(0o600)

    def _start_etcd(self):
        peer = f"http://{HOST}:{self._peer_port}"
        self._etcd = self._spawn("etcd", [
            f"--data-dir={self.folder / 'etcd'}", "--name=test", "--unsafe-no-fsync", "--log-level=warn",
            f"--listen-client-urls={self.etcd_url}", f"--advertise-client-urls={self.etcd_url}",
            f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=test={peer}",
        ])

        def healthy():
            with contextlib.suppress(OSError, urllib.error.URLError):
                return urllib.request.urlopen(f"{self.etcd_url}/health", timeout=2).status == 200
            return False

        self._wait_until(healthy, "etcd", self._etcd)

    def _apiserver_arguments(self):
        certificate, key = self._server
        return [
            f"--etcd-servers={self.etcd_url}", "--etcd-compaction-interval=0",
            f"--bind-address={HOST}", f"--secure-port={self.port}", f"--advertise-address={ADVERTISED}",
            f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}",
            f"--client-ca-file={self.ca_file}", f"--token-auth-file={self._tokens}",
            "--authorization-mode=RBAC", "--anonymous-auth=false",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={self._account_key}",
            f"--service-account-key-file={self._account_key}",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            # Nobody makes the default ServiceAccounts here, and pods are made without them.
            "--disable-admission-plugins=ServiceAccount", "--enable-admission-plugins=PodSecurity",
            # Without WatchList as on servers that are older: no pages from snapshots of the watch cache either.
            "--feature-gates=" + ("WatchList=true" if self.watchlist else "WatchList=false,ListFromCacheSnapshot=false"),
            f"--audit-policy-file={self._audit_policy}", f"--audit-log-path={self.audit_log}",
            "--shutdown-delay-duration=0s", "--allow-privileged=true", "--profiling=false",
            *self._arguments,
        ]

    def _spawn(self, program, arguments):
        binary = shutil.which(program, path=self.path)
        if binary is None:
            raise FileNotFoundError(f"{program} is not in {self.path}")
        with open(self.folder / f"{program}.log", "ab") as log:
            return subprocess.Popen(
                [binary, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.folder, preexec_fn=_die_with_parent)

    def _wait_until(self, condition, program, process):
        deadline = time.monotonic() + START_SECONDS
        while not condition():
            if process.poll() is not None:
                raise RuntimeError(f"{program} ended with {process.returncode}:\n{self.log_tail(program)}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{program} was not ready in {START_SECONDS} s:\n{self.log_tail(program)}")
            time.sleep(0.05)

    @staticmethod
    def _end(process, how):
        if process is not None and process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        return None


def _base64(path):
    return base64.b64encode(pathlib.Path(path).read_bytes()).decode()


def _text64(text):
    return base64.b64encode(text.encode()).decode()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--watchlist", choices=["on", "off"], default="on", help="streaming lists (default: on)")
    parser.add_argument("--version", choices=["1.34", "1.36"], default="1.34", help="of Kubernetes (default: 1.34)")
    parser.add_argument("--crds", action="store_true", help="apply crds/ and crds/policies/ first")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    options = parser.parse_args()
    command = [word for i, word in enumerate(options.command) if i > 0 or word != "--"]
    with tempfile.TemporaryDirectory(prefix="madbase-control-plane.") as folder:
        plane = ControlPlane(folder, watchlist=options.watchlist == "on", version=options.version)
        try:
            plane.start()
            if options.crds:
                plane.kubectl("apply", "-f", REPOSITORY / "crds", "-f", REPOSITORY / "crds/policies")
            print(f"KUBECONFIG={plane.kubeconfig}", file=sys.stderr)
            if command:
                return subprocess.run(command, env=plane.environment()).returncode
            print("Ctrl-C ends it.", file=sys.stderr)
            signal.pause()
        except KeyboardInterrupt:
            return 0
        finally:
            plane.stop()


if __name__ == "__main__":
    sys.exit(main())
