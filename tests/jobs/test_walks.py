"""Random walks: whatever is done, in whatever order, the invariants hold after each step."""

from __future__ import annotations

import contextlib
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from jobs import control, record, show
from jobs.errors import Conflict, NotFound, Stale
from jobs.model import Claimed, Completed, Failed, Idle, Outcome, Skipped, Spawn
from jobs.store import Store
from tests.jobs.audit import audit
from tests.jobs.hands import Hands

NAMES = "abcdef"


@st.composite
def graphs(draw: st.DrawFn) -> list[dict[str, Any]]:
    count = draw(st.integers(1, len(NAMES)))
    return [
        {
            "name": NAMES[i],
            "needs": sorted(draw(st.sets(st.sampled_from(NAMES[:i]), max_size=2))) if i else [],
            "duration": draw(st.sampled_from(["short", "long"])),
            "optional": draw(st.booleans()),
            "attempts": draw(st.integers(1, 2)),
            "backoff_seconds": draw(st.sampled_from([0, 5])),
        }
        for i in range(count)
    ]


class Walk(RuleBasedStateMachine):
    store: Store

    @initialize()
    def begin(self) -> None:
        self.store.redis.flushall()
        self.hands = [Hands(self.store, "host:1:first"), Hands(self.store, "host:2:secnd", ("long",))]
        self.jobs: list[str] = []
        self.held: list[tuple[Hands, Claimed]] = []

    def move(self, seconds: float) -> None:
        for hands in self.hands:
            hands.now += seconds

    @rule(tasks=graphs(), org=st.sampled_from(["acme", "uni"]), priority=st.sampled_from(["high", "normal", "background"]))
    def submit(self, tasks: list[dict[str, Any]], org: str, priority: str) -> None:
        self.jobs.append(self.hands[0].submit(*tasks, org=org, priority=priority))

    @rule(who=st.integers(0, 1))
    def claim(self, who: int) -> None:
        hands = self.hands[who]
        run = next(hands.runs)
        found = hands.look(run)
        if isinstance(found, Claimed):
            assert hands.look(run) == found  # a repeated call answers as the first
            self.held.append((hands, found))

    @precondition(lambda self: self.held)
    @rule(
        data=st.data(),
        outcome=st.sampled_from([Completed(), Completed({"x": 1}), Failed("no"), Failed("never", final=True), Skipped("not configured")]),
        children=st.integers(0, 3),
        allowed=st.integers(0, 1),
        attempts=st.integers(1, 2),
        goes_on=st.booleans(),
    )
    def record(self, data: st.DataObject, outcome: Outcome, children: int, allowed: int, attempts: int, goes_on: bool) -> None:
        hands, claimed = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        if children and claimed.child is None and isinstance(outcome, Completed):
            outcome = Spawn(({},) * children, attempts=attempts, allowed_failures=allowed)
        next_run = next(hands.runs) if goes_on else None
        first = hands.record(claimed, outcome, next_run)
        if isinstance(first.next, Idle):
            assert hands.record(claimed, outcome).state == first.state
        else:
            assert hands.record(claimed, outcome, next_run) == first  # a repeated call answers as the first, late or not
        if isinstance(first.next, Claimed):
            self.held.append((hands, first.next))

    @precondition(lambda self: self.held)
    @rule(data=st.data(), delay_s=st.sampled_from([0, 3]))
    def hand_back(self, data: st.DataObject, delay_s: float) -> None:
        hands, claimed = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        with contextlib.suppress(Stale):
            record.hand_back(self.store, worker=hands.name, run=claimed.run, rq_job=claimed.rq_job, delay_s=delay_s, now=hands.now)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        hands, claimed = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        with contextlib.suppress(Stale):
            record.lost(self.store, worker=hands.name, run=claimed.run, reason="killed", now=hands.now)

    @precondition(lambda self: any(claimed.child is not None for _, claimed in self.held))
    @rule(data=st.data())
    def append(self, data: st.DataObject) -> None:
        _, claimed = data.draw(st.sampled_from([held for held in self.held if held[1].child is not None]))
        with contextlib.suppress(Stale):
            there = len(record.appended(self.store, claimed))
            assert record.append(self.store, claimed, there, [{"n": there}]) == there + 1
            assert record.append(self.store, claimed, there, [{"n": there}]) == there + 1

    @rule(queue=st.sampled_from(["short", "long"]), paused=st.booleans())
    def pause(self, queue: str, paused: bool) -> None:
        (control.pause if paused else control.resume)(self.store, queue)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), fraction=st.floats(0, 1))
    def progress(self, data: st.DataObject, fraction: float) -> None:
        _, claimed = data.draw(st.sampled_from(self.held))
        with contextlib.suppress(Stale):
            record.progress(self.store, claimed, fraction, "at work")

    @rule(who=st.integers(0, 1), seconds=st.sampled_from([1.0, 6.0, 20.0]))
    def renew(self, who: int, seconds: float) -> None:
        self.move(seconds)
        hands = self.hands[who]
        mine = [claimed for holder, claimed in self.held if holder is hands]
        hands.renew(*mine)

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), what=st.sampled_from(["cancel", "retry", "retry task", "delete"]))
    def control(self, data: st.DataObject, what: str) -> None:
        job = data.draw(st.sampled_from(self.jobs))
        now = self.hands[0].now
        try:
            match what:
                case "cancel":
                    control.cancel(self.store, job, now=now)
                case "retry":
                    control.retry(self.store, job, now=now)
                case "retry task":
                    task = data.draw(st.sampled_from(show.job(self.store, job).tasks))
                    node = data.draw(st.sampled_from([task.name, *(f"{task.name}.{n}" for n in range(task.children_total))]))
                    control.retry_task(self.store, job, node, now=now)
                case "delete":
                    control.delete(self.store, job, now=now)
                    self.jobs.remove(job)
        except (Conflict, NotFound):
            pass

    def teardown(self) -> None:
        """Whatever has happened: working on ends every job."""
        if not getattr(self, "jobs", None):
            return
        for queue in ("short", "long"):
            control.resume(self.store, queue)
        for _ in range(60):
            self.move(20.0)
            self.hands[0].renew()
            self.hands[0].drain()
            if all(show.job(self.store, job).status.ended for job in self.jobs):
                break
        assert {job: str(show.job(self.store, job).status) for job in self.jobs if not show.job(self.store, job).status.ended} == {}
        assert audit(self.store) == []

    @invariant()
    def sound(self) -> None:
        assert audit(self.store) == []


def test_random_walks_keep_every_invariant(store: Store) -> None:
    walk = type("BoundWalk", (Walk,), {"store": store})
    run_state_machine_as_test(
        walk,
        settings=settings(max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True),
    )
