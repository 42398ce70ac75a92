"""Find out what was uploaded: is there sound, how long, in which format. Refuses what no transcript can be made of."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from jobs.errors import NotFound, Unplayable
from jobs.probe import probe

if TYPE_CHECKING:
    from workers.context import Context


def run(context: Context, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of Probe, the storage key of the recording, and the name that its owner knows it by."""
    params = context.claimed.params
    key = f"uploads/{params['upload']}/recording"
    path = context.scratch / "recording"
    context.progress(0.0, "Examining the recording")
    try:
        context.storage.fetch(key, path, each=context.checkpoint)
    except NotFound:
        raise Unplayable(f"the upload {params['upload']} is no longer there; upload the recording again") from None
    context.checkpoint()
    found = probe(path, settings=context.settings)
    return {**asdict(found), "key": key, "filename": params.get("filename", "recording")}
