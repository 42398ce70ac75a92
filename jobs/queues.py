"""Look at the queues: how deep each is, who waits in it and since when, who works for it. Changes nothing; stands on control.

What is read is bounded, however much waits: at most ORGANISATIONS of a queue, of each lane its length and its first ids.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from jobs import border, control
from jobs.states import Priority
from jobs.store import Store

ORGANISATIONS = 200  #: of a queue are told at most
RUNS = 1000  #: leases looked through at most for organisations that run and do not wait
HEADS = 5  #: ids of a lane looked at for one that is no tombstone
LETTERS = {"h": Priority.HIGH, "n": Priority.NORMAL, "l": Priority.LOW, "b": Priority.BACKGROUND}


@dataclass(frozen=True, slots=True)
class Share:
    """What an organisation has in a queue."""

    org: str
    waiting: int  #: entries in its lanes; a cancelled one stays until a claim meets it
    running: int
    weight: float
    max_running: int  #: in all queues together; 0 no limit
    paused: bool
    oldest_wait_seconds: float | None  #: of the first that waits in one of its lanes


@dataclass(frozen=True, slots=True)
class Queue:
    queue: str
    paused: bool
    workers: int  #: that serve it and live
    waiting: int  #: entries in all lanes
    running: int
    mean_seconds: float  #: of a run, rolling
    oldest_wait_seconds: float | None
    priorities: dict[str, int]  #: waiting, per priority
    organisations: tuple[Share, ...]  #: that wait or run, the longest backlog first
    organisations_left_off: int  #: how many more wait


def listing(store: Store, *, now: float | None = None) -> list[Queue]:
    """Return every queue that a worker serves or that something waits in, by name."""
    return read(store, names(store), now)


def find(store: Store, queue: str, *, now: float | None = None) -> Queue:
    """Return one queue, empty if nothing ever was in it."""
    return read(store, [queue], now)[0]


def names(store: Store) -> list[str]:
    """Return the names of queues: those that RQ lists, by themselves or by one of their lanes, and those that are paused."""
    listed = (border.queue_of(member.decode()) for member in store.redis.smembers(border.QUEUES))
    return sorted({"short", "long", *(name for name in listed if name), *control.paused(store)["queue"]})


def read(store: Store, queues: Sequence[str], now: float | None) -> list[Queue]:
    keys, paused = store.keys, control.paused(store)
    with store.redis.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.hmget(keys.build("clock", queue), "n", "m", "wh", "wn", "wl", "wb")
            pipe.smembers(border.workers_key(queue))
            for priority in Priority:
                pipe.zrange(keys.build("ready", queue, priority), 0, ORGANISATIONS)
                pipe.zcard(keys.build("ready", queue, priority))
        pipe.zrange(keys.leases(), 0, RUNS)
        pipe.smembers(keys.build("orgs"))
        pipe.time()
        *found, leases, tuned, clock = pipe.execute()
    now = clock[0] + clock[1] / 1e6 if now is None else now
    others = {*paused["org"], *(org.decode() for org in tuned), *owners(store, leases)}
    told = []
    for number, queue in enumerate(queues):
        fields, workers, *ready = found[number * 10 : number * 10 + 10]
        running, mean_us, *waiting = (float(value or 0) for value in fields)
        orgs = list(dict.fromkeys([*(org.decode() for members in ready[::2] for org in members), *sorted(others)]))
        shares = shares_of(store, queue, orgs[:ORGANISATIONS], set(paused["org"]), now)
        waits = [share.oldest_wait_seconds for share in shares if share.oldest_wait_seconds is not None]
        told.append(
            Queue(
                queue=queue,
                paused=queue in paused["queue"],
                workers=alive(store, workers),
                waiting=round(sum(waiting)),
                running=round(running),
                mean_seconds=round(mean_us / 1e6, 3),
                oldest_wait_seconds=max(waits, default=None),
                priorities={str(priority): round(count) for priority, count in zip(Priority, waiting, strict=True)},
                organisations=tuple(sorted(shares, key=lambda share: (-share.waiting, -share.running, share.org))),
                organisations_left_off=max(*ready[1::2], ORGANISATIONS) - ORGANISATIONS,
            )
        )
    return told


def shares_of(store: Store, queue: str, orgs: Sequence[str], paused: set[str], now: float) -> list[Share]:
    """Return what these organisations have in a queue, without those that have nothing there."""
    with store.redis.pipeline(transaction=False) as pipe:
        for org in orgs:
            pipe.hmget(store.keys.build("fair", queue, org), "n", "p")
            pipe.hmget(store.keys.org(org), "weight", "max_running")
        found = pipe.execute()
        lanes: dict[str, list[str]] = {}
        for org, (_, letters) in zip(orgs, found[::2], strict=True):
            waits = [LETTERS[letter] for letter in (letters or b"").decode()]
            lanes[org] = [border.lane(queue, priority, chained, org) for priority in waits for chained in (True, False)]
            for lane in lanes[org]:
                pipe.llen(border.queue_key(lane))
                pipe.lrange(border.queue_key(lane), 0, HEADS - 1)
        entries = iter(pipe.execute())
        backlogs = {org: [(next(entries), next(entries)) for _ in lanes[org]] for org in orgs}
    since = enqueued(store, [rq_job for backlog in backlogs.values() for _, head in backlog for rq_job in head])
    told = []
    for org, (running, _), (weight, max_running) in zip(orgs, found[::2], found[1::2], strict=True):
        waiting = sum(length for length, _ in backlogs[org])
        heads = [since[rq_job] for _, head in backlogs[org] for rq_job in head if rq_job in since]
        oldest = round(max(now - min(heads), 0.0), 3) if heads else None
        if waiting or int(running or 0):
            told.append(Share(org, waiting, int(running or 0), float(weight or 1), int(max_running or 0), org in paused, oldest))
    return told


def enqueued(store: Store, rq_jobs: Sequence[bytes]) -> dict[bytes, float]:
    """Return since when each of these waits, in seconds since the epoch; without those that do not any more."""
    with store.redis.pipeline(transaction=False) as pipe:
        for rq_job in rq_jobs:
            pipe.hmget(border.job_key(rq_job.decode()), "status", "enqueued_at")
        found = zip(rq_jobs, pipe.execute(), strict=True)
    return {rq_job: datetime.fromisoformat(at.decode()).timestamp() for rq_job, (status, at) in found if status == b"queued" and at}


def owners(store: Store, leases: Iterable[bytes]) -> set[str]:
    """Return the organisations whose tasks these leases are of."""
    jobs = {re.split("[-:]", lease.decode(), maxsplit=1)[0] for lease in leases}
    with store.redis.pipeline(transaction=False) as pipe:
        for job in jobs:
            pipe.hget(store.keys.job(job), "org")
        return {org.decode() for org in pipe.execute() if org}


def alive(store: Store, workers: Iterable[bytes]) -> int:
    """Return how many of these workers live: one that was killed stays in RQ's sets, but its own key expires."""
    named = list(workers)
    return int(store.redis.exists(*named)) if named else 0
