"""Stock workers, RQ's and rq-scheduler's schedulers and `rq info` in the same Redis change nothing of ours."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from redis import Redis
from rq import Queue, Worker
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer
from rq_scheduler import Scheduler

from jobs.model import Failed
from jobs.states import JobStatus, TaskState
from tests.border.conftest import FUNCTIONS, LISTED, Jobs, StartWorker, fetch, until
from tests.border.json_job import JsonJob
from tests.jobs.hands import Hands, chain

pytestmark = pytest.mark.usefixtures("sound")
JSON = ("--serializer", "rq.serializers.JSONSerializer")
Beside = Callable[..., subprocess.Popen[bytes]]


def program(name: str) -> Path:
    return Path(sys.executable).with_name(name)


class Stock(NamedTuple):
    name: str
    process: subprocess.Popen[bytes]

    def leave(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)


StartStock = Callable[..., Stock]


@pytest.fixture
def stock_worker(beside: Beside, redis: Redis, redis_url: str) -> StartStock:
    """Start a worker of RQ's own; return it once it listens."""

    def start(*arguments: str) -> Stock:
        name = f"stock-{len(Worker.all(redis))}"
        process = beside(program("rq"), "worker", "--url", redis_url, "--name", name, *arguments, "short", "long")
        until(lambda: any(worker.name == name and worker.get_state() == "idle" for worker in Worker.all(redis, serializer=JSONSerializer)))
        return Stock(name, process)

    return start


@pytest.fixture
def now_hands(hands: Hands) -> Hands:
    """Hands of our time."""
    hands.now = time.time()
    return hands


def test_a_stock_worker_takes_no_task_of_ours(start_worker: StartWorker, stock_worker: StartStock, jobs: Jobs, redis: Redis) -> None:
    stock = stock_worker("--with-scheduler", *JSON)
    start_worker()
    running = [jobs.synthetic(fail_attempts=n % 2, backoff_s=2, seconds=0.5) for n in range(12)]
    assert {jobs.await_end(job, within_s=60) for job in running} == {JobStatus.COMPLETED}
    assert {jobs.task(job).attempts for job in running} == {1, 2}
    assert redis.hget(f"rq:worker:{stock.name}", "failed_job_count") is None
    assert redis.exists("rq:scheduler-lock:short") == 1  # its scheduler looked, and found nothing due


@pytest.mark.parametrize("serializer", [JSON, ()])
def test_a_stock_worker_that_pops_a_requeued_task_of_ours_does_no_harm(
    now_hands: Hands, stock_worker: StartStock, start_worker: StartWorker, jobs: Jobs, redis: Redis, serializer: Any
) -> None:
    job = now_hands.submit(*chain("a", "b", attempts=1))
    now_hands.work(Failed("it broke"))
    before = redis.hgetall(now_hands.store.keys.state(job))
    stock = stock_worker(*serializer)
    fetch(redis, f"{job}-a").requeue()
    until(lambda: redis.hget(f"rq:worker:{stock.name}", "failed_job_count") == b"1")  # there is no module `lectern` to import
    until(lambda: FailedJobRegistry("short", redis).get_job_ids() == [f"{job}-a"])
    assert redis.hgetall(now_hands.store.keys.state(job)) == before
    stock.leave()
    start_worker()
    fetch(redis, f"{job}-a").requeue()
    until(lambda: jobs.show(job).status is JobStatus.COMPLETED)


def test_a_stock_worker_and_ours_share_plain_jobs(
    start_worker: StartWorker, stock_worker: StartStock, queue: Queue, redis: Redis, tmp_path: Path
) -> None:
    stock_worker(*JSON)
    start_worker(RQ_FUNCTIONS=LISTED)
    mark = tmp_path / "mark"
    plain = [queue.enqueue(f"{FUNCTIONS}.nap", 0.3, str(mark)) for _ in range(20)]
    for job in plain:
        until(lambda job=job: fetch(redis, job.id).get_status() == "finished")
    assert len(mark.read_text().splitlines()) == 20


