"""Put files into a ZIP as a stream, straight into storage, and say what they are: what `export` and `package` have in common."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from workers.forms.zipped import entry

if TYPE_CHECKING:
    from workers.context import Context

NAME = "package.zip"
NOT_ASKED_FOR = ("upload", "filename", "seconds")  #: parameters that say which recording, not what to do with it


def watched(context: Context, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        context.checkpoint()
        yield piece


def add(package: zipfile.ZipFile, name: str, pieces: Iterable[bytes], size: int) -> dict[str, Any]:
    """Stream a file of `size` bytes into the package and return its name, size and SHA-256."""
    digest = hashlib.sha256()
    written = 0
    with package.open(entry(name, size), "w") as file:
        for piece in pieces:
            digest.update(piece)
            written += file.write(piece)
    return {"name": name, "bytes": written, "sha256": digest.hexdigest()}


def add_artifact(context: Context, package: zipfile.ZipFile, name: str, artifact: Mapping[str, Any]) -> dict[str, Any]:
    """Add a file of storage as `name`, and return what the manifest says of it. Raises NotFound before anything is written of it."""
    pieces = watched(context, context.storage.read(artifact["key"]))
    return {**add(package, name, pieces, artifact["bytes"]), "media_type": artifact["media_type"]}


def close(package: zipfile.ZipFile, manifest: Mapping[str, Any], files: list[dict[str, Any]]) -> int:
    """Add `manifest.json`, which describes the package, and `SHA256SUMS` to check it with; return how many files there are in all."""
    listed = json.dumps(manifest, ensure_ascii=False, indent=1).encode() + b"\n"
    sums = [*files, add(package, "manifest.json", [listed], len(listed))]
    listed = "".join(f"{file['sha256']}  {file['name']}\n" for file in sums).encode()
    add(package, "SHA256SUMS", [listed], len(listed))
    return len(sums) + 1


def asked_for(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a transcription that say what was to be done."""
    return {name: value for name, value in params.items() if name not in NOT_ASKED_FOR}


def third_parties(steps: Mapping[str, Any]) -> list[str]:
    """Return who else saw the text, each once."""
    return sorted({step["third_party"] for step in steps.values() if step.get("third_party")})
