"""Several brief tasks a claim, by real workers."""

from __future__ import annotations

from jobs.model import TaskSpec
from jobs.states import JobStatus, TaskState
from jobs.store import Store
from tests.workers.conftest import Jobs, StartWorker, until


def runs_of(store: Store, jobs: list[str]) -> list[str]:
    return [store.redis.hget(store.keys.state(job), "a:r").decode() for job in jobs]


def test_a_worker_takes_several_brief_tasks_at_once(start_worker: StartWorker, jobs: Jobs, store: Store) -> None:
    some = [jobs.submit_plain() for _ in range(300)]
    start_worker("short")
    assert {jobs.await_end(job) for job in some} == {JobStatus.COMPLETED}
    assert any(run.endswith(".2") for run in runs_of(store, some))
    assert {jobs.task(job).attempts for job in some} == {1}


def test_with_max_tasks_per_claim_of_one_it_takes_one(start_worker: StartWorker, jobs: Jobs, store: Store) -> None:
    some = [jobs.submit_plain() for _ in range(100)]
    start_worker("short", MAX_TASKS_PER_CLAIM="1")
    assert {jobs.await_end(job) for job in some} == {JobStatus.COMPLETED}
    assert not any("." in run for run in runs_of(store, some))


def test_a_task_that_kills_its_worker_costs_those_claimed_with_it_no_attempt(start_worker: StartWorker, jobs: Jobs) -> None:
    before = [jobs.submit_plain() for _ in range(60)]
    poison = jobs.submit(TaskSpec("a", "synthetic", backoff_s=0, payload={"crash_attempts": 2}))
    after = [jobs.submit_plain() for _ in range(20)]
    start_worker("short")
    assert {jobs.await_end(job) for job in [*before, poison, *after]} == {JobStatus.COMPLETED}
    assert jobs.task(poison).attempts == 3
    assert {jobs.task(job).attempts for job in [*before, *after]} == {1}


def test_nobody_waits_long_for_a_task_that_was_claimed_with_brief_ones_and_lasts(start_worker: StartWorker, jobs: Jobs) -> None:
    before = [jobs.submit_plain() for _ in range(60)]
    lasting = jobs.submit(TaskSpec("a", "sleeper", payload={"seconds": 8.0}))
    after = [jobs.submit_plain() for _ in range(20)]
    for _ in range(2):
        start_worker("short", strange=True)
    until(lambda: all(jobs.show(job).status is JobStatus.COMPLETED for job in [*before, *after]))
    assert jobs.task(lasting).state is TaskState.RUNNING
    assert jobs.await_end(lasting) is JobStatus.COMPLETED
    assert jobs.task(lasting).attempts == 1
