"""Pack a job's transcript into a ZIP: its files, `manifest.json` that describes them, and `SHA256SUMS` to check them with.

Written as a stream, straight into storage. The same files give the same ZIP, byte for byte: entries carry no time of packing.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from workers.context import Context

NAME = "package.zip"
EPOCH = (1980, 1, 1, 0, 0, 0)  #: the earliest time that a ZIP can name; stands for "none"


def run(context: Context, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the package as the only artifact."""
    recording, merged = inputs["inspect"], inputs["merge"]
    key = context.key(NAME)
    sums: list[dict[str, Any]] = []
    with context.storage.writer(key) as file, zipfile.ZipFile(cast("IO[bytes]", file), "w") as package:
        for n, artifact in enumerate(merged["artifacts"]):
            context.progress(n / len(merged["artifacts"]), f"Packing {artifact['name']}")
            pieces = watched(context, context.storage.read(artifact["key"]))
            sums.append({**add(package, artifact["name"], pieces, artifact["bytes"]), "media_type": artifact["media_type"]})
        listed = manifest(context, recording, merged, sums)
        sums.append(add(package, "manifest.json", [listed], len(listed)))
        listed = "".join(f"{entry['sha256']}  {entry['name']}\n" for entry in sums).encode()
        add(package, "SHA256SUMS", [listed], len(listed))
    size = context.storage.size(key)
    return {"artifacts": [{"name": NAME, "bytes": size, "media_type": "application/zip", "key": key}], "files": len(sums) + 1}


def watched(context: Context, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        context.checkpoint()
        yield piece


def add(package: zipfile.ZipFile, name: str, pieces: Iterable[bytes], size: int) -> dict[str, Any]:
    """Stream a file of `size` bytes into the package and return its name, size and SHA-256."""
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    entry.file_size = size  # by which zipfile decides whether the entry needs 64-bit sizes
    digest = hashlib.sha256()
    written = 0
    with package.open(entry, "w") as file:
        for piece in pieces:
            digest.update(piece)
            written += file.write(piece)
    return {"name": name, "bytes": written, "sha256": digest.hexdigest()}


def manifest(context: Context, recording: dict[str, Any], merged: dict[str, Any], files: list[dict[str, Any]]) -> bytes:
    """Return manifest.json: what was transcribed, by what, and what the package holds."""
    described = {
        "version": 1,
        "job": context.claimed.job,
        "recording": {name: recording[name] for name in ("filename", "seconds", "format", "codec", "channels", "sample_rate")},
        "model": merged["model"],
        "language": merged["language"],
        "versions": merged["versions"],
        "segments": merged["segments"],
        "words": merged["words"],
        "files": files,
    }
    return json.dumps(described, ensure_ascii=False, indent=1).encode() + b"\n"
