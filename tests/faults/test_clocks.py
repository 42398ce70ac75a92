"""Workers whose clocks are an hour off, each the other way: Redis's own clock is the only one that counts."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from jobs.states import JobStatus, TaskState
from jobs.store import Store
from tests.faults.conftest import kill
from tests.jobs.audit import audit
from tests.workers.conftest import ROOT, Jobs, StartWorker, Worker, until

HOUR = 3600
#: Imported by Python before anything else: every clock of days that Python has is off by so many seconds from then on.
SHIFTED = """
import datetime, time

class Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + datetime.timedelta(seconds={by})

    @classmethod
    def utcnow(cls):
        return super().utcnow() + datetime.timedelta(seconds={by})

true, true_ns = time.time, time.time_ns
time.time = lambda: true() + {by}
time.time_ns = lambda: true_ns() + {by} * 10**9
datetime.datetime = Shifted
"""


@pytest.mark.chaos
def test_workers_an_hour_ahead_and_an_hour_behind_share_the_work_as_if_they_were_not(
    store: Store, jobs: Jobs, start_worker: StartWorker, tmp_path: Path
) -> None:
    def start_shifted(name: str, by: int) -> Worker:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(SHIFTED.format(by=by))
        return start_worker(PYTHONPATH=f"{folder}:{ROOT}", LEASE_SECONDS="2", RENEW_SECONDS="0.5")

    begun = time.time()
    ahead = start_shifted("ahead", HOUR)
    job = jobs.synthetic(seconds=2.5, fail_attempts=1, backoff_s=0.2)  # through a delay as well
    again = until(lambda: task if (task := jobs.task(job)).attempts == 2 and task.state is TaskState.RUNNING else None)
    assert again.worker == ahead.name
    behind = start_shifted("behind", -HOUR)
    behind.await_said("horse_spawned")
    lease = until(lambda: store.redis.zrange(store.keys.leases(), 0, -1, withscores=True))[0][1] / 1e6
    assert time.time() - 1 < lease <= time.time() + 2
    assert jobs.await_end(job) is JobStatus.COMPLETED
    task = jobs.task(job)
    assert (task.attempts, task.worker) == (2, ahead.name)  # whose lease was for neither clock to end
    assert begun - 1 < (task.started_at or 0) < (task.ended_at or 0) < time.time() + 1

    second = jobs.synthetic(seconds=1.0)
    holder = until(lambda: next((worker for worker in (ahead, behind) if worker.name == jobs.task(second).worker), None))
    kill("both", holder)
    assert jobs.await_end(second) is JobStatus.COMPLETED
    assert jobs.task(second).attempts == 2
    assert log_hour(ahead) != log_hour(behind)  # or nothing was shifted
    assert audit(store) == []


def log_hour(worker: Worker) -> str:
    return worker.said("worker_started")[0][:13]
