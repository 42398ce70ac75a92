"""A worker that has nothing to do asks Redis little, and hears of work all the same."""

from __future__ import annotations

import time

from redis import Redis
from rq import suspension

from bench.wire import commands_in
from jobs.states import TaskState
from jobs.store import Store
from tests.workers.conftest import RARE_RENEWALS, Jobs, StartWorker, until


def waits(redis: Redis) -> bool:
    return int(redis.info("clients")["blocked_clients"]) == 1


def test_an_idle_worker_asks_less_than_twice_a_second(start_worker: StartWorker, store: Store, redis: Redis) -> None:
    worker = start_worker("short", "long")
    until(lambda: redis.hget(f"rq:worker:{worker.name}", "state") == b"idle" and waits(redis))
    seconds = 10.0  # a whole round of what is done every 10 s
    asked = commands_in(store, seconds)
    assert 0 < asked.total() < 2 * seconds, asked


def test_an_idle_worker_takes_what_is_pushed_to_an_inbox_before_it_would_look_by_itself(
    start_worker: StartWorker, redis: Redis, jobs: Jobs
) -> None:
    start_worker("short", **RARE_RENEWALS)
    job = jobs.synthetic(attempts=1, fail_attempts=100)
    for _ in range(4):  # a look of its own, every 5 s, may come in time by chance
        jobs.await_task(job, TaskState.FAILED)
        until(lambda: waits(redis))
        attempts, pushed = jobs.task(job).attempts, time.monotonic()
        redis.rpush("rq:queue:short", f"{job}-a")  # as `rq requeue` does
        until(lambda attempts=attempts: jobs.task(job).attempts > attempts)  # type: ignore[misc]
        assert time.monotonic() - pushed < 3


def test_an_idle_worker_shows_at_once_that_all_are_suspended(start_worker: StartWorker, redis: Redis) -> None:
    worker = start_worker("short", **RARE_RENEWALS)
    key = f"rq:worker:{worker.name}"
    until(lambda: redis.hget(key, "state") == b"idle")
    for suspend, state in ((suspension.suspend, b"suspended"), (suspension.resume, b"idle")):
        suspend(redis)
        until(lambda state=state: redis.hget(key, "state") == state, within_s=3)  # type: ignore[misc]
