"""Redis in trouble, or its answers lost, around a plain RQ job: its outcome is committed once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from redis import Redis
from rq import Queue, Retry, suspension

from jobs.store import Store
from tests.border.conftest import FUNCTIONS, LISTED, StartWorker, fetch, until
from tests.faults.conftest import proxy
from tests.faults.proxy import Answer, Call, Drop, Proxy

__all__ = ["proxy"]
pytestmark = pytest.mark.usefixtures("sound")


def drop(call: Call) -> None:
    raise Drop


def refuse(call: Call) -> None:
    raise Answer("READONLY You can't write against a read only replica.")


@pytest.mark.parametrize(
    ("point", "first", "harm"),
    [
        ("after:EXEC", 1, drop),  # of what RQ writes when it begins
        ("before:EXEC", 2, drop),  # of the outcome
        ("after:EXEC", 2, drop),
        ("before:WATCH", 2, drop),
        ("before:WATCH", 2, refuse),
        ("after:HGETALL", 1, drop),
        ("before:HGETALL", 1, refuse),
        ("after:end_plain", 1, drop),
        ("before:end_plain", 1, refuse),
    ],
)
def test_an_outcome_is_committed_once(
    start_worker: StartWorker, queue: Queue, redis: Redis, store: Store, proxy: Proxy, point: str, first: int, harm: Callable[[Call], None]
) -> None:
    worker = start_worker("short", REDIS_URL=proxy.url, RQ_FUNCTIONS=LISTED)
    horse = worker.horses()[0]
    rule = proxy.at(point, harm, first=first, where=lambda call: call.pid == horse)
    job = queue.enqueue(f"{FUNCTIONS}.add", 1)
    rule.await_done()
    until(lambda: fetch(redis, job.id).get_status() == "finished" and not redis.exists(store.keys.plain(job.id)))
    assert [result.return_value for result in fetch(redis, job.id).results()] == [1]
    assert len(worker.said("plain_started")) == 1
    until(lambda: len(worker.said("plain_ended") + worker.said("plain_gone")) >= 1)


def test_what_depends_on_a_job_follows_soon_when_the_horse_dies_before_it_has_enqueued_it(
    start_worker: StartWorker, queue: Queue, redis: Redis, proxy: Proxy
) -> None:
    worker = start_worker("short", "--beat-every", "1", strange=True, REDIS_URL=proxy.url, RQ_FUNCTIONS=LISTED)
    until(lambda: redis.exists(f"rq:worker:{worker.name}"))  # its first beat, with which it tidies, is over
    suspension.suspend(redis)
    first = queue.enqueue(f"{FUNCTIONS}.add", 1)
    dependent = queue.enqueue(f"{FUNCTIONS}.add", 2, depends_on=first)

    def die(call: Call) -> None:
        os.kill(call.pid, signal.SIGKILL)
        raise Drop

    # the commit of the outcome, before the horse has learnt of it
    rule = proxy.at("after:EXEC", die, where=lambda call: fetch(redis, dependent.id).get_status() == "ready_to_enqueue")
    suspension.resume(redis)
    rule.await_done()
    until(lambda: fetch(redis, dependent.id).get_status() == "finished")
    assert len(worker.said("horse_spawned")) == 2
    assert [result.return_value for result in fetch(redis, first.id).results()] == [1]


def test_a_failure_whose_answer_was_lost_is_retried_once(start_worker: StartWorker, queue: Queue, redis: Redis, proxy: Proxy) -> None:
    worker = start_worker("short", REDIS_URL=proxy.url, RQ_FUNCTIONS=LISTED)
    horse = worker.horses()[0]
    rule = proxy.at("after:EXEC", drop, first=2, where=lambda call: call.pid == horse)
    job = queue.enqueue(f"{FUNCTIONS}.boom", retry=Retry(max=1))
    rule.await_done()
    until(lambda: fetch(redis, job.id).get_status() == "failed")
    assert len(worker.said("plain_failed")) == 2
    assert fetch(redis, job.id).retries_left == 0
