"""Remember what was uploaded, by whom, and which jobs use it. The file itself lies in storage.

An upload that no job uses expires by itself after UPLOAD_TTL_SECONDS. One that jobs use is kept without expiry and
goes with the last of them. Stores no bytes: who adds an upload has put its file under `key` before.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from redis.client import Pipeline

from jobs.errors import NoUpload
from jobs.model import UPLOAD_ID
from jobs.store import Store, stamp


@dataclass(frozen=True, slots=True)
class Upload:
    id: str
    user: str
    org: str
    filename: str  #: as the user named it; never a part of a path
    bytes: int
    media_type: str
    seconds: float  #: length of the recording; 0 when only `inspect` may find out
    key: str  #: where the file lies in storage


def new_id() -> str:
    return secrets.token_hex(12)


def storage_key(upload_id: str) -> str:
    return f"uploads/{upload_id}/recording"


def storage_prefix(upload_id: str) -> str:
    return f"uploads/{upload_id}/"


def add(store: Store, upload: Upload, *, ttl_s: int, job: str | None = None, limited: bool = False, now: float | None = None) -> None:
    """Record an upload whose file is stored: for `job`, which is about to be made, or to expire after `ttl_s` unless a job uses it.

    One that is `limited` is charged to its user's day, once however often this is called. Raises Limited, and has recorded nothing then.
    """
    record = [part for name, value in asdict(upload).items() if name != "id" for part in (name, value)]
    most = store.settings.max_upload_bytes_per_day if limited else ""
    store.run("keep", stamp(now), upload.id, job or "", ttl_s, most, upload.user, upload.bytes, *record)


def find(store: Store, upload_id: str, *, user: str | None = None) -> Upload:
    """Return an upload, of `user` if given. Raises NotFound, the same for absent, expired and someone else's."""
    found = find_many(store, [upload_id], user=user)
    if not found:
        raise NoUpload(upload_id)
    return found[upload_id]


def find_many(store: Store, upload_ids: Iterable[str], *, user: str | None = None) -> dict[str, Upload]:
    """Return by their ids, in one round trip, those of the uploads that `find` would find."""
    # Asked for from outside: an id of another form must not become part of a key.
    ids = [one for one in dict.fromkeys(upload_ids) if UPLOAD_ID.fullmatch(one)]
    with store.redis.pipeline(transaction=False) as pipe:
        for one in ids:
            pipe.hgetall(store.keys.upload(one))
        records = pipe.execute()
    found = {one: _read(one, record) for one, record in zip(ids, records, strict=True) if record}
    return {one: upload for one, upload in found.items() if user in (None, upload.user)}


def use(store: Store, upload_id: str, job_id: str) -> None:
    """Keep the upload for a job that is about to be made, until the last such job is gone. Repeatable. Raises NotFound."""
    use_many(store, [upload_id], job_id)


def use_many(store: Store, upload_ids: Sequence[str], job_id: str) -> None:
    """Keep several uploads for a job that is about to be made, all or none. Repeatable. Raises NotFound for the first that is gone."""
    keys = [store.keys.upload(one) for one in upload_ids]

    def write(pipe: Pipeline) -> None:
        # An upload that expired meanwhile must not leave a set of jobs without a record.
        if pipe.exists(*keys) < len(keys):
            raise NoUpload(next(one for one, key in zip(upload_ids, keys, strict=True) if not pipe.exists(key)))
        pipe.multi()
        for one in upload_ids:
            pipe.sadd(store.keys.upload_jobs(one), job_id)
            pipe.persist(store.keys.upload(one))

    store.redis.transaction(write, *keys)


def give_back(store: Store, upload_id: str, job_id: str, *, ttl_s: int) -> None:
    """Undo `use` because the job was not made: the upload expires after `ttl_s`, unless another job uses it."""

    def write(pipe: Pipeline) -> None:
        others = pipe.smembers(store.keys.upload_jobs(upload_id)) - {job_id.encode()}
        pipe.multi()
        pipe.srem(store.keys.upload_jobs(upload_id), job_id)
        if not others:
            pipe.expire(store.keys.upload(upload_id), ttl_s)

    store.redis.transaction(write, store.keys.upload_jobs(upload_id))


def release(store: Store, upload_id: str | None, job_id: str) -> tuple[str, ...]:
    """Note that a job is gone, or was not made; return the storage prefixes to delete: the upload's, when no other job uses it.

    `upload_id` is the job's parameter, None for a job that has none.
    """
    if upload_id is None or not UPLOAD_ID.fullmatch(upload_id):
        return ()

    last = int(store.run("release", upload_id, job_id)[0])
    return (storage_prefix(upload_id),) if last else ()


def _read(upload_id: str, record: dict[bytes, bytes]) -> Upload:
    read: dict[str, Any] = {name.decode(): value.decode() for name, value in record.items()}
    read |= {"id": upload_id, "bytes": int(read["bytes"]), "seconds": float(read["seconds"])}
    return Upload(**{field.name: read[field.name] for field in fields(Upload)})
