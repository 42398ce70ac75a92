"""What the run measured: how soon work went on after a blow, how much was done, how fairly it was shared out."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from jobs.states import Priority
from tests.chaos.harm import WORKER_DEATHS, Blow, Kind
from tests.chaos.ledger import Run, Step
from tests.chaos.load import ORGS
from tests.chaos.ordeal import Evidence

ROWS = {
    "a horse's death": (Kind.HORSE,),
    "a whole worker's death": WORKER_DEATHS,
    "a worker stopped for longer than a lease": (Kind.STOPPED,),
}
AWAY = "any of these, and Redis away before it was seen"
FEWEST_S = 5.0  #: of a queue in which all waited, for its fairness to mean anything


@dataclass(frozen=True, slots=True)
class Recovery:
    """A worker was hit while it held a run; the same task ran again."""

    blow: Blow
    row: str
    urgent: bool  #: of high or normal priority; lower ones wait until nothing higher does, but for one claim in ten
    waiting_s: float | None  #: until the task stood in its lane again
    running_s: float  #: until it ran again


@dataclass(frozen=True, slots=True)
class Spread:
    count: int
    median: float
    p99: float
    max: float

    @staticmethod
    def of(values: Iterable[float]) -> Spread | None:
        found = sorted(values)
        if not found:
            return None
        return Spread(len(found), nearest(found, 0.5), nearest(found, 0.99), found[-1])


def nearest(ordered: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile of `ordered`, at `share` (0–1)."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


@dataclass
class Shares:
    """What the organisations got of one queue while every one of them had a task of normal priority waiting in it, and Redis was there."""

    queue: str
    contended_s: float = 0.0
    worked_s: dict[str, float] = field(default_factory=lambda: dict.fromkeys(ORGS, 0.0))  #: worker-seconds, up to a worker's death or stop
    held_s: dict[str, float] = field(default_factory=lambda: dict.fromkeys(ORGS, 0.0))  #: the same until the lease ended

    def jain(self, seconds: dict[str, float]) -> float:
        """Jain's index: 1 when all got the same, 1/n when one got everything (Jain, Chiu, Hawe, 1984)."""
        got = list(seconds.values())
        return sum(got) ** 2 / (len(got) * sum(x * x for x in got)) if any(got) else 1.0


@dataclass
class Figures:
    recoveries: list[Recovery]
    unharmed: int  #: blows to a worker that held nothing, or whose outcome was under way
    shares: list[Shares]
    waits: dict[str, Spread]  #: by organisation: seconds from ready to running, of tasks of normal priority
    jobs_each: dict[str, int]
    seconds: float  #: from the first submission to the last end
    jobs_per_s: float
    runs_per_s: float
    busy: float  #: share of the workers' time that runs took
    peak_runs_per_s: float  #: over the best ten seconds


