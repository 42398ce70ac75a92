"""/api/queues: what admins see of the queues, and pausing one."""

from __future__ import annotations

from typing import Any

import pytest
from redis import Redis

from jobs import control, orgs
from jobs.store import Store
from tests.web.conftest import ONE_TASK, Callers, Worker, problem

LONG = {"tasks": [{"name": "only", "duration": "long"}]}


def queue(callers: Callers, name: str) -> dict[str, Any]:
    (found,) = (queue for queue in callers.admin("GET", "/api/queues").json["queues"] if queue["queue"] == name)
    return dict(found)


def test_an_installation_at_rest_has_its_two_queues_empty(callers: Callers) -> None:
    told = callers.admin("GET", "/api/queues").json
    assert [(queue["queue"], queue["waiting"], queue["organisations"]) for queue in told["queues"]] == [("long", 0, []), ("short", 0, [])]
    assert told["paused"] == {"organisations": [], "types": []}


def test_a_queue_tells_who_waits_runs_and_since_when(callers: Callers, worker: Worker, redis: Redis) -> None:
    for _ in range(3):
        callers.admin.submit("synthetic", params=LONG)
    worker.take()
    redis.sadd("rq:workers:long", "rq:worker:alive", "rq:worker:killed")
    redis.hset("rq:worker:alive", "birth", "now")

    told = queue(callers, "long")

    assert (told["waiting"], told["running"], told["workers"], told["paused"]) == (2, 1, 1, False)
    assert told["priorities"] == {"high": 0, "normal": 2, "low": 0, "background": 0}
    (share,) = told["organisations"]
    assert 0 < share.pop("oldest_wait_seconds") == told["oldest_wait_seconds"] < 60
    assert share == {"org": "local", "waiting": 2, "running": 1, "weight": 1.0, "max_running": 0, "paused": False}


def test_an_organisation_that_only_runs_is_told_as_well(callers: Callers, worker: Worker) -> None:
    callers.admin.submit("synthetic", params=LONG)
    worker.take()
    (share,) = queue(callers, "long")["organisations"]
    assert (share["org"], share["waiting"], share["running"], share["oldest_wait_seconds"]) == ("local", 0, 1, None)


def test_a_limit_a_weight_and_a_pause_are_told_also_while_they_keep_an_organisation_out(
    callers: Callers, worker: Worker, store: Store
) -> None:
    orgs.set(store, "local", weight=2.5, max_running=1)
    for _ in range(3):
        callers.admin.submit("synthetic", params=LONG)
    worker.take()
    with pytest.raises(AssertionError, match="nothing was ready"):
        worker.take()

    (share,) = queue(callers, "long")["organisations"]
    assert (share["waiting"], share["running"], share["weight"], share["max_running"], share["paused"]) == (2, 1, 2.5, 1, False)

    control.pause(store, "local", "org")
    control.pause(store, "synthetic", "type")
    assert queue(callers, "long")["organisations"][0]["paused"] is True
    assert callers.admin("GET", "/api/queues").json["paused"] == {"organisations": ["local"], "types": ["synthetic"]}


def test_what_was_cancelled_is_not_what_has_waited_longest(callers: Callers, redis: Redis) -> None:
    first, second = (callers.admin.submit("synthetic", params=LONG).json["id"] for _ in range(2))
    for job, at in ((first, "2020-01-01T00:00:00.000000Z"), (second, "2026-01-01T00:00:00.000000Z")):
        redis.hset(f"rq:job:{job}-only", "enqueued_at", at)
    year_s = 366 * 86_400
    assert queue(callers, "long")["oldest_wait_seconds"] > 6 * year_s
    callers.admin("POST", f"/api/jobs/{first}/cancel")
    assert queue(callers, "long")["oldest_wait_seconds"] < 6 * year_s


def test_a_zone_that_no_worker_serves_is_there_with_what_waits_in_it(callers: Callers) -> None:
    callers.admin.submit("synthetic", params=LONG, zone="gpu")
    told = queue(callers, "gpu.long")
    assert (told["waiting"], told["workers"]) == (1, 0)


def test_nothing_begins_in_a_paused_queue_until_it_is_resumed(callers: Callers, worker: Worker) -> None:
    job = callers.admin.submit("synthetic", params=ONE_TASK).json["id"]
    for _ in range(2):
        response = callers.admin("POST", "/api/queues/short/pause")
        assert (response.status_code, response.json["queue"], response.json["paused"]) == (200, "short", True)
    told = callers.admin("GET", f"/api/jobs/{job}").json
    assert (told["held"], told["queue_position"], told["eta_seconds"]) == ("queue", 1, None)
    assert told["message"] == "paused by an admin: the queue short waits until it is resumed"
    with pytest.raises(AssertionError, match="nothing was ready"):
        worker.take()

    for _ in range(2):
        response = callers.admin("POST", "/api/queues/short/resume")
        assert (response.status_code, response.json["paused"]) == (200, False)
    assert worker.take().job == job


def test_a_zone_may_be_paused_before_anything_is_in_it(callers: Callers) -> None:
    assert callers.admin("POST", "/api/queues/ingest.short/pause").json["paused"] is True
    assert queue(callers, "ingest.short")["paused"] is True


@pytest.mark.parametrize(
    "name", ["medium", "a.b.long", "UPPER.long", "short.normal.fresh.acme", "ingest.", ".long", "x" * 33 + ".long", "*"]
)
def test_what_is_no_queue_is_not_found(callers: Callers, name: str) -> None:
    for verb in ("pause", "resume"):
        problem(callers.admin("POST", f"/api/queues/{name}/{verb}"), 404, "not-found")


def test_a_pause_that_was_refused_changes_nothing(callers: Callers) -> None:
    problem(callers.anonymous("POST", "/api/queues/long/pause"), 401, "unauthenticated")
    problem(callers.owner("POST", "/api/queues/long/pause"), 403, "forbidden")
    assert queue(callers, "long")["paused"] is False


def test_reading_the_queues_takes_as_many_commands_however_much_waits(callers: Callers, redis: Redis) -> None:
    def commands() -> int:
        before = redis.info("commandstats")
        callers.admin("GET", "/api/queues")
        after = redis.info("commandstats")
        return sum(figures["calls"] - before.get(name, {"calls": 0})["calls"] for name, figures in after.items())

    for _ in range(5):
        callers.admin.submit("synthetic", params=ONE_TASK)
    few = commands()
    for _ in range(50):
        callers.admin.submit("synthetic", params=ONE_TASK)
    assert commands() == few
