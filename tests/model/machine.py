"""A state machine that does whatever may be done, to Redis and to the model alike, and holds them against each other after each step."""

from __future__ import annotations

import itertools
import sys
from dataclasses import dataclass, field
from typing import Any, ClassVar

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from jobs import claim, control, record, show, submit
from jobs.model import Claimed, Completed, Failed, Idle, Outcome, Skipped, Spawn, Submission
from jobs.states import Priority
from tests.jobs.audit import audit
from tests.jobs.hands import START, Hands
from tests.model.policy import PRIORITIES, SECOND
from tests.model.settle import Limits
from tests.model.twin import NORMAL, SMALL, Stepping, Twin, same
from tests.model.verbs import Model

NAMES = "abcdef"
ORGS = ("acme", "clock", "77")
QUEUES = ("short", "long", "z9.short", "z9.long")
CREWS = {
    "host:1:first": ("short", "long"),
    "host:2:secnd": ("long",),
    "host:3:third": ("z9.long", "z9.short", "short"),
    "host:4:fourth": ("long", "short"),
}
OUTCOMES = [
    Completed(),
    Completed({"x": 1}),
    Completed({"y": [2]}),
    Failed("no"),
    Failed("partly", output={"part": 1}),
    Failed("never", final=True),
    Skipped("not configured"),
]
MANY = 50  #: calls of sweep that end any bulk change here


@st.composite
def graphs(draw: st.DrawFn) -> list[dict[str, Any]]:
    count = draw(st.integers(1, len(NAMES)))
    return [
        {
            "name": NAMES[i],
            "needs": sorted(draw(st.sets(st.sampled_from(NAMES[:i]), max_size=2))) if i else [],
            "duration": draw(st.sampled_from(["short", "long"])),
            "zone": draw(st.sampled_from(["", "", "", "z9"])),
            "optional": draw(st.booleans()),
            "attempts": draw(st.integers(1, 3)),
            "backoff_seconds": draw(st.sampled_from([0, 0.5, 5])),
        }
        for i in range(count)
    ]


@dataclass
class Worker:
    hands: Hands
    held: Claimed | None = None
    former: list[Claimed] = field(default_factory=list)  #: runs it began and left off, of which late calls may come

    def turn_to(self, next: Claimed | Idle | None) -> None:
        if self.held:
            self.former = [*self.former[-3:], self.held]
        self.held = next if isinstance(next, Claimed) else None

    def some_run(self, pick: int) -> Claimed | None:
        runs = [*([self.held] * 4 if self.held else []), *self.former]
        return runs[pick % len(runs)] if runs else None


picks = st.integers(0, 10_000)
workers = st.sampled_from(sorted(CREWS))
passing = st.sampled_from([0, 1_000, 250_000, 1_000_000, 1_333_333])
patience = st.sampled_from([MANY, MANY, 0, 1])
again = st.booleans()


