# SPDX-License-Identifier: Apache-2.0
"""Runs images as Kubernetes runs them, without Kubernetes: user 1000, read-only root, no capabilities, a network
namespace and an address for each pod, folders for ConfigMap, Secret and volume. Needs root, runc and hack/images.

All pods of a lab hang on one bridge inside a namespace of the lab: nothing reaches the machine's own network.
"""
import contextlib
import ctypes
import fcntl
import functools
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time

NAMES = itertools.count(1)
REPOSITORY = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def sh(*args, check=True, timeout=60, **options):
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, **options)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(args)}: {done.stdout}")
    return done.stdout


@contextlib.contextmanager
def locked(path):
    """One at a time, among all processes of the machine."""
    with open(path, "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@functools.lru_cache(maxsize=None)
def image_root(name):
    """The root folder and the configuration of images/NAME, built and unpacked if need be."""
    archive = sh(os.path.join(REPOSITORY, "hack", "images"), "--print", name, timeout=900).split()[-1]
    folder = os.path.join(os.path.dirname(archive), "unpacked", os.path.basename(archive))
    with locked(f"{archive}.lock"), tarfile.open(archive) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))[0]
        config = json.load(tar.extractfile(manifest["Config"]))["config"]
        if not os.path.isdir(folder):
            new = f"{folder}.{os.getpid()}"
            os.makedirs(new)
            for layer in manifest["Layers"]:
                unpack(tar.extractfile(layer), new)
            for mount in ("var/lib/madbase", "run/madbase", "tmp", "etc/madbase/config", "etc/madbase/secrets",
                          "etc/madbase/tls"):
                os.makedirs(os.path.join(new, mount), exist_ok=True)
            open(os.path.join(new, "etc/hosts"), "a", encoding="ascii").close()
            os.rename(new, folder)
    return folder, config


def unpack(layer, folder):
    """Lays one layer over a folder; a file named .wh.NAME takes NAME away."""
    with tempfile.TemporaryFile() as spool:
        shutil.copyfileobj(layer, spool)
        spool.seek(0)
        with tarfile.open(fileobj=spool) as tar:
            for member in tar:
                parent, name = os.path.split(member.name)
                if name.startswith(".wh."):
                    sh("rm", "-rf", os.path.join(folder, parent, name[4:]))
        os.lseek(spool.fileno(), 0, os.SEEK_SET)
        subprocess.run(["tar", "-x", "-C", folder, "--exclude=.wh.*", "-f", "-"], stdin=spool, check=True)


def certificate(names):
    """A certificate for the names, and its authority, as keys of a mounted Secret."""
    with tempfile.TemporaryDirectory() as folder:
        def path(name):
            return os.path.join(folder, name)
        new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        sh("openssl", "req", "-x509", *new_key, "-days", "30", "-subj", "/CN=prod CA", "-keyout", path("ca.key"),
           "-out", path("ca.crt"))
        sh("openssl", "req", *new_key, "-subj", "/CN=prod", "-keyout", path("tls.key"), "-out", path("tls.csr"))
        with open(path("ext"), "w", encoding="ascii") as file:
            file.write("subjectAltName=" + ",".join(f"DNS:{name}" for name in names) + "\n"
                       "extendedKeyUsage=serverAuth,clientAuth\n")
        sh("openssl", "x509", "-req", "-in", path("tls.csr"), "-CA", path("ca.crt"), "-CAkey", path("ca.key"),
           "-CAcreateserial", "-days", "30", "-extfile", path("ext"), "-out", path("tls.crt"))
        texts = {}
        for name in ("ca.crt", "tls.crt", "tls.key"):
            with open(path(name), encoding="ascii") as file:
                texts[name.replace(".", "__")] = file.read()
        return texts


def enter(netns):
    """Moves the calling thread, and those it starts, into a network namespace. Closes it."""
    with netns:
        if LIBC.setns(netns.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def until(condition, seconds, what):
    """Waits for condition() to be true and returns what it returned; exceptions count as not yet."""
    end, last = time.monotonic() + seconds, None
    while time.monotonic() < end:
        try:
            value = condition()
            if value:
                return value
            last = value
        except Exception as error:  # pylint: disable=broad-except
            last = error
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what} (last: {last})")


