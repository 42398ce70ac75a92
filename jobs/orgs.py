"""What an organisation gets of the workers: its weight, how many of its tasks may run at once, whether it is paused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.errors import InvalidSubmission
from jobs.model import ORG_NAME
from jobs.store import Store, stamp

HEAVIEST = 1000.0
MOST_RUNNING = 1_000_000


@dataclass(frozen=True, slots=True)
class Org:
    org: str
    weight: float = 1.0  #: share of worker time, relative to the others'
    max_running: int = 0  #: tasks at once in all queues together; 0 is no limit
    paused: bool = False  #: jobs.control.pause


def set(store: Store, org: str, *, weight: float | None = None, max_running: int | None = None, now: float | None = None) -> Org:
    """Set what is given, leave the rest; effective before the next claim, a weight from the next charge on. Return all of it.

    Raises InvalidSubmission.
    """
    if not ORG_NAME.fullmatch(org):
        raise InvalidSubmission(f"organisation {org!r} is not of the form {ORG_NAME.pattern}", field="org")
    if weight is not None and not (math.isfinite(weight) and 1 / HEAVIEST <= weight <= HEAVIEST):
        raise InvalidSubmission(f"weight {weight:g} is not between {1 / HEAVIEST:g} and {HEAVIEST:g}; 1 is everybody's", field="weight")
    if max_running is not None and not 0 <= max_running <= MOST_RUNNING:
        raise InvalidSubmission(f"max_running {max_running} is not between 1 and {MOST_RUNNING}, nor 0 for no limit", field="max_running")
    store.run("tune", stamp(now), org, "" if weight is None else f"{weight:g}", "" if max_running is None else max_running)
    return get(store, org)


def get(store: Store, org: str) -> Org:
    """Return an organisation's weight, limit and pause; one that was never set has the defaults."""
    return read(store, [org])[0]


def listing(store: Store) -> list[Org]:
    """Return every organisation that users belong to, that was set, or that is paused, by name."""
    with store.redis.pipeline(transaction=False) as pipe:
        names = sorted(name.decode() for name in store.redis.smembers(store.keys.users()))
        for name in names:
            pipe.hget(store.keys.user(name), "org")
        pipe.smembers(store.keys.build("orgs"))
        pipe.smembers(store.keys.build("pauses"))
        *of_users, tuned, pauses = pipe.execute()
    paused = {pause.removeprefix(b"org:") for pause in pauses if pause.startswith(b"org:")}
    return read(store, sorted({org.decode() for org in (*of_users, *tuned, *paused) if org}))


def read(store: Store, orgs: Sequence[str]) -> list[Org]:
    with store.redis.pipeline(transaction=False) as pipe:
        for org in orgs:
            pipe.hmget(store.keys.org(org), "weight", "max_running")
            pipe.sismember(store.keys.build("pauses"), f"org:{org}")
        found = pipe.execute() if orgs else []
    return [
        Org(org, float(weight or 1), int(max_running or 0), bool(paused))
        for org, (weight, max_running), paused in zip(orgs, found[::2], found[1::2], strict=True)
    ]
