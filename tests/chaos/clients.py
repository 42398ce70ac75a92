"""Who submits, repeats, cancels and retries: clients of the verbs, with patience while Redis is away."""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import redis

from jobs import control, submit
from jobs.errors import Conflict, Overloaded
from jobs.model import Submission
from jobs.states import JobStatus
from jobs.store import Store
from jobs.wire import Wire
from tests.chaos.load import Meddling, Plan

T = TypeVar("T")
AWAY = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, redis.exceptions.BusyLoadingError, Overloaded)
FIRST_WAVE = 0.3  #: of all jobs, at once: what waits from then on
LOAD = 0.68  #: of the time, in which the rest is submitted
DRAINED = 0.94  #: of the time, by which everything is to have ended
RUN_COSTS_S = 0.03  #: what a run takes besides its sleep, roughly, on a busy machine
FIRST_GUESS = 0.7  #: of a worker's time that is spent on runs
RETHINK = 10  #: jobs between two looks at the pace
ASK_AGAIN_S = 0.2


class Cut(Wire):
    """A wire that breaks after `share` of a script's call was sent: nobody hears the answer."""

    share = 1.0

    def call(self, *args: str | bytes | int | float) -> Any:
        if args[0] != "EVALSHA":
            return super().call(*args)
        connection = self._pool.get_connection()
        try:
            packed = b"".join(connection.pack_command(*args))
            connection._sock.sendall(packed[: int(len(packed) * self.share)])
        finally:
            connection.disconnect()
            self._pool.release(connection)
        raise redis.exceptions.ConnectionError("cut")


@dataclass
class Accepted:
    """A submission that was answered."""

    plan: Plan
    job: str
    submitted_at: float
    told: bool = False  #: whatever was to be done to it on its way is done
    cancelled: bool = False
    retries: list[str] = field(default_factory=list)  #: ids of the calls that were answered
    act_at: float = 0.0


