"""Death without warning: of a horse, of a supervisor, of both."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from jobs.states import JobStatus, TaskState
from tests.workers.conftest import RARE_RENEWALS, Jobs, StartWorker, lives, until


def test_a_killed_horse_costs_an_attempt_and_the_task_runs_again_at_once(start_worker: StartWorker, jobs: Jobs) -> None:
    worker = start_worker(**RARE_RENEWALS)
    job = jobs.synthetic(seconds=1.5)
    jobs.await_task(job, TaskState.RUNNING)
    os.kill(worker.horses()[-1], signal.SIGKILL)
    again = until(lambda: task if (task := jobs.task(job)).attempts == 2 else None)
    assert again.error == "worker was killed by SIGKILL (signal 9)"
    assert jobs.await_end(job) is JobStatus.COMPLETED


def test_a_task_that_kills_its_worker_fails_with_that_reason_after_its_attempts(start_worker: StartWorker, jobs: Jobs) -> None:
    start_worker()
    job = jobs.synthetic(attempts=2, crash_attempts=2)
    assert jobs.await_end(job) is JobStatus.FAILED
    task = jobs.task(job)
    assert task.attempts == 2
    assert "killed by SIGKILL (signal 9)" in task.error


def test_a_horse_dies_with_its_supervisor(start_worker: StartWorker, jobs: Jobs) -> None:
    worker = start_worker("short", strange=True)
    jobs.await_message(jobs.synthetic("stone"))
    horse = worker.horses()[-1]
    worker.tell(signal.SIGKILL)
    until(lambda: not lives(horse))


def test_an_idle_horse_dies_with_its_supervisor(start_worker: StartWorker, jobs: Jobs) -> None:
    worker = start_worker()
    assert jobs.await_end(jobs.synthetic()) is JobStatus.COMPLETED
    worker.tell(signal.SIGKILL)
    until(lambda: not lives(worker.horses()[-1]))


def test_another_worker_runs_what_a_killed_one_held_once_its_lease_has_ended(start_worker: StartWorker, jobs: Jobs, tmp_path: Path) -> None:
    leased = {"LEASE_SECONDS": "6", "RENEW_SECONDS": "2"}
    worker = start_worker("short", strange=True, **leased)
    job = jobs.synthetic("publisher", go=str(tmp_path / "never"))  # its first run does not end by itself
    jobs.await_message(job)
    other = start_worker("short", strange=True, **leased)
    other.await_said("horse_spawned")
    worker.tell(signal.SIGKILL)
    until(lambda: jobs.task(job).attempts == 2)
    assert jobs.await_end(job) is JobStatus.COMPLETED
    assert jobs.task(job).worker == other.name


def test_what_an_engine_started_and_left_on_disk_goes_with_its_horse(start_worker: StartWorker, jobs: Jobs, tmp_path: Path) -> None:
    worker = start_worker("short", strange=True)
    told = tmp_path / "told"
    jobs.synthetic("parent", file=str(told))
    pid, scratch = until(lambda: told.read_text().split() if told.exists() else None)
    assert lives(int(pid))
    os.kill(worker.horses()[-1], signal.SIGKILL)
    until(lambda: not lives(int(pid)))
    until(lambda: not Path(scratch).exists())


def test_a_horse_that_dies_at_once_is_not_started_in_a_hot_loop(start_worker: StartWorker, redis: object, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os, sys\nif '--pulse' in ' '.join(sys.orig_argv): os._exit(3)\n")
    worker = start_worker(PYTHONPATH=f"{tmp_path}:{Path(__file__).parents[2]}")
    worker.await_said("horse_ended", times=2)
    time.sleep(1.5)
    assert len(worker.said("horse_spawned")) <= 4
    worker.tell(signal.SIGTERM)
    assert worker.await_end() == 0


@pytest.mark.parametrize("verb", ["claim", "record"])
def test_a_task_claimed_in_the_moment_its_horse_dies_is_found_at_once(start_worker: StartWorker, jobs: Jobs, verb: str) -> None:
    """The answer reached nobody: only the run announced before the call leads to the task, long before its lease ends."""
    first, second = jobs.synthetic(), jobs.synthetic()
    worker = start_worker("short", strange=True, DIE_AFTER=verb, **RARE_RENEWALS)
    worker.await_said("horse_ended")
    assert jobs.await_end(first) is JobStatus.COMPLETED
    assert jobs.await_end(second) is JobStatus.COMPLETED
    assert [jobs.task(job).attempts for job in (first, second)] == ([2, 1] if verb == "claim" else [1, 2])
    assert "rq_job=unknown" in worker.said("run_lost")[-1]
