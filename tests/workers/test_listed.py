"""What RQ and its tools see of a worker, and what they can make it do."""

from __future__ import annotations

import os
import signal
import socket

import pytest
from redis import Redis
from rq import Worker as RqWorker
from rq import suspension
from rq.command import send_command, send_kill_horse_command, send_shutdown_command, send_stop_job_command
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker.base import BaseWorker

from jobs.states import JobStatus, TaskState
from tests.workers.conftest import RARE_RENEWALS, Jobs, StartWorker, Worker, until
from workers import stable


def as_rq_sees(redis: Redis, worker: Worker) -> BaseWorker:
    """The worker, read as `rq info` reads it."""
    return until(lambda: next((seen for seen in RqWorker.all(redis, serializer=JSONSerializer) if seen.name == worker.name), None))


def test_a_worker_is_listed_with_its_queues_and_gone_when_it_leaves(start_worker: StartWorker, redis: Redis) -> None:
    worker = start_worker("long", "short", "--zone", "ingest")
    seen = as_rq_sees(redis, worker)
    assert seen.queue_names() == ["ingest.long", "ingest.short"]
    assert seen.pid == worker.pid
    assert redis.smembers("rq:queues") >= {b"rq:queue:ingest.long", b"rq:queue:ingest.short"}
    assert 60 < redis.ttl(seen.key) <= 120
    worker.tell(signal.SIGTERM)
    assert worker.await_end() == 0
    assert RqWorker.all(redis) == []


def test_a_worker_is_busy_with_its_job_while_it_works_and_idle_after(start_worker: StartWorker, redis: Redis, jobs: Jobs) -> None:
    worker = start_worker(**RARE_RENEWALS)
    until(lambda: as_rq_sees(redis, worker).get_state() == "idle")
    job = jobs.synthetic(seconds=4)
    jobs.await_task(job, TaskState.RUNNING)
    until(lambda: as_rq_sees(redis, worker).get_state() == "busy")
    until(lambda: as_rq_sees(redis, worker).get_current_job_id() == f"{job}-a")
    assert Job.fetch(f"{job}-a", redis, JSONSerializer).get_status() == "started"
    assert jobs.await_end(job) is JobStatus.COMPLETED
    until(lambda: as_rq_sees(redis, worker).get_state() == "idle")
    assert as_rq_sees(redis, worker).get_current_job_id() is None


def test_a_worker_that_redis_forgot_is_listed_again(start_worker: StartWorker, redis: Redis) -> None:
    worker = start_worker("short", "--beat-every", "1", strange=True)
    as_rq_sees(redis, worker)
    redis.flushall()
    assert until(lambda: as_rq_sees(redis, worker).get_state() == "idle")


def test_a_suspended_worker_claims_nothing_until_it_is_resumed(start_worker: StartWorker, redis: Redis, jobs: Jobs) -> None:
    worker = start_worker()
    until(lambda: as_rq_sees(redis, worker).get_state() == "idle")
    suspension.suspend(redis)
    until(lambda: as_rq_sees(redis, worker).get_state() == "suspended")
    job = jobs.synthetic()
    until(lambda: redis.llen("app:bell:short") == 0)  # it was woken, and looked
    assert jobs.task(job).state is TaskState.READY
    suspension.resume(redis)
    assert jobs.await_end(job) is JobStatus.COMPLETED


def test_stop_job_cancels_the_job(start_worker: StartWorker, redis: Redis, jobs: Jobs) -> None:
    worker = start_worker(**RARE_RENEWALS)
    job = jobs.synthetic(seconds=60)
    until(lambda: as_rq_sees(redis, worker).get_current_job_id() == f"{job}-a")
    send_stop_job_command(redis, f"{job}-a", JSONSerializer)
    assert jobs.await_end(job) is JobStatus.CANCELLED
    worker.await_said("run_gone")


def test_stop_execution_cancels_the_job_of_that_run_only(start_worker: StartWorker, redis: Redis, jobs: Jobs) -> None:
    worker = start_worker(**RARE_RENEWALS)
    job = jobs.synthetic(seconds=60)
    execution: Execution = until(lambda: next(iter(as_rq_sees(redis, worker).get_current_executions()), None))
    send_command(redis, worker.name, "stop-execution", job_id=f"{job}-a", execution_id="another")
    worker.await_said("command_ignored")
    assert jobs.task(job).state is TaskState.RUNNING
    send_command(redis, worker.name, "stop-execution", job_id=f"{job}-a", execution_id=execution.id)
    assert jobs.await_end(job) is JobStatus.CANCELLED


def test_kill_horse_kills_the_run_and_it_is_tried_again(start_worker: StartWorker, redis: Redis, jobs: Jobs) -> None:
    worker = start_worker()
    job = jobs.synthetic(seconds=1.5)
    jobs.await_task(job, TaskState.RUNNING)
    as_rq_sees(redis, worker)
    send_kill_horse_command(redis, worker.name)
    until(lambda: jobs.task(job).attempts == 2)
    assert jobs.task(job).error == "worker was killed by the command kill-horse"
    assert jobs.await_end(job) is JobStatus.COMPLETED


def test_shutdown_is_a_deploy(start_worker: StartWorker, redis: Redis, jobs: Jobs) -> None:
    worker = start_worker(**RARE_RENEWALS)
    job = jobs.synthetic(seconds=60)
    jobs.await_task(job, TaskState.RUNNING)
    as_rq_sees(redis, worker)
    send_shutdown_command(redis, worker.name)
    assert worker.await_end() == 0
    assert (jobs.task(job).state, jobs.task(job).attempts) == (TaskState.READY, 0)


def test_what_is_not_a_command_does_no_harm(start_worker: StartWorker, redis: Redis, jobs: Jobs) -> None:
    worker = start_worker()
    as_rq_sees(redis, worker)
    for junk in (b"\x80\x04K*.", b"not json", b"[]", b'{"command": "dance"}', b'{"command": {}}'):
        redis.publish(f"rq:pubsub:{worker.name}", junk)
    worker.await_said("command_ignored", times=4)
    assert jobs.await_end(jobs.synthetic()) is JobStatus.COMPLETED


def test_the_runs_of_a_worker_are_counted_where_rq_info_looks(start_worker: StartWorker, redis: Redis, jobs: Jobs) -> None:
    worker = start_worker("short", "--beat-every", "1", strange=True)
    assert jobs.await_end(jobs.synthetic(fail_attempts=1, seconds=0.2)) is JobStatus.COMPLETED
    seen = until(lambda: found if (found := as_rq_sees(redis, worker)).successful_job_count else None)
    assert (seen.successful_job_count, seen.failed_job_count) == (1, 1)
    assert seen.total_working_time >= 0.2


def test_a_worker_holds_three_connections(start_worker: StartWorker, redis: Redis, jobs: Jobs) -> None:
    before = {client["id"] for client in redis.client_list()}  # some may still be on their way out
    worker = start_worker()
    assert jobs.await_end(jobs.synthetic(seconds=1)) is JobStatus.COMPLETED
    as_rq_sees(redis, worker)
    assert len({client["id"] for client in redis.client_list()} - before) == 3


def test_the_name_of_a_worker_is_short_whatever_its_machine_is_called(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "h" * 253)
    monkeypatch.setattr(os, "getpid", lambda: 4_194_304)
    assert len(stable.new_name()) <= 64