class Clients:
    def __init__(self, store: Store, plans: list[Plan], *, seed: int, seconds: float, workers: int) -> None:
        self._store, self._plans, self._seconds, self._workers = store, plans, seconds, workers
        self._rng = random.Random(f"clients {seed}")
        self._cut = Store(store.redis, store.settings)
        self._cut.wire = self._wire = Cut(store.redis)
        self._begun = time.time()
        self._runs = sum(_runs(plan) for plan in plans) / len(plans)  #: of a job
        self._work = sum(plan.seconds for plan in plans) / len(plans) + RUN_COSTS_S * self._runs  #: its worker-seconds, not stretched
        self._wave = int(FIRST_WAVE * len(plans))
        self._looked = (0.0, 0.0)  #: worker-seconds done, and when
        self._busy_work = self._busy_s = 0.0
        self.stop = threading.Event()
        self.accepted: list[Accepted] = []
        self.waited_s: list[float] = []  #: for an answer, where Redis had to be asked more than once
        self.cut_and_taken = 0  #: a job had been made although no answer was heard
        self.cut_and_lost = 0
        self.repeated = 0  #: asked again after an answer
        self.faults: list[str] = []
        self.stretches: list[float] = []
        self.all_submitted_at: float | None = None

    # submitting

    def submit_all(self) -> None:
        """Submit every plan at its time. For a thread of its own."""
        every_s = LOAD * self._seconds / max(len(self._plans) - self._wave, 1)
        for plan in self._plans:
            due = self._begun + max(plan.number - self._wave, 0) * every_s
            if self.stop.wait(max(due - time.time(), 0)):
                return
            stretched = plan.stretched(self._stretch(plan.number))
            self.accepted.append(self._submit(stretched))
        self.all_submitted_at = time.time()

    def _submit(self, plan: Plan) -> Accepted:
        asked = Submission("synthetic", {"tasks": list(plan.tasks)}, user=plan.org, org=plan.org, priority=plan.priority, admin=True)

        def ask(store: Store, job: str) -> str:
            return submit.submit(store, asked, idempotency_key=plan.key, job=job)

        first, second = secrets.token_hex(8), secrets.token_hex(8)
        if plan.cut is not None:
            self._wire.share = plan.cut
            self._patiently(lambda: self._unheard(lambda: ask(self._cut, first)))
        job = self._patiently(lambda: ask(self._store, second))
        if plan.cut is not None:
            self.cut_and_taken += job == first
            self.cut_and_lost += job == second
        if plan.twice:
            self.repeated += 1
            again = self._patiently(lambda: ask(self._store, secrets.token_hex(8)))
            if again != job:
                self.faults.append(f"{plan.key} was answered with {job}, then with {again}")
        if job not in (first, second):
            self.faults.append(f"{plan.key} was answered with {job}, which it had not asked for")
        now = time.time()
        patience_s = 0.2 * self._seconds
        return Accepted(plan, job, now, told=plan.meddling is Meddling.NONE, act_at=now + plan.meddle_after * patience_s)

    def _unheard(self, ask: Callable[[], str]) -> None:
        try:
            ask()
        except redis.exceptions.ConnectionError as error:
            if "cut" not in str(error):
                raise

    def _patiently(self, call: Callable[[], T]) -> T:
        asked_at = time.time()
        again = False
        while True:
            try:
                answer = call()
            except AWAY:
                again = True
                if self.stop.wait(ASK_AGAIN_S):
                    raise
            else:
                if again:
                    self.waited_s.append(time.time() - asked_at)
                return answer

    def _stretch(self, number: int) -> float:
        """How long tasks are to be made so that what is left ends in time, by what the workers manage when they have enough to do."""
        if self.stretches and number % RETHINK:
            return self.stretches[-1]
        given = sum(self.stretches) * RETHINK * self._work  # worker-seconds submitted so far
        share = min(self._patiently(self._claims) / max(number * self._runs, 1), 1.0)  # of them, done
        done, now = given * share, time.time()
        before, at = self._looked
        self._looked = (done, now)
        if number * (1 - share) > 0.5 * self._wave and at:
            self._busy_work, self._busy_s = self._busy_work + done - before, self._busy_s + now - at
        rate = self._busy_work / self._busy_s if self._busy_s > 0.05 * self._seconds else FIRST_GUESS * self._workers
        can_be_done = rate * (DRAINED * self._seconds - (now - self._begun)) - (given - done)
        wanted = can_be_done / max((len(self._plans) - number) * self._work, 1e-9)
        self.stretches.append(min(max(wanted, 0.2), 2.5))
        return self.stretches[-1]

    def _claims(self) -> int:
        """How many runs were begun so far."""
        return sum(int(self._store.redis.hget(self._store.keys.build("clock", queue), "t") or 0) for queue in ("short", "long"))

    # meddling

    def meddle(self) -> None:
        """Cancel and retry what is to be. For a thread of its own; ends when `stop` is set."""
        while not self.stop.wait(0.5):
            now = time.time()
            open_ones = [one for one in self.accepted if not one.told and one.act_at <= now]
            if open_ones:
                self._meddle_with(open_ones)

    def _meddle_with(self, open_ones: list[Accepted]) -> None:
        keys = self._store.keys

        def look() -> list[bytes]:
            with self._store.redis.pipeline(transaction=False) as pipe:
                for one in open_ones:
                    pipe.hget(keys.job(one.job), "status")
                return list(pipe.execute())

        for one, status in zip(open_ones, self._patiently(look), strict=True):
            self._act(one, JobStatus(status.decode()))

    def _act(self, one: Accepted, status: JobStatus) -> None:
        match one.plan.meddling, status:
            case ((Meddling.CANCEL | Meddling.CANCEL_AND_RETRY), (JobStatus.PENDING | JobStatus.RUNNING)) if not one.cancelled:
                one.cancelled = self._answered(lambda: control.cancel(self._store, one.job))
                one.told = not one.cancelled or one.plan.meddling is Meddling.CANCEL
                one.act_at = time.time() + self._rng.uniform(0, 5)
            case Meddling.CANCEL_AND_RETRY, JobStatus.CANCELLED:
                one.told = self._retry(one, "")
                one.cancelled = not one.told
            case Meddling.RETRY_FAILED, JobStatus.FAILED:
                self._retry(one, "")
            case Meddling.RETRY_SKIPPED, JobStatus.COMPLETED:
                skipped = self._skipped(one)
                one.told = not skipped or not self._retry(one, skipped)
            case _, (JobStatus.COMPLETED | JobStatus.FAILED | JobStatus.CANCELLED):
                one.told = True

    def _skipped(self, one: Accepted) -> str:
        state = self._patiently(lambda: self._store.redis.hgetall(self._store.keys.state(one.job)))
        return next((task["name"] for task in one.plan.tasks if state[task["name"].encode()] == b"skipped"), "")

    def _retry(self, one: Accepted, task: str) -> bool:
        call = secrets.token_hex(8)
        answered = self._answered(lambda: control.retry_task(self._store, one.job, task, call=call))
        if answered:
            one.retries.append(call)
        return answered

    def _answered(self, call: Callable[[], None]) -> bool:
        """Make `call` until it is answered; False when it was refused: the job had moved on."""
        try:
            self._patiently(call)
        except Conflict:
            return False
        return True

    # asked by others

    def settled(self) -> bool:
        """Whether everything was submitted, was done to as planned, and has ended."""
        return self.all_submitted_at is not None and all(one.told for one in self.accepted) and self.unfinished() == 0

    def unfinished(self) -> int | None:
        """Return how many jobs have not ended, None while Redis is away."""
        try:
            return sum(int(self._store.redis.zcard(self._store.keys.status(status))) for status in ("pending", "running"))
        except AWAY:
            return None


def _runs(plan: Plan) -> int:
    return sum(1 + int(task.get("children", 0) + task.get("fail_attempts", 0)) for task in plan.tasks)
