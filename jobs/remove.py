"""Remove a job with all its files: results, and its recordings when no other job uses them. Stands on the other verbs."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from jobs import control, pieces, show, uploads
from jobs.model import Json
from jobs.storage import Storage
from jobs.store import Store

log = logging.getLogger(__name__)


def remove(store: Store, storage: Storage, job: str) -> None:
    """Delete a job in whatever state. Raises NotFound.

    First in Redis, so that nothing of it is claimed or recorded any more, then its files. What storage does not delete is
    an orphan that nobody asks for again: it is logged, with its prefix, and the rest goes on.
    """
    params = show.job(store, job).params
    put_out = pieces.keys(store, job)
    prefixes = list(control.delete(store, job))
    pieces.drop(store, put_out)
    for upload in named_uploads(params):
        prefixes += uploads.release(store, upload, job)
    for prefix in prefixes:
        try:
            storage.delete_prefix(prefix)
        except Exception:  # each kind of storage has errors of its own
            log.exception("files_left job=%s prefix=%s", job, prefix)


def named_uploads(params: Mapping[str, Json]) -> list[str]:
    """Return the ids of the uploads that a job's parameters name: one, several or none."""
    several = params.get("uploads")
    named = [params.get("upload"), *(several if isinstance(several, list) else [])]
    return list(dict.fromkeys(one for one in named if isinstance(one, str)))
