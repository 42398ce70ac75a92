"""RQ's command line and commands, against real workers of ours."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from redis import Redis
from rq import Queue
from rq.command import send_kill_horse_command, send_shutdown_command, send_stop_job_command
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from jobs.model import Failed
from jobs.states import JobStatus, TaskState
from tests.border.conftest import FUNCTIONS, LISTED, Jobs, StartWorker, fetch, until
from tests.jobs.hands import Hands, chain

pytestmark = pytest.mark.usefixtures("sound")
JSON = ("--serializer", "rq.serializers.JSONSerializer")
Rq = Callable[..., str]


def failed_job(hands: Hands) -> str:
    job = hands.submit(*chain("a", "b", attempts=1))
    hands.work(Failed("it broke"))
    return job


def await_completed(jobs: Jobs, job: str, within_s: float = 20.0) -> None:
    until(lambda: jobs.show(job).status is JobStatus.COMPLETED, within_s)


@pytest.fixture
def real_hands(hands: Hands) -> Hands:
    """Hands of our time, for real workers to go on from."""
    hands.now = time.time()
    return hands


def test_rq_requeue_retries_a_failed_task(real_hands: Hands, rq: Rq, start_worker: StartWorker, jobs: Jobs) -> None:
    job = failed_job(real_hands)
    rq("requeue", "--queue", "short", *JSON, f"{job}-a")
    start_worker()
    await_completed(jobs, job)


def test_rq_requeue_all_retries_whatever_has_failed(real_hands: Hands, rq: Rq, start_worker: StartWorker, jobs: Jobs, queue: Queue) -> None:
    failed = [failed_job(real_hands) for _ in range(5)]
    worker = start_worker(RQ_FUNCTIONS=LISTED)
    plain = queue.enqueue(f"{FUNCTIONS}.boom")
    until(lambda: plain.id in FailedJobRegistry(queue=queue).get_job_ids())
    rq("requeue", "--all", "--queue", "short", *JSON)
    for job in failed:
        await_completed(jobs, job)
    worker.await_said("plain_failed", times=2)
    until(lambda: FailedJobRegistry(queue=queue).get_job_ids() == [plain.id])


def test_an_idle_worker_takes_what_is_requeued_within_two_seconds(real_hands: Hands, rq: Rq, start_worker: StartWorker, jobs: Jobs) -> None:
    job = failed_job(real_hands)
    worker = start_worker()
    jobs.await_end(jobs.synthetic())
    assert worker.name
    rq("requeue", "--queue", "short", *JSON, f"{job}-a")
    await_completed(jobs, job, within_s=3.0)


def test_rq_suspend_and_resume(rq: Rq, start_worker: StartWorker, jobs: Jobs, redis: Redis, queue: Queue) -> None:
    start_worker(RQ_FUNCTIONS=LISTED)
    jobs.await_end(jobs.synthetic())
    rq("suspend")
    job, plain = jobs.synthetic(), queue.enqueue(f"{FUNCTIONS}.add", 1)
    until(lambda: redis.llen("app:bell:short") == 0)
    assert jobs.task(job).state is TaskState.READY
    assert redis.lrange("rq:queue:short", 0, -1) == [plain.id.encode()]
    rq("resume")
    assert jobs.await_end(job) is JobStatus.COMPLETED
    until(lambda: fetch(redis, plain.id).get_status() == "finished")


def test_rq_empty_drops_what_was_to_be_retried_and_plain_jobs(real_hands: Hands, rq: Rq, redis: Redis, queue: Queue) -> None:
    job = failed_job(real_hands)
    fetch(redis, f"{job}-a").requeue()
    plain = queue.enqueue(f"{FUNCTIONS}.add", 1)
    assert "2 jobs removed from short queue" in rq("empty", "short", *JSON)
    assert real_hands.states(job) == {"a": "failed", "b": "cancelled"}
    assert not redis.exists(plain.key)


def test_stop_job_of_a_task_cancels_its_job(start_worker: StartWorker, redis: Redis, jobs: Jobs) -> None:
    worker = start_worker()
    job = jobs.synthetic(seconds=60)
    until(lambda: fetch(redis, f"{job}-a").get_status() == "started")
    send_stop_job_command(redis, f"{job}-a", JSONSerializer)
    assert jobs.await_end(job) is JobStatus.CANCELLED
    worker.await_said("run_gone")


def test_kill_horse_and_shutdown_cost_no_job(start_worker: StartWorker, redis: Redis, jobs: Jobs) -> None:
    first, second = start_worker("short"), start_worker("short")
    running = [jobs.synthetic(seconds=2) for _ in range(2)]
    for job in running:
        jobs.await_task(job, TaskState.RUNNING)
    until(lambda: redis.sismember("rq:workers", f"rq:worker:{first.name}") and redis.sismember("rq:workers", f"rq:worker:{second.name}"))
    send_kill_horse_command(redis, first.name)
    send_shutdown_command(redis, second.name)
    assert second.await_end() == 0
    assert {jobs.await_end(job) for job in running} == {JobStatus.COMPLETED}


def test_rq_enqueue_runs_a_listed_function(rq: Rq, start_worker: StartWorker, redis: Redis) -> None:
    start_worker(RQ_FUNCTIONS=LISTED)
    said = rq("enqueue", "--queue", "short", *JSON, f"{FUNCTIONS}.add", ":1", "other:=2")
    rq_job = said.rsplit("'", 2)[1]
    until(lambda: fetch(redis, rq_job).get_status() == "finished")
    assert fetch(redis, rq_job).latest_result().return_value == 3


def test_rq_info_shows_a_plain_job_in_its_lane_and_while_it_runs(rq: Rq, start_worker: StartWorker, redis: Redis, queue: Queue) -> None:
    start_worker("short", RQ_FUNCTIONS=LISTED)
    running, waiting = queue.enqueue(f"{FUNCTIONS}.nap", 3), queue.enqueue(f"{FUNCTIONS}.add", 1)
    until(lambda: fetch(redis, running.id).get_status() == "started")
    fetch(redis, waiting.id)
    shown = rq("info", "-r", *JSON)
    assert "queue short " in shown
    until(lambda: fetch(redis, waiting.id).get_status() == "finished")
