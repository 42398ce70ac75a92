"""What a person may ask for and use: requests a minute, bytes uploaded and recordings submitted a day of UTC. Admins are not limited.

Usual limits come from the settings; an admin may give a person others. Requests are counted by the scripts that find out who
asks, a day's use by those that take an upload and a job (jobs/lua/limits.lua): this module tells, and sets what is a person's own.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from redis.client import Pipeline

from jobs.errors import InvalidSubmission, NotFound
from jobs.model import MINUTE_S
from jobs.settings import Settings
from jobs.store import SECOND, Store

DAY_S = 86_400
MOST = 10**12
#: Field of the user's hash → the setting that it comes before; the hash has seconds where people say minutes.
FIELDS = {"max_requests": "max_requests_per_minute", "max_bytes": "max_upload_bytes_per_day", "max_seconds": "max_audio_minutes_per_day"}


@dataclass(frozen=True, slots=True)
class Limits:
    """0 is no limit."""

    requests: int  #: a minute
    bytes: int  #: uploaded a day
    minutes: float  #: of recordings submitted a day


@dataclass(frozen=True, slots=True)
class Use:
    """What a person has used, and of how much."""

    limits: Limits
    requests: int  #: left of the minute
    requests_reset_s: float  #: until all of them are free again
    bytes: int  #: today
    minutes: float  #: today
    day_ends_s: float


def usual(settings: Settings) -> Limits:
    """Return the limits of whoever was given none of their own."""
    return Limits(settings.max_requests_per_minute, settings.max_upload_bytes_per_day, settings.max_audio_minutes_per_day)


def give(store: Store, user: str, *, requests: int | None = None, bytes: int | None = None, minutes: float | None = None) -> Limits:
    """Give a user limits of their own, 0 for none; what is not named stays. Return what holds now. Raises NotFound, InvalidSubmission."""
    given = {"requests": requests, "bytes": bytes, "minutes": minutes}
    named = {name: value for name, value in given.items() if value is not None}
    for name, value in named.items():
        if not 0 <= value <= MOST:
            raise InvalidSubmission(f"{name} {value:g} is not between 1 and {MOST:,}, nor 0 for no limit", field=name)
    if "minutes" in named:
        named["seconds"] = named.pop("minutes") * MINUTE_S
    _change(store, user, {f"max_{name}": f"{value:.15g}" for name, value in named.items()})
    return of(store, user)


def give_usual(store: Store, user: str) -> Limits:
    """Take a user's own limits back: those of the settings hold again. Raises NotFound."""
    _change(store, user, dict.fromkeys(FIELDS))
    return of(store, user)


def of(store: Store, user: str) -> Limits:
    """Return the limits that hold for a user. Raises NotFound."""
    there, *own = store.redis.hmget(store.keys.user(user), "org", *FIELDS)
    if there is None:
        raise _nobody(user)
    return _limits(store.settings, own)


def used(store: Store, user: str, *, now: float | None = None) -> Use:
    """Return what a user has used, in one round trip; by this machine's clock unless `now` is given, in seconds."""
    at = time.time() if now is None else now
    with store.redis.pipeline(transaction=False) as pipe:
        pipe.hmget(store.keys.user(user), *FIELDS)
        pipe.get(store.keys.build("rate", user))
        pipe.hmget(store.keys.build("used", user, int(at // DAY_S)), "bytes", "seconds")
        own, free_us, (sent, seconds) = pipe.execute()
    limits = _limits(store.settings, own)
    owed_s = max(int(free_us or 0) / SECOND - at, 0.0)
    left = int((MINUTE_S - owed_s) / MINUTE_S * limits.requests + 1e-6)
    return Use(limits, max(left, 0), owed_s, int(float(sent or 0)), float(seconds or 0) / MINUTE_S, DAY_S - at % DAY_S)


def _limits(settings: Settings, own: list[bytes | None]) -> Limits:
    of_settings = usual(settings)
    requests, sent, seconds = own
    return Limits(
        of_settings.requests if requests is None else int(requests),
        of_settings.bytes if sent is None else int(sent),
        of_settings.minutes if seconds is None else float(seconds) / MINUTE_S,
    )


def _change(store: Store, user: str, fields: Mapping[str, str | None]) -> None:
    """Write fields of a user's hash, None removes one; nothing when the user is gone meanwhile."""
    key = store.keys.user(user)

    def write(pipe: Pipeline) -> None:
        if not pipe.exists(key):
            raise _nobody(user)
        pipe.multi()
        for field, value in fields.items():
            if value is None:
                pipe.hdel(key, field)
            else:
                pipe.hset(key, field, value)

    store.redis.transaction(write, key)


def _nobody(user: str) -> NotFound:
    return NotFound(f"there is no user {user!r}; `users list` shows all")
