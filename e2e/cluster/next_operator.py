# SPDX-License-Identifier: Apache-2.0
"""An operator of another version whose templates differ: the image as it is, with one number changed in the manifests that
the program carries. Everything else stays the same program."""

import hashlib
import io
import json
import tarfile

PROGRAM = "usr/bin/madbase-operator"


def _members(archive):
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return [(member, tar.extractfile(member).read() if member.isfile() else b"") for member in tar]


def _pack(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for member, data in members:
            member.size = len(data) if member.isfile() else 0
            tar.addfile(member, io.BytesIO(data) if member.isfile() else None)
    return out.getvalue()


def _change(layer, changes):
    """The layer with the changes made in the program; how often each was made."""
    members, counts = _members(layer), dict.fromkeys(changes, 0)
    for index, (member, data) in enumerate(members):
        if member.name.removeprefix("./").removeprefix("/") == PROGRAM:
            for before, after in changes.items():
                assert len(before) == len(after)
                counts[before] += data.count(before)
                data = data.replace(before, after)
            members[index] = (member, data)
    return _pack(members), counts


def make(archive, out, tag, changes):
    """Writes the archive (docker-archive) of the image under another tag, with `changes` (bytes of equal length)."""
    with open(archive, "rb") as file:
        parts = {member.name: data for member, data in _members(file.read())}
    (manifest,) = json.loads(parts["manifest.json"])
    config, files, total = json.loads(parts[manifest["Config"]]), {}, dict.fromkeys(changes, 0)
    for index, name in enumerate(manifest["Layers"]):
        layer, counts = _change(parts[name], changes)
        total = {key: total[key] + counts[key] for key in total}
        digest = hashlib.sha256(layer).hexdigest()
        config["rootfs"]["diff_ids"][index] = f"sha256:{digest}"
        manifest["Layers"][index] = f"{digest}.tar"
        files[f"{digest}.tar"] = layer
    text = json.dumps(config).encode()
    manifest.update(Config=f"{hashlib.sha256(text).hexdigest()}.json", RepoTags=[tag])
    files[manifest["Config"]], files["manifest.json"] = text, json.dumps([manifest]).encode()
    with open(out, "wb") as file:
        infos = []
        for name, data in files.items():
            infos.append((tarfile.TarInfo(name), data))
        file.write(_pack(infos))
    return total
