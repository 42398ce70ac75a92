"""What an admin should know at a glance: what stands in the way of the work, in words, the worst first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from jobs.queues import Queue, Share
from jobs.store import NEARLY_FULL

LONG_WAIT_S = 900.0
FILLING = 0.7  #: of Redis's memory

Weight = Literal["bad", "note"]  #: work stands still, or soon will; somebody should know


@dataclass(frozen=True, slots=True)
class Trouble:
    weight: Weight
    about: str  #: redis, workers, queue, organisation, type
    name: str  #: of the queue, the organisation, the job type; else ''
    says: str
    todo: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What they are told by."""

    queues: Sequence[Queue]
    organisations: Sequence[str] = ()  #: that are paused
    types: Mapping[str, int] | None = None  #: that are paused, and how many ready tasks of each were set aside
    suspended: bool = False  #: by `rq suspend`
    redis_share: float = 0.0  #: of maxmemory


def troubles(seen: Seen) -> list[Trouble]:
    found = [
        *of_redis(seen.redis_share),
        *of_workers(seen.queues),
        *of_pauses(seen),
        *(one for queue in seen.queues for one in of_queue(queue)),
    ]
    return sorted(found, key=lambda trouble: trouble.weight)


def of_redis(share: float) -> Iterator[Trouble]:
    if share > NEARLY_FULL:
        todo = "Delete jobs (python -m scripts.admin jobs purge), or give Redis more memory."
        yield Trouble("bad", "redis", "", f"Redis is {share:.0%} full: new jobs and uploads are refused, what was accepted goes on.", todo)
    elif share > FILLING:
        todo = "Delete old jobs, or give Redis more memory."
        yield Trouble("note", "redis", "", f"Redis is {share:.0%} full; from {NEARLY_FULL:.0%} on new jobs are refused.", todo)


def of_workers(queues: Sequence[Queue]) -> Iterator[Trouble]:
    """Yield that nobody works, where no queue tells it by what waits in it."""
    if queues and not any(queue.workers or queue.waiting for queue in queues):
        todo = "Start some: python -m workers short long"
        yield Trouble("note", "workers", "", "No worker is there: what is submitted now waits until one is started.", todo)


def of_pauses(seen: Seen) -> Iterator[Trouble]:
    if seen.suspended:
        yield Trouble("bad", "workers", "", "All workers are suspended, by rq suspend: nothing new begins.", "Let them go on: rq resume.")
    for org in seen.organisations:
        yield Trouble(
            "note", "organisation", org, f"The organisation {org} is paused: none of its tasks begins.", "Resume it when it may go on."
        )
    for kind, held in (seen.types or {}).items():
        waits = f", {tasks(held)} of it so far are set aside" if held else ""
        todo = f"python -m scripts.admin queues resume --type {kind}"
        yield Trouble("note", "type", kind, f"Jobs of type {kind} are paused{waits}.", todo)


def of_queue(queue: Queue) -> Iterator[Trouble]:
    name, waiting = queue.queue, queue.waiting
    if queue.paused:
        waits = f", {tasks(waiting)} wait" if waiting > 1 else ", a task waits" if waiting else ""
        yield Trouble("note", "queue", name, f"The queue {name} is paused{waits}.", "Resume it when it may go on.")
    elif waiting and not queue.workers:
        zone, _, kind = name.rpartition(".")
        todo = f"Start one: python -m workers {kind}{f' --zone {zone}' if zone else ''}"
        wait = f"{tasks(waiting)} wait" if waiting > 1 else "a task waits"
        yield Trouble("bad", "queue", name, f"No worker serves {name}, and {wait} there.", todo)
    elif (oldest := longest(queue.organisations)) > LONG_WAIT_S:
        todo = "More workers would shorten it; those that are there may be busy with long tasks."
        yield Trouble("note", "queue", name, f"Somebody has waited in {name} for {oldest / 60:.0f} min.", todo)


def longest(shares: Iterable[Share]) -> float:
    """Return for how long somebody waits who is neither paused nor at a limit: of those an admin has decided so."""
    kept = (share for share in shares if not share.paused and not 0 < share.max_running <= share.running)
    return max((share.oldest_wait_seconds or 0.0 for share in kept), default=0.0)


def tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count:,} tasks"
