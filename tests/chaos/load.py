"""What is submitted, and what each submission must come to. Pure: the same seed makes the same load."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from jobs.states import JobStatus, Priority

ORGS = tuple(f"org{number:02}" for number in range(20))
MARGIN = 40  #: attempts of what has to succeed: a worker's death costs one each
#: How many of the jobs are an organisation's, and how long its tasks are, against the others: one asks for three times as
#: much, four have long tasks, four have many short ones.
ASKS = {org: 3.0 if number == 0 else 1.6 if 5 <= number <= 8 else 1.0 for number, org in enumerate(ORGS)}
LENGTH = {org: 1.6 if 1 <= number <= 4 else 0.6 if 5 <= number <= 8 else 1.0 for number, org in enumerate(ORGS)}
#: What each of six tasks needs, by their numbers.
SHAPES: tuple[tuple[tuple[int, ...], ...], ...] = (
    ((), (0,), (1,), (2,), (3,), (4,)),
    ((), (0,), (0,), (0,), (1, 2, 3), (4,)),
    ((), (0,), (0,), (0,), (0,), (1, 2, 3, 4)),
    ((), (), (0, 1), (2,), (2,), (3, 4)),
    ((), (), (0,), (1,), (2, 3), (0, 4)),
)
SECONDS = ((0.0, 35), (0.05, 35), (0.15, 20), (0.5, 8), (1.5, 2))  #: of a run, with weights; stretched by the pace
PRIORITIES = ((None, 90), (Priority.HIGH, 4), (Priority.LOW, 4), (Priority.BACKGROUND, 2))


class Meddling(StrEnum):
    """What somebody does to a job on its way."""

    NONE = "left alone"
    CANCEL = "cancelled"
    CANCEL_AND_RETRY = "cancelled and retried"
    RETRY_FAILED = "failed and retried"
    RETRY_SKIPPED = "a skipped task retried"


@dataclass(frozen=True, slots=True)
class Plan:
    """One submission."""

    number: int
    org: str
    tasks: tuple[dict[str, Any], ...]
    comes_to: JobStatus  #: unless it is cancelled in time
    priority: Priority | None = None
    skipped: frozenset[str] = frozenset()  #: the tasks that cannot succeed and may fail
    fails: str = ""  #: the task that fails for good, if the job comes to that
    meddling: Meddling = Meddling.NONE
    meddle_after: float = 0.0  #: as a share of the longest wait for it
    cut: float | None = None  #: share of the request that is sent before its connection breaks; 1: all of it, and no answer heard
    twice: bool = False  #: sent once more after it was answered

    @property
    def key(self) -> str:
        return f"submission-{self.number}"

    @property
    def seconds(self) -> float:
        """What its runs sleep in all, when none fails."""
        return float(sum(task["seconds"] * task.get("children", 1) for task in self.tasks))

    def stretched(self, by: float) -> Plan:
        return replace(self, tasks=tuple({**task, "seconds": round(task["seconds"] * by, 3)} for task in self.tasks))


def plans(seed: int, count: int) -> list[Plan]:
    """Return `count` plans: of each organisation as many as ASKS says, spread over the whole."""
    rng = random.Random(f"load {seed}")
    places = []
    for org, asks in ASKS.items():
        of_it = max(round(count * asks / sum(ASKS.values())), 1)
        places += [((index + rng.random()) / of_it, org) for index in range(of_it)]
    orgs = [org for _, org in sorted(places)][:count]
    orgs += rng.choices(ORGS, k=count - len(orgs))  # what rounding left
    return [_plan(rng, number, org) for number, org in enumerate(orgs)]


def _plan(rng: random.Random, number: int, org: str) -> Plan:
    tasks = _graph(rng, LENGTH[org])
    priority = rng.choices([p for p, _ in PRIORITIES], weights=[w for _, w in PRIORITIES])[0]
    plan = Plan(number, org, tasks, JobStatus.COMPLETED, priority, meddle_after=rng.random())
    plan = replace(plan, cut=rng.choice((0.3, 0.9, 1.0, 1.0, 1.0)) if rng.random() < 0.06 else None, twice=rng.random() < 0.02)
    chance = rng.random()
    if chance < 0.03:
        return _doomed(rng, replace(plan, meddling=Meddling.RETRY_FAILED if chance < 0.015 else Meddling.NONE))
    if chance < 0.034:
        return _doomed(rng, plan, poison=True)
    if chance < 0.06:
        return replace(plan, meddling=Meddling.CANCEL)
    if chance < 0.10:
        return replace(plan, meddling=Meddling.CANCEL_AND_RETRY)
    if chance < 0.20:
        return _with_a_skipped_task(rng, plan, retried=chance < 0.12)
    if chance < 0.40:
        return _with_children(rng, plan)
    return plan


def _graph(rng: random.Random, length: float) -> tuple[dict[str, Any], ...]:
    tasks = []
    for index, needs in enumerate(rng.choice(SHAPES)):
        seconds = rng.choices([s for s, _ in SECONDS], weights=[w for _, w in SECONDS])[0]
        task: dict[str, Any] = {
            "name": f"t{index}",
            "needs": [f"t{need}" for need in needs],
            "duration": "long" if rng.random() < (0.6 if index else 0.3) else "short",
            "seconds": seconds * length,
            "attempts": MARGIN,
            "backoff_seconds": rng.choice((0, 0.5, 2)),
            "output": f"of t{index}",
        }
        chance = rng.random()
        if chance < 0.04:
            task["fail_attempts"] = rng.randint(1, 2)
        elif chance < 0.042:
            task["crash_attempts"] = 1
        tasks.append(task)
    return tuple(tasks)


def _changed(plan: Plan, index: int, **changes: Any) -> tuple[dict[str, Any], ...]:
    plain = {name: value for name, value in plan.tasks[index].items() if name not in ("fail_attempts", "crash_attempts")}
    return (*plan.tasks[:index], {**plain, **changes}, *plan.tasks[index + 1 :])


def _doomed(rng: random.Random, plan: Plan, *, poison: bool = False) -> Plan:
    """A task fails as often as it may: whether it fails or is killed at it, its two attempts go, and the job with them."""
    index = rng.randrange(6)
    how = {"crash_attempts": 2} if poison else {"fail_attempts": 2}
    tasks = _changed(plan, index, attempts=2, **how)
    if plan.meddling is Meddling.RETRY_FAILED:  # the third attempt would succeed
        return replace(plan, tasks=tasks)
    return replace(plan, tasks=tasks, comes_to=JobStatus.FAILED, fails=f"t{index}")


def _with_a_skipped_task(rng: random.Random, plan: Plan, *, retried: bool) -> Plan:
    index = rng.randrange(6)
    tasks = _changed(plan, index, attempts=2, fail_attempts=2, optional=True)
    if retried:
        return replace(plan, tasks=tasks, meddling=Meddling.RETRY_SKIPPED)
    return replace(plan, tasks=tasks, skipped=frozenset({f"t{index}"}))


def _with_children(rng: random.Random, plan: Plan) -> Plan:
    index, children = rng.randrange(6), rng.randint(2, 5)
    seconds = plan.tasks[index]["seconds"] / children
    return replace(plan, tasks=_changed(plan, index, children=children, seconds=seconds))
