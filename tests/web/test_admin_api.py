"""What the admin's page asks: workers, organisations, health, the last hour, many jobs at once."""

from __future__ import annotations

import time
from typing import Any

import pytest
from redis import Redis

from jobs import control, orgs, people, samples
from jobs.model import Spawn
from jobs.queues import Queue, Share
from jobs.store import Store
from tests.jobs.hands import Hands
from tests.web.conftest import ONE_TASK, Caller, Callers, Worker, problem
from web.troubles import Seen, troubles


def enlist(redis: Redis, name: str, **fields: Any) -> None:
    told = {"birth": "2026-11-22T06:34:23.123456Z", "queues": "short,long", "state": "busy", **fields}
    redis.hset(f"rq:worker:{name}", mapping=told)
    redis.sadd("rq:workers", f"rq:worker:{name}")


# workers


def test_a_worker_tells_what_it_runs_since_when_and_for_whom(callers: Callers, worker: Worker, redis: Redis, job: str) -> None:
    enlist(redis, worker.name, successful_job_count=7, failed_job_count=1, total_working_time=12.5, last_heartbeat="2026-11-22T06:35:00Z")
    enlist(redis, "other:2:bb", state="idle")
    worker.take()
    idle, busy = callers.admin("GET", "/api/workers").json["workers"]
    assert busy.pop("running").pop("began_at")[:4] >= "2026"
    assert (idle["name"], idle["running"], idle["completed"]) == ("other:2:bb", None, 0)
    assert busy == {
        "name": "test:1:aa",
        "host": "test",
        "queues": ["short", "long"],
        "state": "busy",
        "born_at": "2026-11-22T06:34:23.123456Z",
        "heartbeat_at": "2026-11-22T06:35:00.000000Z",
        "completed": 7,
        "failed": 1,
        "busy_seconds": 12.5,
    }
    told = callers.admin("GET", "/api/workers").json["workers"][1]["running"]
    assert (told["job"], told["task"], told["type"], told["user"], told["org"]) == (job, "inspect", "transcription", "ada", "physics")


def test_a_worker_on_a_child_names_the_child_and_one_on_a_plain_job_that(callers: Callers, worker: Worker, redis: Redis) -> None:
    enlist(redis, worker.name)
    callers.admin.submit("synthetic", params=ONE_TASK)
    worker.record(worker.take(), Spawn(({}, {})))
    worker.take()
    running = callers.admin("GET", "/api/workers").json["workers"][0]["running"]
    assert (running["task"][:5], running["began_at"] is None) == ("only.", False)
    redis.set("app:worker:test:1:aa", "run1 @their-job:1")
    running = callers.admin("GET", "/api/workers").json["workers"][0]["running"]
    assert (running["rq_job"], running["job"], running["began_at"]) == ("their-job:1", "", None)


def test_what_is_said_to_a_worker_is_heard_by_it_alone(callers: Callers, redis: Redis) -> None:
    enlist(redis, "host:1:aa")
    listening = redis.pubsub(ignore_subscribe_messages=True)
    listening.subscribe("rq:pubsub:host:1:aa")
    listening.get_message(timeout=5)
    assert callers.admin("POST", "/api/workers/host:1:aa/drain").status_code == 202
    assert callers.admin("POST", "/api/workers/host:1:aa/kill").json == {"worker": "host:1:aa"}
    assert [(listening.get_message(timeout=5) or {})["data"] for _ in range(2)] == [
        b'{"command": "shutdown"}',
        b'{"command": "kill-horse"}',
    ]
    listening.close()
    problem(callers.admin("POST", "/api/workers/host:1:aa/drain"), 404, "not-found")  # it listens no more
    problem(callers.admin("POST", "/api/workers/host:1:/drain"), 404, "not-found")


# organisations


def test_an_organisation_is_weighed_limited_paused_and_resumed(callers: Callers, store: Store) -> None:
    assert [org["org"] for org in callers.admin("GET", "/api/orgs").json["organisations"]] == ["history", "local", "physics"]
    asked = {"weight": 2.5, "max_running": 3, "paused": True}
    assert callers.admin("POST", "/api/orgs/physics", json=asked).json == {"org": "physics", **asked}
    assert control.paused(store)["org"] == ["physics"]
    assert callers.admin("POST", "/api/orgs/physics", json={"paused": False}).json == {"org": "physics", **asked, "paused": False}
    assert callers.admin("POST", "/api/orgs/physics", json={"max_running": 0}).json["max_running"] == 0
    assert callers.admin("POST", "/api/orgs/elsewhere", json={"paused": True}).json["weight"] == 1.0
    assert "elsewhere" in [org.org for org in orgs.listing(store)]


