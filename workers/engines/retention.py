"""Delete what is past its time (jobs/retention.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jobs import retention
from jobs.retention import Deleted

if TYPE_CHECKING:
    from workers.context import Context


def run(context: Context, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return how much was deleted."""
    done = retention.delete_old(context.store, context.storage, each=lambda so_far: context.progress(0.0, said(so_far)))
    return {"says": said(done), "jobs": done.jobs, "uploads": done.uploads, "files": done.files}


def said(done: Deleted) -> str:
    counts = ((done.jobs, "job"), (done.uploads, "upload"), (done.files, "left file"))
    return "deleted " + (", ".join(f"{count} {what}{'s' if count != 1 else ''}" for count, what in counts if count) or "nothing")
