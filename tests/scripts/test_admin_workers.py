"""scripts.admin workers: real ones, listed and told what to do."""

from __future__ import annotations

import pytest
from redis import Redis
from rq import Worker as RqWorker

from jobs.model import TaskSpec
from jobs.states import JobStatus, TaskState
from tests.scripts.conftest import Admin
from tests.workers.conftest import RARE_RENEWALS, Jobs, StartWorker, jobs, start_worker, until

__all__ = ["jobs", "start_worker"]  # fixtures


def test_a_worker_is_listed_with_what_it_serves_and_runs(
    admin: Admin, start_worker: StartWorker, redis: Redis, jobs: Jobs, capsys: pytest.CaptureFixture[str]
) -> None:
    worker = start_worker("long", "short", "--zone", "ingest", **RARE_RENEWALS)
    until(lambda: [found["state"] for found in admin.json("workers", "list")] == ["idle"])
    (idle,) = admin.json("workers", "list")
    assert (idle["name"], idle["queues"], idle["running"]) == (worker.name, ["ingest.long", "ingest.short"], "")
    assert idle["heartbeat_at"]
    assert idle["born_at"]
    until(lambda: redis.lrange("app:samples:ingest.long", 0, -1))  # it notes how its queues stand
    assert f"{worker.name} runs nothing" in admin("workers", "kill", worker.name)
    job = jobs.submit(TaskSpec("a", "synthetic", zone="ingest", payload={"seconds": 60}))
    jobs.await_task(job, TaskState.RUNNING)
    assert until(lambda: admin.json("workers", "list")[0]["running"]) == f"{job}-a"
    (line,) = admin("workers", "list").splitlines()[1:]
    assert line.split()[:2] == [worker.name, "ingest.long,ingest.short"]
    assert f"{job}-a" in line


def test_a_drained_worker_hands_its_task_back_and_ends(admin: Admin, start_worker: StartWorker, redis: Redis, jobs: Jobs) -> None:
    worker = start_worker(**RARE_RENEWALS)
    job = jobs.synthetic(seconds=60)
    jobs.await_task(job, TaskState.RUNNING)
    until(lambda: admin.json("workers", "list"))
    assert admin("workers", "drain", worker.name) == f"{worker.name} hands its task back and ends\n"
    assert worker.await_end() == 0
    assert (jobs.task(job).state, jobs.task(job).attempts) == (TaskState.READY, 0)
    assert f"there is no worker '{worker.name}'" in admin("workers", "drain", worker.name, code=2)


def test_a_killed_run_is_tried_again_by_the_worker_that_goes_on(admin: Admin, start_worker: StartWorker, redis: Redis, jobs: Jobs) -> None:
    worker = start_worker()
    job = jobs.synthetic(seconds=1.5)
    jobs.await_task(job, TaskState.RUNNING)
    until(lambda: admin.json("workers", "list"))
    host = worker.name.split(":")[0]
    assert "was told to kill what it runs" in admin("workers", "kill", f"{host}:")
    until(lambda: jobs.task(job).attempts == 2)
    assert jobs.await_end(job) is JobStatus.COMPLETED


def test_a_worker_that_does_not_listen_is_said_to_be_none(admin: Admin, redis: Redis) -> None:
    assert "there is no worker 'nobody'" in admin("workers", "kill", "nobody", code=2)
    mute = RqWorker(["default"], connection=redis, name="mute")
    mute.register_birth()
    assert [worker["name"] for worker in admin.json("workers", "list")] == ["mute"]
    assert "there is no worker 'mute' that listens" in admin("workers", "drain", "mute", code=2)
    mute.register_death()
    assert "there is no worker 'mute'" in admin("workers", "drain", "mute", code=2)