@pytest.mark.parametrize(
    "body", [{}, {"weight": 0}, {"weight": "NaN"}, {"max_running": -1}, {"max_running": 1.5}, {"paused": "no"}, {"more": 1}, []]
)
def test_what_an_organisation_cannot_have_is_refused_and_changes_nothing(callers: Callers, store: Store, body: Any) -> None:
    problem(callers.admin("POST", "/api/orgs/physics", json=body), 422, "invalid")
    assert orgs.get(store, "physics") == orgs.Org("physics")


def test_an_organisation_of_an_impossible_name_is_not_found(callers: Callers) -> None:
    for name in ("A", "a.b", "x" * 41, "a%2Fb"):
        assert callers.admin("POST", f"/api/orgs/{name}", json={"paused": True}).status_code == 404


# the last hour, and health


def test_the_last_hour_is_told_by_queue(callers: Callers, store: Store) -> None:
    hands = Hands(store)
    hands.now = time.time() - 120
    hands.renew()
    hands.submit({"name": "a"})
    hands.submit({"name": "b"})
    hands.work()
    hands.now += 60
    samples.note(store, now=hands.now)
    told = callers.admin("GET", "/api/queues/history").json
    assert (told["every_s"], set(told["queues"])) == (60, {"short", "long"})
    short = told["queues"]["short"]
    assert (short["waiting"], short["failed"], sum(short["completed"])) == ([1], [0], 1)
    assert 59 <= short["oldest_wait_seconds"][0] <= 60
    assert short["at"][0].endswith(":00.000000Z")


def test_health_names_what_stands_in_the_way(callers: Callers, redis: Redis, store: Store) -> None:
    enlist(redis, "host:1:aa")
    redis.sadd("rq:workers:long", "rq:worker:host:1:aa")
    well = callers.admin("GET", "/api/health").json
    assert (well["troubles"], well["suspended"], well["redis"]["max_bytes"]) == ([], False, None)
    assert well["redis"]["used_bytes"] > 100_000
    callers.admin.submit("synthetic", params=ONE_TASK)
    control.pause(store, "long")
    redis.set("rq:suspended", 1)
    told = callers.admin("GET", "/api/health").json
    assert [(one["weight"], one["about"], one["name"]) for one in told["troubles"]] == [
        ("bad", "workers", ""),
        ("bad", "queue", "short"),
        ("note", "queue", "long"),
    ]
    assert told["suspended"] is True


def queue(**given: Any) -> Queue:
    usual: dict[str, Any] = {
        "queue": "ingest.long", "paused": False, "workers": 1, "waiting": 3, "running": 0, "mean_seconds": 1.0,
        "oldest_wait_seconds": None, "priorities": {}, "organisations": (), "organisations_left_off": 0,
    }  # fmt: skip
    return Queue(**usual | given)


def share(wait_s: float, **given: Any) -> Share:
    return Share(
        **{"org": "a", "waiting": 1, "running": 0, "weight": 1.0, "max_running": 0, "paused": False} | given, oldest_wait_seconds=wait_s
    )


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (Seen([queue()]), []),
        (Seen([queue(workers=0)]), ["No worker serves ingest.long, and 3 tasks wait there."]),
        (Seen([queue(workers=0, waiting=0)]), ["No worker is there: what is submitted now waits until one is started."]),
        (Seen([queue(workers=0, waiting=0), queue()]), []),
        (Seen([queue(workers=0, paused=True)]), ["The queue ingest.long is paused, 3 tasks wait."]),
        (Seen([queue(organisations=(share(901), share(5)))]), ["Somebody has waited in ingest.long for 15 min."]),
        (Seen([queue(organisations=(share(901, paused=True), share(902, max_running=2, running=2), share(899)))]), []),
        (Seen([], organisations=["a"]), ["The organisation a is paused: none of its tasks begins."]),
        (
            Seen([], types={"notes": 1, "export": 0}),
            ["Jobs of type notes are paused, 1 task of it so far are set aside.", "Jobs of type export are paused."],
        ),
        (Seen([], redis_share=0.86), ["Redis is 86% full: new jobs and uploads are refused, what was accepted goes on."]),
        (Seen([], redis_share=0.71), ["Redis is 71% full; from 85% on new jobs are refused."]),
        (Seen([], redis_share=0.69), []),
    ],
)
def test_a_trouble_is_said_in_words(seen: Seen, says: list[str]) -> None:
    assert [trouble.says for trouble in troubles(seen)] == says


# many at once


def failures(caller: Caller, worker: Worker, count: int) -> list[str]:
    made = [caller.submit("synthetic", params=ONE_TASK).json["id"] for _ in range(count)]
    for _ in made:
        worker.fail("no")
    return made


