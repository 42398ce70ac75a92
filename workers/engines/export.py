"""Pack a job's transcript into a ZIP: its files, `manifest.json` that describes them, and `SHA256SUMS` to check them with.

Written as a stream, straight into storage. The same files give the same ZIP, byte for byte: nothing in it is the time of packing.
"""

from __future__ import annotations

import zipfile
from typing import IO, TYPE_CHECKING, Any, cast

from workers.engines.packing import NAME, add_artifact, asked_for, close, third_parties

if TYPE_CHECKING:
    from workers.context import Context


def run(context: Context, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the package as the only artifact."""
    recording, merged = inputs["inspect"], inputs["merge"]
    key = context.key(NAME)
    files: list[dict[str, Any]] = []
    with context.storage.writer(key) as file, zipfile.ZipFile(cast("IO[bytes]", file), "w") as package:
        for n, artifact in enumerate(merged["artifacts"]):
            context.progress(n / len(merged["artifacts"]), f"Packing {artifact['name']}")
            files.append(add_artifact(context, package, artifact["name"], artifact))
        count = close(package, manifest(context, recording, merged, files), files)
    size = context.storage.size(key)
    return {"artifacts": [{"name": NAME, "bytes": size, "media_type": "application/zip", "key": key}], "files": count}


def manifest(context: Context, recording: dict[str, Any], merged: dict[str, Any], files: list[dict[str, Any]]) -> dict[str, Any]:
    """Return manifest.json: what was transcribed, by what and how, who else saw it, and what the package holds."""
    return {
        "version": 2,
        "job": context.claimed.job,
        "recording": {name: recording[name] for name in ("filename", "seconds", "format", "codec", "channels", "sample_rate")},
        **{name: merged.get(name) for name in ("title", "model", "language", "versions", "segments", "words")},
        "parameters": asked_for(context.claimed.params),
        **{name: merged.get(name) for name in ("steps", "skipped")},  # null: merged before there were any
        "third_parties": third_parties(merged.get("steps", {})),
        "files": files,
    }
