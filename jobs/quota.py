"""Places in the quotas of engines: what a service outside allows, shared by all workers; and when it is to be left alone."""

from __future__ import annotations

from jobs.model import Claimed
from jobs.settings import Quota
from jobs.store import Store, stamp

LEAST_WAIT_S = 0.05


def reserve(store: Store, claimed: Claimed, quota: Quota, *, now: float | None = None) -> float:
    """Take a place in `quota` for this run and return 0, or return the seconds after which it is likely to be its turn.

    Who has to wait keeps its place in the line: by priority, then organisations in turn. Raises Stale.
    """
    span_us = round(quota.seconds * 1e6)
    reply = store.run("reserve", stamp(now), quota.name, quota.runs, span_us, claimed.rq_job, claimed.run)
    wait_s = int(reply[0]) / 1e6
    return max(wait_s, LEAST_WAIT_S) if wait_s else 0.0


def suspend(store: Store, name: str, wait_s: float, why: str) -> None:
    """Have nobody ask the service behind quota `name` for so long; a longer suspension stays as it is."""
    if suspended(store, name)[0] < wait_s:
        store.redis.set(store.keys.build("quota_suspended", name), why, px=max(round(wait_s * 1000), 1))


def suspended(store: Store, name: str) -> tuple[float, str]:
    """Return for how many seconds the service behind quota `name` is to be left alone, and why; 0 when it may be asked."""
    key = store.keys.build("quota_suspended", name)
    with store.redis.pipeline(transaction=False) as pipe:
        left_ms, why = pipe.pttl(key).get(key).execute()
    return (left_ms / 1000, why.decode()) if why and left_ms > 0 else (0.0, "")
