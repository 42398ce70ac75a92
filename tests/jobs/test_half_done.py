"""Bulk changes whose caller died after the first call: what is still to be swept stands as it will stand."""

from __future__ import annotations

import pytest

from jobs import control
from jobs.model import Completed, Failed, Spawn
from jobs.store import Store
from tests.jobs.hands import Hands, chain
from tests.model.settle import Limits
from tests.model.twin import Stepping, composed


@pytest.fixture
def small(store: Store) -> Stepping:
    """A store whose calls change two nodes at most, and whose callers die before their first sweep."""
    return composed(store.redis, Limits(sweep=2))


def test_a_task_that_a_cancel_has_not_come_to_is_retried_as_a_cancelled_one(small: Stepping) -> None:
    hands = Hands(small)
    job = hands.submit(*({"name": name} for name in "abc"))
    small.patience = 9
    small.sweep(job, 1)
    small.patience = 0
    control.cancel(small, job, now=hands.now)
    assert hands.states(job)["c"] == "ready"
    control.retry_task(small, job, "c", now=hands.now)
    small.patience = 9
    small.sweep(job, 1)
    assert sorted(hands.drain()) == ["a", "b", "c"]
    assert hands.status(job) == "completed"


def test_a_second_retry_keeps_the_children_that_the_first_had_not_come_to(small: Stepping) -> None:
    hands = Hands(small)
    job = hands.submit({"name": "a"})
    hands.work(Spawn(({},) * 6, attempts=1, allowed_failures=2))
    for _ in range(2):
        hands.renew()  # starts two children each
    for _ in range(3):
        hands.work(Failed("no", final=True))
    assert hands.states(job) == {"a": "failed"}
    control.retry(small, job, now=hands.now)  # brings back 0 and 1; 5 was not cancelled yet
    failed = [hands.work(Failed("no", final=True)).child for _ in range(3)]
    assert (failed, hands.states(job)) == ([5, 0, 1], {"a": "failed"})
    small.patience = 9
    control.retry(small, job, now=hands.now)
    assert sorted(hands.drain()) == [f"a.{n}" for n in range(6)]
    assert hands.status(job) == "completed"


def test_no_output_is_none_whatever_an_earlier_attempt_left(store: Store, hands: Hands) -> None:
    hands.submit(*chain("a", "b"))
    hands.work(Failed("half of it", output={"half": 1}))
    hands.now += 400
    assert hands.work(Completed()).attempt == 2
    assert hands.claim().inputs == {}


def test_a_turn_of_rule_5_that_met_only_cancelled_tasks_is_still_the_prioritys(store: Store, hands: Hands) -> None:
    for _ in range(30):
        hands.submit({"name": "h"}, org="acme", priority="high")
    hands.submit({"name": "b"}, org="zoo", priority="background")
    for org in ("a", "b", "c"):
        control.cancel(store, hands.submit({"name": "n"}, org=org, priority="normal"), now=hands.now)
        hands.now += 1
    hands.submit({"name": "n"}, org="uni", priority="normal")
    assert hands.take_turns(20)[9] == "uni"
