"""Cancel of a running tree is felt soon; cancel of a large one is many short steps, never a long one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from jobs import claim, control
from jobs.model import Idle, Spawn
from jobs.states import JobStatus
from jobs.store import Store
from tests.faults.conftest import LONG, long_run
from tests.jobs.audit import audit
from tests.jobs.hands import Hands
from tests.workers.conftest import Jobs, StartWorker, until

COOPERATIVE_S, ANY_S = 2.0, 12.0
CHILDREN = 2000
WAITING = 100_000 if LONG else 10_000
SWEEP = 200  #: tasks that one call of a script touches at most
COMMANDS_A_TASK = 6  #: a sweep makes four for each child that waits
SCRIPT_MS = 20.0
NOISE = 5.0  #: how much longer a script may take on a machine that does something else as well


@pytest.mark.chaos
def test_a_running_tree_of_cooperative_engines_stops_within_2_seconds(
    store: Store, jobs: Jobs, start_worker: StartWorker, record_property: Callable[[str, object], None]
) -> None:
    workers = [start_worker(LEASE_SECONDS="120", RENEW_SECONDS="60") for _ in range(2)]  # not left to the next renewal
    job = jobs.synthetic(seconds=60, children=4)
    until(lambda: len(store.redis.zrange(store.keys.leases(), 0, -1)) == 2 and jobs.task(job).children_total)

    begun = time.monotonic()
    control.cancel(store, job)
    for worker in workers:
        worker.await_said("run_gone")
    took_s = time.monotonic() - begun

    record_property("cancelled after s", round(took_s, 2))
    assert took_s < COOPERATIVE_S
    assert [len(worker.horses()) for worker in workers] == [1, 1]
    assert jobs.show(job).status is JobStatus.CANCELLED
    assert audit(store) == []


@pytest.mark.chaos
@long_run  # tests/workers/test_stopping.py has a short form
def test_a_running_task_of_any_engine_stops_within_12_seconds(
    store: Store, jobs: Jobs, start_worker: StartWorker, record_property: Callable[[str, object], None]
) -> None:
    """Renewals every 5 s tell its supervisor, which kills the horse 6 s later."""
    worker = start_worker("short", strange=True)
    job = jobs.synthetic("sleeper", seconds=120)
    until(lambda: jobs.task(job).attempts)
    horse = worker.horses()[-1]

    begun = time.monotonic()
    control.cancel(store, job)
    assert f"pid={horse} " in worker.await_said("horse_ended", within_s=ANY_S + 5)[0]
    took_s = time.monotonic() - begun

    record_property("cancelled after s", round(took_s, 1))
    assert took_s < ANY_S
    assert jobs.await_end(jobs.synthetic()) is JobStatus.COMPLETED
    assert audit(store) == []


@dataclass
class Measure:
    """What each call of a script cost Redis."""

    store: Store
    calls: list[tuple[str, int, float]] = field(default_factory=list)  #: verb, commands, milliseconds

    def run(self, verb: str, *args: Any) -> list[Any]:
        before = self._stats()
        reply = Store.run(self.store, verb, *args)
        after = self._stats()
        scripts = ("cmdstat_evalsha", "cmdstat_eval")
        commands = sum(after[name]["calls"] - before.get(name, {"calls": 0})["calls"] for name in after if name not in scripts)
        ms = sum(after[name]["usec"] - before.get(name, {"usec": 0})["usec"] for name in scripts if name in after) / 1000
        self.calls.append((verb, commands - 1, ms))  # one is the reading itself
        return reply

    def _stats(self) -> dict[str, dict[str, float]]:
        return dict(self.store.redis.info("commandstats"))

    def longest(self) -> tuple[str, int, float]:
        return max(self.calls, key=lambda call: call[2])


@pytest.mark.chaos
@pytest.mark.parametrize("place", ["behind", "before"])
def test_cancel_of_2000_waiting_children_beside_a_multitude_is_made_of_short_steps(
    place: str, store: Store, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    hands = Hands(store)
    job = hands.submit({"name": "a"}, priority="normal" if place == "behind" else "high")
    for _ in range(WAITING // 1000):
        hands.submit(*({"name": f"t{n}"} for n in range(1000)))
    hands.work(Spawn(({},) * CHILDREN))
    hands.store.sweep(job, 1)
    measure = Measure(store)
    monkeypatch.setattr(store, "run", measure.run)

    control.cancel(store, job, now=hands.now)
    assert len(measure.calls) == CHILDREN // SWEEP + 1
    children = store.redis.hgetall(store.keys.build("child_state", job, "a"))
    assert {children[str(n).encode()] for n in range(CHILDREN)} == {b"cancelled"}
    assert hands.status(job) == "cancelled"
    while isinstance(found := hands.look(), Idle):  # before it, 2,000 tombstones stand before the next live task
        assert found.wait_s == 0
        assert not claim.reap(store, hands.now)

    assert found.job != job
    assert max(commands for _, commands, _ in measure.calls) <= SWEEP * COMMANDS_A_TASK
    verb, commands, ms = measure.longest()
    record_property(f"longest script of {len(measure.calls)}, {place} {WAITING} waiting", f"{verb}: {commands} commands, {ms:.1f} ms")
    assert ms < SCRIPT_MS * NOISE
