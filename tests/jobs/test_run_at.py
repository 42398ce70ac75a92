"""A job that is to begin later: run_at."""

from __future__ import annotations

import pytest

from jobs import control, show, submit
from jobs.errors import Conflict, InvalidSubmission
from jobs.model import Idle, Spawn, Submission
from jobs.store import Store
from tests.jobs.audit import audit
from tests.jobs.hands import START, Hands, chain

DAY_S = 86_400.0


def later(hands: Hands, run_at: float | None, *tasks: dict[str, object], key: str | None = None) -> str:
    asked = Submission("synthetic", {"tasks": list(tasks or chain("a", "b"))}, user="ada", org="acme", admin=True, run_at=run_at)
    return submit.submit(hands.store, asked, idempotency_key=key, now=hands.now)


def test_nothing_of_it_begins_before_and_then_it_does(hands: Hands, store: Store) -> None:
    job = later(hands, START + 60)
    assert hands.states(job) == {"a": "delayed", "b": "pending"}
    assert hands.status(job) == "pending"
    hands.now += 59.999
    assert isinstance(hands.look(), Idle)
    assert audit(store, hands.now) == []
    hands.now += 0.001
    assert hands.drain() == ["a", "b"]
    assert hands.status(job) == "completed"
    assert audit(store, hands.now) == []


def test_its_status_says_when(hands: Hands, store: Store) -> None:
    job = later(hands, START + DAY_S)
    status = show.status(store, job, now=hands.now)
    assert status["run_at"] == "2027-01-16T08:00:00.000000Z"
    assert status["message"] == "begins at 2027-01-16 08:00 UTC"
    assert status["queue_position"] is None
    hands.now += DAY_S
    hands.claim()
    assert "begins" not in show.status(store, job, now=hands.now)["message"]


def test_a_time_that_has_passed_is_now(hands: Hands) -> None:
    assert hands.states(later(hands, START - 5)) == {"a": "ready", "b": "pending"}


@pytest.mark.parametrize("run_at", [START + 400 * DAY_S, float("inf"), float("nan")])
def test_a_time_too_far_away_is_refused(hands: Hands, run_at: float) -> None:
    with pytest.raises(InvalidSubmission, match="more than 366 days ahead") as refused:
        later(hands, run_at)
    assert refused.value.field == "run_at"


def test_the_same_key_with_another_time_is_another_request(hands: Hands) -> None:
    job = later(hands, START + 60, key="k")
    assert later(hands, START + 60, key="k") == job
    with pytest.raises(Conflict):
        later(hands, START + 61, key="k")


def test_it_can_be_cancelled_before_and_who_retries_it_wants_it_now(hands: Hands, store: Store) -> None:
    job = later(hands, START + DAY_S, *chain("a", "b"))
    control.cancel(store, job, now=hands.now)
    assert hands.status(job) == "cancelled"
    assert isinstance(hands.look(), Idle)
    control.retry(store, job, now=hands.now)
    assert hands.states(job)["a"] == "ready"
    hands.work(Spawn(({"n": 1},), None))
    assert hands.drain() == ["a.0", "b"]  # its children did not wait either
    assert hands.status(job) == "completed"
    assert show.status(store, job)["run_at"] is None
    assert audit(store, hands.now) == []


def test_who_waits_for_a_time_keeps_nobody_waiting(hands: Hands) -> None:
    later(hands, START + 60)
    other = hands.submit(*chain("x"))
    assert hands.drain() == ["x"]
    assert hands.status(other) == "completed"