class Machine(RuleBasedStateMachine):
    stores: ClassVar[dict[Limits, Stepping]]
    audited_every: ClassVar[int] = 5

    @initialize(
        limits=st.sampled_from([SMALL, SMALL, NORMAL]), weights=st.lists(st.sampled_from([1.0, 1.0, 2.0, 3.0, 0.5]), min_size=3, max_size=3)
    )
    def begin(self, limits: Limits, weights: list[float]) -> None:
        store = self.stores[limits]
        store.redis.flushall()
        self.twin = Twin(store, Model(limits), round(START * SECOND))
        self.workers = {name: Worker(Hands(store, name, queues)) for name, queues in CREWS.items()}
        self.jobs: list[str] = []
        self.submitted: list[tuple[Submission, str, str]] = []
        self.numbers = itertools.count(1)
        self.steps = 0
        for org, weight in zip(ORGS, weights, strict=True):
            store.redis.hset(store.keys.org(org), "weight", f"{weight:g}")
            self.twin.model.policy.weights[org] = weight

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

    # -- people

    @rule(
        tasks=graphs(),
        org=st.sampled_from(ORGS),
        priority=st.sampled_from(PRIORITIES),
        key=st.sampled_from(["", "", "k1", "k2"]),
        patience=patience,
        again=again,
    )
    def submit(self, tasks: list[dict[str, Any]], org: str, priority: str, key: str, patience: int, again: bool) -> None:
        submission = Submission("synthetic", {"tasks": tasks}, user="ada", org=org, priority=Priority(priority), admin=True)
        self.submit_as(f"{next(self.numbers):016x}", submission, key, patience, again)

    @precondition(lambda self: self.submitted)
    @rule(pick=picks, new=st.booleans())
    def submit_again(self, pick: int, new: bool) -> None:
        """The first answer was lost: with the same id, or with the same key and another one."""
        submission, key, id = self.submitted[pick % len(self.submitted)]
        if new or id in self.model.jobs:
            self.submit_as(f"{next(self.numbers):016x}" if new else id, submission, key, MANY, again=True)

    def submit_as(self, id: str, submission: Submission, key: str, patience: int, again: bool) -> None:
        _, stored, graph = submit.expand(submission, max_tasks=1000)
        self.twin.store.patience = patience
        made: list[str] = []

        def real() -> str:
            return submit.submit(self.twin.store, submission, idempotency_key=key or None, job=id, now=self.now)

        def modelled() -> None:
            asked = (stored, submission.priority)
            made.append("")
            made[0], more = self.model.submit(
                self.twin.now, id, graph.tasks, user="ada", org=submission.org, priority=str(submission.priority), key=key, asked=asked
            )
            self.twin.sweeping(made[0], lambda: more, patience)

        answer, _ = self.twin.call(real, modelled)
        if not isinstance(answer, str):
            return
        assert answer == made[0]
        self.submitted.append((submission, key, id))
        if answer not in self.jobs:
            self.jobs.append(answer)
        if again:
            self.twin.repeated(real, answer)

    @precondition(lambda self: self.jobs)
    @rule(pick=picks, patience=patience, again=again)
    def cancel(self, pick: int, patience: int, again: bool) -> None:
        job = self.jobs[pick % len(self.jobs)]
        self.twin.store.patience = patience

        def real() -> None:
            control.cancel(self.twin.store, job, now=self.now)

        answer, _ = self.twin.call(real, lambda: self.twin.sweeping(job, lambda: self.model.cancel(self.twin.now, job), patience))
        if again and job not in self.model.sweeps:
            self.twin.repeated(real, answer)

    @precondition(lambda self: self.jobs)
    @rule(pick=picks, whole=st.booleans(), node=picks, patience=patience, again=again)
    def retry(self, pick: int, whole: bool, node: int, patience: int, again: bool) -> None:
        job = self.jobs[pick % len(self.jobs)]
        nodes = [] if whole else [one.name for one in self.model.jobs[job].nodes()]
        name = "" if whole else nodes[node % len(nodes)]
        call = f"call{next(self.numbers)}"
        self.twin.store.patience = patience

        def real() -> None:
            control.retry_task(self.twin.store, job, name, call=call, now=self.now)

        answer, _ = self.twin.call(
            real, lambda: self.twin.sweeping(job, lambda: self.model.retry(self.twin.now, job, name, call), patience)
        )
        if again:
            self.twin.repeated(real, answer)

    @precondition(lambda self: self.jobs)
    @rule(pick=picks, patience=patience, again=again)
    def delete(self, pick: int, patience: int, again: bool) -> None:
        job = self.jobs.pop(pick % len(self.jobs))
        self.twin.store.patience = patience

        def real() -> tuple[str, ...]:
            return control.delete(self.twin.store, job, now=self.now)

        self.twin.call(real, lambda: self.twin.sweeping(job, lambda: self.model.delete(self.twin.now, job), patience))
        if again and job not in self.model.jobs:
            self.twin.unchanged(real)

    @rule(queue=st.sampled_from(QUEUES), on=st.booleans(), again=again)
    def pause(self, queue: str, on: bool, again: bool) -> None:
        verb, modelled = (control.pause, self.model.pause) if on else (control.resume, self.model.resume)
        answer, expected = self.twin.call(lambda: verb(self.twin.store, queue), lambda: modelled(f"queue:{queue}"))
        assert answer == expected
        if again:
            self.twin.unchanged(lambda: verb(self.twin.store, queue))

    # -- workers

    @rule(who=workers, us=passing, again=again)
    def claim(self, who: str, us: int, again: bool) -> None:
        """Whatever it held before it does not work on any more, as after an answer that was lost for good."""
        self.pass_time(us)
        worker = self.workers[who]
        run = next(worker.hands.runs)

        def real() -> Claimed | Idle:
            return worker.hands.look(run)

        answer, expected = self.twin.call(real, lambda: self.model.claim(self.twin.now, who, run, worker.hands.queues))
        same(answer, expected)
        worker.turn_to(answer)
        if again and isinstance(answer, Claimed):
            self.twin.repeated(real, answer)

    @rule(
        who=workers,
        pick=picks,
        us=passing,
        outcome=st.sampled_from(OUTCOMES),
        children=st.sampled_from([0, 0, 1, 3, 4]),
        attempts=st.integers(1, 2),
        allowed=st.integers(0, 2),
        goes_on=st.booleans(),
        again=again,
        seed=st.integers(0, 100),
    )
    def record(
        self,
        who: str,
        pick: int,
        us: int,
        outcome: Outcome,
        children: int,
        attempts: int,
        allowed: int,
        goes_on: bool,
        again: bool,
        seed: int,
    ) -> None:
        """Of the run it holds, or late, of one that it held before."""
        worker = self.workers[who]
        run = worker.some_run(pick)
        if not run:
            return
        self.pass_time(us)
        if children and run.child is None and isinstance(outcome, Completed):
            outcome = Spawn(({},) * children, outcome.output, attempts=attempts, allowed_failures=allowed, backoff_s=0.5)
        next_run = next(worker.hands.runs) if goes_on else None
        answer, expected, real = self.twin.record(worker.hands, run, outcome, next_run, seed)
        state, late, following = expected
        assert (answer.state, answer.stale) == (state if state != "new" else "pending", late)
        same(answer.next, following)
        if goes_on or run is worker.held:
            worker.turn_to(answer.next)
        if again and not isinstance(answer.next, Idle):
            self.twin.repeated(real, answer)

    @rule(who=workers, pick=picks, fraction=st.sampled_from([0.0, 0.25, 0.5, 1.0]), message=st.sampled_from(["", "at work"]), again=again)
    def progress(self, who: str, pick: int, fraction: float, message: str, again: bool) -> None:
        run = self.workers[who].some_run(pick)
        if not run:
            return

        def real() -> None:
            record.progress(self.twin.store, run, fraction, message)

        answer, _ = self.twin.call(real, lambda: self.model.progress(run.rq_job, run.run, fraction, message))
        if again:
            self.twin.repeated(real, answer)

    @rule(who=workers, pick=picks, offset=st.sampled_from([0, 0, 0, 1]), count=st.integers(1, 2), again=again)
    def append(self, who: str, pick: int, offset: int, count: int, again: bool) -> None:
        run = self.workers[who].some_run(pick)
        if not run or run.child is None:
            return
        node = self.model.nodes.get(run.rq_job)
        offset += len(node.items) if node else 0
        items = [{"by": run.run, "n": offset + n} for n in range(count)]

        def real() -> int:
            return record.append(self.twin.store, run, offset, items)

        answer, expected = self.twin.call(real, lambda: self.model.append(run.rq_job, run.run, offset, items))
        assert isinstance(answer, Exception) or answer == expected
        if again:
            self.twin.repeated(real, answer)

    @rule(who=workers, us=passing, former=st.booleans(), again=again)
    def renew(self, who: str, us: int, former: bool, again: bool) -> None:
        self.pass_time(us)
        worker = self.workers[who]
        runs = [*([worker.held] if worker.held else []), *(worker.former if former else [])]

        def real() -> claim.Renewed:
            return worker.hands.renew(*runs)

        pairs = [(run.rq_job, run.run) for run in runs]
        answer, (reaped, states) = self.twin.call(real, lambda: self.model.renew(self.twin.now, who, worker.hands.queues, pairs))
        gone = {run.run: state for run, state in zip(runs, states, strict=True) if state != "held"}
        assert answer == claim.Renewed(frozenset(gone), frozenset(run for run in gone if gone[run] == "cancelled"), reaped)
        if again and not self.model.sweeps and min(self.model.leases.values(), default=self.twin.now + 1) > self.twin.now:
            self.twin.repeated(real, answer)

    @rule(
        who=workers,
        pick=picks,
        how=st.sampled_from(["named", "named", "blind"]),
        delay_s=st.sampled_from([0.0, 0.0, 3.0, 30.0]),
        us=passing,
        again=again,
    )
    def hand_back(self, who: str, pick: int, how: str, delay_s: float, us: int, again: bool) -> None:
        worker = self.workers[who]
        run = worker.some_run(pick)
        if not run:
            return
        self.pass_time(us)
        id = run.rq_job if how == "named" else ""

        def real() -> None:
            record.hand_back(self.twin.store, worker=who, run=run.run, rq_job=id, delay_s=delay_s, now=self.now)

        answer, _ = self.twin.call(real, lambda: self.model.hand_back(self.twin.now, who, id, run.run, delay_s * SECOND))
        if run is worker.held:
            worker.turn_to(None)
        if again:
            self.twin.repeated(real, answer)

    @rule(who=workers, pick=picks, us=passing, again=again)
    def lose(self, who: str, pick: int, us: int, again: bool) -> None:
        """Its horse died, and its supervisor says so."""
        worker = self.workers[who]
        run = worker.some_run(pick)
        if not run:
            return
        self.pass_time(us)

        def real() -> bool:
            return record.lost(self.twin.store, worker=who, run=run.run, reason="killed", now=self.now)

        answer, expected = self.twin.call(real, lambda: self.model.lost(self.twin.now, who, run.run, "killed"))
        assert isinstance(answer, Exception) or answer == expected
        if run is worker.held:
            worker.turn_to(None)
        if again:
            self.twin.unchanged(real)

    # -- time, and what goes on in it

    @rule(us=st.sampled_from([1, 6 * SECOND, 16 * SECOND, 20 * SECOND, 200 * SECOND, 700 * SECOND]))
    def wait(self, us: int) -> None:
        self.pass_time(us)

    @rule()
    def reap(self) -> None:
        answer, expected = self.twin.call(lambda: claim.reap(self.twin.store, self.now), lambda: self.model.reap(self.twin.now))
        assert answer == expected

    @precondition(lambda self: self.model.sweeps)
    @rule(pick=picks)
    def sweep(self, pick: int) -> None:
        jobs = sorted(self.model.sweeps)
        job = jobs[pick % len(jobs)]
        answer, expected = self.twin.call(
            lambda: self.twin.store.run("sweep", self.twin.now, job)[0], lambda: self.model.sweep(self.twin.now, job)
        )
        assert answer == expected

    @rule()
    def expire(self) -> None:
        """RQ's entries of what ended long ago are gone."""
        for node in list(self.model.nodes.values()):
            listed = self.model.listed.get(("finished", node.queue), {})
            if node.state == "completed" and listed.get(node.id, self.now) <= self.now:
                node.known = False
                listed.pop(node.id, None)
                self.twin.store.redis.delete(f"rq:job:{node.id}")
                self.twin.store.redis.zrem(f"rq:finished:{node.queue}", node.id)

    # -- what must hold

    @invariant()
    def model_and_redis_are_equal(self) -> None:
        self.twin.compare()
        self.steps += 1
        if self.steps % self.audited_every == 0 and not self.model.sweeps:  # the audit is of what is not half done
            self.sound()

    def sound(self) -> None:
        # What has finished RQ lists for 500 s.
        assert [fault for fault in audit(self.twin.store) if not fault.endswith("finished registry False")] == []

    def teardown(self) -> None:
        """Whatever has happened: working on ends every job, and deleting them leaves nothing behind."""
        if sys.exc_info()[0]:  # it ends with a failure already
            return
        for queue in QUEUES:
            self.pause(queue, False, False)
        for _ in range(400):
            if all(not job.alive for job in self.model.jobs.values()) and not self.model.sweeps:
                break
            self.pass_time(20 * SECOND)
            for who, worker in self.workers.items():
                worker.turn_to(None)
                self.renew(who, 0, False, False)
                self.claim(who, 0, False)
                while worker.held:
                    self.record(who, 0, 1000, Completed(), 0, 1, 0, True, False, 0)
        assert [job.id for job in self.model.jobs.values() if job.alive] == []
        self.twin.compare()
        self.sound()
        for job in self.jobs:
            assert show.job(self.twin.store, job).status.ended
