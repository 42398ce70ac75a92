"""How the doctor looks: at each thing at one moment, twice, in pages; at what is ours and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from jobs import doctor
from jobs.doctor import looks
from jobs.model import Completed, Spawn
from jobs.store import Store
from tests.jobs.audit import audit
from tests.jobs.hands import Hands

LANE = "rq:queue:short.normal.fresh.acme"


@pytest.fixture
def hands(store: Store) -> Hands:
    return Hands(store)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Do something between the two looks."""

    def do(what: Callable[[], object]) -> None:
        monkeypatch.setattr("jobs.doctor.time.sleep", lambda _: what())

    return do


def test_what_is_right_again_at_the_second_look_was_no_fault(hands: Hands, redis: Redis, meanwhile: Callable[..., None]) -> None:
    job = hands.submit({"name": "a"})
    redis.zrem("app:status:pending", job)
    meanwhile(lambda: redis.zadd("app:status:pending", {job: 1}))
    assert doctor.examine(hands.store).found == []


def test_another_fault_at_the_second_look_is_for_the_next_time(hands: Hands, redis: Redis, meanwhile: Callable[..., None]) -> None:
    job = hands.submit({"name": "a"})
    redis.zrem("app:status:pending", job)

    def turn() -> None:
        redis.zadd("app:status:pending", {job: 1})
        redis.zrem("app:users:ada:jobs", job)

    meanwhile(turn)
    assert doctor.examine(hands.store).found == []


def test_what_is_gone_at_the_second_look_was_no_fault(hands: Hands, redis: Redis, meanwhile: Callable[..., None]) -> None:
    redis.hset("app:jobs:0123456789abcdef:outputs", "a", "1")
    meanwhile(lambda: redis.delete("app:jobs:0123456789abcdef:outputs"))
    assert doctor.examine(hands.store).found == []


def test_a_task_claimed_between_the_looks_is_not_missed_in_its_lane(hands: Hands, redis: Redis, meanwhile: Callable[..., None]) -> None:
    hands.submit({"name": "a"}, {"name": "b"})
    redis.lset(LANE, 0, f"{'0' * 16}-gone")
    meanwhile(hands.drain)
    assert "task-lane" in {fault.rule for fault in doctor.examine(hands.store).found}
    redis.flushall()
    job = hands.submit({"name": "a"}, {"name": "b"})
    redis.zrem("app:ready:short:normal", "acme")
    meanwhile(lambda: (redis.zadd("app:ready:short:normal", {"acme": 0}), hands.drain()))
    assert doctor.examine(hands.store).found == []
    assert hands.status(job) == "completed"


def test_many_jobs_tasks_and_children_are_read_in_pages(hands: Hands, redis: Redis) -> None:
    for _ in range(120):
        hands.submit({"name": "a"})
    large = hands.submit(*({"name": f"t{n}"} for n in range(700)), priority="high")
    parent = hands.submit({"name": "parent"}, org="bolt")
    run = next(found for found in iter(hands.claim, None) if found.job == parent)
    hands.record(run, Spawn(tuple({} for _ in range(900))))
    hands.store.sweep(parent, 1)
    report = doctor.examine(hands.store, again_s=0, now=hands.now)
    assert report.found == []
    assert (report.looked["jobs"], report.looked["tasks"]) == (122, 120 + 700 + 1 + 900)

    redis.hset(f"rq:job:{large}-t699", "origin", "long")
    redis.hset(f"rq:job:{parent}-parent-899", "origin", "long")
    found = {fault.subject.names for fault in doctor.examine(hands.store, again_s=0, now=hands.now).found}
    assert found == {(f"{large}-t699",), (f"{parent}-parent-899",)}


def test_no_more_faults_are_named_than_a_person_reads_and_the_rest_is_counted(
    hands: Hands, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = hands.submit(*({"name": f"t{n}"} for n in range(30)))
    for n in range(30):
        redis.hset(f"rq:job:{job}-t{n}", "origin", "long")
    monkeypatch.setattr(looks, "MOST", 20)
    report = doctor.examine(hands.store, fix=True, again_s=0)
    assert (len(report.found), report.more, report.sound) == (20, 10, False)
    report = doctor.examine(hands.store, fix=True, again_s=0)
    assert (len(report.found), report.more, report.sound) == (10, 0, True)


def test_lanes_beyond_those_that_rq_is_to_list_are_none_of_its_business(hands: Hands, redis: Redis) -> None:
    for n in range(230):
        hands.submit({"name": "a"}, org=f"org{n}")
    assert redis.scard("rq:queues") == 200
    assert doctor.examine(hands.store, again_s=0).found == []


def test_jobs_and_keys_of_others_are_left_alone(hands: Hands, redis: Redis) -> None:
    queue = Queue("default", connection=redis, serializer=JSONSerializer)
    plain = [queue.enqueue("time.time", job_id=name) for name in ("my-job", "another")] + [queue.enqueue("time.time")]
    for job in plain:
        queue.failed_job_registry.add(job, 1000)
    redis.set("cache:page", "theirs")
    hands.submit({"name": "a"})
    before = {key: redis.dump(key) for key in redis.scan_iter()}
    report = doctor.examine(hands.store, fix=True, again_s=0)
    assert (report.found, report.sound) == ([], True)
    assert {key: redis.dump(key) for key in redis.scan_iter()} == before
    assert audit(hands.store) == ["cache:page is not described in jobs/keys.py"]


def test_what_a_tool_of_rqs_has_pushed_is_not_a_fault_of_its_status(hands: Hands, redis: Redis) -> None:
    job = hands.submit({"name": "a"})
    hands.record(hands.claim(), Completed())
    redis.zrem("rq:finished:short", f"{job}-a")
    redis.hset(f"rq:job:{job}-a", "status", "queued")
    redis.rpush("rq:queue:short", f"{job}-a")
    assert doctor.examine(hands.store, again_s=0).found == []


def test_ready_tasks_from_before_places_were_told_are_given_one(hands: Hands, redis: Redis) -> None:
    job = hands.submit({"name": "a"}, {"name": "b"})
    redis.hdel(f"app:jobs:{job}:state", "a:q", "b:q")
    redis.hdel("app:fair:short:acme", "tnf")
    redis.hdel("app:clock:short", "wn")
    redis.delete("app:turns:short:normal")
    found = doctor.examine(hands.store, fix=True, again_s=0, now=hands.now).found
    assert {fault.rule: fault.mended for fault in found} == {"task-place": True, "share-ready": True, "queue-depth": True}
    assert audit(hands.store) == []
    assert hands.drain() == ["a", "b"]
