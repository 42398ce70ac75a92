"""What a worker may not or cannot do now it hands back, with a delay and unharmed."""

from __future__ import annotations

import pytest

from jobs.states import JobStatus, TaskState
from jobs.store import Store
from tests.workers.conftest import Jobs, StartWorker, until


@pytest.mark.parametrize(
    ("field", "value"), [("version", "2"), ("type", "of_tomorrow")], ids=["a newer version of a type", "a type that is not known here"]
)
def test_what_a_newer_lectern_has_submitted_waits_for_a_worker_that_knows_it(
    store: Store, jobs: Jobs, start_worker: StartWorker, field: str, value: str
) -> None:
    job = jobs.submit_plain()
    store.redis.hset(store.keys.job(job), field, value)
    worker = start_worker()
    (line,) = worker.await_said("task_handed_back")
    assert "delay_s=30" in line
    assert "is not known here" in line
    state, attempts = store.redis.hmget(store.keys.state(job), "a", "a:n")
    assert (state, attempts) == (b"delayed", b"0")
    store.redis.hset(store.keys.job(job), mapping={"type": "synthetic", "version": "1"})  # the upgrade has come here too
    store.redis.zadd(store.keys.delayed(), {f"{job}-a": 0})
    assert jobs.await_end(job) is JobStatus.COMPLETED


def test_a_quota_is_kept_over_all_workers_and_spends_no_attempt(store: Store, jobs: Jobs, start_worker: StartWorker) -> None:
    made = [jobs.submit_plain() for _ in range(3)]
    workers = [start_worker(QUOTAS="synthetic=2/3600") for _ in range(2)]
    until(lambda: sum(len(worker.said("task_handed_back")) for worker in workers) >= 1)
    until(lambda: sum(jobs.task(job).state is TaskState.COMPLETED for job in made) == 2)
    (waiting,) = [task for task in map(jobs.task, made) if task.state is not TaskState.COMPLETED]
    assert waiting.attempts == 0
    due = store.redis.zrange(store.keys.delayed(), 0, -1, withscores=True)[0][1] / 1e6
    (now, _) = store.redis.time()
    assert 3500 < due - now <= 3601  # not before there is a place for it
