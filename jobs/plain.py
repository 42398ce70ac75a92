"""What a worker says of a plain RQ job that it has run. RQ's own code writes the outcome; this ends the run."""

from __future__ import annotations

from jobs import border
from jobs.model import Plain
from jobs.store import Store, stamp


def end(store: Store, plain: Plain, *, reason: str, now: float | None = None) -> bool:
    """Give up the lease once RQ's code has committed an outcome. Return whether it had: without one the job waits again.

    `reason` says why there may be none. Raises Stale when the run did not hold the job any more.
    """
    return not int(store.run("end_plain", stamp(now), plain.rq_job, plain.run, reason)[0])


def fail(store: Store, plain: Plain, *, worker: str, reason: str, now: float | None = None) -> None:
    """Move a job to RQ's failed registry that RQ's code cannot read. Raises Stale."""
    store.run("fail_plain", stamp(now), worker, plain.rq_job, plain.run, border.encode_error(reason))


def held(store: Store, plain: Plain) -> bool:
    """Whether the run still holds its job."""
    return bool(store.redis.hget(store.keys.plain(plain.id), "run") == plain.run.encode())
