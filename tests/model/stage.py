"""What the rules of the machine stand on: a Redis and its model, workers, time; and what must hold after each step."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import ClassVar

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from jobs import orgs, show
from jobs.control import Paused
from jobs.model import Claimed, Idle, JobView, Plain, Submission
from tests.jobs.audit import audit
from tests.jobs.hands import START, Hands
from tests.model.policy import SECOND
from tests.model.settle import NORMAL, Limits
from tests.model.twin import SMALL, Stepping, Twin
from tests.model.verbs import Model

ORGS = ("acme", "clock", "77")
QUEUES = ("short", "long", "z9.short", "z9.long")
PAUSED: list[tuple[Paused, str]] = [
    *(("queue", queue) for queue in QUEUES),
    *(("org", org) for org in ORGS),
    ("type", "synthetic"),
    ("type", "transcription"),
]
CREWS = {
    "host:1:first": ("short", "long"),
    "host:2:secnd": ("long",),
    "host:3:third": ("z9.long", "z9.short", "short"),
    "host:4:fourth": ("long", "short"),
}
MANY = 50  #: calls of sweep that end any bulk change here

picks = st.integers(0, 10_000)
workers = st.sampled_from(sorted(CREWS))
passing = st.sampled_from([0, 1_000, 250_000, 1_000_000, 1_333_333])
patience = st.sampled_from([MANY, MANY, 0, 1])
again = st.booleans()


@dataclass
class Worker:
    hands: Hands
    held: Claimed | None = None
    besides: list[Claimed] = field(default_factory=list)  #: what the claim of `held` took besides
    former: list[Claimed] = field(default_factory=list)  #: runs it began and left off, of which late calls may come

    last: Idle | None = None  #: answer of a claim that found nothing

    def turn_to(self, next: list[Claimed] | Plain | Claimed | Idle | None) -> None:
        some = next if isinstance(next, list) else [next] if isinstance(next, Claimed) else []
        self.last = next if isinstance(next, Idle) else None
        self.former = [*self.former, *self.batch][-6:]
        self.held, self.besides = (some[0], some[1:]) if some else (None, [])

    @property
    def batch(self) -> list[Claimed]:
        return [self.held, *self.besides] if self.held else []

    def runs(self) -> list[Claimed]:
        """What a call may be about: mostly the one it holds."""
        return [*([self.held] * 4 if self.held else []), *self.besides, *self.former]


class Stage(RuleBasedStateMachine):
    stores: ClassVar[dict[tuple[Limits, bool], Stepping]]
    audited_every: ClassVar[int] = 25

    @initialize(
        limits=st.sampled_from([SMALL, SMALL, NORMAL]),
        chained_first=st.sampled_from([False, False, True]),
        weights=st.lists(st.sampled_from([1.0, 1.0, 2.0, 3.0, 0.5]), min_size=3, max_size=3),
    )
    def begin(self, limits: Limits, chained_first: bool, weights: list[float]) -> None:
        store = self.stores[limits, chained_first]
        store.redis.flushall()
        self.twin = Twin(store, Model(limits, chained_first=chained_first), round(START * SECOND))
        self.workers = {name: Worker(Hands(store, name, queues)) for name, queues in CREWS.items()}
        self.jobs: list[str] = []
        self.seen: dict[tuple[str, int], JobView] = {}
        self.submitted: list[tuple[Submission, str, str]] = []
        self.numbers = itertools.count(1)
        self.steps = 0
        for org, weight in zip(ORGS, weights, strict=True):
            orgs.set(store, org, weight=weight)
            self.model.policy.weights[org] = weight

    @property
    def model(self) -> Model:
        return self.twin.model

    @property
    def now(self) -> float:
        return self.twin.now / SECOND

    def pass_time(self, us: int) -> None:
        self.twin.now += us
        for worker in self.workers.values():
            worker.hands.now = self.now

    def busy(self, pick: int, *, children: bool = False) -> tuple[Worker, Claimed]:
        """A worker, and a run that it holds or held before."""
        some = [(worker, run) for worker in self.workers.values() for run in worker.runs() if run.child is not None or not children]
        return some[pick % len(some)]

    @invariant()
    def model_and_redis_are_equal(self) -> None:
        self.twin.compare()
        self.steps += 1
        if self.steps % self.audited_every == 0 and not self.model.sweeps:  # the audit is of what is not half done
            self.sound()

    @invariant()
    def a_revision_is_seen_in_one_way_only(self) -> None:
        """Who was told of a job at a revision need not be told again before the next (ETag, web/recent.py)."""
        for job in self.jobs:
            view = show.job(self.twin.store, job)
            assert self.seen.setdefault((job, view.revision), view) == view

    def sound(self) -> None:
        assert audit(self.twin.store, self.now) == []


def any_run(stage: Stage) -> bool:
    return any(worker.runs() for worker in stage.workers.values())


def any_child_run(stage: Stage) -> bool:
    return any(run.child is not None for worker in stage.workers.values() for run in worker.runs())


def any_batch(stage: Stage) -> bool:
    return any(worker.besides for worker in stage.workers.values())
