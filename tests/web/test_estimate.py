"""GET /api/estimate: how long jobs would take that nobody has submitted yet."""

from __future__ import annotations

import json
from typing import Any

import pytest
from redis import Redis

from jobs import control
from jobs.store import Store
from tests.web.conftest import ONE_TASK, Caller, problem

SPEEDS = {"inspect": 1000, "prepare": 10_000, "transcribe": 200_000, "merge": 1000, "export": 1000}  #: µs for a second of audio


@pytest.fixture
def measured(redis: Redis) -> None:
    """A fleet of one worker a queue that has learned how long each step takes."""
    redis.hset("app:speeds", mapping=SPEEDS)
    redis.hset("app:clock:short", "m", 10_000_000)
    redis.set("rq:worker:one", "alive")
    for queue in ("short", "long"):
        redis.sadd(f"rq:workers:{queue}", "rq:worker:one")


def ask(caller: Caller, *seconds: float, **params: Any) -> dict[str, Any]:
    answer = caller("GET", "/api/estimate", query_string={"seconds": list(seconds), "params": json.dumps(params)})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json
    return told


@pytest.mark.usefixtures("measured")
def test_what_was_learned_tells_the_time_of_a_recording(owner: Caller) -> None:
    assert ask(owner, 1000) == {"work_seconds": 213, "wait_seconds": 0, "held": None, "message": None}
    assert ask(owner, 1000, export=False)["work_seconds"] == 212, "a step that is not asked for takes no time"


@pytest.mark.usefixtures("measured")
def test_several_recordings_take_the_time_that_their_work_takes_the_workers(owner: Caller, redis: Redis) -> None:
    alone, together = ask(owner, 600)["work_seconds"], ask(owner, 600, 300, 300)["work_seconds"]
    assert together == pytest.approx(2 * alone, rel=0.05), "one worker does one after the other"

    redis.set("rq:worker:two", "alive")
    redis.sadd("rq:workers:long", "rq:worker:two")

    assert ask(owner, 600, 300, 300)["work_seconds"] == pytest.approx(together / 2, rel=0.05)


@pytest.mark.usefixtures("measured")
def test_those_before_it_are_told_apart_from_its_own_work(owner: Caller, admin: Caller, redis: Redis) -> None:
    for _ in range(3):
        admin.submit("synthetic", params=ONE_TASK)
    redis.hset("app:clock:short", "n", 1)  # the worker is busy

    told = ask(owner, 1000)

    assert told["work_seconds"] == 213
    assert 10 <= told["wait_seconds"] <= 60, "runs of others of 10 s each"


def test_what_is_not_known_is_not_told(owner: Caller, redis: Redis, store: Store) -> None:
    unserved = ask(owner, 60)
    assert (unserved["work_seconds"], unserved["wait_seconds"], unserved["held"]) == (None, None, "worker")
    assert unserved["message"] == "no worker serves short; it waits until one is started"

    control.pause(store, "transcription", "type")
    assert ask(owner, 60)["message"] == "paused by an admin: transcription jobs wait until they are resumed"


@pytest.mark.usefixtures("measured")
def test_an_engine_that_was_never_measured_leaves_it_open(owner: Caller) -> None:
    assert ask(owner, 60, notes=True) == {"work_seconds": None, "wait_seconds": None, "held": None, "message": None}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "seconds"),
        ("seconds=0", "seconds.0"),
        ("seconds=long", "seconds.0"),
        ("seconds=5&colour=red", "colour"),
        ("seconds=5&type=unheard_of", "type"),
        ("seconds=5&params=%7B%22langauge%22:1%7D", "params.langauge"),
        ("seconds=5&priority=urgent", "priority"),
        ("&".join(["seconds=5"] * 201), "seconds"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(owner: Caller, query: str, field: str) -> None:
    assert problem(owner("GET", f"/api/estimate?{query}"), 422, "invalid")["field"] == field


def test_nothing_is_kept_of_what_was_only_asked(owner: Caller, redis: Redis) -> None:
    before = set(redis.keys("*"))
    ask(owner, 60)
    assert set(redis.keys("*")) - before <= {b"app:rate:ada"}, "that it was asked is counted, as any request is"


def test_it_is_for_people_who_are_known(callers: Any) -> None:
    problem(callers.anonymous("GET", "/api/estimate?seconds=5"), 401, "unauthenticated")
    problem(callers.owner("GET", "/api/estimate?seconds=5&type=synthetic"), 403, "forbidden")
