"""Places in the quotas of engines: what a service outside allows, shared by all workers."""

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
