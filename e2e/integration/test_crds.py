# SPDX-License-Identifier: Apache-2.0
"""The custom resources as a user meets them: what is refused and in which words, what is filled in, what is shown.

Every CEL rule has a case here with the exact sentence; test_every_rule_has_a_case proves that none was forgotten.
"""

import copy
import json
import re
import secrets
import subprocess

import pytest
import yaml

from control_plane import REPOSITORY

API = "madbase.io/v1alpha1"
CRD_FILES = sorted((REPOSITORY / "crds").glob("*.yaml"))
CRDS = {crd["spec"]["names"]["kind"]: crd for crd in (yaml.safe_load(path.read_text()) for path in CRD_FILES)}
# Fields that a StatePillar has of its own; in a MadCluster they stand beside spec.state.
OWN_FIELDS = {"paused", "deletionProtection", "deletionPolicy", "profile"}
BLOCKS = {
    "StatePillar": ["resources.postgres", "resources.redis"],
    "MadCluster": [
        "system.resources.api", "system.resources.victoriaMetrics", "proxy.resources", "worker.resources",
        "state.resources.postgres", "state.resources.redis",
    ],
}
IMAGES = {
    "StatePillar": ["images.postgres", "images.redis", "images.haproxy", "images.etcd"],
    "MadCluster": [
        "system.images.api", "system.images.victoriaMetrics", "proxy.image", "worker.image",
        "state.images.postgres", "state.images.redis", "state.images.haproxy", "state.images.etcd",
    ],
}
LONGEST_NAME = 40
OWNED_PARAMETERS = [
    "listen_addresses", "port", "cluster_name", "hot_standby", "wal_log_hints", "primary_conninfo", "archive_mode",
    "archive_command", "restore_command", "synchronous_standby_names", "hba_file", "data_directory", "ssl",
    "ssl_cert_file", "recovery_target_time", "recovery_min_apply_delay", "unix_socket_directories",
    "password_encryption", "logging_collector", "fsync", "full_page_writes", "include",
]


# -- the schema as a tree --------------------------------------------------------------------------------------


