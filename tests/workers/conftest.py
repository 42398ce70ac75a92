"""Real workers on a real Redis: started, watched, and dead by the end of the test."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
from redis import Redis

from jobs import claim, show, submit
from jobs.model import Claimed, Graph, JobView, Submission, TaskSpec, TaskView
from jobs.settings import settings
from jobs.states import JobStatus, TaskState
from jobs.store import Store
from jobs.types import synthetic
from workers.kit import Kit
from workers.orders import Orders
from workers.pulse import Pulse

ROOT = Path(__file__).parents[2]
T = TypeVar("T")

WORKER = "host:1:abc"  #: name of a worker that the test itself is
PATIENCE_S = 20.0  #: far beyond what anything here takes; the machine may be busy
#: What happens within PATIENCE_S then was not left to the next renewal, nor to the end of a lease or of a drain.
RARE_RENEWALS = {"LEASE_SECONDS": "120", "RENEW_SECONDS": "60", "DRAIN_SECONDS": "60"}


def until(true: Callable[[], T | None], within_s: float = PATIENCE_S) -> T:
    """Return what `true` returns as soon as it is true. Fails the test when it does not become so."""
    end = time.monotonic() + within_s
    while not (found := true()):
        assert time.monotonic() < end, f"not within {within_s:g} s"
        time.sleep(0.02)
    return found


def lives(pid: int) -> bool:
    """Whether a process runs; one that is dead and not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


class Worker:
    """A worker process of this test."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.pid = process.pid
        self._log = log

    def said(self, event: str) -> list[str]:
        """The lines of its log that tell of `event`."""
        return [line for line in self._log.read_text().splitlines() if f" {event} " in f"{line} "]

    def await_said(self, event: str, times: int = 1, within_s: float = PATIENCE_S) -> list[str]:
        return until(lambda: found if len(found := self.said(event)) >= times else None, within_s)

    @property
    def name(self) -> str:
        return self.await_said("worker_started")[0].split("worker=")[1].split()[0]

    def horses(self) -> list[int]:
        """The process ids of all its horses so far, the newest last."""
        return [int(pid) for line in self.await_said("horse_spawned") for pid in re.findall(r"pid=(\d+)", line)]

    def tell(self, number: int) -> None:
        os.kill(self.pid, number)

    def await_end(self, within_s: float = PATIENCE_S) -> int:
        return self.process.wait(timeout=within_s)


class StartWorker(Protocol):
    def __call__(self, *arguments: str, strange: bool = False, **environment: str) -> Worker: ...


@pytest.fixture
def start_worker(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StartWorker]:
    """Start `python -m workers`, or a worker with strange engines; with `environment` on top of the test's own."""
    workers: list[Worker] = []

    def start(*arguments: str, strange: bool = False, **environment: str) -> Worker:
        log = tmp_path / f"worker-{len(workers)}.log"
        module = "tests.workers.strange_worker" if strange else "workers"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *(arguments or ("short", "long"))],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
                stderr=file,
                start_new_session=True,
            )
        workers.append(Worker(process, log))
        return workers[-1]

    yield start
    for worker in workers:
        if worker.process.poll() is None:
            worker.process.send_signal(signal.SIGKILL)
            worker.process.wait()
    logged = "\n".join(worker._log.read_text() for worker in workers)
    assert "Traceback" not in logged, logged


class Jobs:
    """Submit graphs and look at what becomes of them."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self._store = store
        self._monkeypatch = monkeypatch

    def submit(self, *tasks: TaskSpec) -> str:
        """Submit a job of exactly these tasks."""
        self._monkeypatch.setattr(synthetic, "expand", lambda params: Graph(tasks))
        asked = Submission(type="synthetic", params={"tasks": [{"name": "any"}]}, user="ann", org="acme", admin=True)
        return submit.submit(self._store, asked)

    def synthetic(
        self, engine: str = "synthetic", *, attempts: int = 3, backoff_s: float = 0.0, timeout_s: float = 3600, **payload: Any
    ) -> str:
        """Submit a job of one task called `a`."""
        return self.submit(TaskSpec("a", engine, attempts=attempts, backoff_s=backoff_s, timeout_s=timeout_s, payload=payload))

    def submit_plain(self) -> str:
        """Submit a job of one task called `a` that does nothing."""
        return self.submit(TaskSpec("a", "synthetic"))

    def show(self, job: str) -> JobView:
        return show.job(self._store, job)

    def task(self, job: str, name: str = "a") -> TaskView:
        return next(task for task in self.show(job).tasks if task.name == name)

    def await_task(self, job: str, state: TaskState, within_s: float = PATIENCE_S) -> TaskView:
        return until(lambda: task if (task := self.task(job)).state is state else None, within_s)

    def await_message(self, job: str) -> str:
        """Wait until the engine of `a` has said something: from then on it is at work."""
        return until(lambda: self.task(job).message)

    def await_end(self, job: str, within_s: float = PATIENCE_S) -> JobStatus:
        return until(lambda: view.status if (view := self.show(job)).status.ended else None, within_s)


@pytest.fixture
def jobs(store: Store, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    return Jobs(store, monkeypatch)


@pytest.fixture
def kit(store: Store, tmp_path: Path) -> Iterator[Kit]:
    read_end, write_end = os.pipe()
    os.close(write_end)
    pulse = Pulse.create()
    pulse.look()
    yield Kit(store, settings(), pulse, Orders(read_end), WORKER, tmp_path)
    pulse.close()
    os.close(read_end)


def take(store: Store, run: str = "r1") -> Claimed:
    claimed = claim.claim(store, worker=WORKER, queues=["short", "long"], run=run)
    assert isinstance(claimed, Claimed)
    return claimed
