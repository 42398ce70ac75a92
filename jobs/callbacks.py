"""What is to be told of a job that has ended, where, and signed by which secrets. Sends nothing.

An end is told by a job of its own, of type `callback`, which is made in the very step that ends the job (jobs/lua/callback.lua). Each
user has a secret; one that was replaced signs as well for a day, so that receivers can be given the new one meanwhile.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redis.client import Pipeline

from jobs import show
from jobs.errors import Conflict, NotFound
from jobs.model import Json
from jobs.receivers import new_secret
from jobs.store import Store
from jobs.view import iso, with_addresses

OVERLAP_S = 86_400.0  #: how long a secret that was replaced goes on signing
MOST_FORMER = 3

encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Secrets:
    current: str
    former: Mapping[str, float]  #: until when (s since the epoch) each signs as well


@dataclass(frozen=True, slots=True)
class Message:
    """An end that is to be told."""

    id: str  #: the same however often it is sent
    url: str
    body: str
    secrets: tuple[str, ...]  #: the current one first
    last: bool  #: the job has not ended again since


def message(store: Store, params: Mapping[str, Json], at: float | None, *, now: float | None = None) -> Message | None:
    """Return what a job of type `callback` with these parameters, made at `at`, is to send; None when there is nobody to tell, or nothing.

    The job is told as it stands now: of its end nothing is kept but its kind.
    """
    job, event, ended = str(params["job"]), int(params["event"]), str(params["status"])
    url, ends = store.redis.hmget(store.keys.callback(job), "url", "n")
    try:
        status = show.status(store, job)
    except NotFound:
        return None
    if url is None or ends is None:  # another job was given its id
        return None
    known = read(store.redis.hgetall(store.keys.callback_secret(status["user"])), time.time() if now is None else now)
    if known is None:  # with its user
        return None
    base = store.settings.base_url.rstrip("/")
    body = encode({"type": f"job.{ended}", "timestamp": iso(at), "data": with_addresses(status, base)})
    return Message(f"{job}.{event}", url.decode(), body, (known.current, *known.former), int(ends) == event)


def secrets_of(store: Store, user: str, *, now: float | None = None) -> Secrets:
    """Return what signs the callbacks of a user, made now if there was nothing yet."""
    key = store.keys.callback_secret(user)
    with store.redis.pipeline() as pipe:
        pipe.hsetnx(key, "secret", new_secret())
        pipe.hgetall(key)
        found = read(pipe.execute()[1], time.time() if now is None else now)
    assert found
    return found


def rotate(store: Store, user: str, *, now: float | None = None) -> Secrets:
    """Give a user a new secret; the old one signs for another day. Raises Conflict when too many are still at it."""
    at, key, fresh = time.time() if now is None else now, store.keys.callback_secret(user), new_secret()

    def write(pipe: Pipeline) -> None:
        stored: Any = pipe.hgetall(key)
        known = read(stored, at)
        former = dict(known.former) | {known.current: at + OVERLAP_S} if known else {}
        if len(former) > MOST_FORMER:
            raise Conflict(f"{MOST_FORMER} former secrets still sign, until {iso(min(former.values()))} the first of them: wait until then")
        pipe.multi()
        pipe.delete(key)
        pipe.hset(key, mapping={"secret": fresh, **{one: f"{until:.6f}" for one, until in former.items()}})

    store.redis.transaction(write, key)
    return secrets_of(store, user, now=at)


def read(stored: Mapping[bytes, bytes], now: float) -> Secrets | None:
    fields = {name.decode(): value.decode() for name, value in stored.items()}
    current = fields.pop("secret", None)
    former = {one: float(until) for one, until in fields.items()}
    return Secrets(current, {one: until for one, until in former.items() if until > now}) if current else None