def schema_of(kind):
    return CRDS[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def walk(schema, path=""):
    """Yields (path, schema) of every node below and including this one."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from walk(child, f"{path}.{name}")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from walk(schema["additionalProperties"], f"{path}.*")
    if "items" in schema:
        yield from walk(schema["items"], f"{path}[]")


def nodes():
    return [(kind, path, node) for kind in CRDS for path, node in walk(schema_of(kind))]


def rules():
    return [(kind, path, rule) for kind, path, node in nodes() for rule in node.get("x-kubernetes-validations", [])]


# -- objects -----------------------------------------------------------------------------------------------------


def put(tree, path, value):
    """Sets tree.a.b.c = value; value None takes it away."""
    *parents, last = path.split(".")
    for name in parents:
        tree = tree.setdefault(name, {})
    if value is None:
        tree.pop(last, None)
    else:
        tree[last] = value


def build(kind, name, fields):
    """The smallest valid object of a kind, with spec fields set by path."""
    spec = {"storage": {"size": "1Gi"}} if kind == "StatePillar" else {"proxy": {}, "state": {"storage": {"size": "1Gi"}}}
    for path, value in fields.items():
        put(spec, path, copy.deepcopy(value))
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name}, "spec": spec}


class Case:
    """What is applied (after `before`, if given) and the sentences it is refused with, by field."""

    def __init__(self, kind, about, fields, refused, before=None, name=None):
        self.kind, self.about, self.fields, self.refused = kind, about, fields, refused
        self.before, self.name = before, name

    def __str__(self):
        return f"{self.kind}: {self.about}"


def state_cases(kind):
    """Cases of the part that StatePillar.spec and MadCluster.spec.state share.

    The rules are the same text in both (test_a_state_pillar_is_the_state_of_a_cluster), so where one rule has many
    cases, the MadCluster gets the first ones only.
    """
    some = None if kind == "StatePillar" else 2
    prefix = "" if kind == "StatePillar" else "state."
    p = "spec." + prefix.rstrip(".") if prefix else "spec"

    def case(about, fields, refused, before=None):
        return Case(
            kind, about, {prefix + path: value for path, value in fields.items()},
            {f"{p}.{path}" if path else p: words for path, words in refused.items()},
            before and {prefix + path: value for path, value in before.items()})

    odd = ", because an even number of members survives no more failures than one member less"
    for count, why in ((0, ""), (2, odd), (4, odd), (6, odd), (7, ""), (1000, odd))[:some]:
        yield case(f"{count} members", {"members": count},
                   {"members": [f"{p}.members is {count}; it must be 1, 3 or 5{why}"]})
    for word in ("Enabled", "Quorum"):
        yield case(f"synchronous {word} with one member", {"members": 1, "postgres.synchronous": word}, {
            "postgres.synchronous": [
                f"{p}.postgres.synchronous is {word}, which needs at least 3 members, but {p}.members is 1"]})
    yield case("synchronous in the way of scaling to one", {"members": 1, "postgres.synchronous": "Quorum"}, {
        "postgres.synchronous": [
            f"{p}.postgres.synchronous is Quorum, which needs at least 3 members, but {p}.members is 1"]},
        before={"members": 3, "postgres.synchronous": "Quorum"})

    for size in ("20", "much", "20Mi", "-1Gi")[:some]:
        yield case(f"volumes of {size}", {"storage.size": size, "storage.redisSize": size}, {
            "storage.size": [f"{p}.storage.size is {size}; it must be a quantity of at least 256Mi, such as 20Gi"],
            "storage.redisSize": [
                f"{p}.storage.redisSize is {size}; it must be a quantity of at least 256Mi, such as 10Gi"]})
    yield case("a smaller volume", {"storage.size": "1Gi", "storage.redisSize": "1Gi"}, {"storage.size": [
        f"{p}.storage.size cannot shrink from 2Gi to 1Gi: a volume is never made smaller"]},
        before={"storage.size": "2Gi", "storage.redisSize": "1Gi"})
    yield case("a bigger volume", {"storage.size": "3Gi", "storage.redisSize": "1Gi"}, {"storage.size": [
        f"{p}.storage.size cannot grow from 2Gi to 3Gi: growing volumes is not supported yet"]},
        before={"storage.size": "2Gi", "storage.redisSize": "1Gi"})
    for about, before, after, old, new in (
        ("another Redis volume", "2Gi", "3Gi", "2Gi", "3Gi"),
        ("a Redis volume that followed size", None, "3Gi", "1Gi", "3Gi"),
        ("a Redis volume that shall follow size", "2Gi", None, "2Gi", "1Gi"),
    ):
        yield case(about, {"storage.redisSize": after}, {"storage.redisSize": [
            f"{p}.storage.redisSize cannot be changed from {old} to {new}: growing and shrinking volumes is not "
            "supported yet"]}, before={"storage.redisSize": before})
    for about, before, after in (
        ("another class", "fast", "slow"), ("a class where there was none", None, "slow"), ("a class gone", "fast", None),
    ):
        yield case(f"{about}", {"storage.className": after}, {"storage.className": [
            f"{p}.storage.className cannot be changed from {before or 'the default class'} to "
            f"{after or 'the default class'}: volumes stay in the class they were made in"]},
            before={"storage.className": before})

    moved = ": the lock of the primary lives there; make a new StatePillar instead"
    yield case("another dcs", {"dcs": "Etcd"}, {
        "dcs": [f"{p}.dcs cannot be changed from Kubernetes to Etcd{moved}"]}, before={"dcs": "Kubernetes"})
    yield case("dcs taken away", {"dcs": None}, {
        "dcs": [f"{p}.dcs cannot be changed from Etcd to Kubernetes{moved}"]}, before={"dcs": "Etcd"})

    yield case("another PostgreSQL", {"postgres.version": 16}, {"postgres.version": [
        f"{p}.postgres.version is 16; PostgreSQL 17 is the only version that can be run yet"]})
    yield case("PostgreSQL moved to another major", {"postgres.version": 18}, {"postgres.version": [
        f"{p}.postgres.version is 18; PostgreSQL 17 is the only version that can be run yet",
        f"{p}.postgres.version cannot be changed from 17 to 18: moving to another major version is not supported yet"]},
        before={"postgres.version": 17})

    def parameters(about, values, *sentences):
        return case(about, {"postgres.parameters": values},
                    {"postgres.parameters": [f"{p}.postgres.parameters{sentence}" for sentence in sentences]})

    names = "names are lower-case letters, digits and _, with one dot for those of an extension"
    for name in OWNED_PARAMETERS[:some]:
        yield parameters(f"parameter {name}", {name: "1", "work_mem": "4MB"},
                         f" may not set {name}: the operator or Patroni sets it")
    for name in ("Port", "work mem", "a.b.c", "x" * 128, "1st")[:some]:
        yield parameters(f"parameter name {name[:12]}", {name: "1"}, f' has the name "{name}"; {names}')
    yield parameters("wal_level minimal", {"wal_level": "minimal"},
                     ' sets wal_level to "minimal"; it must be replica or logical, because replicas need it')
    yield parameters("a line break in a parameter", {"work_mem": "4MB\nport = 1"},
                     ".work_mem holds a line break or another control character")

    yield case("nobody in allowFrom", {"allowFrom": [{}]}, {"allowFrom[0]": [
        f"{p}.allowFrom: an entry needs namespaceSelector or podSelector, or both"]})
    for side in ("namespaceSelector", "podSelector"):
        where = f"{p}.allowFrom.{side}"
        for operator, values, needs in (
            ("In", None, "needs values"), ("NotIn", [], "needs values"),
            ("Exists", ["a"], "takes no values"), ("DoesNotExist", ["a"], "takes no values"),
        ):
            expression = {"key": "app", "operator": operator, **({} if values is None else {"values": values})}
            yield case(f"{side} by {operator}", {"allowFrom": [{side: {"matchExpressions": [expression]}}]}, {
                f"allowFrom[0].{side}.matchExpressions[0]": [f"{where} compares app by {operator}, which {needs}"]})
        yield case(f"{side} with a bad label", {"allowFrom": [{side: {"matchLabels": {"app": "no label"}}}]}, {
            f"allowFrom[0].{side}.matchLabels": [f'{where}.matchLabels holds app: "no label", which is not a label']})
        yield case(f"{side} with a bad key", {"allowFrom": [{side: {
            "matchExpressions": [{"key": "a/b/c", "operator": "Exists"}]}}]}, {
            f"allowFrom[0].{side}.matchExpressions[0]": [
                f'{where}.matchExpressions about "a/b/c" holds a key or a value that is not one of a label']})


def resource_cases(kind):
    """All blocks of a kind at once: every quantity wrong, then every request above its limit."""
    wrong, refused = {}, {}
    for block in BLOCKS[kind]:
        for side in ("requests", "limits"):
            for name, value, least, such in (("cpu", "much", "1m", "500m"), ("memory", 512, "16Mi", "512Mi")):
                wrong[f"{block}.{side}.{name}"] = value
                refused[f"spec.{block}.{side}.{name}"] = [
                    f"spec.{block}.{side}.{name} is {value}; it must be a quantity of at least {least}, such as {such}"]
    yield Case(kind, "resources that are no quantities", wrong, refused)
    above, refused = {}, {}
    for block in BLOCKS[kind]:
        above[block] = {"requests": {"cpu": 2, "memory": "2Gi"}, "limits": {"cpu": "1500m", "memory": "1Gi"}}
        refused[f"spec.{block}"] = [
            f"spec.{block}.requests.cpu is 2, more than the 1500m of spec.{block}.limits.cpu",
            f"spec.{block}.requests.memory is 2Gi, more than the 1Gi of spec.{block}.limits.memory"]
    yield Case(kind, "requests above limits", above, refused)


def image_cases(kind):
    yield Case(kind, "images that are no names", {path: "my image" for path in IMAGES[kind]}, {
        f"spec.{path}": [f'spec.{path} is "my image"; it must be one image name without spaces, such as '
                         "docker.io/madbase/NAME:TAG"] for path in IMAGES[kind]})


def name_cases(kind):
    most = LONGEST_NAME
    yield Case(kind, "a long name", {}, {"metadata.name": [
        f"metadata.name has {most + 1} characters; it may have at most {most}, because the names of Services and pods "
        "are made from it"]}, name="a" * (most + 1))
    for name in ("1st", "a.b"):
        yield Case(kind, f"the name {name}", {}, {"metadata.name": [
            f"metadata.name is {name}; it must start with a letter and hold only lower-case letters, digits and -, "
            "because Services are named after it"]}, name=name)


def cluster_cases():
    def case(about, fields, refused, before=None):
        return Case("MadCluster", about, fields, refused, before)

    for path, most, values in (
        ("proxy.replicas", 100, (0, 101)), ("worker.replicas", 1000, (0, 1001)),
        ("proxy.autoscale.min", 100, (0, 101)), ("proxy.autoscale.targetCPUPercent", 100, (0, 101)),
    ):
        for value in values:
            fields = {path: value, **({"proxy.autoscale.max": 100} if "autoscale" in path else {})}
            sentences = {f"spec.{path}": [f"spec.{path} is {value}; it must be from 1 to {most}"]}
            if path == "proxy.autoscale.min" and value > 100:
                sentences["spec.proxy.autoscale.max"] = [
                    "spec.proxy.autoscale.max is 100, less than spec.proxy.autoscale.min, which is 101"]
            yield case(f"{path} {value}", fields, sentences)
    yield case("proxy.autoscale.max 101", {"proxy.autoscale.max": 101}, {
        "spec.proxy.autoscale.max": ["spec.proxy.autoscale.max is 101; it must be from 1 to 100"]})
    yield case("max below min", {"proxy.autoscale": {"min": 3, "max": 2}}, {"spec.proxy.autoscale.max": [
        "spec.proxy.autoscale.max is 2, less than spec.proxy.autoscale.min, which is 3"]})
    yield case("max below replicas", {"proxy.replicas": 5, "proxy.autoscale": {"max": 4}}, {
        "spec.proxy.autoscale.max": [
            "spec.proxy.autoscale.max is 4, less than spec.proxy.replicas, which is 5 and counts where autoscale.min "
            "is not given"]})
    for text in ("10.8.0.0", "10.8.0.0/33", "office"):
        yield case(f"admin network {text}", {"zones.public.adminCIDRs": ["192.0.2.0/24", text]}, {
            "spec.zones.public.adminCIDRs[1]": [
                f'spec.zones.public.adminCIDRs holds "{text}", which is not a network in CIDR form, such as '
                "10.8.0.0/16"]})
    yield case("admin network with host bits", {"zones.public.adminCIDRs": ["10.8.3.4/16"]}, {
        "spec.zones.public.adminCIDRs[0]": [
            "spec.zones.public.adminCIDRs holds 10.8.3.4/16, which is an address inside a network; write the network, "
            "10.8.0.0/16"]})
    yield case("state taken away under protection", {"state": None}, {"spec.state": [
        "spec.state cannot be taken away while spec.deletionProtection is true: it would delete PostgreSQL and Redis; "
        "set spec.deletionProtection to false first"]}, before={})
    yield case("profile changed over etcd", {"profile": "Production", "state.dcs": "Etcd"}, {"spec.profile": [
        "spec.profile cannot be changed from Development to Production where spec.state.dcs is Etcd: the number of "
        "etcd members follows from it"]}, before={"profile": "Development", "state.dcs": "Etcd"})


CASES = [
    *state_cases("StatePillar"), *resource_cases("StatePillar"), *image_cases("StatePillar"), *name_cases("StatePillar"),
    Case("StatePillar", "profile changed over etcd", {"profile": "Production", "dcs": "Etcd"}, {"spec.profile": [
        "spec.profile cannot be changed from Development to Production where spec.dcs is Etcd: the number of etcd "
        "members follows from it"]}, before={"profile": "Development", "dcs": "Etcd"}),
    *cluster_cases(), *state_cases("MadCluster"), *resource_cases("MadCluster"), *image_cases("MadCluster"),
    *name_cases("MadCluster"),
]

APPLY = {"apply": ["apply"], "server-side apply": ["apply", "--server-side"]}
# Before the sentence stands the value (1.36, not of objects) or its type (1.34); sentences begin with their field.
CAUSE = re.compile(r'^(?:\* |The \w+ "[^"]+" is invalid: )?(\S+): Invalid value: (?:.*?: )?((?:spec|metadata)\..*)$')


def causes(stderr):
    """What kubectl says of a refused object, as {field: [sentence]}."""
    found = {}
    lines = [line for line in stderr.splitlines() if not re.fullmatch(r'The \w+ "[^"]+" is invalid: ?', line)]
    for line in lines:
        match = CAUSE.match(line)
        assert match, f"not a cause: {line}\nin: {stderr}"
        found.setdefault(match.group(1), []).append(match.group(2))
    return {field: sorted(sentences) for field, sentences in found.items()}


@pytest.fixture(scope="module")
def space(crds):
    """One namespace for all of this file; every object has a name of its own."""
    return crds.namespace("crds")


def fresh_name():
    return f"t{secrets.token_hex(5)}"


# -- refusals ----------------------------------------------------------------------------------------------------


def is_state_of_a_cluster(case):
    return case.kind == "MadCluster" and all(field.startswith("spec.state.") for field in case.refused)


@pytest.mark.parametrize("case, how", [
    pytest.param(case, how, id=f"{case} by {how}")
    # The rules of spec.state are those of a StatePillar, which is tried in both ways.
    for case in CASES for how in APPLY if how == "apply" or not is_state_of_a_cluster(case)
])
def test_refuses_with_a_sentence(crds, space, case, how):
    name = case.name or fresh_name()
    apply = [*APPLY[how], "-n", space, "-f", "-"]
    if case.before is not None:
        crds.kubectl(*apply, input=build(case.kind, name, case.before))
    run = crds.kubectl(*apply, input=build(case.kind, name, case.fields), check=False)
    assert run.returncode != 0, run.stdout
    assert causes(run.stderr) == {field: sorted(sentences) for field, sentences in case.refused.items()}


@pytest.mark.parametrize("kind, path", [("StatePillar", "spec.members"), ("MadCluster", "spec.state.members")])
@pytest.mark.parametrize("count", [2, 4, 7])
def test_scale_refuses_counts_that_have_no_quorum(crds, space, kind, path, count):
    name = fresh_name()
    crds.apply(build(kind, name, {}), "-n", space)
    run = crds.kubectl("scale", kind, name, "-n", space, f"--replicas={count}", check=False)
    assert run.returncode != 0, run.stdout
    odd = ", because an even number of members survives no more failures than one member less" if count % 2 == 0 else ""
    assert causes(run.stderr) == {path: [f"{path} is {count}; it must be 1, 3 or 5{odd}"]}


def test_scale_refuses_one_member_where_commits_wait_for_replicas(crds, space):
    name = fresh_name()
    crds.apply(build("StatePillar", name, {"postgres.synchronous": "Enabled"}), "-n", space)
    run = crds.kubectl("scale", "sp", name, "-n", space, "--replicas=1", check=False)
    assert causes(run.stderr) == {"spec.postgres.synchronous": [
        "spec.postgres.synchronous is Enabled, which needs at least 3 members, but spec.members is 1"]}


def test_every_rule_has_a_case():
    """A rule's sentence with its holes open must match a sentence that a case expects, of the same kind."""
    expected = {kind: [s for c in CASES if c.kind == kind for all in c.refused.values() for s in all] for kind in CRDS}
    for kind, path, rule in rules():
        assert rule.get("message"), f"{kind}{path}: a rule without a message: {rule['rule']}"
        text = re.match(r"'((?:[^'\\]|\\.)*)'\.format\(", rule.get("messageExpression", ""))
        sentence = text.group(1) if text else rule["message"]
        pattern = ".*".join(re.escape(part) for part in sentence.split("%s"))
        assert any(re.fullmatch(pattern, each) for each in expected[kind]), f"{kind}{path}: no case for: {sentence}"


@pytest.mark.parametrize("path", ["backup.schedule", "redis.maxmemory", "storage.autoGrow"])
def test_a_field_that_is_not_there_yet_is_refused(crds, space, path):
    run = crds.kubectl("apply", "-n", space, "-f", "-", check=False,
                       input=build("StatePillar", fresh_name(), {path: "x"}))
    unknown = "spec.backup" if path.startswith("backup") else f"spec.{path}"
    assert f'unknown field "{unknown}"' in run.stderr


@pytest.mark.parametrize("kind, path, value", [
    ("StatePillar", "plan", "CX99"), ("StatePillar", "dcs", "Consul"), ("StatePillar", "profile", "Test"),
    ("StatePillar", "deletionPolicy", "Keep"), ("StatePillar", "postgres.synchronous", "Off"),
    ("MadCluster", "proxy.service.type", "ExternalName"), ("MadCluster", "system.observability.mode", "Node"),
    ("MadCluster", "worker.plan", "CX22"),
])
def test_names_the_words_that_are_allowed(crds, space, kind, path, value):
    run = crds.kubectl("apply", "-n", space, "-f", "-", check=False, input=build(kind, fresh_name(), {path: value}))
    node = schema_of(kind)
    for name in f"spec.{path}".split("."):
        node = node["properties"][name]
    words = ", ".join(f'"{word}"' for word in node["enum"])
    assert f'spec.{path}: Unsupported value: "{value}": supported values: {words}' in run.stderr


def test_a_pillar_needs_the_size_of_its_volumes(crds, space):
    run = crds.kubectl("apply", "-n", space, "-f", "-", check=False, input={
        "apiVersion": API, "kind": "StatePillar", "metadata": {"name": fresh_name()}, "spec": {"storage": {}}})
    assert "spec.storage.size: Required value" in run.stderr


# -- what is allowed ---------------------------------------------------------------------------------------------

ALLOWED = [
    ("StatePillar", "every count of members", [{"members": n} for n in (1, 3, 5, 1)]),
    ("StatePillar", "a size written in another way", [{"storage.size": "1Gi"}, {"storage.size": "1024Mi"}]),
    ("StatePillar", "the size of Redis' volume said aloud", [{}, {"storage.redisSize": "1024Mi"}, {}]),
    ("StatePillar", "another plan", [{"plan": "CX41"}, {"plan": "CX21"}]),
    ("StatePillar", "another profile without etcd", [{"profile": "Development"}, {}]),
    ("StatePillar", "synchronous commit from three members on", [{"members": 3, "postgres.synchronous": "Quorum"}]),
    ("StatePillar", "parameters of PostgreSQL and of extensions", [{"postgres.parameters": {
        "work_mem": "16MB", "max_connections": "300", "wal_level": "logical", "timezone": "UTC",
        "shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "all"}}]),
    ("StatePillar", "resources in every form", [{"resources": {
        "postgres": {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"cpu": "1", "memory": 1073741824}},
        "redis": {"limits": {"memory": "128Mi"}}}}]),
    ("StatePillar", "selectors in every form", [{"allowFrom": [
        {"namespaceSelector": {}}, {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "shop", "x": ""}}},
        {"namespaceSelector": {"matchExpressions": [
            {"key": "team", "operator": "In", "values": ["a", "b"]}, {"key": "off", "operator": "DoesNotExist"}]},
         "podSelector": {"matchLabels": {"app": "shop"}}}]}]),
    ("StatePillar", "images of another registry", [{"images.postgres": "registry.example:5000/pg@sha256:" + "0" * 64}]),
    ("MadCluster", "nothing declared", [{"proxy": None, "state": None}]),
    ("MadCluster", "state declared later", [{"state": None}, {}]),
    ("MadCluster", "state taken away once protection is off",
     [{"deletionProtection": False}, {"deletionProtection": False, "state": None}]),
    ("MadCluster", "networks of both families", [{"zones.public.adminCIDRs": [
        "10.8.0.0/16", "2001:db8::/32", "192.0.2.7/32"]}]),
    ("MadCluster", "autoscaling from the replicas up", [{"proxy.replicas": 5, "proxy.autoscale": {"max": 5}}]),
    ("MadCluster", "autoscaling from less than the replicas", [{"proxy.replicas": 5, "proxy.autoscale": {
        "min": 1, "max": 4}}]),
    ("MadCluster", "a hundred proxies", [{"proxy.replicas": 100}]),
]


@pytest.mark.parametrize("kind, about, steps", ALLOWED, ids=[f"{kind}: {about}" for kind, about, _ in ALLOWED])
def test_allows(crds, space, kind, about, steps):
    name = fresh_name()
    for fields in steps:
        crds.apply(build(kind, name, fields), "-n", space)


@pytest.mark.parametrize("kind", CRDS)
def test_allows_the_longest_name(crds, space, kind):
    crds.apply(build(kind, ("n" + secrets.token_hex(20))[:LONGEST_NAME], {}), "-n", space)


@pytest.mark.parametrize("sample", sorted((REPOSITORY / "manifests/samples").glob("*.yaml")), ids=lambda p: p.name)
def test_samples_apply(crds, sample):
    crds.kubectl("create", "namespace", yaml.safe_load(sample.read_text())["metadata"]["namespace"], check=False)
    crds.kubectl("apply", "--validate=strict", "-f", sample)
    crds.kubectl("apply", "--validate=strict", "--server-side", "--force-conflicts", "-f", sample)


STATE_DEFAULTS = {
    "members": 3, "plan": "CX21", "storage": {"size": "1Gi"}, "dcs": "Kubernetes",
    "postgres": {"version": 17, "synchronous": "Disabled"},
}
COMMON_DEFAULTS = {
    "profile": "Production", "paused": False, "deletionProtection": True, "deletionPolicy": "Retain",
}


def test_fills_in_a_state_pillar(crds, space):
    name = fresh_name()
    crds.apply(build("StatePillar", name, {}), "-n", space)
    assert crds.get("sp", name, space)["spec"] == {**STATE_DEFAULTS, **COMMON_DEFAULTS}


def test_fills_in_what_a_cluster_declares_and_nothing_else(crds, space):
    name = fresh_name()
    crds.apply(build("MadCluster", name, {"system": {}, "worker": {}, "proxy.autoscale": {"max": 3}}), "-n", space)
    assert crds.get("mc", name, space)["spec"] == {
        **COMMON_DEFAULTS, "state": STATE_DEFAULTS,
        "system": {"plan": "CX21", "observability": {"mode": "Embedded"}},
        "worker": {"replicas": 2, "plan": "CX21"},
        "proxy": {"replicas": 2, "plan": "CX21", "service": {"type": "LoadBalancer"},
                  "autoscale": {"max": 3, "targetCPUPercent": 70}},
    }
    crds.apply(build("MadCluster", name + "-empty", {"state": None, "proxy": None}), "-n", space)
    assert crds.get("mc", name + "-empty", space)["spec"] == COMMON_DEFAULTS


# -- what is shown -----------------------------------------------------------------------------------------------

CONDITION = {"type": "Ready", "status": "True", "reason": "AllServe", "message": "3 of 3 members serve.",
             "lastTransitionTime": "2026-01-02T03:04:05Z", "observedGeneration": 1}
WAIT = {"what": "Pod p-0 to be scheduled", "since": "2026-01-02T03:04:05Z", "unblock": "A node with 3 CPU free",
        "kind": "Pod", "name": "p-0"}
DRY_RUN = {"restarts": ["p-1", "p-0"], "switchover": True}
STATUS = {
    "StatePillar": {
        "observedGeneration": 1, "phase": "Ready", "ready": "3/3", "members": 3, "readyMembers": 3,
        "selector": "madbase.io/role=member", "primary": "p-0", "timeline": 7, "redisMaster": "p-2", "quorum": "Healthy",
        "postgres": {"members": [
            {"name": "p-0", "role": "primary", "state": "running", "timeline": 7, "lag": ""},
            {"name": "p-1", "role": "replica", "state": "streaming", "timeline": 7, "lag": "Streaming"}]},
        "redis": {"members": [{"name": "p-2", "role": "master", "link": ""}, {"name": "p-1", "role": "replica", "link": "Up"}],
                  "sentinels": {"known": 3, "reachable": 3, "quorumOk": True}},
        "images": {"postgres": "a/b:1", "redis": "a/c:1", "haproxy": "a/d:1", "etcd": "a/e:1"},
        "defaultImages": {"postgres": "a/b:1", "redis": "a/c:1", "haproxy": "a/d:1", "etcd": "a/e:1"},
        "addresses": {"p-redis-0": "10.96.1.2", "p-redis-1": "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"},
        "updatePending": ["p-0"], "dryRun": DRY_RUN, "waitingFor": [WAIT], "conditions": [CONDITION],
    },
    "MadCluster": {
        "observedGeneration": 1, "phase": "Ready", "ready": "4/4", "system": "1/1", "proxy": "2/2", "worker": "2/2",
        "state": "3/3", "quorum": "Healthy", "members": 3, "selector": "madbase.io/cluster=c",
        "images": {"api": "a/b:1", "victoriaMetrics": "a/c:1", "gateway": "a/d:1", "worker": "a/e:1"},
        "defaultImages": {"api": "a/b:1", "victoriaMetrics": "a/c:1", "gateway": "a/d:1", "worker": "a/e:1"},
        "updatePending": ["c-proxy"], "dryRun": DRY_RUN, "waitingFor": [WAIT], "conditions": [CONDITION],
    },
}
COLUMNS = {
    "StatePillar": ("NAME READY PHASE PRIMARY REDIS-MASTER QUORUM AGE",
                    "NAME READY PHASE PRIMARY REDIS-MASTER QUORUM PLAN DCS SYNCHRONOUS TIMELINE WAITING-FOR AGE"),
    "MadCluster": ("NAME READY PHASE SYSTEM PROXY WORKER STATE QUORUM AGE",
                   "NAME READY PHASE SYSTEM PROXY WORKER STATE QUORUM PROFILE WAITING-FOR AGE"),
}
ROWS = {
    "StatePillar": "3/3 Ready p-0 p-2 Healthy",
    "MadCluster": "4/4 Ready 1/1 2/2 2/2 3/3 Healthy",
}


@pytest.fixture(params=sorted(CRDS))
def reported(crds, space, request):
    """(kind, name) of an object whose status has every field."""
    kind, name = request.param, fresh_name()
    crds.apply(build(kind, name, {}), "-n", space)
    crds.kubectl("apply", "--server-side", "--subresource=status", "--validate=strict", "-n", space, "-f", "-",
                 input={"apiVersion": API, "kind": kind, "metadata": {"name": name}, "status": STATUS[kind]})
    return kind, name


def test_keeps_every_field_of_status(crds, space, reported):
    kind, name = reported
    assert crds.get(kind, name, space)["status"] == STATUS[kind]

    def paths(value, path="status"):
        if isinstance(value, dict):
            return {path}.union(*(paths(child, f"{path}.{key}") for key, child in value.items()))
        if isinstance(value, list):
            return {path}.union(*(paths(child, f"{path}[]") for child in value))
        return {path}

    written = {re.sub(r"\.addresses\..*", ".addresses.*", path) for path in paths(STATUS[kind])}
    assert {path[1:] for path, _ in walk(schema_of(kind)) if path.startswith(".status")} <= {
        *written, *(path + "[]" for path in written)}, "STATUS above leaves a field out"


@pytest.mark.parametrize("wide", [False, True])
def test_prints_columns(crds, space, reported, wide):
    kind, name = reported
    header, row = crds.kubectl("get", kind, name, "-n", space, *(["-o", "wide"] if wide else [])).stdout.splitlines()
    assert header.split() == COLUMNS[kind][wide].split()
    assert row.split()[: len(ROWS[kind].split()) + 1] == [name, *ROWS[kind].split()]
    assert re.fullmatch(r"\d+[smh].*", row.split()[-1])
    if wide:
        assert WAIT["what"] in row


def test_scale_subresource_counts_members(crds, space, reported):
    kind, name = reported
    plural = CRDS[kind]["spec"]["names"]["plural"]
    path = f"/apis/{API}/namespaces/{space}/{plural}/{name}/scale"
    scale = json.loads(crds.kubectl("get", "--raw", path).stdout)
    assert scale["spec"]["replicas"] == 3
    assert scale["status"] == {"replicas": 3, "selector": STATUS[kind]["selector"]}
    crds.kubectl("scale", kind, name, "-n", space, "--replicas=5")
    assert json.loads(crds.kubectl("get", "--raw", path).stdout)["spec"]["replicas"] == 5


def test_wait_reads_the_conditions(crds, space, reported):
    crds.kubectl("wait", *reported, "-n", space, "--for=condition=Ready", "--timeout=5s")


@pytest.mark.parametrize("short, plural", [("mc", "madclusters"), ("sp", "statepillars")])
def test_has_a_short_name_and_a_category(crds, space, short, plural):
    resources = crds.kubectl("api-resources", "--categories=madbase", "--no-headers").stdout
    assert [line.split()[1] for line in resources.splitlines() if line.startswith(plural)] == [short]
    crds.kubectl("get", short, "-n", space)


def test_explains_every_field(crds):
    """What `kubectl explain` reads is the OpenAPI document that the server publishes."""
    document = json.loads(crds.kubectl("get", "--raw", f"/openapi/v3/apis/{API}").stdout)
    schemas = document["components"]["schemas"]
    for kind in CRDS:
        served = schemas[f"io.madbase.v1alpha1.{kind}"]
        for path, node in walk({**served, "properties": {
                name: served["properties"][name] for name in ("spec", "status")}}):
            assert len(node.get("description", "")) > 3, f"{kind}{path} has no description"


@pytest.mark.parametrize("path, words", [
    ("statepillar", "madbase.io/switchover"), ("statepillar", "madbase.io/dry-run"), ("statepillar", "madbase.io/restart"),
    ("statepillar.spec.members", "1, 3 or 5"), ("statepillar.spec.postgres.synchronous", "Quorum"),
    ("madcluster", "madbase.io/dry-run"), ("madcluster", "madbase.io/restart"),
    ("madcluster.spec.proxy.service.type", "LoadBalancer"), ("madcluster.status.waitingFor.unblock", "wait"),
])
def test_kubectl_explain_teaches(crds, path, words):
    assert words in " ".join(crds.kubectl("explain", path).stdout.split())


# -- the files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CRD_FILES, ids=lambda p: p.name)
def test_a_file_is_small_enough_for_plain_apply(path):
    assert path.stat().st_size < 200_000
    # kubectl apply keeps the object as JSON in an annotation, which the server limits to 262144 bytes.
    assert len(json.dumps(yaml.safe_load(path.read_text()))) < 200_000


def test_the_reference_says_what_the_schemas_say():
    run = subprocess.run([REPOSITORY / "hack/gen-crd-docs", "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_plain_apply_twice_changes_nothing(crds):
    files = ["-f", REPOSITORY / "crds", "-f", REPOSITORY / "crds/policies"]
    crds.kubectl("apply", *files)
    again = crds.kubectl("apply", *files).stdout.splitlines()
    assert again and all(line.endswith(" unchanged") for line in again), again


def test_the_server_accepts_the_schema_as_structural(crds):
    for crd in CRDS.values():
        seen = crds.get("crd", crd["metadata"]["name"])
        conditions = {c["type"]: c["status"] for c in seen["status"]["conditions"]}
        assert conditions["Established"] == conditions["NamesAccepted"] == "True"
        assert "NonStructuralSchema" not in conditions
        assert seen["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_a_state_pillar_is_the_state_of_a_cluster():
    """The two copies of the schema differ in the path that sentences name, and in nothing else."""
    spec = schema_of("StatePillar")["properties"]["spec"]
    state = schema_of("MadCluster")["properties"]["spec"]["properties"]["state"]
    own = {name: node for name, node in spec["properties"].items() if name not in OWN_FIELDS}
    assert json.loads(json.dumps(state["properties"]).replace("spec.state.", "spec.")) == own
    assert state["required"] == spec["required"]
    cluster = schema_of("MadCluster")["properties"]["spec"]["properties"]
    for name in OWN_FIELDS - {"deletionProtection"}:
        assert cluster[name] == spec["properties"][name]


def test_member_counts_are_checked_by_rules_alone():
    for kind, path, node in nodes():
        if node.get("type") == "integer":
            assert not {"enum", "minimum", "maximum"} & node.keys(), f"{kind}{path}"


def test_no_word_is_a_boolean_to_yaml():
    """On, Off, Yes and No without quotes reach the server as booleans."""
    for kind, path, node in nodes():
        if not path.endswith("conditions[].status"):
            for word in node.get("enum", []):
                assert yaml.safe_load(word) == word, f"{kind}{path}: {word}"


def test_everything_is_bounded_and_typed():
    for kind, path, node in nodes():
        where = f"{kind}{path}"
        assert "x-kubernetes-preserve-unknown-fields" not in node, where
        assert node.get("type") or node.get("x-kubernetes-int-or-string"), where
        if node.get("type") == "array":
            assert node.get("maxItems") and node.get("x-kubernetes-list-type"), where
        if "additionalProperties" in node:
            assert node.get("maxProperties"), where
        if node.get("type") == "string" and path not in (".apiVersion", ".kind"):
            assert node.get("maxLength") or node.get("enum") or node.get("format") == "date-time", where
