"""What must be true of each key: it is described, and has an expiry or an owner that is there to delete it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from jobs import border
from jobs.doctor.fault import Fault, Subject
from jobs.keys import KEYS
from jobs.store import WORKER_S, Store

OF_A_JOB = {"job", "tasks", "state", "outputs", "child_tasks", "child_state", "child_outputs", "child"}


class Kind(NamedTuple):
    """A key taken apart: `("fair", ("long", "acme"))`; `""` is no key of ours, `"?"` one that nobody described."""

    name: str
    parts: tuple[str, ...]


class Shapes:
    """Tell keys of ours apart by one expression made of what jobs/keys.py says."""

    def __init__(self, prefix: str) -> None:
        self.prefix = f"{prefix}:"
        self.names = list(KEYS)
        self.fields: list[tuple[int, int]] = []
        written, groups = [], 0
        for key in KEYS.values():
            part = "(.+)" if key.template.startswith("worker:") else "([^:]+)"
            pattern = re.sub(r"\\{\w+\\}", part.replace("\\", r"\\"), re.escape(key.template))
            count = pattern.count("(")
            self.fields.append((groups + 1, count))
            written.append(f"({pattern})")
            groups += 1 + count
        self.shape = re.compile(re.escape(self.prefix) + f"(?:{'|'.join(written)})")
        self.at = {first: index for index, (first, _) in enumerate(self.fields)}

    def read(self, key: str) -> Kind:
        if not key.startswith(self.prefix):
            return Kind("", ())
        found = self.shape.fullmatch(key)
        if not found:
            return Kind("?", ())
        groups = found.groups()
        index = next(index for index, (first, _) in enumerate(self.fields) if groups[first - 1] is not None)
        first, count = self.fields[index]
        return Kind(self.names[index], groups[first : first + count])


def expiry_s(store: Store, name: str) -> int:
    """Return after how many seconds a key of this name is to expire, 0 when it is not to."""
    life = KEYS[name].life
    if "expiry" not in life or "until" in life or "idle" in life:
        return 0
    return int(store.settings.retention_days * 86_400) if "RETENTION" in life else WORKER_S


def suspects(store: Store, shapes: Shapes, keys: Sequence[str], jobs: set[str]) -> Iterator[Subject]:
    """Yield what of these keys deserves a look, given the jobs that are known to be there."""
    expiring: list[tuple[str, str, str]] = []
    for key in keys:
        name, parts = shapes.read(key)
        owner = border.JOB_KEY.fullmatch(key) if not name else None
        job = owner.group(1) if owner else parts[0] if name in OF_A_JOB else ""
        if name == "?":
            yield Subject("key", (key, "described", ""))
        elif job and job not in jobs:
            yield Subject("job" if name == "job" else "key", (job,) if name == "job" else (key, "owner", job))
        elif name and (seconds := expiry_s(store, name)):
            expiring.append((key, "expiry", str(seconds)))
        elif name == "upload":
            expiring.append((key, "upload", parts[0]))
    with store.redis.pipeline(transaction=False) as pipe:
        for key, _, _ in expiring:
            pipe.ttl(key)
        for names, ttl in zip(expiring, pipe.execute() if expiring else (), strict=True):
            if ttl == -1:
                yield Subject("key", names)


def look(store: Store, subject: Subject) -> Iterator[Fault]:
    """Yield what is wrong with one suspected key, as it is at one moment."""
    key, what, about = subject.names
    with store.redis.pipeline(transaction=True) as pipe:
        pipe.ttl(key)
        pipe.exists(store.keys.upload_jobs(about) if what == "upload" else store.keys.job(about))
        ttl, owner = pipe.execute()
    if ttl == -2:
        return
    if what == "described":
        yield Fault("key-described", subject, f"key {key} is not described in jobs/keys.py")
    elif what == "owner" and ttl < 0 and not owner:
        yield Fault("key-owner", subject, f"key {key} outlived its job {about}")
    elif what == "expiry" and ttl < 0:
        yield Fault("key-expiry", subject, f"key {key} never expires")
    elif what == "upload" and ttl < 0 and not owner:
        yield Fault("key-expiry", subject, f"upload {about} is used by no job, and never expires")


def mend(store: Store, subject: Subject) -> None:
    """Delete what outlived its job, give an expiry to what is to have one. Repeated it changes nothing."""
    key, what, about = subject.names
    if what == "owner":
        store.run("bury", key, about)
    elif what == "expiry":
        store.redis.expire(key, int(about))
    elif what == "upload":
        store.redis.transaction(lambda pipe: mend_upload(store, pipe, key, about), key, store.keys.upload_jobs(about))


def mend_upload(store: Store, pipe: Any, key: str, upload: str) -> None:
    used = pipe.exists(store.keys.upload_jobs(upload))
    pipe.multi()
    if not used:  # Else a job has come for it meanwhile.
        pipe.expire(key, store.settings.upload_ttl_seconds)
