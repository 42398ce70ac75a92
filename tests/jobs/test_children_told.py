"""The children of a task are told one by one: where each is, when it ran and where, what it failed with."""

from __future__ import annotations

import time

import pytest

from jobs import border, children, control, show
from jobs.cursor import pack
from jobs.errors import InvalidSubmission, NotFound
from jobs.model import Completed, Failed, Spawn
from jobs.record import progress
from tests.jobs.hands import START, Hands

AT_START = "2027-01-15T08:00:00.000000Z"


def split(hands: Hands, count: int, *, allowed: int = 0) -> str:
    """Submit a job of one task and have it split."""
    job = hands.submit({"name": "a"})
    hands.work(Spawn(tuple({"n": n} for n in range(count)), attempts=2, allowed_failures=allowed))
    return job


def test_each_state_is_told_with_what_is_known_of_it(hands: Hands) -> None:
    job = split(hands, 5, allowed=1)
    hands.now = START + 10
    hands.work(Completed("done"))
    hands.work(Failed("it broke\nTraceback: …", final=True))
    hands.work(Failed("once more"))
    running = hands.claim()
    progress(hands.store, running, 0.25, "Listening")

    told = children.page(hands.store, job, "a")
    assert told["cursor"] is None
    done, failed, delayed, works, waits = told["children"]
    began = "2027-01-15T08:00:10.000000Z"
    assert done == {
        "n": 0, "state": "completed", "attempts": 1, "progress": 100.0, "started_at": began, "ended_at": began, "worker": hands.name,
        "error": None,
    }  # fmt: skip
    assert (failed["state"], failed["error"], failed["worker"], failed["ended_at"]) == (
        "failed",
        "it broke\nTraceback: …",
        hands.name,
        began,
    )
    assert (delayed["state"], delayed["attempts"], delayed["error"], delayed["ended_at"]) == ("delayed", 1, "once more", None)
    assert (works["state"], works["progress"], works["started_at"]) == ("running", 25.0, began)
    assert waits == {
        "n": 4, "state": "ready", "attempts": 0, "progress": 0.0, "started_at": None, "ended_at": None, "worker": None, "error": None,
    }  # fmt: skip


def test_when_a_completed_one_began_is_known_as_long_as_rq_knows_it(hands: Hands) -> None:
    job = split(hands, 1)
    hands.work()
    hands.store.redis.delete(border.job_key(f"{job}-a-0"))
    (told,) = children.page(hands.store, job, "a")["children"]
    assert (told["state"], told["started_at"], told["worker"], told["ended_at"]) == ("completed", None, None, AT_START)


def test_a_page_holds_so_many_and_the_cursor_asks_for_the_next(hands: Hands) -> None:
    job = split(hands, 2 * children.AT_ONCE + 1)
    numbers, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        told = children.page(hands.store, job, "a", cursor)
        numbers += [child["n"] for child in told["children"]]
        cursor, pages = told["cursor"], pages + 1
    assert (numbers, pages) == (list(range(2 * children.AT_ONCE + 1)), 3)
    hands.store.sweep(job, 1)
    assert children.page(hands.store, job, "a", pack(5000)) == {"children": [], "cursor": None}


def test_what_a_sweep_has_not_cancelled_yet_is_told_as_cancelled(hands: Hands) -> None:
    job = split(hands, 3)
    hands.claim()
    control.cancel(hands.store, job)
    hands.store.redis.hset(hands.store.keys.build("child_state", job, "a"), "2", "ready")  # as a sweep cut off would leave it
    assert [child["state"] for child in children.page(hands.store, job, "a")["children"]] == ["cancelled"] * 3
    hands.store.redis.hset(hands.store.keys.build("child_state", job, "a"), "2", "cancelled")


def test_a_task_that_has_not_split_has_none_and_others_are_not_there(hands: Hands) -> None:
    job = hands.submit({"name": "a"})
    assert children.page(hands.store, job, "a", user="ada") == {"children": [], "cursor": None}
    for asked in ((job, "b"), (job, "a.0"), ("0" * 16, "a")):
        with pytest.raises(NotFound):
            children.page(hands.store, *asked)
    with pytest.raises(NotFound):
        children.page(hands.store, job, "a", user="ben")
    for cursor in ("nonsense", pack(-1), pack("1"), pack(True), pack(1 << 40)):
        with pytest.raises(InvalidSubmission):
            children.page(hands.store, job, "a", cursor)


def test_the_answer_of_five_hundred_is_two_round_trips_and_takes_no_noticeable_time(hands: Hands) -> None:
    job = split(hands, children.AT_ONCE)
    hands.store.sweep(job, 1)
    before = time.monotonic()
    assert len(children.page(hands.store, job, "a")["children"]) == children.AT_ONCE
    assert time.monotonic() - before < 1
    assert show.status(hands.store, job)["tasks"][0]["children"]["total"] == children.AT_ONCE
