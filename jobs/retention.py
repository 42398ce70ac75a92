"""Delete what is past its time: jobs that ended long ago with their files, uploads that nobody used, files that nothing names any more.

A job goes RETENTION_DAYS after it has ended, what Lectern did by itself after two days. A file goes when neither a job nor an upload of
its name is there, and it was written more than a day (of an upload: UPLOAD_TTL_SECONDS besides) ago: what is being written just now
may be named only a moment later. Run twice at once, or cut off anywhere, it does no harm.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from jobs import people, remove, uploads
from jobs.errors import NotFound
from jobs.model import SYSTEM
from jobs.states import JobStatus
from jobs.storage import Storage
from jobs.store import SECOND, Store

OWN_KEPT_S = 2 * 86_400.0
OWN_TYPE = "maintenance"  #: of what Lectern did by itself: there may be a person of its name, from before that was refused
UNNAMED_KEPT_S = 86_400.0
PAGE = 200
TELL_EVERY = 1000  #: files: a long listing of the storage is a sign of life too


@dataclass
class Deleted:
    jobs: int = 0
    uploads: int = 0
    files: int = 0  #: besides those of deleted jobs and uploads


def delete_old(store: Store, storage: Storage, *, each: Callable[[Deleted], None] | None = None, now: float | None = None) -> Deleted:
    """Delete all that is past its time and return how much; `each` is called after every piece of it."""
    now, done = time.time() if now is None else now, Deleted()

    def tell() -> None:
        if each:
            each(done)

    for job in old_jobs(store, now):
        try:
            remove.remove(store, storage, job)
            done.jobs += 1
        except NotFound:
            pass  # somebody else has deleted it meanwhile
        tell()
    since = first_user(store)
    for upload in old_folders(storage, "uploads", since, now - UNNAMED_KEPT_S - store.settings.upload_ttl_seconds, tell):
        for prefix in no_longer_used(store, upload):
            storage.delete_prefix(prefix)
            done.uploads += 1
        tell()
    for job in old_folders(storage, "jobs", since, now - UNNAMED_KEPT_S, tell):
        if not store.redis.exists(store.keys.job(job)):
            done.files += storage.delete_prefix(f"jobs/{job}")
        tell()
    return done


def old_jobs(store: Store, now: float) -> Iterator[str]:
    """Yield the ids of jobs that ended before their time was over."""
    for status in JobStatus:
        if status.ended:
            yield from ended_before(store, store.keys.status(status), now - store.settings.retention_days * 86_400)
    yield from ended_before(store, store.keys.user_jobs(SYSTEM), now - OWN_KEPT_S, type=OWN_TYPE)


def ended_before(store: Store, index: str, limit: float, *, type: str | None = None) -> Iterator[str]:
    """Yield those of an index, of one type if it is given, that ended before `limit` (s).

    It is read by creation: who deletes them meanwhile shortens it. Each is looked at once more when its turn comes: of a page that
    takes minutes to delete somebody may have retried the last.
    """
    after, seen = "-inf", set[bytes]()
    while True:
        page = store.redis.zrangebyscore(index, after, limit * SECOND, start=0, num=PAGE + len(seen), withscores=True)
        fresh = [(job, created) for job, created in page if job not in seen]
        if not fresh:
            return
        with store.redis.pipeline(transaction=False) as pipe:
            for job, _ in fresh:
                pipe.hmget(store.keys.job(job.decode()), "ended", "type")
            found = pipe.execute()
        last = fresh[-1][1]
        seen = {job for job, created in page if created == last}
        after = f"{last:.0f}"
        for (job, _), (ended, kind) in zip(fresh, found, strict=True):
            past = ended and int(ended) < limit * SECOND and type in (None, kind.decode())
            if past and store.redis.hget(store.keys.job(job.decode()), "ended") == ended:
                yield job.decode()


def first_user(store: Store) -> float:
    """Return when the first of the users was added: files from before are of another Redis, one that was lost perhaps, and stay."""
    return min((person.created_at for person in people.listing(store)), default=math.inf)


def old_folders(storage: Storage, folder: str, since: float, before: float, tell: Callable[[], None]) -> list[str]:
    """Return the names of the folders below `folder` whose newest file is from `since` to `before` (s); call `tell` now and then."""
    newest: dict[str, float] = {}
    for n, (path, written) in enumerate(storage.ages(folder), start=1):
        if n % TELL_EVERY == 0:
            tell()
        name = path.removeprefix(f"{folder}/").partition("/")[0]
        newest[name] = max(newest.get(name, 0.0), written)
    return [name for name, written in newest.items() if since <= written < before]


def no_longer_used(store: Store, upload: str) -> tuple[str, ...]:
    """Return the storage prefixes of an upload that is not known any more, or is kept for jobs that are not there.

    Who was about to make such a job died in between (decision 0100).
    """
    if not store.redis.exists(store.keys.upload(upload)):
        return (uploads.storage_prefix(upload),)
    kept_for = [job.decode() for job in store.redis.smembers(store.keys.upload_jobs(upload))]
    if any(store.redis.exists(store.keys.job(job)) for job in kept_for):
        return ()
    return tuple(prefix for job in kept_for for prefix in uploads.release(store, upload, job))
