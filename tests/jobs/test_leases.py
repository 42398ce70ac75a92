"""Leases: renewed, lost, handed back; what a worker that died or came late may still do."""

from __future__ import annotations

import pytest

from jobs import claim, control, record, show
from jobs.errors import Conflict, NotFound, Overloaded, Stale
from jobs.model import Claimed, Completed, Failed, Idle
from jobs.store import Store
from tests.jobs.hands import Hands, chain


@pytest.fixture
def other(store: Store, hands: Hands) -> Hands:
    return Hands(store, "host:2:other")


def test_a_renewed_lease_keeps_its_task(hands: Hands, other: Hands) -> None:
    hands.submit({"name": "a"})
    claimed = hands.claim()
    for _ in range(10):
        hands.now += 10
        assert hands.renew(claimed).stale == frozenset()
    other.now = hands.now
    assert other.renew().reaped == 0


def test_a_lost_lease_spends_an_attempt_and_the_task_is_ready_at_once(hands: Hands, other: Hands) -> None:
    job = hands.submit({"name": "a"}, {"name": "b"})
    lost = hands.claim()
    other.now = hands.now + 16
    assert other.renew().reaped == 1
    assert hands.states(job)["a"] == "ready"
    again = other.claim()
    assert (again.node, again.attempt) == ("a", 2)  # in front of what came later
    hands.now = other.now
    assert hands.renew(lost).stale == {lost.run}
    with pytest.raises(Stale):
        record.progress(hands.store, lost, 0.5)
    with pytest.raises(Stale):
        record.hand_back(hands.store, worker=hands.name, run=lost.run, rq_job=lost.rq_job, now=hands.now)
    assert hands.record(lost, Completed("late")).stale
    other.record(again, Completed("in time"))
    assert show.job(hands.store, job).outputs == {"a": "in time"}


def test_a_task_that_loses_every_worker_fails_with_that_reason(hands: Hands) -> None:
    job = hands.submit({"name": "a", "attempts": 2})
    for _ in range(2):
        claimed = hands.claim()
        assert record.lost(hands.store, worker=hands.name, run=claimed.run, reason="killed by signal 9", now=hands.now)
    assert hands.status(job) == "failed"
    assert show.status(hands.store, job)["tasks"][0]["error"] == "killed by signal 9 (attempt 2 of 2)"


def test_a_worker_that_died_before_its_claim_or_after_its_record_lost_nothing(hands: Hands) -> None:
    hands.submit({"name": "a"})
    assert not record.lost(hands.store, worker=hands.name, run="never", reason="gone", now=hands.now)
    claimed = hands.work()
    assert not record.lost(hands.store, worker=hands.name, run=claimed.run, reason="gone", now=hands.now)


def test_a_task_handed_back_spends_no_attempt_and_goes_to_the_front(hands: Hands) -> None:
    job = hands.submit({"name": "a"}, {"name": "b"})
    claimed = hands.claim()
    for _ in range(2):  # a repeated call changes nothing
        record.hand_back(hands.store, worker=hands.name, run=claimed.run, rq_job=claimed.rq_job, now=hands.now)
    assert hands.states(job)["a"] == "ready"
    again = hands.claim()
    assert (again.node, again.attempt) == ("a", 1)


