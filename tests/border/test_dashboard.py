"""What can be done on rq-dashboard, its serializer bound to JSON as it has to be."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis
from rq import Queue, Worker, requeue_job
from rq.job import Job
from rq.serializers import JSONSerializer

from jobs import control
from jobs.model import Failed, Spawn
from tests.border.conftest import FUNCTIONS, fetch
from tests.jobs.hands import Hands, chain

Act = Callable[[str], Any]


@pytest.fixture
def press(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Act:
    """Press a button: POST to one of the dashboard's addresses."""
    dashboard = pytest.importorskip("rq_dashboard")
    from flask import Flask
    from rq_dashboard import web

    class JsonJob(Job):
        fetch = functools.partial(Job.fetch, serializer=JSONSerializer)

    class JsonWorker(Worker):
        all = functools.partial(Worker.all, serializer=JSONSerializer)

    monkeypatch.setattr(web.config, "serializer", JSONSerializer)
    monkeypatch.setattr(web, "Job", JsonJob)
    monkeypatch.setattr(web, "Worker", JsonWorker)
    monkeypatch.setattr(web, "requeue_job", functools.partial(requeue_job, serializer=JSONSerializer))
    monkeypatch.setattr(web, "from_url", lambda *_, **__: (None, redis))
    app = Flask(__name__)
    app.config.from_object(dashboard.default_settings)
    app.config["RQ_DASHBOARD_REDIS_URL"] = ("redis://in-this-process",)
    web.setup_rq_connection(app)
    app.register_blueprint(dashboard.blueprint, url_prefix="")
    client = app.test_client()

    def post(path: str) -> Any:
        answer = client.post(path)
        assert answer.status_code == 200, path
        return json.loads(answer.data)

    return post


def failed(hands: Hands) -> str:
    job = hands.submit(*chain("a", "b", attempts=1))
    hands.work(Failed("it broke"))
    return job


def test_requeue_retries_a_task(hands: Hands, press: Act) -> None:
    job = failed(hands)
    assert press(f"/job/{job}-a/requeue") == {"status": "OK"}
    assert hands.drain() == ["a", "b"]


def test_requeue_all_retries_whatever_failed_in_a_queue(hands: Hands, press: Act) -> None:
    jobs = [failed(hands) for _ in range(3)]
    assert press("/requeue/short") == {"status": "OK", "count": 3}
    hands.drain()
    assert {hands.status(job) for job in jobs} == {"completed"}


@pytest.mark.parametrize("task", ["a", "b"])
def test_delete_of_a_waiting_task_cancels_its_job(hands: Hands, press: Act, task: str) -> None:
    job = hands.submit(*chain("a", "b"))
    assert press(f"/job/{job}-{task}/delete") == {"status": "OK"}
    hands.drain()
    assert hands.status(job) == "cancelled"


def test_delete_of_a_running_task_cancels_its_job(hands: Hands, press: Act) -> None:
    job = hands.submit(*chain("a", "b"))
    claimed = hands.claim()
    hands.renew(claimed)
    press(f"/job/{job}-a/delete")
    assert hands.renew(claimed).cancelled == {claimed.run}
    assert hands.status(job) == "cancelled"


@pytest.mark.parametrize("registry", ["failed", "finished", "canceled"])
def test_emptying_a_registry_of_what_has_ended_forgets_it_in_rq_alone(hands: Hands, press: Act, redis: Redis, registry: str) -> None:
    job = failed(hands)
    done = hands.submit({"name": "a"})
    hands.drain()
    before = hands.states(job), hands.states(done)
    press(f"/queue/short/{registry}/empty")
    assert redis.zcard(f"rq:{registry}:short") == 0
    hands.drain()
    assert (hands.states(job), hands.states(done)) == before
    control.retry(hands.store, job, now=hands.now)
    hands.drain()
    assert hands.status(job) == "completed"


@pytest.mark.parametrize("registry", ["deferred", "scheduled", "started"])
def test_emptying_a_registry_of_what_is_unfinished_cancels(hands: Hands, press: Act, registry: str) -> None:
    late = hands.submit({"name": "late"})
    hands.work(Failed("try again"))
    chained = hands.submit(*chain("first", "second"))
    claimed = hands.claim()
    hands.renew(claimed)
    press(f"/queue/short/{registry}/empty")
    hands.renew(claimed)
    hands.record(claimed)
    hands.now += 400
    hands.drain()
    cancelled = {"deferred": {chained}, "scheduled": {late}, "started": {chained}}[registry]
    assert {job for job in (late, chained) if hands.status(job) == "cancelled"} == cancelled
    assert {hands.status(job) for job in {late, chained} - cancelled} == {"completed"}


def test_emptying_and_compacting_an_inbox_changes_nothing_of_ours(hands: Hands, press: Act, redis: Redis) -> None:
    job = failed(hands)
    waiting = hands.submit({"name": "a"})
    press(f"/job/{job}-a/requeue")
    press("/queue/short/compact")
    assert redis.lrange("rq:queue:short", 0, -1) == [f"{job}-a".encode()]
    press("/queue/short/queued/empty")
    assert hands.drain() == ["a"]
    assert hands.status(waiting) == "completed"
    assert hands.status(job) == "failed"


LANE = "short.normal.fresh.acme"


def patrol(hands: Hands) -> None:
    """Renew as often as a look at everything takes."""
    for _ in range(4):
        hands.renew()


@pytest.mark.parametrize("later", [False, True])
def test_emptying_a_lane_cancels_what_waited_in_it(hands: Hands, press: Act, later: bool) -> None:
    waiting = [hands.submit(*chain("a", "b")) for _ in range(8)]
    press(f"/queue/{LANE}/queued/empty")
    after = hands.submit({"name": "z"}) if later else None  # the lane holds something again before anybody looks
    patrol(hands)
    assert {hands.status(job) for job in waiting} == {"cancelled"}
    assert hands.drain() == (["z"] if after else [])
    control.retry(hands.store, waiting[0], now=hands.now)
    assert hands.drain() == ["a", "b"]


def test_emptying_a_lane_of_children_cancels_their_job(hands: Hands, press: Act) -> None:
    job = hands.submit({"name": "a"})
    hands.work(Spawn(({}, {}, {})))
    held = hands.claim()
    press(f"/queue/{LANE}/queued/empty")
    patrol(hands)
    assert hands.status(job) == "cancelled"
    assert hands.renew(held).cancelled == {held.run}
    assert hands.drain() == []


def test_compacting_a_lane_changes_nothing(hands: Hands, press: Act) -> None:
    job = hands.submit(*chain("a", "b"))
    press(f"/queue/{LANE}/compact")
    patrol(hands)
    assert hands.drain() == ["a", "b"]
    assert hands.status(job) == "completed"


def test_a_patrol_leaves_alone_what_is_whole(hands: Hands) -> None:
    jobs = [hands.submit(*chain("a", "b")) for _ in range(35)]
    claimed = hands.claim()
    for _ in range(12):
        hands.renew(claimed)
    hands.record(claimed)
    hands.drain()
    assert {hands.status(job) for job in jobs} == {"completed"}


def test_a_plain_job_is_requeued_and_deleted(hands: Hands, press: Act, redis: Redis, queue: Queue) -> None:
    job = queue.enqueue(f"{FUNCTIONS}.add", 1)
    press(f"/job/{job.id}/delete")
    hands.drain()
    assert not redis.exists(job.key, "rq:queue:short", "rq:queue:short.normal.fresh.rq")
    with pytest.raises(Exception, match="No such job"):
        fetch(redis, job.id)
