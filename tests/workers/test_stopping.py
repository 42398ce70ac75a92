"""Runs that are to end before their engine is done: cancelled, too long, silent."""

from __future__ import annotations

from jobs import control
from jobs.states import JobStatus, TaskState
from jobs.store import Store
from tests.workers.conftest import RARE_RENEWALS, Jobs, StartWorker, until

ANY_S = 12.0  #: what any engine takes to be gone after a cancel: a renewal every 5 s tells of it, 6 s later it is killed


def test_a_running_task_learns_of_a_cancel_long_before_its_lease_is_renewed(start_worker: StartWorker, jobs: Jobs, store: Store) -> None:
    worker = start_worker(**RARE_RENEWALS)
    job = jobs.synthetic(seconds=60)
    jobs.await_task(job, TaskState.RUNNING)
    control.cancel(store, job)
    assert "why=cancelled" in worker.await_said("run_gone")[0]
    assert jobs.await_end(jobs.synthetic()) is JobStatus.COMPLETED
    assert len(worker.horses()) == 1


def test_an_engine_that_does_not_stop_when_cancelled_is_killed_after_a_grace(start_worker: StartWorker, jobs: Jobs, store: Store) -> None:
    worker = start_worker("short", strange=True)
    job = jobs.synthetic("stone")
    jobs.await_message(job)
    control.cancel(store, job)
    worker.await_said("horse_ended", within_s=ANY_S)
    assert jobs.show(job).status is JobStatus.CANCELLED
    assert jobs.await_end(jobs.synthetic()) is JobStatus.COMPLETED


def test_a_run_that_takes_too_long_fails_and_its_horse_lives_on(start_worker: StartWorker, jobs: Jobs) -> None:
    worker = start_worker("short", strange=True)
    job = jobs.synthetic("sleeper", seconds=60, attempts=1, timeout_s=1)
    assert jobs.await_end(job) is JobStatus.FAILED
    assert jobs.task(job).error == "timed out after 1 s"
    assert jobs.await_end(jobs.synthetic()) is JobStatus.COMPLETED
    assert len(worker.horses()) == 1


def test_an_engine_that_ignores_its_timeout_is_killed(start_worker: StartWorker, jobs: Jobs) -> None:
    worker = start_worker("short", "--timeout-grace", "1", strange=True)
    job = jobs.synthetic("stone", attempts=1, timeout_s=1)
    assert jobs.await_end(job) is JobStatus.FAILED
    assert jobs.task(job).error == "timed out after 1 s (attempt 1 of 1)"
    assert len(worker.await_said("horse_spawned", times=2)) == 2


def test_an_engine_that_gives_no_sign_of_life_is_killed_and_its_task_lost(start_worker: StartWorker, jobs: Jobs) -> None:
    start_worker("short", strange=True)
    job = jobs.synthetic("mute", seconds=60, attempts=1)
    assert jobs.await_end(job) is JobStatus.FAILED
    assert jobs.task(job).error.startswith("engine mute gave no sign of life for 1.5 s")


def test_signs_of_life_keep_an_engine_alive(start_worker: StartWorker, jobs: Jobs) -> None:
    worker = start_worker("short", strange=True)
    assert jobs.await_end(jobs.synthetic("mute", seconds=3, signs=True)) is JobStatus.COMPLETED
    assert len(worker.horses()) == 1


def test_an_engine_that_this_worker_does_not_have_is_handed_back_with_a_delay(start_worker: StartWorker, jobs: Jobs) -> None:
    worker = start_worker("short", strange=True)
    unknown, unloadable = jobs.synthetic("nobody"), jobs.synthetic("unloadable")
    for job in (unknown, unloadable):
        task = jobs.await_task(job, TaskState.DELAYED)
        assert (task.attempts, task.error) == (0, "")
    lines = worker.await_said("task_handed_back", times=2)
    assert len(lines) == 2
    assert all("delay_s=30" in line for line in lines)


def test_a_lost_lease_stops_the_run_that_held_it(start_worker: StartWorker, jobs: Jobs, store: Store) -> None:
    worker = start_worker(RENEW_SECONDS="0.5")
    job = jobs.synthetic(seconds=60)
    jobs.await_task(job, TaskState.RUNNING)
    control.cancel(store, job)
    control.retry(store, job)
    worker.await_said("run_gone")
    until(lambda: jobs.task(job).attempts == 2 and jobs.task(job).state is TaskState.RUNNING)