def test_a_task_handed_back_with_a_delay_waits(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    claimed = hands.claim()
    record.hand_back(hands.store, worker=hands.name, run=claimed.run, rq_job=claimed.rq_job, delay_s=30, now=hands.now)
    assert hands.states(job) == {"a": "delayed"}
    assert isinstance(hands.look(), Idle)
    hands.now += 31
    assert hands.claim().attempt == 1


def test_repeated_calls_answer_as_the_first_did(hands: Hands) -> None:
    hands.submit(*chain("a", "b", "c"))
    first = hands.look("r1")
    assert hands.look("r1") == first
    recorded = hands.record(first, Completed(1), "r2")  # type: ignore[arg-type]
    assert hands.record(first, Completed(1), "r2") == recorded  # type: ignore[arg-type]
    failed = hands.record(recorded.next, Failed("no"), "r3")  # type: ignore[arg-type]
    assert hands.record(recorded.next, Failed("no"), "r3").state == failed.state  # type: ignore[arg-type]


def test_a_cancelled_run_is_told_so_by_every_call(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    claimed = hands.claim()
    control.cancel(hands.store, job, now=hands.now)
    control.cancel(hands.store, job, now=hands.now)  # again changes nothing
    assert hands.renew(claimed).cancelled == {claimed.run}
    with pytest.raises(Stale) as caught:
        record.progress(hands.store, claimed, 0.1)
    assert caught.value.state == "cancelled"
    assert hands.record(claimed, Completed("late")).stale
    assert hands.status(job) == "cancelled"


def test_a_finished_job_cannot_be_cancelled_nor_retried(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    hands.drain()
    with pytest.raises(Conflict, match="completed"):
        control.cancel(hands.store, job)
    with pytest.raises(Conflict, match="completed"):
        control.retry(hands.store, job)
    with pytest.raises(Conflict, match="completed"):
        control.retry_task(hands.store, job, "a")


def test_retrying_revives_what_failed_and_what_was_cancelled_for_it_with_fresh_attempts(hands: Hands) -> None:
    job = hands.submit({"name": "z"}, *chain("a", "b", "c", attempts=1))
    hands.work()
    hands.work(Failed("broken"))
    assert hands.states(job) == {"z": "completed", "a": "failed", "b": "cancelled", "c": "cancelled"}
    control.retry_task(hands.store, job, "a", call="once", now=hands.now)
    control.retry_task(hands.store, job, "a", call="once", now=hands.now)  # a repeated call
    assert hands.states(job) == {"z": "completed", "a": "ready", "b": "pending", "c": "pending"}
    again = hands.claim()
    assert (again.attempt, again.attempts) == (2, 2)
    hands.record(again)
    assert hands.drain() == ["b", "c"]
    assert hands.status(job) == "completed"


def test_retrying_a_cancelled_job_revives_all_of_it(hands: Hands) -> None:
    job = hands.submit(*chain("a", "b"))
    control.cancel(hands.store, job, now=hands.now)
    control.retry(hands.store, job, now=hands.now)
    assert hands.drain() == ["a", "b"]
    assert hands.status(job) == "completed"


def test_retrying_a_cancelled_task_retries_what_it_was_cancelled_for(hands: Hands) -> None:
    job = hands.submit(*chain("a", "b", attempts=1))
    hands.work(Failed("broken"))
    control.retry_task(hands.store, job, "b", now=hands.now)
    assert hands.drain() == ["a", "b"]


def test_retrying_a_skipped_task_runs_again_what_went_on_without_it(hands: Hands) -> None:
    job = hands.submit({"name": "a", "optional": True, "attempts": 1}, *chain("x"), {"name": "b", "needs": ["a", "x"]})
    hands.work(Failed("not configured"))
    with pytest.raises(Conflict, match="skipped"):
        control.retry_task(hands.store, job, "a", now=hands.now)
    hands.drain()
    control.retry_task(hands.store, job, "a", now=hands.now)
    assert hands.states(job) == {"a": "ready", "x": "completed", "b": "pending"}
    hands.work(Completed("there now"))
    assert hands.claim().inputs == {"a": "there now"}


def test_a_deleted_job_leaves_nothing_but_clocks_and_bells(hands: Hands, store: Store) -> None:
    job = hands.submit(*chain("a", "b"))
    running = hands.claim()
    assert control.delete(store, job, now=hands.now) == (f"jobs/{job}/",)
    assert hands.record(running).stale
    with pytest.raises(NotFound):
        show.job(store, job)
    with pytest.raises(NotFound):
        control.cancel(store, job)
    left = {key.decode().split(":")[1] for key in store.redis.scan_iter("*") if not key.startswith(b"rq:queue:")}
    assert left <= {"clock", "bell", "worker", "fair", "ready", "queues"}


def test_a_large_job_is_deleted_in_bounded_steps(hands: Hands, store: Store) -> None:
    job = hands.submit(*({"name": f"t{n}"} for n in range(450)))
    control.delete(store, job, now=hands.now)
    assert store.redis.keys(f"*{job}*") == []


def test_reap_takes_back_what_nobody_renews(hands: Hands, store: Store) -> None:
    job = hands.submit({"name": "a"})
    hands.claim()
    assert claim.reap(store, hands.now + 1) == 0
    assert claim.reap(store, hands.now + 16) == 1
    assert hands.states(job) == {"a": "ready"}


def test_a_claim_takes_back_what_has_ended_before_it_says_there_is_nothing(hands: Hands, other: Hands) -> None:
    hands.submit({"name": "a"})
    hands.claim()
    other.now = hands.now + 16
    assert other.claim().attempt == 2


def test_what_a_worker_claimed_is_handed_back_without_knowing_its_task(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    claimed = hands.claim()
    record.hand_back(hands.store, worker=hands.name, run="another", now=hands.now)
    assert hands.states(job) == {"a": "running"}
    record.hand_back(hands.store, worker=hands.name, run=claimed.run, now=hands.now)
    assert hands.states(job) == {"a": "ready"}
    assert hands.claim().attempt == 1


def test_progress_that_says_nothing_new_is_no_new_revision(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    claimed = hands.claim()
    record.progress(hands.store, claimed, 0.5, "half")
    before = show.job(hands.store, job).revision
    record.progress(hands.store, claimed, 0.5, "half")
    assert show.job(hands.store, job).revision == before
    record.progress(hands.store, claimed, 0.6, "half")
    assert show.job(hands.store, job).revision > before


@pytest.mark.parametrize("how", ["full", "a replica"])
def test_a_redis_that_takes_no_writes_is_overloaded_not_broken(hands: Hands, how: str) -> None:
    redis = hands.store.redis
    hands.submit({"name": "a"})
    claimed = hands.claim()
    try:
        if how == "full":
            redis.config_set("maxmemory", 1)
        else:
            redis.replicaof("127.0.0.1", "1")
        with pytest.raises(Overloaded):
            record.progress(hands.store, claimed, 0.5)
    finally:
        redis.config_set("maxmemory", 0)
        redis.replicaof("no", "one")


def test_what_runs_can_be_recorded_in_a_full_redis(hands: Hands) -> None:
    job = hands.submit(*chain("a", "b"))
    claimed = hands.claim()
    try:
        hands.store.redis.config_set("maxmemory", 1)
        assert isinstance(hands.record(claimed, next_run="next").next, Claimed)
    finally:
        hands.store.redis.config_set("maxmemory", 0)
    assert hands.states(job) == {"a": "completed", "b": "running"}


def test_a_late_record_repeated_answers_as_the_first_and_claims_once(hands: Hands, other: Hands) -> None:
    hands.submit({"name": "a"}, {"name": "b"}, {"name": "c"})
    late = hands.claim()
    other.now = hands.now = hands.now + 16
    other.renew()
    first = hands.record(late, Completed("late"), "next")
    assert first.stale
    assert hands.record(late, Completed("late"), "next") == first
    assert hands.store.redis.zcard(hands.store.keys.leases()) == 1


def test_many_lost_workers_are_not_all_swept_up_in_one_call(hands: Hands, store: Store) -> None:
    jobs = [hands.submit({"name": "first", "attempts": 1}, *({"name": f"t{n}", "needs": ["first"]} for n in range(99))) for _ in range(10)]
    for n in range(10):
        crowd = Hands(store, f"host:{n}:crowd")
        crowd.claim()
    assert claim.reap(store, hands.now + 16) == 10
    cancelled = [state for job in jobs for state in hands.states(job).values() if state == "cancelled"]
    assert len(cancelled) == 200
    for _ in jobs:
        hands.now += 1
        hands.renew()
    assert {state for job in jobs for state in hands.states(job).values()} == {"failed", "cancelled"}


def test_runs_that_live_are_kept_when_redis_was_away_for_longer_than_a_lease(hands: Hands, other: Hands) -> None:
    hands.submit({"name": "a"})
    running = hands.claim()
    hands.renew(running)
    other.now = hands.now = hands.now + 60  # nobody could say anything
    assert other.renew().reaped == 0
    assert isinstance(other.look(), Idle)
    assert hands.renew(running).stale == frozenset()
    other.now = hands.now = hands.now + 14
    assert other.renew().reaped == 0
    other.now += 5
    assert other.renew().reaped == 1  # it said nothing since


def test_who_looks_seldom_reaps_all_the_same(hands: Hands, other: Hands) -> None:
    hands.look()
    hands.submit({"name": "a"})
    hands.claim()
    other.now = hands.now + 60
    assert other.renew().reaped == 0
    other.now += 60
    assert other.renew().reaped == 1


def test_a_key_whose_job_was_deleted_makes_a_new_job(hands: Hands) -> None:
    first = hands.submit({"name": "a"}, idempotency_key="k")
    control.delete(hands.store, first, now=hands.now)
    second = hands.submit({"name": "a"}, idempotency_key="k")
    assert second != first
    assert hands.drain() == ["a"]


def test_a_skipped_task_of_a_failed_job_is_not_retried_alone(hands: Hands) -> None:
    job = hands.submit({"name": "a", "optional": True, "attempts": 1}, {"name": "b", "needs": ["a"], "attempts": 1})
    hands.work(Failed("not configured"))
    hands.work(Failed("broken"))
    with pytest.raises(Conflict, match="once its job has completed"):
        control.retry_task(hands.store, job, "a", now=hands.now)
    control.retry(hands.store, job, now=hands.now)
    hands.drain()
    control.retry_task(hands.store, job, "a", now=hands.now)
    assert hands.drain() == ["a", "b"]
    assert hands.status(job) == "completed"


def test_what_is_no_lease_stops_nobody(store: Store, hands: Hands) -> None:
    for stray in ("foo", ":", "a-b:", "no-such:run", "x" * 300):
        store.redis.zadd(store.keys.leases(), {stray: 1})
        store.redis.zadd(store.keys.delayed(), {stray: 1})
    hands.submit({"name": "a"})
    assert hands.renew().reaped == 5
    assert hands.drain() == ["a"]
    assert store.redis.exists(store.keys.leases(), store.keys.delayed()) == 0
