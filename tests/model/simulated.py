"""A day's work in a moment: workers that claim, work for as long as a test says, and record, on the model or on Redis."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from jobs import orgs
from jobs.model import Claimed, Idle, TaskSpec
from jobs.store import Store
from tests.jobs.hands import START, Hands
from tests.model.answers import Nothing, Said, Taken
from tests.model.policy import SECOND
from tests.model.settle import NORMAL
from tests.model.verbs import Model

QUEUE = ("short",)


@dataclass(frozen=True)
class Run:
    org: str
    job: str
    began: float  #: seconds since the start
    seconds: float


class Jobs(Protocol):
    """Jobs of one task each."""

    def submit(self, now: float, org: str, priority: str) -> str: ...
    def cancel(self, now: float, job: str) -> None: ...
    def weigh(self, org: str, weight: float) -> None: ...
    def claim(self, now: float, worker: str) -> str | None:
        """Return the job whose task was claimed."""

    def complete(self, now: float, worker: str) -> None: ...


@dataclass
class OfModel:
    model: Model = field(default_factory=lambda: Model(NORMAL))
    held: dict[str, Taken] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def submit(self, now: float, org: str, priority: str) -> str:
        id = f"{next(self.numbers):x}"
        self.model.submit(at(now), id, [TaskSpec("t", "synthetic")], type="synthetic", user="ada", org=org, priority=priority)
        return id

    def cancel(self, now: float, job: str) -> None:
        self.model.cancel(at(now), job)

    def weigh(self, org: str, weight: float) -> None:
        self.model.tune(0, org, weight, None)

    def claim(self, now: float, worker: str) -> str | None:
        self.model.renew(at(now), worker, QUEUE, [(held.node, held.run) for held in self.held.values()])
        found: Taken | Nothing = Nothing(0.0)
        while isinstance(found, Nothing) and found.wait_s == 0:  # a call drops so many tombstones
            found = self.model.claim(at(now), worker, f"run{next(self.numbers)}", QUEUE)
            self.model.policy.keep()
        if isinstance(found, Nothing):
            return None
        self.held[worker] = found
        return found.node.partition("-")[0]

    def complete(self, now: float, worker: str) -> None:
        held = self.held.pop(worker)
        self.model.record(at(now), worker, held.node, held.run, Said("completed"), "", ())
        self.model.policy.keep()


@dataclass
class OfRedis:
    store: Store
    hands: dict[str, Hands] = field(default_factory=dict)
    held: dict[str, Claimed] = field(default_factory=dict)

    def of(self, worker: str, now: float) -> Hands:
        hands = self.hands.setdefault(worker, Hands(self.store, f"host:1:{worker}", QUEUE))
        hands.now = START + now
        return hands

    def submit(self, now: float, org: str, priority: str) -> str:
        return self.of("web", now).submit({"name": "t"}, org=org, priority=priority)

    def cancel(self, now: float, job: str) -> None:
        self.store.run("cancel", at(now), job)

    def weigh(self, org: str, weight: float) -> None:
        orgs.set(self.store, org, weight=weight)

    def claim(self, now: float, worker: str) -> str | None:
        hands = self.of(worker, now)
        hands.renew(*self.held.values())
        found: Claimed | Idle = Idle(0.0)
        while isinstance(found, Idle) and found.wait_s == 0:
            found = hands.look()
        if isinstance(found, Idle):
            return None
        self.held[worker] = found
        return found.job

    def complete(self, now: float, worker: str) -> None:
        self.of(worker, now).record(self.held.pop(worker))


def at(now: float) -> int:
    return round((START + now) * SECOND)


@dataclass
class Day:
    """Jobs, and workers that do nothing else."""

    jobs: Jobs
    workers: int = 1
    now: float = 0.0
    whose: dict[str, str] = field(default_factory=dict)  #: job → organisation
    ends: list[tuple[float, str]] = field(default_factory=list)  #: of what runs now, and whose it is

    def submit(self, org: str, priority: str = "normal", count: int = 1) -> list[str]:
        made = [self.jobs.submit(self.now, org, priority) for _ in range(count)]
        self.whose.update(dict.fromkeys(made, org))
        return made

    def work(self, claims: int, seconds: Callable[[str], float], between: Callable[[], None] = lambda: None) -> list[Run]:
        """Let the workers claim so many tasks, each of `seconds` by its organisation; `between` happens before each claim."""
        done: list[Run] = []
        for _ in range(claims):
            if len(self.ends) == self.workers:
                self.now, worker = heapq.heappop(self.ends)
                self.jobs.complete(self.now, worker)
            else:
                worker = f"w{len(self.ends)}"
            between()
            job = self.jobs.claim(self.now, worker)
            if job is None:
                return done
            run = Run(self.whose[job], job, self.now, seconds(self.whose[job]))
            heapq.heappush(self.ends, (self.now + run.seconds, worker))
            done.append(run)
        return done
