"""People change their minds while a job is still being brought in line: cancel, retry and delete cross each other, and what runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from jobs import control, record, show
from jobs.errors import Conflict, NotFound, Stale
from jobs.model import Claimed, Completed, Failed, Spawn
from jobs.store import Store
from tests.jobs.audit import audit
from tests.jobs.hands import Hands, chain

MANY = 410  #: nodes: more than two calls of a sweep


def children(hands: Hands, job: str, task: str = "a") -> Counter[str]:
    """How many children of a task are in which state."""
    raw = hands.store.redis.hgetall(hands.store.keys.build("child_state", job, task))
    return Counter(state.decode() for name, state in raw.items() if name.isdigit())


def one_step(hands: Hands, call: Callable[..., Any], *args: Any) -> None:
    """Make only the first call of `call`, as one does that dies before its sweep: the next call comes when the job is half done."""
    with pytest.MonkeyPatch.context() as dying:
        dying.setattr(Store, "sweep", lambda *_: None)
        call(hands.store, *args, now=hands.now)
    assert audit(hands.store) == []


def flat(hands: Hands) -> str:
    return hands.submit(*({"name": f"t{n}"} for n in range(MANY)))


def tree(hands: Hands) -> str:
    job = hands.submit(*chain("a", "b"))
    hands.work(Spawn(({},) * MANY, attempts=1))
    hands.store.sweep(job, 1)
    return job


SHAPES = {"tasks": flat, "children": tree}


def finish(hands: Hands, job: str) -> None:
    """Work on until nothing is left; any worker's renewals go on with what nobody has swept."""
    for _ in range(20):
        hands.now += 5
        hands.renew()
        hands.drain()
        if hands.status(job) not in ("pending", "running"):
            return


@pytest.mark.parametrize("shape", SHAPES)
def test_a_retry_that_comes_while_a_cancel_is_half_swept_runs_everything_once(shape: str, hands: Hands) -> None:
    job = SHAPES[shape](hands)
    one_step(hands, control.cancel, job)
    assert 0 < Counter(hands.states(job).values())["cancelled"] + children(hands, job)["cancelled"] <= 200

    control.retry(hands.store, job, now=hands.now)

    assert hands.status(job) == "running"
    finish(hands, job)
    assert hands.status(job) == "completed"
    assert set(hands.states(job).values()) == {"completed"}
    assert children(hands, job) in (Counter(), Counter(completed=MANY))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_cancel_that_comes_while_a_retry_is_half_swept_stops_everything(shape: str, hands: Hands) -> None:
    job = SHAPES[shape](hands)
    control.cancel(hands.store, job, now=hands.now)
    one_step(hands, control.retry, job)

    control.cancel(hands.store, job, now=hands.now)

    assert hands.status(job) == "cancelled"
    assert set(hands.states(job).values()) <= {"cancelled", "completed"}
    assert set(children(hands, job)) <= {"cancelled"}
    assert hands.drain() == []
    control.retry(hands.store, job, now=hands.now)
    finish(hands, job)
    assert hands.status(job) == "completed"


@pytest.mark.parametrize("shape", SHAPES)
def test_back_and_forth_without_ever_being_swept_ends_as_the_last_call_says(shape: str, hands: Hands) -> None:
    job = SHAPES[shape](hands)
    for _ in range(2):
        one_step(hands, control.cancel, job)
        one_step(hands, control.retry, job)
    finish(hands, job)
    assert hands.status(job) == "completed"
    assert children(hands, job) in (Counter(), Counter(completed=MANY))


@pytest.mark.parametrize("shape", SHAPES)
def test_what_runs_when_a_half_swept_cancel_is_retried_counts_no_more_and_runs_again(shape: str, hands: Hands) -> None:
    job = SHAPES[shape](hands)
    running = [hands.claim() for _ in range(3)]
    one_step(hands, control.cancel, job)
    hands.record(running[0], Completed("during the cancel"))
    control.retry(hands.store, job, now=hands.now)

    assert all(hands.record(late, Completed("late")).stale for late in running)

    finish(hands, job)
    assert hands.status(job) == "completed"
    assert "late" not in str(show.job(hands.store, job).outputs) + str(record.children_outputs(hands.store, job, "a"))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_job_deleted_while_its_cancel_is_half_swept_leaves_nothing(shape: str, hands: Hands) -> None:
    job = SHAPES[shape](hands)
    running = hands.claim()
    one_step(hands, control.cancel, job)
    control.delete(hands.store, job, now=hands.now)
    assert hands.record(running).stale
    with pytest.raises(NotFound):
        control.retry(hands.store, job, now=hands.now)
    assert hands.drain() == []
    assert hands.store.redis.keys(f"*{job}*") == []


