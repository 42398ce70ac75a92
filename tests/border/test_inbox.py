"""What RQ's tools push, cancel and delete steers our tasks; what they get wrong is put right."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from redis import Redis
from rq import Queue
from rq.registry import DeferredJobRegistry, FailedJobRegistry, ScheduledJobRegistry

from jobs import claim, control, submit
from jobs.keys import Keys
from jobs.model import Failed, Idle, Plain, Spawn, Submission
from jobs.store import Store
from tests.border.conftest import fetch
from tests.border.states import completed, delayed, joining, pending, ready, running, shown
from tests.jobs.hands import Hands, chain


def requeue(redis: Redis, rq_job: str) -> None:
    """As `rq requeue` and rq-dashboard do it."""
    fetch(redis, rq_job).requeue()


def push(redis: Redis, rq_job: str, queue: str = "short") -> None:
    """As a tool that enqueues whatever it is given."""
    Queue(queue, connection=redis, serializer=fetch(redis, rq_job).serializer).enqueue_job(fetch(redis, rq_job))


def failed(hands: Hands) -> str:
    """A job whose task `b` has failed, and `c` was cancelled with it."""
    job = hands.submit(*chain("a", "b", "c", attempts=1))
    hands.work()
    hands.work(Failed("it broke"))
    return job


def test_a_failed_task_that_is_requeued_runs_again_and_what_was_cancelled_with_it(hands: Hands, redis: Redis) -> None:
    job = failed(hands)
    requeue(redis, f"{job}-b")
    assert hands.drain() == ["b", "c"]
    assert hands.status(job) == "completed"
    assert redis.exists("rq:queue:short") == 0
    assert redis.ttl(f"rq:job:{job}-b") <= 500  # that of what has finished, not what was left of what had failed


def test_a_skipped_task_that_is_requeued_runs_again_with_what_ran_without_it(hands: Hands, redis: Redis) -> None:
    job = hands.submit({"name": "a", "optional": True, "attempts": 1}, {"name": "b", "needs": ["a"]})
    hands.work(Failed("not configured"))
    hands.work()
    requeue(redis, f"{job}-a")
    assert hands.drain() == ["a", "b"]


def test_a_cancelled_task_that_is_pushed_revives_its_job(hands: Hands, redis: Redis) -> None:
    job = hands.submit(*chain("a", "b"))
    control.cancel(hands.store, job, now=hands.now)
    push(redis, f"{job}-b")
    assert hands.drain() == ["a", "b"]


def test_a_failed_child_that_is_requeued_is_retried_alone(hands: Hands, redis: Redis) -> None:
    job = hands.submit({"name": "a"})
    hands.work(Spawn(({}, {}, {}), attempts=1, allowed_failures=1))
    hands.work(Failed("the first"))
    requeue(redis, f"{job}-a-0")
    assert sorted(hands.drain()) == ["a.0", "a.1", "a.2"]


def test_a_retry_that_is_refused_leaves_the_task_failed_also_in_rq(hands: Hands, redis: Redis) -> None:
    job = hands.submit({"name": "a", "optional": True, "attempts": 1}, {"name": "b", "needs": ["a"]})
    hands.work(Failed("not configured"))
    requeue(redis, f"{job}-a")  # its job goes on, so that it cannot be retried yet
    assert fetch(redis, f"{job}-a").get_status() == "queued"
    assert hands.claim().node == "b"
    assert hands.states(job)["a"] == "skipped"
    assert fetch(redis, f"{job}-a").get_status() == "failed"
    assert FailedJobRegistry("short", redis).get_job_ids() == [f"{job}-a"]
    assert fetch(redis, f"{job}-a").latest_result().exc_string == "not configured"


@pytest.mark.parametrize("state", [pending, ready, delayed, running, shown, joining, completed])
def test_a_task_that_has_not_failed_is_left_as_it_is_and_shown_so(hands: Hands, redis: Redis, state: Callable[[Hands], str]) -> None:
    rq_job = state(hands)
    job, task = rq_job.split("-")
    before = hands.states(job)[task]
    push(redis, rq_job)
    control.pause(hands.store, "short")  # so that nothing begins to run
    hands.look()
    assert redis.exists("rq:queue:short") == 0
    assert hands.states(job)[task] == before
    control.resume(hands.store, "short")


def test_an_inbox_is_taken_in_by_twenty_a_call(hands: Hands, redis: Redis) -> None:
    jobs = [hands.submit({"name": "a", "attempts": 1}) for _ in range(50)]
    for _ in jobs:
        hands.work(Failed("it broke"))
    for job in jobs:
        requeue(redis, f"{job}-a")
    hands.claim()
    assert redis.llen("rq:queue:short") == 30
    hands.claim()
    assert redis.llen("rq:queue:short") == 10
    assert len(hands.drain()) == 48
    for claimed in redis.zrange(hands.store.keys.leases(), 0, -1):
        rq_job, run = claimed.decode().split(":")
        assert rq_job
        assert run


def test_an_inbox_full_of_what_is_dropped_keeps_nobody_waiting(hands: Hands, redis: Redis) -> None:
    redis.rpush("rq:queue:short", *(f"gone-{n}" for n in range(100)))
    hands.submit({"name": "a"})
    assert hands.claim().node == "a"
    found = hands.look()
    assert isinstance(found, Idle)
    assert found.wait_s == 0  # there is more: look again at once
    for _ in range(4):
        hands.look()
    assert not redis.exists("rq:queue:short")


def test_a_plain_job_waits_in_a_lane_of_organisation_rq(hands: Hands, redis: Redis, queue: Queue) -> None:
    job = queue.enqueue("some.function")
    found = hands.look()
    assert isinstance(found, Plain)
    assert (found.id, found.queue, found.lost) == (job.id, "short", 0)
    assert hands.look(found.run) == found  # the same call again, the same answer
    assert not redis.exists("rq:queue:short.normal.fresh.rq")
    assert redis.hget(hands.store.keys.build("fair", "short", "rq"), "n") == b"1"


def left_of_rq(hands: Hands) -> str:
    """A job of an organisation called rq, from before that name was reserved: made by the script, past the check."""
    asked = Submission("synthetic", {"tasks": [{"name": "a"}]}, user="ada", org="acme", admin=True)
    call = submit.prepare(hands.store.settings, asked, None, None, hands.now)
    made = hands.store.run("submit", *("rq" if part == "acme" else part for part in call))
    return str(made[0].decode())


def test_a_job_of_an_organisation_called_rq_is_no_plain_job(hands: Hands, queue: Queue) -> None:
    queue.enqueue("some.function")
    job = left_of_rq(hands)
    found = [hands.look() for _ in range(2)]
    assert {type(one).__name__ for one in found} == {"Claimed", "Plain"}
    assert hands.states(job) == {"a": "running"}


def test_a_lost_plain_job_waits_at_the_front_and_says_how_often(hands: Hands, redis: Redis, queue: Queue) -> None:
    first, second = queue.enqueue("some.function"), queue.enqueue("some.function")
    for lost in range(3):
        found = hands.look()
        assert isinstance(found, Plain)
        assert (found.id, found.lost) == (first.id, lost)
        while not claim.reap(hands.store, hands.now):
            hands.now += 5
        assert fetch(redis, first.id).get_status() == "queued"
    assert redis.lrange("rq:queue:short.normal.fresh.rq", 0, -1) == [first.id.encode(), second.id.encode()]


def test_a_knock_wakes_one_worker_for_what_is_in_an_inbox(hands: Hands, redis: Redis, queue: Queue) -> None:
    bell = Keys("app").bell("short")
    assert not claim.knock(hands.store, ["short", "long"])
    queue.enqueue("some.function")
    assert claim.knock(hands.store, ["short", "long"])
    assert claim.knock(hands.store, ["short", "long"])
    assert redis.llen(bell) == 1
    hands.look()
    assert not claim.knock(hands.store, ["short", "long"])


def test_nothing_is_taken_in_while_workers_are_suspended(hands: Hands, redis: Redis, queue: Queue) -> None:
    queue.enqueue("some.function")
    redis.set("rq:suspended", 1)
    assert isinstance(hands.look(), Idle)
    assert redis.llen("rq:queue:short") == 1
    redis.delete("rq:suspended")
    assert isinstance(hands.look(), Plain)


def test_a_delayed_task_is_never_due_to_rqs_schedulers_and_shows_when_it_is(hands: Hands, redis: Redis) -> None:
    rq_job = delayed(hands)
    registry = ScheduledJobRegistry("short", redis)
    assert registry.get_jobs_to_schedule(timestamp=int(hands.now) + 10 * 365 * 86_400) == []
    due = hands.store.redis.zscore(hands.store.keys.delayed(), rq_job) / 1e6
    assert registry.get_scheduled_time(rq_job).timestamp() == pytest.approx(due + 400 * 365.2425 * 86_400, abs=1)


def test_a_deferred_task_stays_in_its_registry_when_it_is_pushed(hands: Hands, redis: Redis) -> None:
    rq_job = pending(hands)
    push(redis, rq_job)
    assert hands.claim().node == "a"
    assert DeferredJobRegistry("short", redis).get_job_ids() == [rq_job]
    assert fetch(redis, rq_job).get_status() == "deferred"


def test_a_job_is_deleted_while_its_task_is_in_the_inbox(hands: Hands, redis: Redis, store: Store) -> None:
    job = failed(hands)
    requeue(redis, f"{job}-b")
    control.delete(store, job, now=hands.now)
    assert isinstance(hands.look(), Idle)
    assert not redis.exists("rq:queue:short")
