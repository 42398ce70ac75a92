"""What RQ's own classes, `rq info` and rq-dashboard say of our tasks is the truth."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from rq import Queue
from rq.executions import Execution
from rq.job import Job
from rq.registry import (
    CanceledJobRegistry,
    DeferredJobRegistry,
    FailedJobRegistry,
    FinishedJobRegistry,
    ScheduledJobRegistry,
    StartedJobRegistry,
    clean_registries,
)
from rq.serializers import JSONSerializer

from jobs import control, record
from jobs.border import encode_error, lane, queue_key
from jobs.model import Completed, Failed, Spawn
from jobs.store import Store
from tests.jobs.audit import audit
from tests.jobs.hands import Hands, chain

REGISTRIES = {
    "started": StartedJobRegistry,
    "deferred": DeferredJobRegistry,
    "scheduled": ScheduledJobRegistry,
    "finished": FinishedJobRegistry,
    "failed": FailedJobRegistry,
    "canceled": CanceledJobRegistry,
}


@pytest.fixture
def hands(store: Store) -> Iterator[Hands]:
    yield Hands(store, "host:1:abcdef")
    assert audit(store) == []


def fetch(redis: Redis, rq_job: str) -> Job:
    return Job.fetch(rq_job, connection=redis, serializer=JSONSerializer)


def members(redis: Redis, status: str, queue: str = "short") -> list[str]:
    return REGISTRIES[status](queue, connection=redis, serializer=JSONSerializer).get_job_ids(cleanup=False)


def everywhere(redis: Redis, rq_job: str, queue: str = "short") -> list[str]:
    """The registries that hold a job, by RQ's own classes."""
    return [status for status in REGISTRIES if rq_job in members(redis, status, queue)]


def all_states(hands: Hands) -> dict[str, str]:
    """Bring a task into each state; return its rq_job by what RQ should call it."""
    found = {}
    done = hands.submit({"name": "done"})
    hands.work(Completed(1))
    found["finished"] = f"{done}-done"
    bad = hands.submit({"name": "bad", "attempts": 1})
    hands.work(Failed("RuntimeError: it broke"))
    found["failed"] = f"{bad}-bad"
    late = hands.submit({"name": "late"})
    hands.work(Failed("try again"))
    found["scheduled"] = f"{late}-late"
    gone = hands.submit({"name": "gone"})
    control.cancel(hands.store, gone, now=hands.now)
    found["canceled"] = f"{gone}-gone"
    busy = hands.submit(*chain("busy", "after"))
    claimed = hands.claim()
    hands.now += 1
    hands.renew(claimed)
    found["started"] = f"{busy}-busy"
    found["deferred"] = f"{busy}-after"
    ready = hands.submit({"name": "ready"})
    found["queued"] = f"{ready}-ready"
    return found


def test_every_state_is_what_rq_calls_it_and_in_its_registry_alone(hands: Hands, redis: Redis) -> None:
    for status, rq_job in all_states(hands).items():
        job = fetch(redis, rq_job)
        assert job.get_status() == status
        assert job.origin == "short"
        assert everywhere(redis, rq_job) == ([] if status == "queued" else [status])


def test_a_job_says_what_it_is_when_it_began_and_ended(hands: Hands, redis: Redis) -> None:
    found = all_states(hands)
    job = fetch(redis, found["finished"])
    assert (job.func_name, job.args, job.kwargs) == ("lectern.synthetic", [found["finished"].split("-")[0]], {})
    assert job.description == "synthetic: synthetic"
    assert job.created_at.timestamp() == pytest.approx(hands.now - 1, abs=0.001)
    assert job.started_at.timestamp() == job.ended_at.timestamp() == pytest.approx(hands.now - 1, abs=0.001)
    assert fetch(redis, found["queued"]).enqueued_at.timestamp() == pytest.approx(hands.now, abs=0.001)
    assert fetch(redis, found["started"]).worker_name == hands.name


def test_a_failed_job_shows_its_error_and_keeps_it_for_the_retention(hands: Hands, redis: Redis) -> None:
    job = fetch(redis, all_states(hands)["failed"])
    result = job.latest_result()
    assert result.exc_string == "RuntimeError: it broke"
    assert 29 * 86_400 < redis.ttl(job.key) <= 30 * 86_400
    assert encode_error("ü") != "ü"


def test_what_rq_would_run_or_clean_by_itself_is_never_written(hands: Hands, redis: Redis) -> None:
    for rq_job in all_states(hands).values():
        written = {name.decode() for name in redis.hkeys(f"rq:job:{rq_job}")}
        assert not written & {"retries_left", "dependency_ids", "success_callback_name", "failure_callback_name", "webhooks", "meta"}
    assert [score for _, score in redis.zrange("rq:wip:short", 0, -1, withscores=True)] == [float("inf")]


def test_rqs_own_cleaning_changes_nothing_of_ours(hands: Hands, redis: Redis) -> None:
    found = all_states(hands)
    for name in ("short", *(key.decode().removeprefix("rq:queue:") for key in redis.smembers("rq:queues"))):
        clean_registries(Queue(name, connection=redis, serializer=JSONSerializer))
    assert fetch(redis, found["started"]).get_status() == "started"
    assert redis.zcard("rq:wip:short") == 1