def test_rq_info_and_cleaning_beside_running_tasks(
    start_worker: StartWorker, stock_worker: StartStock, jobs: Jobs, rq: Callable[..., str], queue: Queue, redis: Redis
) -> None:
    stock_worker("--maintenance-interval", "1", *JSON)
    start_worker("short", RQ_FUNCTIONS=LISTED)
    start_worker("short", RQ_FUNCTIONS=LISTED)
    job = jobs.synthetic(seconds=6)
    jobs.await_task(job, TaskState.RUNNING)
    until(lambda: redis.zcard("rq:wip:short") == 1)
    for _ in range(3):
        rq("info", "-r", *JSON)
    redis.delete("rq:clean_registries:short")
    assert jobs.await_end(job) is JobStatus.COMPLETED
    assert jobs.task(job).attempts == 1


def test_rqs_scheduler_enqueues_plain_jobs_that_ours_run(
    start_worker: StartWorker, stock_worker: StartStock, queue: Queue, redis: Redis
) -> None:
    stock_worker("--with-scheduler", *JSON)
    start_worker(RQ_FUNCTIONS=LISTED)
    job = queue.enqueue_in(timedelta(seconds=2), f"{FUNCTIONS}.add", 1)
    assert fetch(redis, job.id).get_status() == "scheduled"
    until(lambda: fetch(redis, job.id).get_status() == "finished")


def test_rq_scheduler_enqueues_plain_jobs_that_ours_run(start_worker: StartWorker, beside: Beside, redis: Redis, redis_url: str) -> None:
    worker = start_worker(RQ_FUNCTIONS=LISTED)
    worker.await_said("horse_spawned")
    scheduler = Scheduler("short", connection=redis, job_class=JsonJob)
    once = scheduler.enqueue_in(timedelta(seconds=1), f"{FUNCTIONS}.add", 1)
    beside(program("rqscheduler"), "--url", redis_url, "--interval", "0.5", "--job-class", "tests.border.json_job.JsonJob")
    until(lambda: fetch(redis, once.id).get_status() == "finished")
    start = datetime.now(UTC).replace(tzinfo=None)
    twice = scheduler.schedule(start, f"{FUNCTIONS}.add", args=[2], interval=4, repeat=2)
    until(lambda: len([line for line in worker.said("plain_ended") if twice.id in line]) == 2)
    until(lambda: fetch(redis, twice.id).get_status() == "finished")
    assert {line.split("outcome=")[1].split()[0] for line in worker.said("plain_ended")} == {"'finished'"}


def test_everything_at_once(
    start_worker: StartWorker, stock_worker: StartStock, beside: Beside, jobs: Jobs, queue: Queue, redis: Redis, redis_url: str,
    rq: Callable[..., str],
) -> None:  # fmt: skip
    stock = stock_worker("--with-scheduler", *JSON)
    beside(program("rqscheduler"), "--url", redis_url, "--interval", "0.5", "--job-class", "tests.border.json_job.JsonJob")
    start_worker(RQ_FUNCTIONS=LISTED)
    start_worker(RQ_FUNCTIONS=LISTED)
    ours = [jobs.synthetic(fail_attempts=n % 3, seconds=0.2, attempts=2, backoff_s=0.5) for n in range(15)]
    theirs = [queue.enqueue(f"{FUNCTIONS}.add", n) for n in range(30)]
    rq("info", *JSON)
    ended = {job: jobs.await_end(job, within_s=60) for job in ours}
    assert set(ended.values()) == {JobStatus.COMPLETED, JobStatus.FAILED}
    for job in theirs:
        until(lambda job=job: fetch(redis, job.id).get_status() == "finished")
    stock.leave()  # it would take what is requeued, in vain
    rq("requeue", "--all", "--queue", "short", *JSON)
    for job in ours:
        until(lambda job=job: jobs.show(job).status is JobStatus.COMPLETED)