def test_what_failed_is_retried_at_once_and_what_cannot_be_says_why(callers: Callers, worker: Worker) -> None:
    first, second = failures(callers.admin, worker, 2)
    other = callers.admin.submit("synthetic", params=ONE_TASK).json["id"]
    told = callers.admin("POST", "/api/jobs/retry", json={"ids": [first, second, other, "gone", first]}).json
    assert (told["done"], [(one["id"], one["done"]) for one in told["results"]]) == (
        2, [(first, True), (second, True), (other, False), ("gone", False)],
    )  # fmt: skip
    assert [one["problem"]["status"] for one in told["results"][2:]] == [409, 404]
    assert callers.admin("GET", f"/api/jobs/{first}").json["status"] == "running"
    assert callers.admin("POST", "/api/jobs/cancel", json={"ids": [first, other]}).json["done"] == 2


def test_a_filter_chooses_and_a_dry_run_changes_nothing(callers: Callers, worker: Worker) -> None:
    made = failures(callers.admin, worker, 3)
    callers.admin("POST", f"/api/jobs/{made[0]}/cancel")
    dry = callers.admin("POST", "/api/jobs/retry", json={"filter": {"status": "failed", "type": "synthetic"}, "dry_run": True}).json
    assert ([one["id"] for one in dry["results"]], dry["done"], dry["cursor"], dry["dry_run"]) == (made[::-1], 0, None, True)
    for nothing in ({"org": "physics"}, {"type": "transcription"}, {"user": "ada"}, {"older_than_seconds": 60}, {"status": "cancelled"}):
        assert callers.admin("POST", "/api/jobs/retry", json={"filter": nothing}).json["results"] == []
    assert callers.admin("POST", "/api/jobs/cancel", json={"filter": {}}).json["results"] == []
    assert callers.admin("POST", "/api/jobs/retry", json={"filter": {"org": "local"}}).json["done"] == 3
    assert callers.admin("POST", "/api/jobs/cancel", json={"filter": {}}).json["done"] == 3


@pytest.mark.parametrize("name", ["{job}:state", "{job}-only", "", "é", "\n", "x" * 65, "*"])
def test_what_is_no_id_is_nobodys_job(callers: Callers, worker: Worker, redis: Redis, name: str) -> None:
    (job,) = failures(callers.admin, worker, 1)
    redis.hset(f"app:jobs:{job}:state", "status", "failed")  # a task may be called so
    for verb in ("retry", "cancel"):
        (told,) = callers.admin("POST", f"/api/jobs/{verb}", json={"ids": [name.format(job=job)]}).json["results"]
        assert told["problem"]["status"] == 404
    assert redis.hget(f"app:jobs:{job}:state", "status") == b"failed"


def test_a_filter_goes_on_by_its_cursor(callers: Callers, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    made = failures(callers.admin, worker, 5)
    monkeypatch.setattr("web.api_bulk.MOST", 2)
    found: list[str] = []
    cursor = None
    for _ in range(4):
        asked = {"filter": {"status": "failed"}, "dry_run": True} | ({"cursor": cursor} if cursor else {})
        told = callers.admin("POST", "/api/jobs/retry", json=asked).json
        found += [one["id"] for one in told["results"]]
        if (cursor := told["cursor"]) is None:
            break
    assert found == made[::-1]


def test_nobody_changes_the_jobs_of_others_nor_learns_of_them(callers: Callers, worker: Worker, job: str) -> None:
    worker.fail("no")
    for other in (callers.colleague, callers.stranger):
        (told,) = other("POST", "/api/jobs/retry", json={"ids": [job]}).json["results"]
        (none,) = other("POST", "/api/jobs/retry", json={"ids": ["0" * 16]}).json["results"]
        assert str(told).replace(job, "*") == str(none).replace("0" * 16, "*")
        for asked in ({}, {"user": "ada"}, {"org": "physics"}, {"status": "failed"}):
            assert other("POST", "/api/jobs/retry", json={"filter": asked}).json["results"] == []
    assert callers.owner("GET", f"/api/jobs/{job}").json["status"] == "failed"
    assert callers.owner("POST", "/api/jobs/retry", json={"filter": {}}).json["done"] == 1


@pytest.mark.parametrize(
    "body",
    [{}, {"ids": []}, {"ids": ["a"], "filter": {}}, {"ids": ["a"] * 201}, {"filter": {"status": "completed"}}, {"filter": {"x": 1}},
     {"filter": {}, "cursor": "nonsense"}, {"ids": "all"}, {"ids": ["a"], "dry_run": "yes"}, []],
)  # fmt: skip
def test_a_choice_that_is_none_is_refused(callers: Callers, body: Any) -> None:
    problem(callers.admin("POST", "/api/jobs/retry", json=body), 422, "invalid")


def test_the_page_is_for_admins_and_shows_people_only_where_there_is_something_to_ask(callers: Callers, store: Store) -> None:
    assert people.listing(store)
    page = callers.admin("GET", "/admin", headers={"Accept": "text/html"}).text
    there = callers.admin("GET", "/api/users").status_code == 200
    assert f'"people": {"true" if there else "false"}' in page
    assert "for admins" in callers.owner("GET", "/admin", headers={"Accept": "text/html"}).text
