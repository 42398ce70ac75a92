"""Redis goes away, comes back, cuts connections; nothing is lost and nobody gives up."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from redis import Redis

from jobs.settings import settings
from jobs.states import JobStatus, TaskState
from jobs.store import Store, connect
from scripts import embedded
from tests.workers.conftest import Jobs, StartWorker, until


def test_cut_connections_are_made_again(start_worker: StartWorker, redis: Redis, jobs: Jobs) -> None:
    worker = start_worker()
    job = jobs.synthetic(seconds=2)
    jobs.await_task(job, TaskState.RUNNING)
    for _ in range(3):
        redis.client_kill_filter(_type="normal", skipme=True)
        redis.client_kill_filter(_type="pubsub")
        time.sleep(0.3)
    assert jobs.await_end(job) is JobStatus.COMPLETED
    assert jobs.task(job).attempts == 1
    job = jobs.synthetic(seconds=60)
    jobs.await_task(job, TaskState.RUNNING)
    until(lambda: redis.hget(f"rq:job:{job}-a", "worker_name"))  # RQ's own stop-job asks this first: the supervisor has seen the run
    until(lambda: redis.publish(f"rq:pubsub:{worker.name}", f'{{"command": "stop-job", "job_id": "{job}-a"}}'))
    assert jobs.await_end(job) is JobStatus.CANCELLED


def test_a_worker_lives_through_a_restart_of_redis(
    start_worker: StartWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis: Redis
) -> None:
    data = tmp_path / "own"
    with embedded.running(data) as url:
        monkeypatch.setenv("REDIS_URL", url)
        settings.cache_clear()
        jobs = Jobs(Store(connect(url)), monkeypatch)
        worker = start_worker(LOG_LEVEL="DEBUG")
        job = jobs.synthetic(seconds=3)
        jobs.await_task(job, TaskState.RUNNING)
        time.sleep(1.2)  # the append-only file is written once a second
    worker.await_said("redis_trouble", times=6)
    with embedded.running(data):
        assert jobs.await_end(job) is JobStatus.COMPLETED
        assert jobs.task(job).attempts == 1
        assert jobs.await_end(jobs.synthetic()) is JobStatus.COMPLETED
        assert worker.said("redis_back")


def test_a_full_redis_is_waited_for_and_the_outcome_recorded_then(start_worker: StartWorker, redis: Redis, jobs: Jobs) -> None:
    worker = start_worker(LOG_LEVEL="DEBUG")
    job = jobs.synthetic(seconds=1)
    jobs.await_task(job, TaskState.RUNNING)
    try:
        redis.config_set("maxmemory", "1")
        worker.await_said("redis_trouble", times=3)
    finally:
        redis.config_set("maxmemory", "0")
    assert jobs.await_end(job) is JobStatus.COMPLETED
    assert jobs.task(job).attempts == 1