def sweep():
    """Takes away what labs of processes that are gone left behind."""
    for line in sh("ip", "netns", "list").splitlines():
        found = re.match(r"(mb(\d+)x\d+-\w+)", line)
        if found and not os.path.exists(f"/proc/{found[2]}"):
            for container in json.loads(sh("runc", "list", "--format", "json")) or []:
                if container["id"].startswith(f"mb{found[2]}x"):
                    sh("runc", "delete", "--force", container["id"], check=False)
            sh("ip", "netns", "del", found[1], check=False)


class Lab:
    """One bridge and the pods on it. As a context manager it takes the calling thread into the bridge's namespace,
    so that ordinary clients in the test reach the pods."""

    def __init__(self):
        sweep()
        self.tag = f"mb{os.getpid()}x{next(NAMES)}"
        self.folder = tempfile.mkdtemp(prefix="podlab-")
        os.chmod(self.folder, 0o755)
        self.pods, self.home = {}, None
        self.hub = f"{self.tag}-hub"
        sh("ip", "netns", "add", self.hub)
        for line in ("link add br0 type bridge", "addr add 10.99.0.1/24 dev br0", "link set br0 up", "link set lo up"):
            sh("ip", "-n", self.hub, *line.split())

    def __enter__(self):
        self.home = open("/proc/thread-self/ns/net", "rb")
        enter(open(f"/run/netns/{self.hub}", "rb"))
        return self

    def __exit__(self, *_):
        enter(self.home)
        self.close()

    def close(self):
        for pod in self.pods.values():
            pod.kill()
            sh("ip", "netns", "del", pod.netns, check=False)
        sh("ip", "netns", "del", self.hub, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def pod(self, name, image, **options):
        self.pods[name] = Pod(self, name, image, address=f"10.99.0.{10 + len(self.pods)}", **options)
        self.write_hosts()
        return self.pods[name]

    def write_hosts(self):
        """One hosts file for all: bound into each pod, so it is rewritten in place."""
        lines = ["127.0.0.1 localhost"]
        for pod in self.pods.values():
            lines.append(f"{pod.address} {pod.name} {pod.name}.data.svc")
        with open(os.path.join(self.folder, "hosts"), "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")


class Pod:
    """One container in a network namespace of its own. Its volume outlives it until wipe()."""

    def __init__(self, lab, name, image, address, args=None, env=None, files=None):
        self.lab, self.name, self.image, self.address = lab, name, image, address
        self.args = args
        self.netns, self.count = f"{lab.tag}-{len(lab.pods)}", 0
        self.folder = os.path.join(lab.folder, name)
        self.env = {"POD_NAME": name, "POD_IP": address, "POD_NAMESPACE": "data", **(env or {})}
        self.process = None
        for part in ("volume", "bundle", "run", "tmp", "mounts"):
            os.makedirs(os.path.join(self.folder, part))
        self.own("volume", "run", "tmp")
        self.mounts = sorted(files or {})
        for mount in self.mounts:
            self.put(mount, **files[mount])
        self.link()

    def own(self, *parts):
        for part in parts:
            os.chown(os.path.join(self.folder, part), 1000, 1000)

    def link(self):
        host = f"v{self.netns.rpartition('-')[2]}"
        sh("ip", "netns", "add", self.netns)
        sh("ip", "-n", self.lab.hub, "link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", self.netns)
        sh("ip", "-n", self.lab.hub, "link", "set", host, "master", "br0", "up")
        for line in ("link set lo up", f"addr add {self.address}/24 dev eth0", "link set eth0 up"):
            sh("ip", "-n", self.netns, *line.split())
        self.port = host

    def connected(self, up):
        """Pulls the pod's cable, or puts it back."""
        sh("ip", "-n", self.lab.hub, "link", "set", self.port, "up" if up else "down")

    def partition(self, other, apart=True):
        """Cuts this pod off from another one, both ways."""
        for one, two in ((self, other), (other, self)):
            word = "add" if apart else "del"
            sh("ip", "-n", one.netns, "route", word, "blackhole", f"{two.address}/32")

    def put(self, mount, **files):
        """Writes files of a mounted folder, as the kubelet does for a ConfigMap or Secret."""
        folder = os.path.join(self.folder, "mounts", mount.strip("/").replace("/", "_"))
        os.makedirs(folder, exist_ok=True)
        for key, text in files.items():
            path = os.path.join(folder, key.replace("__", "."))
            with open(path + "~", "w", encoding="utf-8") as file:
                file.write(text)
            os.chown(path + "~", 0, 1000)
            os.chmod(path + "~", 0o440)
            os.rename(path + "~", path)

    def spec(self, args):
        root, config = image_root(self.image)
        entry = (config.get("Entrypoint") or []) + (args if args is not None else config.get("Cmd") or [])

        def bind(source, target, mode):
            return {"destination": target, "source": source, "type": "bind", "options": ["rbind", mode]}
        mounts = [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["mode=1777", "size=128m"]},
            bind(os.path.join(self.folder, "volume"), "/var/lib/madbase", "rw"),
            bind(os.path.join(self.folder, "run"), "/run/madbase", "rw"),
            bind(os.path.join(self.folder, "tmp"), "/tmp", "rw"),
            bind(os.path.join(self.lab.folder, "hosts"), "/etc/hosts", "ro"),
        ]
        for mount in self.mounts:
            folder = os.path.join(self.folder, "mounts", mount.strip("/").replace("/", "_"))
            mounts.append(bind(folder, mount, "ro"))
        env = list(config.get("Env") or []) + [f"{key}={value}" for key, value in self.env.items()]
        namespaces = [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]
        namespaces.append({"type": "network", "path": f"/run/netns/{self.netns}"})
        return {
            "ociVersion": "1.0.2",
            "process": {"user": {"uid": 1000, "gid": 1000}, "args": entry, "env": env, "cwd": "/",
                        "capabilities": {}, "noNewPrivileges": True},
            "root": {"path": root, "readonly": True},
            "hostname": self.name,
            "mounts": mounts,
            "linux": {"namespaces": namespaces},
        }

    def start(self, args=None):
        """Starts the container, as after a new scheduling: empty emptyDirs, the same volume."""
        self.kill()
        for part in ("run", "tmp"):
            shutil.rmtree(os.path.join(self.folder, part))
            os.makedirs(os.path.join(self.folder, part))
        self.own("run", "tmp")
        return self.restart(args)

    def restart(self, args=None):
        """Starts the container again in the same pod: emptyDirs stay."""
        bundle = os.path.join(self.folder, "bundle")
        with open(os.path.join(bundle, "config.json"), "w", encoding="utf-8") as file:
            json.dump(self.spec(args if args is not None else self.args), file)
        self.count += 1
        self.id = f"{self.netns}-{self.count}"
        log = open(os.path.join(self.folder, "log"), "a", encoding="utf-8")
        command = ["runc", "run", "--bundle", bundle, self.id]
        self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        return self

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        sh("runc", "kill", self.id, str(int(number)), check=False)

    def stop(self, seconds=30):
        """SIGTERM, and SIGKILL when time is up. Returns the exit code."""
        if self.running():
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode if self.process else None

    def kill(self):
        if self.process is not None:
            if self.running():
                self.signal(signal.SIGKILL)
                self.process.wait(10)
            sh("runc", "delete", "--force", self.id, check=False)
            self.process = None

    def wipe(self):
        """A new, empty volume."""
        shutil.rmtree(os.path.join(self.folder, "volume"))
        os.makedirs(os.path.join(self.folder, "volume"))
        self.own("volume")

    def exec(self, *command, check=True, timeout=60):
        return sh("runc", "exec", self.id, *command, check=check, timeout=timeout)

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8") as file:
            return file.read()
