"""A fleet of workers on a clock of its own: real claims and records on a real Redis, work that takes as long as it is said to."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from jobs import claim, record, submit
from jobs.model import Claimed, Completed, Idle, Outcome, Spawn, Submission
from jobs.store import Store
from tests.jobs.hands import START

CHUNK_S = 300.0
#: Seconds of work per second of audio, and seconds on top of that for each run.
WORK = {"inspect": (0.0005, 0.3), "prepare": (0.01, 1.0), "transcribe": (0.3, 0.5), "merge": (0.0005, 0.5), "export": (0.001, 0.3)}


@dataclass
class Working:
    claimed: Claimed
    until: float
    takes_s: float
    outcome: Outcome


@dataclass
class Worker:
    name: str
    queues: Sequence[str]
    at: Working | None = None


@dataclass
class Fleet:
    """Workers of `long` and of `short`; `spread` is how much the length of a run varies (of a logarithmic normal distribution)."""

    store: Store
    long: int = 1
    short: int = 1
    spread: float = 0.2
    seed: int = 1
    now: float = START
    workers: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.runs = (f"run{n}" for n in itertools.count())
        for queue, count in (("long", self.long), ("short", self.short)):
            for n in range(count):
                name = f"host:{n}:{queue}"
                self.workers.append(Worker(name, (queue,)))
                self.store.redis.sadd(f"rq:workers:{queue}", f"rq:worker:{name}")
                self.store.redis.set(f"rq:worker:{name}", "alive")

    def submit(self, seconds: float, org: str = "acme") -> str:
        submission = Submission("transcription", {"upload": "u", "seconds": seconds}, user="ada", org=org, admin=True)
        return submit.submit(self.store, submission, now=self.now)

    def run_until(self, end: float) -> None:
        """Let the workers work until `end`."""
        while True:
            self.take_up()
            due = min((worker.at.until, n) for n, worker in enumerate(self.workers) if worker.at) if self.busy() else (math.inf, 0)
            if due[0] > end:
                self.now = end
                return self.report()
            self.now, worker = due[0], self.workers[due[1]]
            at, worker.at = worker.at, None
            assert at
            given = {"worker": worker.name, "queues": worker.queues, "next_run": None, "now": self.now}
            record.record(self.store, claimed=at.claimed, outcome=at.outcome, **given)

    def busy(self) -> bool:
        return any(worker.at for worker in self.workers)

    def take_up(self) -> None:
        for worker in self.workers:
            if worker.at is None:
                taken = claim.claim(self.store, worker=worker.name, queues=worker.queues, run=next(self.runs), now=self.now)
                worker.at = None if isinstance(taken, Idle) else self.work(taken)

    def work(self, claimed: Claimed) -> Working:
        """Say how long a run takes, and what comes of it."""
        audio, outcome = float(claimed.params["seconds"]), Completed({})
        chunks = math.ceil(audio / CHUNK_S)
        if claimed.task == "transcribe" and claimed.child is None:
            return Working(claimed, self.now + 0.5, 0.5, Spawn(tuple({"seconds": audio / chunks} for _ in range(chunks))))
        if claimed.child is not None:
            audio = claimed.payload["seconds"]
        each, once = WORK[claimed.engine]
        takes_s = (each * audio + once) * self.dice.lognormvariate(0, self.spread)
        return Working(claimed, self.now + takes_s, takes_s, outcome)

    def report(self) -> None:
        """Each run tells how far it is."""
        for worker in self.workers:
            if worker.at:
                fraction = 1 - (worker.at.until - self.now) / worker.at.takes_s
                record.progress(self.store, worker.at.claimed, round(min(max(fraction, 0.0), 1.0), 3), "working")