def test_a_claim_takes_nothing_of_a_half_swept_cancel(hands: Hands) -> None:
    """What the sweep has not reached yet waits in its lanes: claims meet it there, and know."""
    job = flat(hands)
    other = hands.submit({"name": "z"})
    one_step(hands, control.cancel, job)
    (claimed,) = [found for found in (hands.look() for _ in range(MANY // 50 + 2)) if isinstance(found, Claimed)]
    assert claimed.job == other
    hands.record(claimed)
    assert set(hands.states(job).values()) == {"cancelled"}


def test_a_cancel_during_joining_keeps_what_children_have_done_and_a_retry_does_the_rest(hands: Hands) -> None:
    job = hands.submit(*chain("a", "b"))
    hands.work(Spawn(tuple({"n": n} for n in range(4)), output={"parent": True}))
    hands.work(Completed("done 0"))
    running = hands.claim()
    record.append(hands.store, running, 0, [{"text": "half of 1"}])
    control.cancel(hands.store, job, now=hands.now)
    for late in (
        lambda: record.append(hands.store, running, 1, [{"text": "late"}]),
        lambda: record.progress(hands.store, running, 0.9),
        lambda: record.hand_back(hands.store, worker=hands.name, run=running.run, rq_job=running.rq_job, now=hands.now),
    ):
        with pytest.raises(Stale):
            late()
    assert hands.record(running, Completed("late")).stale
    assert children(hands, job) == Counter(completed=1, cancelled=3)

    control.retry(hands.store, job, now=hands.now)

    attempts = {}
    for _ in range(3):
        again = hands.claim()
        attempts[again.node] = again.attempt
        if again.node == "a.1":
            assert record.appended(hands.store, again) == [{"text": "half of 1"}]  # it goes on there
        hands.record(again, Completed(f"done {again.child}"))
    assert attempts == {"a.1": 2, "a.2": 1, "a.3": 1}
    assert hands.drain() == ["b"]
    assert record.children_outputs(hands.store, job, "a") == [f"done {n}" for n in range(4)]
    assert show.job(hands.store, job).outputs["a"] == {"parent": True}


def test_a_cancel_between_the_last_child_and_its_repeated_record_changes_nothing_of_either(hands: Hands) -> None:
    job = hands.submit(*chain("a", "b"))
    hands.work(Spawn(({},)))
    last = hands.claim()
    first = hands.record(last, Completed(1))
    control.cancel(hands.store, job, now=hands.now)
    assert hands.record(last, Completed(1)) == first  # the answer was lost; the parent had been joined by it
    assert hands.states(job) == {"a": "completed", "b": "cancelled"}
    control.retry(hands.store, job, now=hands.now)
    assert hands.drain() == ["b"]


def test_one_task_is_retried_after_its_job_failed_while_others_of_it_still_run(hands: Hands) -> None:
    job = hands.submit({"name": "a", "attempts": 1}, {"name": "b"}, {"name": "c", "needs": ["a", "b"]})
    failing, running = hands.claim(), hands.claim()
    hands.record(failing, Failed("broken"))
    control.retry_task(hands.store, job, "a", now=hands.now)
    assert hands.states(job) == {"a": "ready", "b": "ready", "c": "pending"}
    assert hands.record(running, Completed("of the first life")).stale
    assert sorted(hands.drain()) == ["a", "b", "c"]
    assert hands.status(job) == "completed"


@pytest.mark.parametrize("optional", [True, False])
def test_an_optional_task_whose_children_fail_is_skipped_and_a_required_one_fails_the_job(optional: bool, hands: Hands) -> None:
    job = hands.submit({"name": "a", "optional": optional}, {"name": "b", "needs": ["a"]})
    hands.work(Spawn(({},) * 3, output={"parent": True}, attempts=1))
    still_running = hands.claim()
    hands.work(Failed("broken chunk"))

    assert hands.record(still_running, Completed("late")).stale
    assert children(hands, job) == Counter(failed=1, cancelled=2)
    if optional:
        assert hands.claim().inputs == {}
        assert hands.states(job) == {"a": "skipped", "b": "running"}
        assert show.status(hands.store, job)["warnings"] == ["1 step skipped: a, part 1 failed: broken chunk"]
    else:
        assert hands.states(job) == {"a": "failed", "b": "cancelled"}
        control.retry(hands.store, job, now=hands.now)
        assert sorted(hands.drain()) == ["a.0", "a.1", "a.2", "b"]
        assert hands.status(job) == "completed"


def test_failures_of_children_are_counted_over_lost_runs_and_retries_alike(hands: Hands) -> None:
    """Two may fail: one did by its own error, one because it lost its worker."""
    job = hands.submit(*chain("a", "b"))
    hands.work(Spawn(({},) * 4, attempts=1, allowed_failures=2))
    hands.work(Failed("broken"))
    claimed = hands.claim()
    record.lost(hands.store, worker=hands.name, run=claimed.run, reason="killed by signal 9", now=hands.now)
    assert children(hands, job)["failed"] == 2
    control.retry_task(hands.store, job, "a.1", now=hands.now)  # while its parent joins
    assert (children(hands, job)["failed"], hands.states(job)["a"]) == (1, "joining")
    assert sorted(hands.drain()) == ["a.1", "a.2", "a.3", "b"]
    assert show.status(hands.store, job)["tasks"][0]["children"] == {"total": 4, "completed": 3, "failed": 1}


def test_retry_of_a_child_of_a_job_that_was_cancelled_revives_the_job(hands: Hands) -> None:
    job = hands.submit(*chain("a", "b"))
    hands.work(Spawn(({},) * 2))
    hands.work()
    control.cancel(hands.store, job, now=hands.now)
    control.retry_task(hands.store, job, "a.1", now=hands.now)
    assert hands.drain() == ["a.1", "b"]
    assert hands.status(job) == "completed"


def test_a_retry_and_a_cancel_of_the_same_moment_leave_one_of_both(hands: Hands) -> None:
    """Whichever is second finds the other's state, and says so or goes on from there."""
    job = hands.submit(*chain("a", "b", attempts=1))
    hands.work(Failed("broken"))
    control.retry(hands.store, job, now=hands.now)
    with pytest.raises(Conflict, match="running"):
        control.retry(hands.store, job, now=hands.now)
    control.cancel(hands.store, job, now=hands.now)
    with suppress(Conflict):
        control.retry(hands.store, job, now=hands.now)
    assert hands.drain() == ["a", "b"]
