"""Remove a job with all its files: results, and its recording when no other job uses that. Stands on the other verbs."""

from __future__ import annotations

import logging

from jobs import control, show, uploads
from jobs.storage import Storage
from jobs.store import Store

log = logging.getLogger(__name__)


def remove(store: Store, storage: Storage, job: str) -> None:
    """Delete a job in whatever state. Raises NotFound.

    First in Redis, so that nothing of it is claimed or recorded any more, then its files. What storage does not delete is
    an orphan that nobody asks for again: it is logged, with its prefix, and the rest goes on.
    """
    upload = show.job(store, job).params.get("upload")
    for prefix in (*control.delete(store, job), *uploads.release(store, upload, job)):
        try:
            storage.delete_prefix(prefix)
        except Exception:  # each kind of storage has errors of its own
            log.exception("files_left job=%s prefix=%s", job, prefix)
