# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL members of a pillar with their locks in etcd, each in a pod of a lab."""
import json
import os
import ssl
import urllib.request

import psycopg

from podlab import REPOSITORY, certificate, until

CONFIG, SECRETS, TLS = "/etc/madbase/config", "/etc/madbase/secrets", "/etc/madbase/tls"
PASSWORDS = {f"{who}-password": f"{who} 'pw\"" for who in ("superuser", "replication", "rewind", "app", "rest")}


def reference(name):
    with open(os.path.join(REPOSITORY, "images", "postgres", "testdata", name), encoding="utf-8") as file:
        return file.read()


class PostgresPillar:
    def __init__(self, lab, members=3, etcd=1, config=None, name="prod"):
        self.lab = lab
        names = [f"{name}-pg-{i}" for i in range(members)]
        locks = [f"{name}-etcd-{i}" for i in range(etcd)]
        self.tls = certificate([f"{pod}.data.svc" for pod in names + locks] + ["localhost"])
        self.passwords = dict(PASSWORDS)
        env = {"MADBASE_MEMBERS": ",".join(locks), "MADBASE_DOMAIN": "data.svc", "MADBASE_TOKEN": f"data-{name}-1"}
        self.etcd = [lab.pod(pod, "etcd", env=env, files={TLS: self.tls}) for pod in locks]
        self.config = self.shrink(config or reference("patroni-etcd.yml"), locks)
        files = {CONFIG: {"patroni__yml": self.config}, SECRETS: self.passwords, TLS: self.tls}
        self.members = [lab.pod(pod, "postgres", files=files) for pod in names]

    @staticmethod
    def shrink(config, locks):
        """The reference, small enough for a test, with the lab's etcd."""
        lines = []
        for line in config.splitlines():
            if line.strip().startswith("hosts:"):
                line = "  hosts: [" + ", ".join(f"{name}.data.svc:2379" for name in locks) + "]"
            lines.append(line)
        text = "\n".join(lines) + "\n"
        return text.replace("shared_buffers: 4GB", "shared_buffers: 64MB").replace("12GB", "128MB")

    def start(self):
        for pod in self.etcd + self.members:
            pod.start()
        return self

    def rest(self, pod, path, method="GET", body=None):
        """Status and body of a call to Patroni; verified by the pillar's authority."""
        context = ssl.create_default_context(cadata=self.tls["ca__crt"])
        context.check_hostname = False
        request = urllib.request.Request(f"https://{pod.address}:8008{path}", method=method,
                                         data=json.dumps(body).encode() if body else None)
        try:
            with urllib.request.urlopen(request, timeout=2, context=context) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def primary(self):
        """The member whose REST says that it leads, if it is the only one."""
        leading = []
        for pod in self.members:
            try:
                if self.rest(pod, "/primary")[0] == 200:
                    leading.append(pod)
            except OSError:
                pass
        return leading[0] if len(leading) == 1 else None

    def streaming(self):
        """All members but the primary stream from it."""
        primary = self.primary()
        states = [json.loads(self.rest(pod, "/patroni")[1]) for pod in self.members if pod is not primary]
        return primary and all(state.get("replication_state") == "streaming" for state in states)

    def healthy(self, seconds=60):
        until(self.primary, seconds, "one primary")
        until(self.streaming, seconds, "all replicas stream")
        return self.primary()

    def connect(self, pod, user="app", port=5432, **options):
        key = {"app": "app-password", "postgres": "superuser-password"}[user]
        return psycopg.connect(host=pod.address, port=port, user=user, dbname="app", password=self.passwords[key],
                               connect_timeout=2, autocommit=True, **options)

    def sql(self, pod, statement, user="app"):
        with self.connect(pod, user) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else None
