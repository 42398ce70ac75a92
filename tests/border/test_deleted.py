"""An rq_job of ours that RQ's tools delete or cancel is our cancel, whoever meets it first; what had ended has ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from redis import Redis
from rq import Queue
from rq.job import Job
from rq.registry import CanceledJobRegistry

from jobs import claim, control
from jobs.model import Claimed, Completed, Failed
from tests.border.conftest import fetch
from tests.border.states import delayed, joining, pending, ready, running, shown
from tests.jobs.hands import Hands, chain


def failed(hands: Hands) -> str:
    """A job whose task `b` has failed, and `c` was cancelled with it."""
    job = hands.submit(*chain("a", "b", "c", attempts=1))
    hands.work()
    hands.work(Failed("it broke"))
    return job


@pytest.mark.parametrize("state", [pending, ready, delayed, running, shown, joining])
def test_a_deleted_rq_job_cancels_its_job_when_its_task_is_next_met(hands: Hands, redis: Redis, state: Callable[[Hands], str]) -> None:
    rq_job = state(hands)
    job = rq_job.split("-")[0]
    fetch(redis, rq_job).delete()
    assert not Job.exists(rq_job, redis)
    meet(hands)
    assert hands.status(job) == "cancelled"
    assert not Job.exists(rq_job, redis)  # deleted is deleted: it is not shown again
    control.retry(hands.store, job, now=hands.now)
    assert fetch(redis, rq_job).get_status() in ("queued", "deferred")
    hands.drain()
    assert hands.status(job) == "completed"


def meet(hands: Hands) -> None:
    """Go on with everything, as workers would."""
    hands.now += 400  # what is delayed is due
    found = hands.look()
    held = [member.decode().split(":", 1) for member in hands.store.redis.zrange(hands.store.keys.leases(), 0, -1)]
    claim.renew(hands.store, worker=hands.name, queues=hands.queues, runs=[(rq_job, run) for rq_job, run in held], now=hands.now)
    while isinstance(found, Claimed):
        hands.record(found, Completed())
        found = hands.look()


@pytest.mark.parametrize("state", [pending, ready, delayed, running, shown, joining])
def test_an_rq_job_that_rq_cancels_cancels_its_job_at_the_next_renewal(hands: Hands, redis: Redis, state: Callable[[Hands], str]) -> None:
    rq_job = state(hands)
    fetch(redis, rq_job).cancel()
    hands.renew()
    assert hands.status(rq_job.split("-")[0]) == "cancelled"
    assert fetch(redis, rq_job).get_status() == "canceled"
    assert rq_job in CanceledJobRegistry("short", redis).get_job_ids()


def test_a_run_whose_rq_job_was_cancelled_is_told_at_its_next_renewal(hands: Hands, redis: Redis) -> None:
    job = hands.submit({"name": "a"})
    claimed = hands.claim()
    fetch(redis, f"{job}-a").cancel()
    assert hands.renew(claimed).cancelled == {claimed.run}


def test_a_run_whose_rq_job_was_deleted_completes_nothing_but_itself(hands: Hands, redis: Redis) -> None:
    job = hands.submit(*chain("a", "b"))
    claimed = hands.claim()
    fetch(redis, f"{job}-a").delete()
    hands.record(claimed)
    assert hands.states(job) == {"a": "completed", "b": "cancelled"}
    assert hands.status(job) == "cancelled"


def test_an_rq_job_that_had_ended_may_be_deleted_or_cancelled_without_effect(hands: Hands, redis: Redis) -> None:
    job = failed(hands)
    fetch(redis, f"{job}-a").delete()
    fetch(redis, f"{job}-b").cancel()
    hands.renew()
    assert hands.states(job) == {"a": "completed", "b": "failed", "c": "cancelled"}
    assert fetch(redis, f"{job}-b").get_status() == "failed"
    control.retry(hands.store, job, now=hands.now)
    assert hands.drain() == ["b", "c"]


def test_what_others_have_cancelled_stays_in_rqs_registry(hands: Hands, redis: Redis, queue: Queue) -> None:
    others = [queue.enqueue("some.function") for _ in range(30)]
    for job in others:
        job.cancel()
    ours = hands.submit({"name": "a"})
    fetch(redis, f"{ours}-a").cancel()
    for _ in range(3):
        hands.renew()
    assert set(CanceledJobRegistry("short", redis).get_job_ids()) == {f"{ours}-a", *(job.id for job in others)}
    assert hands.status(ours) == "cancelled"
    hands.now += 31 * 86_400
    redis.delete(f"rq:job:{ours}-a")  # its own expiry goes by the server's clock, which no test moves
    hands.renew()
    assert set(CanceledJobRegistry("short", redis).get_job_ids()) == {job.id for job in others}
