"""Workers whose clocks are an hour off, each the other way: Redis's own clock is the only one that counts."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from jobs.states import JobStatus
from jobs.store import Store
from tests.faults.conftest import kill
from tests.jobs.audit import audit
from tests.workers.conftest import ROOT, Jobs, StartWorker, Worker, until

HOUR = 3600
LEASE_S = 3
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
        leased = {"LEASE_SECONDS": str(LEASE_S), "RENEW_SECONDS": "0.5"}
        return start_worker("short", strange=True, PYTHONPATH=f"{folder}:{ROOT}", **leased)

    begun = time.time()
    ahead = start_shifted("ahead", HOUR)
    delayed = jobs.synthetic(fail_attempts=1, backoff_s=0.5)
    assert jobs.await_end(delayed) is JobStatus.COMPLETED
    assert begun - 1 < (jobs.task(delayed).started_at or 0) <= (jobs.task(delayed).ended_at or 0) < time.time() + 1

    # One holds a task for longer than a lease while the other idles beside it.
    go = tmp_path / "go"
    job = jobs.synthetic("publisher", go=str(go))
    jobs.await_message(job)
    behind = start_shifted("behind", -HOUR)
    behind.await_said("horse_spawned")
    leased_until = lease_of(store)
    assert time.time() - 1 < leased_until < time.time() + LEASE_S + 1
    until(lambda: lease_of(store) > leased_until + LEASE_S)
    go.touch()
    assert jobs.await_end(job) is JobStatus.COMPLETED
    assert (jobs.task(job).attempts, jobs.task(job).worker) == (1, ahead.name)

    # Either takes over from the other.
    lost = jobs.synthetic("publisher", go=str(tmp_path / "never"))
    jobs.await_message(lost)
    kill("both", ahead if jobs.task(lost).worker == ahead.name else behind)
    assert jobs.await_end(lost) is JobStatus.COMPLETED
    assert jobs.task(lost).attempts == 2
    assert log_hour(ahead) != log_hour(behind)  # or nothing was shifted
    assert audit(store) == []


def log_hour(worker: Worker) -> str:
    return worker.said("worker_started")[0][:13]


def lease_of(store: Store) -> float:
    """When the only lease there is ends, in seconds since the epoch."""
    return until(lambda: store.redis.zrange(store.keys.leases(), 0, -1, withscores=True))[0][1] / 1e6  # type: ignore[no-any-return]
