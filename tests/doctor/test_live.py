"""The doctor beside workers that work: it sees nothing that is not there, disturbs nothing, and repairs what is."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import pytest

from jobs import claim, control, doctor, orgs, record, show, submit
from jobs.errors import Conflict, NotFound, Stale
from jobs.model import Claimed, Completed, Failed, Idle, Outcome, Skipped, Spawn, Submission
from jobs.states import Priority
from jobs.store import Store, connect
from tests.jobs.audit import audit

QUEUES = ("short", "long")
ORGS = ("acme", "bolt", "cern", "dune")


class Life:
    """Threads that submit, claim, record, lose, hand back, cancel, retry, delete and pause at random, by Redis's own clock."""

    def __init__(self, url: str, seed: int, *, pauses: bool) -> None:
        self.url = url
        self.pauses = pauses
        self.stop = threading.Event()
        self.jobs: list[str] = []
        self.done = 0
        self.errors: list[BaseException] = []
        chances = [random.Random(seed + n) for n in range(5)]
        doing: list[Callable[[random.Random, Store], None]] = [self.submit, self.work, self.work, self.work, self.steer]
        self.threads = [threading.Thread(target=self.live, args=pair) for pair in zip(doing, chances, strict=True)]

    def live(self, do: Callable[[random.Random, Store], None], chance: random.Random) -> None:
        store = Store(connect(self.url))
        try:
            do(chance, store)
        except BaseException as error:
            self.errors.append(error)
            raise
        finally:
            store.redis.close()

    def submit(self, chance: random.Random, store: Store) -> None:
        while not self.stop.wait(0.002):
            if store.redis.zcard(store.keys.jobs()) > 60:
                continue  # until some are deleted
            names = [f"t{n}" for n in range(chance.randint(1, 5))]
            tasks = [
                {
                    "name": name,
                    "needs": [need for need in names[:at] if chance.random() < 0.4],
                    "duration": chance.choice(QUEUES),
                    "optional": chance.random() < 0.2,
                    "attempts": 2,
                    "backoff_seconds": chance.choice([0, 0.05]),
                }
                for at, name in enumerate(names)
            ]
            made = Submission("synthetic", {"tasks": tasks}, "ada", chance.choice(ORGS), chance.choice(list(Priority)), admin=True)
            self.jobs.append(submit.submit(store, made))

    def work(self, chance: random.Random, store: Store) -> None:
        worker, runs = f"host:1:{chance.random()}", (f"{chance.getrandbits(40):x}{n}" for n in count())
        held: Claimed | Idle = Idle(0)
        while True:
            if isinstance(held, Idle):
                if self.stop.is_set() and not store.redis.exists(store.keys.leases()):
                    return
                claim.wait(store.redis, store, QUEUES, min(held.wait_s, 0.05))
                held = claim.claim(store, worker=worker, queues=QUEUES, run=next(runs))
                continue
            if chance.random() < 0.3:  # RQ shows it
                claim.renew(store, worker=worker, queues=QUEUES, runs=[(held.rq_job, held.run)])
            held = self.end(chance, store, worker, held, next(runs))

    def end(self, chance: random.Random, store: Store, worker: str, held: Claimed, next_run: str) -> Claimed | Idle:
        self.done += 1
        try:
            match chance.random():
                case roll if roll < 0.1:
                    record.hand_back(store, worker=worker, run=held.run, delay_s=chance.choice([0, 0.05]))
                    return Idle(0)
                case roll if roll < 0.15:
                    record.lost(store, worker=worker, run=held.run, reason="gone")
                    return Idle(0)
        except Stale:
            return Idle(0)
        outcome: Outcome = chance.choices([Completed(1), Failed("no"), Skipped("no"), Spawn(({},) * chance.randint(1, 9))], (8, 2, 1, 1))[0]
        if held.child is not None and isinstance(outcome, Spawn):
            outcome = Completed()
        recorded = record.record(store, claimed=held, outcome=outcome, worker=worker, next_run=next_run, queues=QUEUES)
        return recorded.next or Idle(0)

    def steer(self, chance: random.Random, store: Store) -> None:
        while not self.stop.wait(0.01):
            if self.pauses and chance.random() < 0.2:
                self.hold_up(chance, store)
            if not self.jobs:
                continue
            job = chance.choice(self.jobs[-100:])
            try:
                chance.choices([control.cancel, control.retry, control.delete], (2, 4, 1))[0](store, job)
            except (Conflict, NotFound):
                continue

    def hold_up(self, chance: random.Random, store: Store) -> None:
        """Pause something for a moment, or give an organisation a limit for a while."""
        names: dict[control.Paused, tuple[str, ...]] = {"queue": QUEUES, "org": ORGS, "type": ("synthetic",)}
        kind = chance.choice(list(names))
        name = chance.choice(names[kind])
        control.pause(store, name, kind)
        orgs.set(store, chance.choice(ORGS), max_running=chance.choice([0, 0, 1, 2]))
        self.stop.wait(0.02)
        control.resume(store, name, kind)


@contextmanager
def life(url: str, seed: int, *, pauses: bool) -> Iterator[Life]:
    living = Life(url, seed, pauses=pauses)
    for thread in living.threads:
        thread.start()
    try:
        yield living
    finally:
        living.stop.set()
        for thread in living.threads:
            thread.join(timeout=30)
    assert living.errors == []
    assert not any(thread.is_alive() for thread in living.threads)


@pytest.mark.parametrize("fix", [False, True], ids=["looking", "repairing"])
def test_the_doctor_finds_nothing_while_workers_work(store: Store, redis_url: str, fix: bool) -> None:
    looked = suspected = 0
    with life(redis_url, seed=7, pauses=True) as living:
        while (looked < 8 or living.done < 500) and not living.errors:
            report = doctor.examine(store, fix=fix, again_s=0.02)
            assert [fault.says for fault in report.found if fault.rule != "pause-known"] == []
            looked += 1
            suspected += report.suspected
    assert suspected > 0, "nothing changed while it was read: this test shows nothing"
    assert audit(store) == []


def test_a_fault_is_found_and_repaired_while_workers_work(store: Store, redis_url: str) -> None:
    with life(redis_url, seed=8, pauses=False) as living:
        for _ in range(5):
            job = submit.submit(store, Submission("synthetic", {"tasks": [{"name": "a", "zone": "calm"}]}, "ada", "acme", admin=True))
            store.redis.delete("rq:queue:calm.short.background.fresh.acme", "rq:queue:calm.short.normal.fresh.acme")
            store.redis.hset("app:fair:short:acme", "n", 40)
            report = doctor.examine(store, fix=True, again_s=0.02)
            found = {(fault.rule, fault.subject.names): fault.mended for fault in report.found}
            assert found[("task-lane", (f"{job}-a",))] is True
            assert found[("share-running", ("short", "acme"))] is True
            held = claim.claim(store, worker="host:1:calm", queues=("calm.short",), run=job)
            assert isinstance(held, Claimed)
            record.record(store, claimed=held, outcome=Completed(), worker="host:1:calm", next_run=None, queues=())
            assert show.job(store, job).status == "completed"
        assert living.done
    assert audit(store) == []
