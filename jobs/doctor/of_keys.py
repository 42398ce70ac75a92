"""What must be true of each key: it is described, and has an expiry or an owner that is there to delete it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from jobs import border
from jobs.doctor.fault import Fault, Subject
from jobs.keys import KEYS
from jobs.store import WORKER_S, Store

OF_A_JOB = {name for name, key in KEYS.items() if key.template.startswith("jobs:{job}")}


class Kind(NamedTuple):
    """A key taken apart: `("fair", ("long", "acme"))`; `""` is no key of ours, `"?"` one that nobody described."""

    name: str
    parts: tuple[str, ...]


class Shapes:
    """Tell keys of ours apart by one expression made of what jobs/keys.py says."""

    def __init__(self, prefix: str) -> None:
        self.prefix = f"{prefix}:"
        written = []
        for name, key in KEYS.items():
            part = ".+" if name == "worker" else "[^:]+"  # workers' names have colons
            written.append(
                f"(?P<{name}>" + "".join(f"({part})" if field else re.escape(text) for field, text in pieces(key.template)) + ")"
            )
        self.shape = re.compile(re.escape(self.prefix) + f"(?:{'|'.join(written)})")

    def read(self, key: str) -> Kind:
        if not key.startswith(self.prefix):
            return Kind("", ())
        found = self.shape.fullmatch(key)
        if not found or not found.lastgroup or not found.lastindex:
            return Kind("?", ())
        return Kind(found.lastgroup, tuple(part for part in found.groups()[found.lastindex :] if part is not None))


def pieces(template: str) -> Iterator[tuple[bool, str]]:
    """Yield the pieces of a key's template, and whether each is a field."""
    for at, piece in enumerate(re.split(r"{(\w+)}", template)):
        yield at % 2 == 1, piece


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
