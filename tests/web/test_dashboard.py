"""RQ's dashboard under /admin/rq: for admins, on JSON alone, whatever somebody has written to Redis."""

from __future__ import annotations

import json
import pickle  # noqa: TID251
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import rq_dashboard.web
from flask import Flask
from redis import Redis
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from jobs import show
from jobs.model import Failed
from jobs.store import Store
from tests.jobs.hands import Hands
from tests.web.conftest import Caller, Callers, problem
from web.dashboard import MENDED, mended

RQ = "/admin/rq/0"
LANE = "short.normal.fresh.acme"


def queues(admin: Caller) -> dict[str, Any]:
    return {queue["name"]: queue for queue in admin("GET", f"{RQ}/data/queues.json").json["queues"]}


def listed(admin: Caller, queue: str, registry: str = "queued") -> list[dict[str, Any]]:
    answer = admin("GET", f"{RQ}/data/jobs/{queue}/{registry}/8/asc/1.json")
    assert answer.status_code == 200, answer.text
    return list(answer.json["jobs"])


class Bomb:
    """What makes a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return subprocess.check_call, (["touch", str(self.target)],)


def test_queues_lanes_jobs_and_errors_of_ours_are_shown(admin: Caller, store: Store) -> None:
    hands = Hands(store)
    waiting = hands.submit({"name": "a"})
    assert queues(admin)[LANE]["count"] == 1
    assert [job["id"] for job in listed(admin, LANE)] == [f"{waiting}-a"]
    hands.renew()
    hands.work(Failed("It broke.\nTraceback", final=True))
    assert (queues(admin)["short"]["failed_job_registry_count"], LANE in queues(admin)) == (1, False)
    (failed,) = listed(admin, "short", "failed")
    assert failed["exc_info"] == "It broke.\nTraceback"
    told = admin("GET", f"{RQ}/data/job/{waiting}-a.json").json
    assert (told["status"], told["origin"], told["description"]) == ("failed", "short", "synthetic: synthetic")
    for page in ("", "/view/queues", "/view/workers", "/view/jobs", f"/view/jobs/{LANE}/queued/8/asc/1", f"/view/job/{waiting}-a"):
        assert "RQ dashboard" in admin("GET", f"{RQ}{page}", headers={"Accept": "text/html"}, follow_redirects=True).text

    assert admin("POST", f"/admin/rq/job/{waiting}-a/requeue").json == {"status": "OK"}
    assert hands.drain() == ["a"]


def test_all_that_failed_is_requeued_by_post_alone_and_not_without_end(admin: Caller, store: Store, redis: Redis) -> None:
    hands = Hands(store)
    jobs = [hands.submit({"name": "a"}) for _ in range(3)]
    for _ in jobs:
        hands.work(Failed("no", final=True))
    redis.zadd("rq:failed:short", {"expired": 9e9})  # of which RQ knows nothing any more
    problem(admin("GET", "/admin/rq/requeue/short"), 403, "forbidden")
    assert admin("HEAD", "/admin/rq/requeue/short").status_code == 403
    assert hands.drain() == []
    assert admin("POST", "/admin/rq/requeue/short").json["status"] == "OK"
    hands.drain()
    assert {hands.status(job) for job in jobs} == {"completed"}
    redis.zadd("rq:failed:long", {f"job{n}": 9e9 for n in range(1001)})
    assert "1,001 have failed" in problem(admin("POST", "/admin/rq/requeue/long"), 409, "conflict")["detail"]


@pytest.mark.parametrize("path", ["job/{job}-a/delete", f"queue/{LANE}/queued/empty", "queue/short/started/empty", f"queue/{LANE}/compact"])
def test_what_destroys_is_refused_in_words_and_has_no_button(admin: Caller, store: Store, path: str) -> None:
    hands = Hands(store)
    job = hands.submit({"name": "a"})
    refused = problem(admin("POST", f"/admin/rq/{path.format(job=job)}"), 403, "forbidden")
    assert "cancel and delete jobs on Lectern's own pages" in refused["detail"]
    assert hands.drain() == ["a"]
    for page in (f"{RQ}/view/jobs/{LANE}/queued/8/asc/1", f"{RQ}/view/job/{job}-a"):
        text = admin("GET", page).text
        assert not re.search(r'id="(empty|compact|delete-job)-btn"|<a[^>]*delete-job-btn', text)


def test_a_plain_job_of_another_program_is_shown(admin: Caller, redis: Redis) -> None:
    emails = Queue("emails", connection=redis, serializer=JSONSerializer)
    made = emails.enqueue("mail.send", "ada", subject="<b>hi</b>", meta={"by": "cron"})
    assert queues(admin)["emails"]["count"] == 1
    assert listed(admin, "emails")[0]["description"] == "mail.send('ada', subject='<b>hi</b>')"
    told = admin("GET", f"{RQ}/data/job/{made.id}.json").json
    assert json.loads(told["metadata"]) == {"by": "cron"}


def test_workers_are_shown_while_they_run_a_json_job(admin: Caller, store: Store, redis: Redis) -> None:
    hands = Hands(store, "host:1:abcdef")
    job = hands.submit({"name": "a"})
    redis.sadd("rq:workers", "rq:worker:host:1:abcdef")
    redis.hset("rq:worker:host:1:abcdef", mapping={"birth": "2026-11-22T06:34:23.123456Z", "queues": "short", "state": "busy"})
    hands.renew(hands.claim())
    (worker,) = admin("GET", f"{RQ}/data/workers.json").json["workers"]
    assert (worker["name"], worker["queues"], worker["current_job"]["job_id"]) == ("host:1:abcdef", ["short"], f"{job}-a")


def test_nothing_that_was_planted_is_unpickled_and_the_rest_is_shown(admin: Caller, store: Store, redis: Redis, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    bomb = pickle.dumps(Bomb(marker))
    good = Queue("emails", connection=redis, serializer=JSONSerializer).enqueue("mail.send")
    for name, fields in {
        "data": {"data": bomb},
        "meta": {"data": b"[]", "meta": bomb},
        "result": {"data": b"[]", "result": bomb},
        "torn": {"data": b"[]", "created_at": "yesterday"},
        "empty": {"status": "queued"},
    }.items():
        redis.hset(f"rq:job:{name}", mapping={"origin": "emails", "status": "failed", **fields})
        redis.rpush("rq:queue:emails", name)
        redis.zadd("rq:failed:emails", {name: 9e9})
    redis.xadd("rq:results:data", {"type": 1, "return_value": bomb.hex()})
    redis.xadd("rq:results:meta", {"type": 2, "exc_string": "not base64"})
    redis.sadd("rq:workers", "rq:worker:evil:1:a")
    redis.hset("rq:worker:evil:1:a", mapping={"birth": "2026-11-22T06:34:23.123456Z", "queues": "short", "state": "busy"})
    redis.sadd("rq:worker:evil:1:a:executions", "data:run")
    redis.hset("rq:execution:data:run", mapping={"id": "run", "job_id": "data", "created_at": 1, "last_heartbeat": 1})

    before = redis.lrange("rq:queue:emails", 0, -1)
    assert [job["id"] for job in listed(admin, "emails")] == [good.id, "data", "meta", "result"]
    assert {job["id"] for job in listed(admin, "emails", "failed")} == {"data", "meta", "result"}
    for name in ("data", "meta", "result"):
        assert admin("GET", f"{RQ}/view/job/{name}").status_code == 200
        assert admin("GET", f"{RQ}/data/job/{name}.json").status_code == 200
    for name in ("torn", "empty", "nothing"):
        problem(admin("GET", f"{RQ}/data/job/{name}.json"), 404, "not-found")
    assert admin("GET", f"{RQ}/data/workers.json").status_code == 200
    problem(admin("POST", "/admin/rq/job/torn/requeue"), 409, "conflict")
    admin("POST", "/admin/rq/requeue/emails")
    assert not marker.exists()
    assert redis.lrange("rq:queue:emails", 0, 5) == before[:6], "looking takes nothing out of a queue"


HOSTILE = ["');alert(1);('", "<script>alert(1)</script>", "a b", "x" * 201, "%00"]


@pytest.mark.parametrize("name", HOSTILE)
def test_an_address_that_would_end_up_in_a_script_is_not_there(admin: Caller, name: str) -> None:
    for path in (f"view/jobs/{name}/queued/8/asc/1", f"view/job/{name}", f"data/jobs/{name}/queued/8/asc/1.json", f"data/job/{name}.json"):
        assert admin("GET", f"{RQ}/{path}").status_code == 404
    assert admin("POST", f"/admin/rq/requeue/{name}").status_code == 404


OUT_OF_BOUNDS = [
    "1/view/queues",
    "0/view/jobs/short/secret/8/asc/1",
    "0/view/jobs/short/queued/201/asc/1",
    "0/view/jobs/short/queued/8/up/1",
    "0/data/jobs/short/queued/x/asc/1.json",
    "0/data/jobs/short/queued/8/asc/0.json",
]


@pytest.mark.parametrize("path", OUT_OF_BOUNDS)
def test_what_is_out_of_bounds_is_not_there(admin: Caller, path: str) -> None:
    problem(admin("GET", f"/admin/rq/{path}"), 404, "not-found")


def test_a_queue_whose_name_is_hostile_is_left_out_and_thousands_cost_as_little_as_few(admin: Caller, redis: Redis) -> None:
    def commands() -> int:
        before = redis.info("commandstats")
        assert len(queues(admin)) <= 200
        after = redis.info("commandstats")
        return sum(figures["calls"] - before.get(name, {"calls": 0})["calls"] for name, figures in after.items())

    redis.sadd("rq:queues", *(f"rq:queue:{name}" for name in HOSTILE), b"rq:queue:\xff", "rq:queue:short", "rq:queue:zebra.long")
    assert set(queues(admin)) == {"short", "zebra.long"}
    redis.sadd("rq:queues", *(f"rq:queue:q{n}" for n in range(4000)))
    assert {"short", "zebra.long"} < set(queues(admin)), "ours come first"
    assert len(queues(admin)) == 200
    assert commands() < 1500  # in one round trip


def test_only_admins_may_look_and_only_their_own_pages_may_steer(callers: Callers, app: Flask, store: Store) -> None:
    job = Hands(store).submit({"name": "a"})
    data = f"{RQ}/data/queues.json", f"{RQ}/data/job/{job}-a.json"
    for path in ("/admin/rq/", f"{RQ}/view/workers", *data, "/admin/rq/static/css/main.css"):
        assert callers.anonymous("GET", path).status_code == 401
        for other in (callers.owner, callers.colleague, callers.stranger):
            assert other("GET", path).status_code == 403
        assert callers.admin("GET", path).status_code == 200
    browser = app.test_client()
    page = browser.get("/signin").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    browser.post("/signin", data={"token": callers.admin.token, "csrf_token": token[1]})
    text = browser.get(f"{RQ}/view/jobs").text
    shown = re.search(r'"X-CSRF-Token": "([^"]+)"', text)
    assert shown
    asked = f"/admin/rq/requeue/{LANE}"
    assert problem(browser.post(asked), 403, "cross-site")
    assert problem(browser.post(asked, headers={"X-CSRF-Token": shown[1], "Sec-Fetch-Site": "cross-site"}), 403, "cross-site")
    assert problem(browser.post(asked, headers={"X-CSRF-Token": shown[1], "Origin": "http://elsewhere.test"}), 403, "cross-site")
    assert browser.post(asked, headers={"X-CSRF-Token": shown[1]}).json == {"status": "OK", "count": 0}


def test_its_pages_run_scripts_of_theirs_alone_and_load_nothing_from_elsewhere(admin: Caller) -> None:
    for page in ("queues", "workers", "jobs"):
        answer = admin("GET", f"{RQ}/view/{page}", follow_redirects=True)
        policy = answer.headers["Content-Security-Policy"]
        nonce = re.search(r"'nonce-([\w-]+)'", policy)
        assert nonce, (policy, answer.text)
        assert "unsafe-inline" not in policy.partition("style-src-attr")[0]
        assert f'<script nonce="{nonce[1]}">' in answer.text
        assert not re.search(r"<script(?! (src=|nonce=|name=))", answer.text)
        assert all(address.startswith("/") for address in re.findall(r'(?:src|<link[^>]*href)="([^"]+)"', answer.text))
        assert all(".html()" in written for written in re.findall(r"<%=[^%]*%>", answer.text)), "the rest is escaped"
    assert "nonce-" not in admin("GET", "/").headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", MENDED)
def test_what_is_mended_of_its_templates_is_there_to_be_mended(name: str) -> None:
    path = Path(rq_dashboard.web.__file__).parent / "templates" / "rq_dashboard" / name
    assert mended(name, path.read_text())
    with pytest.raises(LookupError, match=r"another than 0\.9's"):
        mended(name, "")


def test_a_job_of_rqs_own_class_reads_what_the_page_shows(store: Store, redis: Redis) -> None:
    job = Hands(store).submit({"name": "a"})
    assert Job.fetch(f"{job}-a", connection=redis, serializer=JSONSerializer).origin == "short"
    assert show.job(store, job).id == job
