"""Random walks: whatever is done, in whatever order, the invariants hold after each step."""

from __future__ import annotations

import contextlib
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from jobs import control, record, show
from jobs.errors import Conflict, NotFound, Stale
from jobs.model import Claimed, Completed, Failed, Outcome, Skipped, Spawn
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
    )
    def record(self, data: st.DataObject, outcome: Outcome, children: int, allowed: int, attempts: int) -> None:
        hands, claimed = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        if children and claimed.child is None and isinstance(outcome, Completed):
            outcome = Spawn(({},) * children, attempts=attempts, allowed_failures=allowed)
        first = hands.record(claimed, outcome)
        assert hands.record(claimed, outcome).state == first.state or first.stale

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def hand_back(self, data: st.DataObject) -> None:
        hands, claimed = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        with contextlib.suppress(Stale):
            record.hand_back(self.store, worker=hands.name, run=claimed.run, rq_job=claimed.rq_job, now=hands.now)

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

    @invariant()
    def sound(self) -> None:
        assert audit(self.store) == []


def test_random_walks_keep_every_invariant(store: Store) -> None:
    walk = type("BoundWalk", (Walk,), {"store": store})
    run_state_machine_as_test(
        walk,
        settings=settings(max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True),
    )
