"""The rules of workers: claim, record, renew, give back, die."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis.stateful import precondition, rule

from jobs import claim, record
from jobs.model import Back, Claimed, Completed, Failed, Idle, Outcome, Plain, Skipped, Spawn
from jobs.record import Ended
from tests.model.policy import SECOND
from tests.model.stage import Stage, Worker, again, any_batch, any_child_run, any_run, passing, picks, workers
from tests.model.twin import all_same, same

OUTCOMES = [
    Completed(),
    Completed({"x": 1}),
    Completed({"y": [2]}),
    Failed("no"),
    Failed("partly", output={"part": 1}),
    Failed("never", final=True),
    Skipped("not configured"),
]
SPLITS = Spawn(({},) * 3, {"z": 1}, attempts=1)


class Workers(Stage):
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

    @rule(who=workers, us=passing, most=st.integers(2, 4), again=again)
    def claim_some(self, who: str, us: int, most: int, again: bool) -> None:
        self.pass_time(us)
        worker = self.workers[who]
        run = next(worker.hands.runs)

        def real() -> list[Claimed] | Plain | Idle:
            return claim.claim_some(self.twin.store, worker=who, queues=worker.hands.queues, run=run, most=most, now=self.now)

        answer, expected = self.twin.call(real, lambda: self.model.claim_some(self.twin.now, who, run, worker.hands.queues, most))
        all_same(answer, expected)
        worker.turn_to(answer)
        if again and isinstance(answer, list):
            self.twin.repeated(real, answer)

    @precondition(any_batch)
    @rule(
        pick=picks,
        us=passing,
        outcomes=st.lists(st.sampled_from([*OUTCOMES, Back(), Back(delay_s=3.0), SPLITS]), min_size=4, max_size=4),
        took_s=st.lists(st.sampled_from([0.0, 0.0, 0.0004, 0.2]), min_size=4, max_size=4),
        but=st.integers(0, 5),
        most=st.integers(1, 4),
        goes_on=st.booleans(),
        again=again,
        seed=st.integers(0, 100),
    )
    def record_some(
        self,
        pick: int,
        us: int,
        outcomes: list[Outcome | Back],
        took_s: list[float],
        but: int,
        most: int,
        goes_on: bool,
        again: bool,
        seed: int,
    ) -> None:
        """Of all that one claim took, or all but one of them, which was interrupted."""
        some = [worker for worker in self.workers.values() if worker.besides]
        worker = some[pick % len(some)]
        runs = [run for n, run in enumerate(worker.batch) if n != but]
        outcomes = [
            Completed() if outcome is SPLITS and run.child is not None else outcome for run, outcome in zip(runs, outcomes, strict=False)
        ]
        self.pass_time(us)
        ended = [Ended(run, outcome, took) for run, outcome, took in zip(runs, outcomes, took_s, strict=False)]
        next_run = next(worker.hands.runs) if goes_on else None
        answer, expected, real = self.twin.record_some(worker.hands, ended, next_run, most, seed)
        known, following = expected
        assert answer[0] == [(state if state != "new" else "pending", late) for state, late in known]
        all_same(answer[1], following)
        worker.turn_to(answer[1])
        if again and not isinstance(answer[1], Idle):
            self.twin.repeated(real, answer)

    @precondition(any_run)
    @rule(
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
        worker, run = self.busy(pick)
        if children and run.child is None and isinstance(outcome, Completed):
            outcome = Spawn(({},) * children, outcome.output, attempts=attempts, allowed_failures=allowed, backoff_s=0.5)
        self.pass_time(us)
        self.record_run(worker, run, outcome, goes_on=goes_on, again=again, seed=seed)

    def record_run(self, worker: Worker, run: Claimed, outcome: Outcome, *, goes_on: bool, again: bool = False, seed: int = 0) -> None:
        next_run = next(worker.hands.runs) if goes_on else None
        answer, expected, real = self.twin.record(worker.hands, run, outcome, next_run, seed)
        state, late, following = expected
        assert (answer.state, answer.stale) == (state if state != "new" else "pending", late)
        same(answer.next, following)
        if goes_on or run in worker.batch:
            worker.turn_to(answer.next)
        if again and not isinstance(answer.next, Idle):
            self.twin.repeated(real, answer)

    @precondition(any_run)
    @rule(pick=picks, fraction=st.sampled_from([0.0, 0.25, 0.5, 1.0]), message=st.sampled_from(["", "at work"]), again=again)
    def progress(self, pick: int, fraction: float, message: str, again: bool) -> None:
        _, run = self.busy(pick)

        def real() -> None:
            record.progress(self.twin.store, run, fraction, message)

        answer, _ = self.twin.call(real, lambda: self.model.progress(run.rq_job, run.run, fraction, message))
        if again:
            self.twin.repeated(real, answer)

    @rule(
        who=workers, outcomes=st.lists(st.sampled_from(OUTCOMES), min_size=2, max_size=8), us=passing, children=st.sampled_from([0, 0, 3])
    )
    def work(self, who: str, outcomes: list[Outcome], us: int, children: int) -> None:
        """A stretch of work: one task after the other."""
        worker = self.workers[who]
        for outcome in outcomes:
            self.pass_time(us)
            if not worker.held:
                self.claim(who, 0, False)
            elif children and worker.held.child is None and isinstance(outcome, Completed):
                self.record_run(worker, worker.held, Spawn(({},) * children, outcome.output, attempts=1), goes_on=True)
            else:
                self.record_run(worker, worker.held, outcome, goes_on=True)

    @precondition(any_child_run)
    @rule(pick=picks, offset=st.sampled_from([0, 0, 0, 1]), count=st.integers(1, 2), again=again)
    def append(self, pick: int, offset: int, count: int, again: bool) -> None:
        _, run = self.busy(pick, children=True)
        node = self.model.nodes.get(run.rq_job)
        offset += len(node.items) if node else 0
        items = [{"by": run.run, "n": offset + n} for n in range(count)]

        def real() -> int:
            return record.append(self.twin.store, run, offset, items)

        answer, expected = self.twin.call(real, lambda: self.model.append(run.rq_job, run.run, offset, items))
        assert isinstance(answer, Exception) or answer == expected
        if again:
            self.twin.repeated(real, answer)

    @rule(who=workers, us=passing, former=st.booleans(), others=st.booleans(), again=again)
    def renew(self, who: str, us: int, former: bool, others: bool, again: bool) -> None:
        self.pass_time(us)
        worker = self.workers[who]
        runs = [
            *([worker.besides[-1] if others and worker.besides else worker.held] if worker.held else []),
            *(worker.former if former else []),
        ]

        def real() -> claim.Renewed:
            return worker.hands.renew(*runs)

        pairs = [(run.rq_job, run.run) for run in runs]
        answer, (reaped, states) = self.twin.call(real, lambda: self.model.renew(self.twin.now, who, worker.hands.queues, pairs))
        gone = {run.run: state for run, state in zip(runs, states, strict=True) if state != "held"}
        assert answer == claim.Renewed(frozenset(gone), frozenset(run for run in gone if gone[run] == "cancelled"), reaped)
        # What was reaped has changed the mean by which places are told, which the next call goes by.
        if again and not reaped and not self.model.sweeps and min(self.model.leases.values(), default=self.twin.now + 1) > self.twin.now:
            self.twin.repeated(real, answer)

    @precondition(any_run)
    @rule(
        pick=picks,
        how=st.sampled_from(["named", "named", "blind"]),
        delay_s=st.sampled_from([0.0, 0.0, 3.0, 30.0]),
        us=passing,
        again=again,
    )
    def hand_back(self, pick: int, how: str, delay_s: float, us: int, again: bool) -> None:
        worker, run = self.busy(pick)
        self.pass_time(us)
        id = run.rq_job if how == "named" else ""

        def real() -> None:
            record.hand_back(self.twin.store, worker=worker.hands.name, run=run.run, rq_job=id, delay_s=delay_s, now=self.now)

        answer, _ = self.twin.call(real, lambda: self.model.hand_back(self.twin.now, worker.hands.name, id, run.run, delay_s * SECOND))
        if run in worker.batch:
            worker.turn_to(None)
        if again:
            self.twin.repeated(real, answer)

    @precondition(any_run)
    @rule(pick=picks, us=passing, again=again)
    def lose(self, pick: int, us: int, again: bool) -> None:
        """Its horse died, and its supervisor says so."""
        worker, run = self.busy(pick)
        self.pass_time(us)

        def real() -> bool:
            return record.lost(self.twin.store, worker=worker.hands.name, run=run.run, reason="killed", now=self.now)

        answer, expected = self.twin.call(real, lambda: self.model.lost(self.twin.now, worker.hands.name, run.run, "killed"))
        assert isinstance(answer, Exception) or answer == expected
        if run in worker.batch:
            worker.turn_to(None)
        if again:
            self.twin.unchanged(real)
