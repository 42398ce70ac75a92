"""The names of queues and workers as RQ's own classes build them."""

from __future__ import annotations

import pytest
from redis import Redis
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from jobs import border, queues
from jobs.store import Store
from tests.jobs.hands import Hands


def test_the_keys_are_rqs_own(redis: Redis) -> None:
    assert Queue.redis_queues_keys == border.QUEUES
    assert border.workers_key("ingest.short") == WORKERS_BY_QUEUE_KEY % "ingest.short"
    assert border.job_key("7f3a-only") == Job.key_for("7f3a-only")
    assert border.queue_key("short") == Queue("short", connection=redis).key


def test_a_worker_that_rq_lists_is_counted_until_it_is_gone(redis: Redis, store: Store) -> None:
    worker = Worker(["gpu.long"], connection=redis, serializer=JSONSerializer, name="host:1:aa")
    assert queues.find(store, "gpu.long").workers == 0
    worker.register_birth()
    assert queues.find(store, "gpu.long").workers == 1
    redis.delete(worker.key)  # killed: its key expires first
    assert queues.find(store, "gpu.long").workers == 0


@pytest.mark.parametrize(
    ("key", "queue"),
    [
        ("rq:queue:short", "short"),
        ("rq:queue:ingest.long", "ingest.long"),
        ("rq:queue:short.normal.fresh.acme", "short"),
        ("rq:queue:ingest.long.background.chained.short", "ingest.long"),
        ("rq:queue:short.long", "short.long"),  # the queue `long` of a zone of that name
        ("rq:queue:emails", None),
        ("rq:queue:shorter", None),
        ("rq:queue:a.b.short", None),
    ],
)
def test_a_queue_is_known_by_its_lanes(key: str, queue: str | None) -> None:
    assert border.queue_of(key) == queue


def test_every_lane_leads_to_its_queue(store: Store) -> None:
    hands = Hands(store)
    hands.submit({"name": "only", "zone": "gpu", "duration": "long"}, org="short")
    assert queues.names(store) == ["gpu.long", "long", "short"]
