# SPDX-License-Identifier: Apache-2.0
"""Drives itest_watch, the program that shows what lib/kube's caches see."""

import json
import os
import subprocess
import threading
import time

from control_plane import REPOSITORY

BUILD = os.environ.get("MADBASE_BUILD", str(REPOSITORY / "build/asan"))
CONFIG_MAPS = ",v1,ConfigMap,configmaps"
SECONDS = 30


def eventually(check, seconds=SECONDS, what="the condition"):
    """Waits until check() is true and returns what it returned."""
    deadline = time.monotonic() + seconds
    while True:
        result = check()
        if result:
            return result
        assert time.monotonic() < deadline, f"{what} did not come true in {seconds} s"
        time.sleep(0.02)


class WatchProgram:
    """A running itest_watch. `changes` holds what its caches told, in order; stop() wants a clean exit."""

    def __init__(self, kubeconfig, *arguments, watch=(CONFIG_MAPS,), namespaces=()):
        command = [f"{BUILD}/lib/kube/itest_watch", "--kubeconfig", str(kubeconfig)]
        for kind in watch:
            command += ["--watch", kind]
        for namespace in namespaces:
            command += ["--namespace", namespace]
        self.changes = []
        self.woken = []
        self._answers = []
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            [*command, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        else:
            self.process.kill()
            self.process.wait()

    def _read(self):
        for line in self.process.stdout:
            line = json.loads(line)
            with self._news:
                if "answer" in line:
                    self._answers.append(line)
                elif "woken" in line:
                    self.woken.append(line["woken"])
                else:
                    self.changes.append(line)
                self._news.notify_all()

    def ask(self, command, seconds=SECONDS):
        with self._news:
            self._answers.clear()
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
            came = self._news.wait_for(lambda: self._answers or self.process.poll() is not None, seconds)
            assert came and self._answers, f"no answer to {command}: {self.process.poll()}"
            return self._answers.pop(0)

    def wait_synced(self, seconds=SECONDS):
        answer = self.ask(f"wait {seconds * 1000}", seconds + 5)
        assert answer["synced"], f"not synced in {seconds} s: {self.trouble()}"
        return answer["ms"]

    def objects(self, kind="ConfigMap"):
        """Keys and versions in the cache."""
        return self.ask("dump")[kind]

    def trouble(self):
        return self.ask("trouble")["trouble"]

    def metric(self, name, **labels):
        """Value of a series; 0 when there is none."""
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        for line in self.ask("metrics")["metrics"].splitlines():
            if line.startswith(name + "{") and wanted <= set(line[len(name) + 1:line.rindex("}")].split(",")):
                return float(line.rsplit(" ", 1)[1])
        return 0

    def relists(self, reason, resource="configmaps"):
        return self.metric("watch_relists_total", resource=resource, reason=reason)

    def seen(self, type, name, after=0):
        """The first change of that type to an object of that name, from index `after` on; None."""
        with self._news:
            for change in self.changes[after:]:
                if change["type"] == type and change["key"].rsplit("/", 1)[-1] == name:
                    return change
        return None

    def wait_seen(self, type, name, after=0, seconds=SECONDS):
        return eventually(lambda: self.seen(type, name, after), seconds, f"{type} {name}")

    def stop(self):
        """Ends it; leaks and errors that a sanitizer found are failures."""
        self.process.stdin.close()
        code = self.process.wait(SECONDS)
        self._reader.join()
        errors = self.process.stderr.read()
        assert code == 0 and not errors, f"itest_watch ended with {code}: {errors[-4000:]}"