def measure(evidence: Evidence) -> Figures:
    ledger = evidence.ledger
    org_of = {one.job: one.plan.org for one in evidence.accepted}
    recoveries, unharmed = _recoveries(evidence)
    begun = evidence.begun
    ended = evidence.settled_at or ledger.last_at
    span_s = ended - begun
    jobs_each = dict.fromkeys(ORGS, 0)
    for org in org_of.values():
        jobs_each[org] += 1
    done = [run for run in ledger.runs.values() if run.became in ("completed", "joining")]
    tens: dict[int, int] = defaultdict(int)
    for run in done:
        tens[int(((run.ended or 0) - begun) // 10)] += 1
    held_s = sum((run.ended or ended) - run.began for run in ledger.runs.values())
    return Figures(
        recoveries=recoveries,
        unharmed=unharmed,
        shares=_shares(evidence, org_of),
        waits=_waits(evidence, org_of),
        jobs_each=jobs_each,
        seconds=span_s,
        jobs_per_s=len(evidence.accepted) / span_s,
        runs_per_s=len(done) / span_s,
        busy=held_s / (span_s * evidence.form.workers),
        peak_runs_per_s=max(tens.values(), default=0) / 10,
    )


def _recoveries(evidence: Evidence) -> tuple[list[Recovery], int]:
    by_pid: dict[int, list[Run]] = defaultdict(list)
    for run in sorted(evidence.ledger.runs.values(), key=lambda run: run.began):
        by_pid[run.pid].append(run)
    found: dict[str, Recovery] = {}
    lower = {one.job for one in evidence.accepted if one.plan.priority in (Priority.LOW, Priority.BACKGROUND)}
    unharmed = 0
    for blow in evidence.blows:
        row = next((name for name, kinds in ROWS.items() if blow.kind in kinds), None)
        held = _held(by_pid[blow.pid], blow.at)
        if row is None or (held and held.id in found):
            continue
        if held is None or not held.lost:
            unharmed += 1
            continue
        steps = evidence.ledger.steps[held.node]
        after = steps[next(index for index, step in enumerate(steps) if step.run == held.id and step.state == "running") + 1 :]
        again = next((step for step in after if step.state == "running"), None)
        if again is None or any(step.by_hand for step in after[: after.index(again)]):
            continue  # it was its last attempt, or it was cancelled and retried meanwhile
        ready = next((step.at for step in after if step.state == "ready"), None)
        away = any(since < (ready or again.at) and until > blow.at for since, until in evidence.outages)
        found[held.id] = Recovery(
            blow, AWAY if away else row, held.node.partition("-")[0] not in lower, ready - blow.at if ready else None, again.at - blow.at
        )
    return list(found.values()), unharmed


def _held(runs: Sequence[Run], at: float) -> Run | None:
    """The last run that the worker began before `at`, if it went on then."""
    last = next((run for run in reversed(runs) if run.began <= at), None)
    return last if last and (last.ended is None or last.ended > at) else None


def _waits(evidence: Evidence, org_of: dict[str, str]) -> dict[str, Spread]:
    plain = {one.job for one in evidence.accepted if one.plan.priority is None}
    waits: dict[str, list[float]] = defaultdict(list)
    for before, step in evidence.ledger.arrows():
        if before and before.state == "ready" and step.state == "running" and step.node.partition("-")[0] in plain:
            waits[org_of[step.node.partition("-")[0]]].append(max(step.at - before.at, 0.0))
    return {org: spread for org in ORGS if (spread := Spread.of(waits[org]))}


def _shares(evidence: Evidence, org_of: dict[str, str]) -> list[Shares]:
    queue_of = {f"{one.job}-{task['name']}": task["duration"] for one in evidence.accepted for task in one.plan.tasks}
    plain = {one.job for one in evidence.accepted if one.plan.priority is None}
    deaths = [blow for blow in evidence.blows if blow.kind in (Kind.HORSE, Kind.STOPPED, *WORKER_DEATHS)]
    return [
        shares
        for queue in ("short", "long")
        if (shares := _share(queue, evidence, org_of, queue_of, plain, deaths)).contended_s >= FEWEST_S
    ]


def _share(queue: str, evidence: Evidence, org_of: dict[str, str], queue_of: dict[str, str], plain: set[str], deaths: list[Blow]) -> Shares:
    """Walk through time, from change to change, and add up what each had while all waited."""
    changes: list[tuple[float, str, str, int]] = []  # when, what, whose, one more or one less
    for node, steps in evidence.ledger.steps.items():
        job, task = node.split("-")[:2]
        if queue_of[f"{job}-{task}"] == queue and job in plain:
            changes += [change for pair in zip(steps, [*steps[1:], None], strict=True) for change in _waiting(org_of[job], *pair)]
    died = defaultdict(list)
    for blow in deaths:
        died[blow.pid].append(blow.at)
    for run in evidence.ledger.runs.values():
        job, task = run.node.split("-")[:2]
        if queue_of[f"{job}-{task}"] == queue:
            end = run.ended or evidence.ledger.last_at
            at_work_until = min([at for at in died[run.pid] if run.lost and run.began <= at <= end], default=end)
            changes += [(run.began, "held", org_of[job], 1), (end, "held", org_of[job], -1)]
            changes += [(run.began, "worked", org_of[job], 1), (at_work_until, "worked", org_of[job], -1)]
    for since, until in evidence.outages:  # nobody could be served
        changes += [(since, "away", ORGS[0], 1), (until, "away", ORGS[0], -1)]
    count = {what: dict.fromkeys(ORGS, 0) for what in ("waiting", "held", "worked", "away")}
    shares, last = Shares(queue), 0.0
    for at, what, org, by in sorted(changes):
        if at > last and all(count["waiting"].values()) and not any(count["away"].values()):
            shares.contended_s += at - last
            for one in ORGS:
                shares.held_s[one] += (at - last) * count["held"][one]
                shares.worked_s[one] += (at - last) * count["worked"][one]
        last = at
        count[what][org] += by
    return shares


def _waiting(org: str, step: Step, after: Step | None) -> list[tuple[float, str, str, int]]:
    if step.state != "ready" or after is None:
        return []
    return [(step.at, "waiting", org, 1), (after.at, "waiting", org, -1)]
