"""Plain RQ jobs run on our workers as they would on RQ's."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue, Repeat, Retry
from rq.command import send_kill_horse_command, send_stop_job_command
from rq.job import Job
from rq.registry import FailedJobRegistry, FinishedJobRegistry, StartedJobRegistry

from jobs.store import Store
from tests.border.conftest import FUNCTIONS, LISTED, Jobs, StartWorker, Worker, fetch, until
from tests.border.functions import add

pytestmark = pytest.mark.usefixtures("sound")


@pytest.fixture
def worker(start_worker: StartWorker) -> Worker:
    return start_worker(RQ_FUNCTIONS=LISTED)


def await_status(redis: Redis, job: Job, status: str) -> Job:
    return until(lambda: found if (found := fetch(redis, job.id)).get_status() == status else None)


def call(queue: Queue, name: str, *args: object, **options: object) -> Job:
    return queue.enqueue(f"{FUNCTIONS}.{name}", *args, **options)


def nothing_is_left(store: Store) -> bool:
    redis = store.redis
    return not (redis.exists(store.keys.leases()) or redis.keys("rq:wip:*") or redis.keys("rq:exec*") or redis.keys("app:plain:*"))


def test_a_listed_function_runs_and_its_result_is_where_rq_keeps_it(worker: Worker, queue: Queue, redis: Redis, store: Store) -> None:
    job = await_status(redis, queue.enqueue(add, 2, other=3, result_ttl=77), "finished")
    result = job.latest_result()
    assert (result.return_value, result.worker_name) == (5, worker.name)
    assert job.started_at <= job.ended_at
    assert 0 < redis.ttl(job.key) <= 77
    assert FinishedJobRegistry(queue=queue).get_job_ids() == [job.id]
    until(lambda: nothing_is_left(store))


def test_a_function_that_raises_fails_with_its_traceback(worker: Worker, queue: Queue, redis: Redis, store: Store) -> None:
    job = await_status(redis, call(queue, "boom", failure_ttl=88), "failed")
    assert 'raise RuntimeError("it broke")' in job.latest_result().exc_string
    assert FailedJobRegistry(queue=queue).get_job_ids() == [job.id]
    assert 0 < redis.ttl(job.key) <= 88
    until(lambda: nothing_is_left(store))


def test_a_result_that_is_not_json_is_said_to_be_none(worker: Worker, queue: Queue, redis: Redis) -> None:
    job = await_status(redis, call(queue, "unserializable"), "finished")
    assert job.latest_result().return_value == "Unserializable return value"


def test_a_result_that_nobody_wants_is_not_kept(worker: Worker, queue: Queue, redis: Redis, store: Store) -> None:
    job = call(queue, "add", 1, result_ttl=0)
    until(lambda: not Job.exists(job.id, redis))
    until(lambda: nothing_is_left(store))


def test_retries_are_as_rq_makes_them(worker: Worker, queue: Queue, redis: Redis) -> None:
    job = await_status(redis, call(queue, "boom", retry=Retry(max=2)), "failed")
    assert job.retries_left == 0
    assert len(worker.await_said("plain_failed", times=3)) == 3


def test_a_function_may_ask_to_be_run_again(worker: Worker, queue: Queue, redis: Redis) -> None:
    job = await_status(redis, call(queue, "again", 2), "finished")
    assert job.latest_result().return_value == 2


def test_a_job_repeats_as_often_as_it_should(worker: Worker, queue: Queue, redis: Redis, store: Store) -> None:
    job = call(queue, "add", 1, repeat=Repeat(times=2, interval=0))
    until(lambda: len(fetch(redis, job.id).results()) == 3)
    await_status(redis, job, "finished")
    until(lambda: nothing_is_left(store))


def test_what_depends_on_it_follows(worker: Worker, queue: Queue, redis: Redis) -> None:
    first = call(queue, "add", 1)
    await_status(redis, call(queue, "add", 2, depends_on=first), "finished")


def test_a_timeout_ends_the_function(worker: Worker, queue: Queue, redis: Redis, store: Store) -> None:
    job = await_status(redis, call(queue, "nap", 60, job_timeout=1), "failed")
    assert "JobTimeoutException: Task exceeded maximum timeout value (1 seconds)" in job.latest_result().exc_string
    until(lambda: nothing_is_left(store))


def test_a_function_that_does_not_heed_its_timeout_is_killed_and_fails(
    start_worker: StartWorker, queue: Queue, redis: Redis, store: Store
) -> None:
    worker = start_worker("short", "--timeout-grace", "1", strange=True, RQ_FUNCTIONS=LISTED)
    job = await_status(redis, call(queue, "deaf_nap", 60, job_timeout=1), "failed")
    assert job.latest_result().exc_string == "timed out after 1 s"
    assert len(worker.said("plain_started")) == 1
    until(lambda: nothing_is_left(store))


def test_it_is_shown_as_started_while_it_runs(worker: Worker, queue: Queue, redis: Redis) -> None:
    job = await_status(redis, call(queue, "nap", 3), "started")
    assert job.worker_name == worker.name
    assert [score for _, score in redis.zrange("rq:wip:short", 0, -1, withscores=True)] == [float("inf")]
    assert StartedJobRegistry(queue=queue).get_job_ids() == [job.id]
    assert job.get_executions()[0].worker_name == worker.name
    await_status(redis, job, "finished")


def test_its_run_is_renewed_for_as_long_as_it_lasts(start_worker: StartWorker, queue: Queue, redis: Redis, store: Store) -> None:
    lease = {"LEASE_SECONDS": "2", "RENEW_SECONDS": "0.5"}
    worker, other = (start_worker(RQ_FUNCTIONS=LISTED, **lease) for _ in range(2))
    job = call(queue, "nap", 5)
    await_status(redis, job, "finished")
    assert len(worker.said("plain_started") + other.said("plain_started")) == 1
    until(lambda: nothing_is_left(store))


def test_a_job_whose_horse_dies_is_put_back_three_times_and_then_fails(worker: Worker, queue: Queue, redis: Redis, store: Store) -> None:
    job = await_status(redis, call(queue, "die"), "failed")
    assert "was killed by SIGKILL" in job.latest_result().exc_string
    assert "the run number 4 of it that was lost" in job.latest_result().exc_string
    assert len(worker.said("horse_spawned")) == 5
    until(lambda: nothing_is_left(store))


def test_a_job_whose_worker_dies_is_run_by_another(start_worker: StartWorker, queue: Queue, redis: Redis, tmp_path: Path) -> None:
    lease = {"LEASE_SECONDS": "2", "RENEW_SECONDS": "0.5", "RQ_FUNCTIONS": LISTED}
    worker = start_worker(**lease)
    mark = tmp_path / "mark"
    job = call(queue, "nap", 3, str(mark))
    until(mark.exists)
    worker.tell(signal.SIGKILL)
    start_worker(**lease)
    await_status(redis, job, "finished")
    assert len(mark.read_text().splitlines()) == 2


def test_a_late_run_writes_nothing_over_the_one_that_followed(
    start_worker: StartWorker, queue: Queue, redis: Redis, tmp_path: Path
) -> None:
    lease = {"LEASE_SECONDS": "1.5", "RENEW_SECONDS": "0.5", "RQ_FUNCTIONS": LISTED}
    late = start_worker(**lease)
    mark = tmp_path / "mark"
    job = call(queue, "nap", 2, str(mark))
    until(mark.exists)
    horse = late.horses()[0]
    for pid in (late.pid, horse):
        os.kill(pid, signal.SIGSTOP)
    start_worker(**lease)
    await_status(redis, job, "finished")
    before = redis.hgetall(job.key), job.results()
    for pid in (horse, late.pid):
        os.kill(pid, signal.SIGCONT)
    late.await_said("plain_gone")
    assert (redis.hgetall(job.key), job.results()) == before


def test_a_deploy_hands_it_back_to_the_front_when_it_does_not_end_in_time(
    start_worker: StartWorker, queue: Queue, redis: Redis, store: Store, tmp_path: Path
) -> None:
    worker = start_worker(RQ_FUNCTIONS=LISTED, DRAIN_SECONDS="1")
    mark = tmp_path / "mark"
    job, behind = call(queue, "nap", 60, str(mark)), call(queue, "add", 1)
    until(mark.exists)
    worker.tell(signal.SIGTERM)
    assert worker.await_end() == 0
    assert fetch(redis, job.id).get_status() == "queued"
    assert redis.lrange("rq:queue:short.normal.fresh.rq", 0, -1) == [job.id.encode(), behind.id.encode()]
    assert int(redis.hget(store.keys.plain(job.id), "lost")) == 0


def test_a_deploy_lets_it_end_when_it_does_so_in_time(worker: Worker, queue: Queue, redis: Redis, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    job = call(queue, "nap", 2, str(mark))
    until(mark.exists)
    worker.tell(signal.SIGTERM)
    assert worker.await_end() == 0
    assert fetch(redis, job.id).get_status() == "finished"


def test_stop_job_stops_it_for_good(worker: Worker, queue: Queue, redis: Redis, store: Store) -> None:
    job = await_status(redis, call(queue, "nap", 60, retry=Retry(max=3)), "started")
    worker.await_said("plain_started")
    send_stop_job_command(redis, job.id, queue.serializer)
    job = await_status(redis, job, "stopped")
    assert job.latest_result().exc_string == "Job stopped by user, work-horse terminated."
    assert FailedJobRegistry(queue=queue).get_job_ids() == [job.id]
    until(lambda: nothing_is_left(store))


def test_kill_horse_costs_a_run(worker: Worker, queue: Queue, redis: Redis, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    job = call(queue, "nap", 2, str(mark))
    until(mark.exists)
    send_kill_horse_command(redis, worker.name)
    await_status(redis, job, "finished")
    assert len(mark.read_text().splitlines()) == 2


def test_a_waiting_one_that_was_cancelled_or_deleted_does_not_run(start_worker: StartWorker, queue: Queue, redis: Redis) -> None:
    worker = start_worker(RQ_FUNCTIONS=LISTED)
    busy = await_status(redis, call(queue, "nap", 2), "started")
    cancelled, deleted, last = (call(queue, "add", 1) for _ in range(3))
    cancelled.cancel()
    deleted.delete()
    await_status(redis, last, "finished")
    assert fetch(redis, busy.id).get_status() == "finished"
    assert fetch(redis, cancelled.id).get_status() == "canceled"
    assert not Job.exists(deleted.id, redis)
    assert len(worker.said("plain_started")) == 2


def test_a_running_one_that_was_cancelled_stays_so(worker: Worker, queue: Queue, redis: Redis, store: Store) -> None:
    job = await_status(redis, call(queue, "nap", 2), "started")
    job.cancel()
    worker.await_said("plain_ended")
    assert fetch(redis, job.id).get_status() == "canceled"
    until(lambda: nothing_is_left(store))


def test_one_that_is_enqueued_again_while_it_runs_runs_once_more(worker: Worker, queue: Queue, redis: Redis, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    job = call(queue, "nap", 1, str(mark))
    until(mark.exists)
    queue.enqueue_job(fetch(redis, job.id))
    until(lambda: len(mark.read_text().splitlines()) == 2)
    await_status(redis, job, "finished")


def test_they_take_turns_with_the_tasks_of_organisations(worker: Worker, queue: Queue, redis: Redis, jobs: Jobs, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    backlog = [call(queue, "nap", 0.2, str(mark)) for _ in range(30)]
    until(mark.exists)
    job = jobs.synthetic()
    jobs.await_end(job)
    assert len(mark.read_text().splitlines()) < 15
    await_status(redis, backlog[-1], "finished")