def test_a_waiting_task_stands_in_its_lane_which_is_an_rq_queue(hands: Hands, redis: Redis) -> None:
    job = hands.submit({"name": "l", "duration": "long"}, {"name": "after", "needs": ["l"]}, org="uni", priority="high")
    names = {queue.name for queue in Queue.all(redis, serializer=JSONSerializer)}
    assert lane("long", "high", False, "uni") in names
    assert Queue(lane("long", "high", False, "uni"), connection=redis, serializer=JSONSerializer).job_ids == [f"{job}-l"]
    hands.work()
    assert redis.lrange(queue_key(lane("short", "high", True, "uni")), 0, -1) == [f"{job}-after".encode()]
    hands.work()
    hands.renew()
    assert {queue.name for queue in Queue.all(redis)} == {"short", "long"}  # empty lanes are listed no more, queues always


def test_not_more_than_two_hundred_lanes_are_listed(hands: Hands, redis: Redis) -> None:
    for n in range(210):
        hands.submit({"name": "a"}, org=f"org{n}")
    assert redis.scard("rq:queues") == 200
    redis.flushall()


def test_a_running_task_is_an_execution_of_its_worker(hands: Hands, redis: Redis) -> None:
    all_states(hands)
    member = redis.smembers(f"rq:worker:{hands.name}:executions").pop().decode()
    execution = Execution.from_composite_key(member, connection=redis)
    execution.refresh()
    assert execution.worker_name == hands.name
    assert fetch(redis, execution.job_id).get_status() == "started"


def test_a_task_shorter_than_a_second_never_appears_as_started(hands: Hands, redis: Redis) -> None:
    job = hands.submit({"name": "a"})
    claimed = hands.claim()
    assert fetch(redis, f"{job}-a").get_status() == "queued"
    hands.record(claimed)
    assert everywhere(redis, f"{job}-a") == ["finished"]


def test_a_joining_task_is_deferred_and_its_children_are_jobs_of_their_own(hands: Hands, redis: Redis) -> None:
    job = hands.submit({"name": "a"})
    hands.work(Spawn(({}, {})))
    assert fetch(redis, f"{job}-a").get_status() == "deferred"
    assert fetch(redis, f"{job}-a-1").get_status() == "queued"
    record.progress(hands.store, hands.claim(), 0.5)
    hands.renew()


def test_a_finished_task_expires_from_rq_as_rqs_own_do(hands: Hands, redis: Redis) -> None:
    rq_job = all_states(hands)["finished"]
    assert 0 < redis.ttl(f"rq:job:{rq_job}") <= 500
    hands.now += 501
    hands.renew()
    assert members(redis, "finished") == []
    redis.delete(f"rq:job:{rq_job}")  # its own expiry goes by the server's clock, which no test moves


def test_rq_info_counts_what_there_is(hands: Hands, redis: Redis, redis_url: str) -> None:
    all_states(hands)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RQ_")}
    command = [str(Path(sys.executable).with_name("rq")), "info", "--url", redis_url, "--serializer", "rq.serializers.JSONSerializer"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert shown.returncode == 0, shown.stderr
    short = next(line for line in shown.stdout.splitlines() if line.startswith("short "))
    assert "1 executing, 1 finished, 1 failed" in short
    assert any(line.startswith("short.normal.fresh.acme") and " 1, " in line for line in shown.stdout.splitlines())
    assert redis.zcard("rq:wip:short") == 1  # and asking has changed nothing


def test_the_dashboard_shows_the_same(hands: Hands, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    dashboard = pytest.importorskip("rq_dashboard")
    from flask import Flask
    from rq_dashboard import web

    found = all_states(hands)
    monkeypatch.setattr(web.config, "serializer", JSONSerializer)  # what its --json does
    monkeypatch.setattr(web, "from_url", lambda *_, **__: (None, redis))
    app = Flask(__name__)
    app.config.from_object(dashboard.default_settings)
    app.config["RQ_DASHBOARD_REDIS_URL"] = ("redis://in-this-process",)
    web.setup_rq_connection(app)
    app.register_blueprint(dashboard.blueprint, url_prefix="")
    client = app.test_client()

    def get(path: str) -> Any:
        answer = client.get(path)
        assert answer.status_code == 200, path
        return json.loads(answer.data)

    queues = {queue["name"]: queue for queue in get("/0/data/queues.json")["queues"]}
    counts = {status: queues["short"][f"{status}_job_registry_count"] for status in REGISTRIES}
    assert counts == {"started": 1, "deferred": 1, "scheduled": 1, "finished": 1, "failed": 1, "canceled": 1}
    assert queues["short.normal.fresh.acme"]["count"] == 1
    listed = get("/0/data/jobs/short/failed/8/asc/1.json")["jobs"]
    assert [(job["id"], job["exc_info"]) for job in listed] == [(found["failed"], "RuntimeError: it broke")]
    one = get(f"/0/data/job/{found['started']}.json")
    assert (one["status"], one["origin"]) == ("started", "short")


def test_a_task_retried_after_rq_forgot_it_is_whole_again(hands: Hands, redis: Redis) -> None:
    job = hands.submit({"name": "a", "optional": True, "attempts": 1}, {"name": "b", "needs": ["a"]})
    hands.work(Failed("not configured"))
    hands.work()
    redis.delete(f"rq:job:{job}-b")  # as its expiry would
    hands.now += 501
    hands.renew()
    control.retry_task(hands.store, job, "a", now=hands.now)
    assert fetch(redis, f"{job}-b").get_status() == "deferred"
    hands.drain()
