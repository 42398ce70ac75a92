"""Take in a recording, or a transcript: look into what was received, store it, remember it. Leaves nothing behind when it refuses.

Where ZONES binds `inspect` to a zone, only that zone's machines may open files that nobody has looked into: then nothing is
probed here, the length is unknown, and `inspect` refuses what is no recording or too long, `read` what is no transcript.
"""

from __future__ import annotations

import hashlib
import logging

from jobs import transcripts, uploads
from jobs.errors import NotFound, Unplayable
from jobs.people import Person
from jobs.probe import probe
from jobs.uploads import Upload
from web.backend import Backend
from web.receive import Received

UNSEEN_TYPE = "application/octet-stream"  #: of a file that was not probed

log = logging.getLogger(__name__)


def keep(
    backend: Backend,
    person: Person,
    received: Received,
    *,
    transcript: bool | None = None,
    job: str | None = None,
    idempotency_key: str | None = None,
) -> Upload:
    """Look into `received` and store it as an upload of `person`, in use by `job` if that is about to be made of it and is charged for it.

    It is to be a transcript or a recording; None: a transcript if its name says so. Raises Limited; Unplayable, of a file that
    may not be opened here only if it is empty, or not named like a transcript.

    With an idempotency key the same file gets the same id, so that a repeated request stores nothing twice and its
    job is the same job.
    """
    upload_id = uploads.new_id() if idempotency_key is None else _repeatable_id(person, received, idempotency_key)
    if idempotency_key is not None:
        try:
            # Used, or kept on, before it is read: from here on no refusal of another request takes its file away.
            if job is not None:
                uploads.use(backend.store, upload_id, job)
            else:
                uploads.give_back(backend.store, upload_id, "", ttl_s=backend.settings.upload_ttl_seconds)
            return uploads.find(backend.store, upload_id, user=person.user)
        except NotFound:
            pass
    media_type, seconds = _examine(backend, received, transcript)
    upload = Upload(
        id=upload_id,
        user=person.user,
        org=person.org,
        filename=received.filename,
        bytes=received.bytes,
        media_type=media_type,
        seconds=seconds,
        key=uploads.storage_key(upload_id),
    )
    try:
        backend.storage.put_file(upload.key, received.path)
        uploads.add(backend.store, upload, ttl_s=backend.settings.upload_ttl_seconds, job=job, limited=job is None and not person.admin)
    except BaseException:
        if idempotency_key is None:  # nobody else knows of it, so Redis need not be asked, which may be what failed
            backend.storage.delete_prefix(uploads.storage_prefix(upload_id))
        else:
            drop(backend, upload_id, job or "")
        raise
    log.info("upload_kept upload=%s user=%s bytes=%d seconds=%.1f", upload.id, person.user, upload.bytes, upload.seconds)
    return upload


def _examine(backend: Backend, received: Received, transcript: bool | None) -> tuple[str, float]:
    """Return media type and seconds of a file, 0 for transcripts and for those that only `inspect` may find out. Raises Unplayable."""
    text = transcripts.media_type(received.filename)
    if transcript and text is None:
        raise Unplayable(f"the file is not named like a transcript; these are: {', '.join(transcripts.MEDIA_TYPES)}")
    if received.bytes == 0:
        raise Unplayable("the file is empty (0 bytes)")
    opened = not backend.settings.zone_of("inspect")
    if text is not None and transcript is not False:
        if opened:
            transcripts.check(received.path)
        return text, 0.0
    if not opened:
        return UNSEEN_TYPE, 0.0
    found = probe(received.path, settings=backend.settings)
    return found.media_type, found.seconds


def may_be_one(upload: Upload) -> bool:
    """Whether an upload was found to be a recording, or nobody has looked yet."""
    return upload.media_type.startswith(("audio/", "video/")) or upload.media_type == UNSEEN_TYPE


def drop(backend: Backend, upload_id: str, job: str) -> None:
    """Undo `keep`, unless another job uses the same upload."""
    for prefix in uploads.release(backend.store, upload_id, job):
        backend.storage.delete_prefix(prefix)


def _repeatable_id(person: Person, received: Received, idempotency_key: str) -> str:
    parts = (person.user, idempotency_key, received.filename, received.sha256)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
