"""Take the fairest ready task, keep it, and wait for one when there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import redis

from jobs import replies
from jobs.model import Claimed, Idle, Plain
from jobs.store import Store, stamp


@dataclass(frozen=True, slots=True)
class Renewed:
    stale: frozenset[str]  #: runs that no longer hold their task
    cancelled: frozenset[str]  #: those of them whose task was cancelled
    reaped: int  #: runs of others taken back because their lease had ended


def claim(store: Store, *, worker: str, queues: Sequence[str], run: str, now: float | None = None) -> Claimed | Plain | Idle:
    """Take the fairest ready task, or plain RQ job, of `queues` for `run`; repeated with the same run, give the same answer."""
    return replies.first(claim_some(store, worker=worker, queues=queues, run=run, most=1, now=now))


def claim_some(
    store: Store, *, worker: str, queues: Sequence[str], run: str, most: int, now: float | None = None
) -> list[Claimed] | Plain | Idle:
    """Take the fairest ready tasks of `queues`: up to `most` of them where runs are brief, else one (docs/decisions/0026…).

    They are to be done one after the other and recorded together; `run` is the first's, those of the others begin with it and a dot.
    """
    return replies.taken(store.run("claim", stamp(now), worker, run, " ".join(queues), most), run)


def renew(store: Store, *, worker: str, queues: Sequence[str], runs: Sequence[tuple[str, str]], now: float | None = None) -> Renewed:
    """Extend the leases of `runs` (pairs of rq_job and run), show them in RQ, and take back what lost workers held."""
    pairs = [part for pair in runs for part in pair]
    reaped, *states = store.run("renew", stamp(now), worker, " ".join(queues), *pairs)
    gone = {run: state for (_, run), state in zip(runs, states, strict=True) if state != b"held"}
    cancelled = frozenset(run for run, state in gone.items() if state == b"cancelled")
    return Renewed(frozenset(gone), cancelled, int(reaped))


def reap(store: Store, now: float | None = None) -> int:
    """Take back runs whose lease has ended; return how many."""
    return int(store.run("reap", stamp(now), "", "", "", "")[0])


def knock(store: Store, queues: Sequence[str]) -> bool:
    """Ring the bells of those of `queues` to which RQ's tools have pushed something; they ring none. Return whether any was rung."""
    return bool(int(store.run("knock", " ".join(queues))[0]))


def wait(client: redis.Redis, store: Store, queues: Sequence[str], wait_s: float) -> None:
    """Block until a bell of `queues` rings, at most `wait_s` seconds."""
    if wait_s > 0:
        client.blpop([store.keys.bell(queue) for queue in queues], timeout=max(wait_s, 0.01))
