"""A completed job of which something is to be done again: revise."""

from __future__ import annotations

import pytest

from jobs import control, record, show
from jobs.errors import Conflict, NotFound
from jobs.model import Completed, Spawn
from jobs.store import Store
from tests.jobs.audit import audit
from tests.jobs.hands import Hands, chain


def revise(hands: Hands, job: str, *tasks: str, corrections: str = "jobs/x/corrections/1.json") -> None:
    control.revise(hands.store, job, corrections, tasks, now=hands.now)


def test_what_is_named_runs_again_and_what_depends_on_it(hands: Hands, store: Store) -> None:
    job = hands.submit(*chain("a", "b", "c"), {"name": "d", "needs": ["a"]})
    hands.drain()
    revise(hands, job, "b")
    assert hands.states(job) == {"a": "completed", "b": "ready", "c": "pending", "d": "completed"}
    assert hands.status(job) == "running"
    assert control.corrections(store, job) == "jobs/x/corrections/1.json"
    revise(hands, job, "b")  # the same call repeated
    assert hands.drain() == ["b", "c"]
    assert hands.status(job) == "completed"
    assert audit(store, hands.now) == []


def test_a_task_that_has_split_splits_anew(hands: Hands, store: Store) -> None:
    job = hands.submit(*chain("a", "b"))
    hands.work(Spawn(({"n": 1}, {"n": 2}), {"first": True}))
    for _ in range(2):
        child = hands.claim()
        record.append(store, child, 0, ["x"])
        hands.record(child, Completed({"old": child.child}))
    hands.drain()
    assert hands.status(job) == "completed"

    revise(hands, job, "a")

    assert hands.states(job) == {"a": "ready", "b": "pending"}
    assert audit(store, hands.now) == []
    hands.work(Spawn(({"n": 1}, {"n": 2}, {"n": 3}), {"second": True}))
    for n in range(3):
        child = hands.claim()
        assert (child.child, record.appended(store, child)) == (n, [])
        hands.record(child, Completed({"new": n}))
    assert record.children_outputs(store, job, "a") == [{"new": n} for n in range(3)]
    assert hands.claim().inputs == {"a": {"second": True}}
    (view,) = [task for task in show.job(store, job).tasks if task.name == "a"]
    assert (view.children_total, view.children_completed) == (3, 3)
    assert audit(store, hands.now) == []


def test_only_a_completed_job_and_tasks_that_it_has(hands: Hands) -> None:
    job = hands.submit(*chain("a", "b"))
    with pytest.raises(Conflict, match="only what has completed"):
        revise(hands, job, "a")
    hands.drain()
    with pytest.raises(NotFound):
        revise(hands, job, "z")
    with pytest.raises(NotFound):
        revise(hands, "0" * 16, "a")
    assert hands.status(job) == "completed"
    assert control.corrections(hands.store, job) is None


def test_a_correction_of_what_was_corrected_meanwhile_is_refused(hands: Hands) -> None:
    job = hands.submit(*chain("a", "b"))
    hands.drain()
    revise(hands, job, "b")
    hands.drain()
    with pytest.raises(Conflict, match="corrected meanwhile"):
        revise(hands, job, "b", corrections="jobs/x/corrections/2.json")
    control.revise(hands.store, job, "jobs/x/corrections/2.json", ["b"], former="jobs/x/corrections/1.json", now=hands.now)
    assert hands.drain() == ["b"]


def test_more_than_one_call_may_change_is_refused_and_nothing_has_changed(hands: Hands) -> None:
    job = hands.submit(*chain("a", "b"))
    hands.work(Spawn(tuple({"n": n} for n in range(200))))
    hands.drain()
    with pytest.raises(Conflict, match="too many"):
        revise(hands, job, "a")
    assert hands.states(job) == {"a": "completed", "b": "completed"}
