# SPDX-License-Identifier: Apache-2.0
"""Runs inside the cluster's network (hack/cluster exec) and answers requests, one JSON object per line.

A request names a call and its arguments and carries an id; answers come as they are ready, each with the id of its
request. The clients are psycopg, redis-py and requests: none of them is this project's.
"""

import base64
import concurrent.futures
import json
import sys
import tempfile
import threading

import psycopg
import redis
import requests
import yaml

SESSIONS = threading.local()


def sql(uri, statement, arguments=None, timeout=5):
    """Runs one statement on a fresh connection; rows, or None."""
    with psycopg.connect(uri, autocommit=True, connect_timeout=timeout) as connection:
        cursor = connection.execute(statement, arguments)
        return cursor.fetchall() if cursor.description else None


def command(url, *arguments, timeout=5):
    """Runs one Redis command on a fresh connection."""
    with redis.Redis.from_url(url, decode_responses=True, socket_timeout=timeout,
                              socket_connect_timeout=timeout, retry=None) as connection:
        return connection.execute_command(*arguments)


def http(method, url, headers=None, body=None, timeout=10):
    reply = requests.request(method, url, headers=headers, data=body, timeout=timeout)
    return {"status": reply.status_code, "text": reply.text, "headers": dict(reply.headers)}


def api_session(kubeconfig):
    """A session with the credentials of the kubeconfig, one per thread."""
    if not hasattr(SESSIONS, "api"):
        with open(kubeconfig, encoding="utf-8") as file:
            config = yaml.safe_load(file)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]

        def path_of(section, key):
            if key in section:
                return section[key]
            with tempfile.NamedTemporaryFile(delete=False) as copy:
                copy.write(base64.b64decode(section[key + "-data"]))
            return copy.name

        session = requests.Session()
        session.trust_env = False  # no CA bundle of the machine in place of the cluster's own
        session.verify = path_of(cluster, "certificate-authority")
        session.cert = (path_of(user, "client-certificate"), path_of(user, "client-key"))
        SESSIONS.api = session, cluster["server"]
    return SESSIONS.api


def api(kubeconfig, method, path, body=None, content_type="application/json"):
    """One request to the API server; the parsed body, with the status under "code" where it is no success."""
    session, server = api_session(kubeconfig)
    data = body if body is None or isinstance(body, str) else json.dumps(body)
    reply = session.request(method, server + path, data=data, headers={"Content-Type": content_type}, timeout=30)
    return reply.json()


CALLS = {call.__name__: call for call in (sql, command, http, api)}


def answer(request, lock):
    try:
        result = {"id": request["id"], "result": CALLS[request["call"]](*request["args"], **request["options"])}
    except Exception as error:  # whatever goes wrong is the caller's to judge
        result = {"id": request["id"], "error": f"{type(error).__name__}: {error}".strip()}
    with lock:
        print(json.dumps(result, default=str), flush=True)


def main():
    lock = threading.Lock()
    with concurrent.futures.ThreadPoolExecutor(max_workers=16) as pool:
        for line in sys.stdin:
            pool.submit(answer, json.loads(line), lock)


main()
