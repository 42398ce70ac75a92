"""What a child appends while it works, and what a later run of it finds."""

from __future__ import annotations

import time

import pytest

from jobs import claim, control, record
from jobs.model import Completed, Spawn
from jobs.store import Store
from tests.workers.conftest import WORKER, Jobs, take
from workers.context import Cancelled, Context, Superseded
from workers.kit import Kit


@pytest.fixture
def child(kit: Kit, jobs: Jobs, store: Store) -> Context:
    jobs.synthetic()
    record.record(store, claimed=take(store), outcome=Spawn(({"n": 0},)), worker=WORKER, next_run=None, queues=["short"])
    return Context(take(store, "r2"), kit)


def test_items_are_kept_in_order(child: Context) -> None:
    writer = child.writer()
    assert writer.items() == []
    writer.append([{"seek": 1}, {"seek": 2}])
    writer.append([{"seek": 3}])
    assert [item["seek"] for item in writer.items()] == [1, 2, 3]


def test_a_later_run_finds_and_continues_what_an_earlier_one_has_put_out(child: Context, kit: Kit, store: Store) -> None:
    child.writer().append([{"seek": 1}])
    claim.reap(store, now=time.time() + 60)
    again = Context(take(store, "r3"), kit)
    again.writer().append([{"seek": 2}])
    assert [item["seek"] for item in again.writer().items()] == [1, 2]


def test_a_run_that_lost_its_task_appends_nothing(child: Context, kit: Kit, store: Store) -> None:
    child.writer().append([{"seek": 1}])
    claim.reap(store, now=time.time() + 60)
    again = Context(take(store, "r3"), kit)
    with pytest.raises(Superseded):
        child.writer().append([{"seek": 2}])
    assert again.writer().items() == [{"seek": 1}]


def test_a_cancelled_child_is_told_when_it_appends(child: Context, store: Store) -> None:
    control.cancel(store, child.claimed.job)
    with pytest.raises(Cancelled):
        child.writer().append([{"seek": 1}])


def test_outputs_of_children_come_in_their_order(jobs: Jobs, store: Store, kit: Kit) -> None:
    jobs.synthetic()
    parent = take(store)
    record.record(store, claimed=parent, outcome=Spawn(({"n": 0}, {"n": 1})), worker=WORKER, next_run=None, queues=["short"])
    for run in ("c0", "c1"):
        child = take(store, run)
        record.record(store, claimed=child, outcome=Completed({"n": child.child}), worker=WORKER, next_run=None, queues=["short"])
    assert Context(parent, kit).children_outputs("a") == [{"n": 0}, {"n": 1}]
