"""A deploy: SIGTERM, and what a worker does with the task it holds."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from jobs.states import JobStatus, TaskState
from tests.workers.conftest import Jobs, StartWorker, lives, until
from workers.supervisor import SECOND_SIGNAL_S


def test_an_idle_worker_leaves_at_once(start_worker: StartWorker, jobs: Jobs) -> None:
    worker = start_worker(DRAIN_SECONDS="60")
    assert jobs.await_end(jobs.synthetic()) is JobStatus.COMPLETED
    worker.tell(signal.SIGTERM)
    assert worker.await_end() == 0  # long before the time to drain is up
    assert not lives(worker.horses()[-1])


def test_a_worker_leaves_also_while_it_starts(start_worker: StartWorker) -> None:
    worker = start_worker()
    worker.await_said("horse_spawned")
    worker.tell(signal.SIGTERM)
    assert worker.await_end() == 0
    assert worker.said("horse_ended")[0].endswith("how='exited with code 0'")


def test_a_worker_leaves_also_when_it_has_no_more_than_a_horse(start_worker: StartWorker) -> None:
    worker = start_worker()
    (horse,) = until(lambda: Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split())
    worker.tell(signal.SIGTERM)
    assert worker.await_end() == 0
    until(lambda: not lives(int(horse)))


def test_a_busy_worker_hands_its_task_back_and_no_attempt_is_spent(start_worker: StartWorker, jobs: Jobs) -> None:
    worker = start_worker(DRAIN_SECONDS="60")
    job = jobs.synthetic(seconds=60)
    jobs.await_task(job, TaskState.RUNNING)
    os.killpg(worker.horses()[-1], signal.SIGTERM)  # a platform signals every process
    worker.tell(signal.SIGTERM)
    assert worker.await_end() == 0
    task = jobs.task(job)
    assert (task.state, task.attempts, task.error) == (TaskState.READY, 0, "")


def test_a_task_that_does_not_stop_is_handed_back_when_the_time_is_up(start_worker: StartWorker, jobs: Jobs) -> None:
    worker = start_worker("short", strange=True, DRAIN_SECONDS="1.5")
    job = jobs.synthetic("stone")
    jobs.await_message(job)
    begun = time.monotonic()
    worker.tell(signal.SIGTERM)
    assert worker.await_end() == 0
    assert time.monotonic() - begun > 1
    task = jobs.task(job)
    assert (task.state, task.attempts) == (TaskState.READY, 0)


def test_a_second_signal_does_not_wait_for_the_task(start_worker: StartWorker, jobs: Jobs) -> None:
    worker = start_worker("short", strange=True, DRAIN_SECONDS="60")
    job = jobs.synthetic("stone")
    jobs.await_message(job)
    worker.tell(signal.SIGINT)
    worker.tell(signal.SIGTERM)  # together with the first it is one request
    time.sleep(SECOND_SIGNAL_S + 0.2)
    assert worker.process.poll() is None
    worker.tell(signal.SIGINT)
    assert worker.await_end() == 0
    task = jobs.task(job)
    assert (task.state, task.attempts) == (TaskState.READY, 0)


def test_what_was_handed_back_is_taken_up_by_the_next_worker(start_worker: StartWorker, jobs: Jobs) -> None:
    first = start_worker()
    job = jobs.synthetic(seconds=10)  # longer than a busy machine takes to start another worker
    jobs.await_task(job, TaskState.RUNNING)
    second = start_worker()
    until(lambda: second.said("horse_spawned"))
    first.tell(signal.SIGTERM)
    assert first.await_end() == 0
    assert jobs.await_end(job) is JobStatus.COMPLETED
    assert (jobs.task(job).attempts, jobs.task(job).worker) == (1, second.name)


def test_a_horse_starts_afresh_after_so_many_tasks(start_worker: StartWorker, jobs: Jobs) -> None:
    worker = start_worker(MAX_TASKS_PER_HORSE="2")
    for _ in range(5):
        assert jobs.await_end(jobs.synthetic()) is JobStatus.COMPLETED
    assert len(worker.await_said("horse_spawned", times=3)) == 3
    assert not worker.said("run_lost")


def test_a_horse_starts_afresh_when_it_holds_too_much_memory(start_worker: StartWorker, jobs: Jobs) -> None:
    worker = start_worker(MAX_HORSE_MEGABYTES="1")
    assert jobs.await_end(jobs.synthetic()) is JobStatus.COMPLETED
    assert "MAX_HORSE_MEGABYTES=1" in worker.await_said("horse_leaves")[0]
