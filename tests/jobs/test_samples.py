"""What is noted of the queues once a minute, by a clock that the test moves."""

from __future__ import annotations

import dataclasses

import pytest
from redis.exceptions import ConnectionError as Cut

from jobs import control, orgs, queues, samples
from jobs.errors import Overloaded
from jobs.model import Failed
from jobs.samples import Sample
from jobs.store import Store
from tests.jobs.audit import audit
from tests.jobs.hands import START, Hands
from workers.sampler import Sampler


@pytest.fixture
def hands(store: Store) -> Hands:
    return Hands(store)


def last(hands: Hands, queue: str = "short") -> Sample:
    samples.note(hands.store, now=hands.now)
    return samples.history(hands.store, [queue], now=hands.now)[queue][-1]


def test_a_sample_tells_who_waits_since_when_and_what_ended_in_the_minute_before(hands: Hands) -> None:
    for _ in range(4):
        hands.submit({"name": "a", "attempts": 1})
    hands.now += 20
    hands.work()
    hands.work(Failed("no", final=True))
    hands.submit({"name": "b"}, org="bolt", priority="high")
    hands.now += 40
    assert last(hands) == Sample(START + 60, 3, 60, 1, 1)
    hands.now += 75
    assert last(hands) == Sample(START + 120, 3, 135, 0, 0)


def test_what_ends_on_the_minute_is_counted_once(hands: Hands) -> None:
    for _ in range(120):
        hands.submit({"name": "a"})
    hands.renew()  # the worker's queues are listed, whether something waits in them or not
    samples.note(hands.store, now=hands.now)
    counted = []
    for _ in range(120):
        hands.work()
        hands.now += 2
        counted.append(samples.note(hands.store, now=hands.now))
    told = samples.history(hands.store, ["short"], now=hands.now)["short"]
    assert [(sample.at - START, sample.completed) for sample in told] == [(0, 0), (60, 30), (120, 30), (180, 30), (240, 30)]
    assert set(counted) == set(range(2, 61, 2))


def test_a_minute_is_noted_by_one_worker_and_an_hour_is_kept(hands: Hands) -> None:
    hands.submit({"name": "a"})
    for _ in range(90):
        for late_s in (0, 10, 50):
            assert samples.note(hands.store, now=hands.now + late_s) == 60 - late_s
        hands.now += 60
    told = samples.history(hands.store, ["short", "never.long"], now=hands.now)
    assert [sample.at for sample in told["short"]] == [hands.now - 60 * n for n in range(59, 0, -1)]
    assert told["never.long"] == []
    assert sum(hands.store.redis.memory_usage(key) for key in hands.store.redis.keys("app:sampl*")) < 10_000
    assert all(0 < hands.store.redis.ttl(key) <= samples.KEPT_S for key in hands.store.redis.keys("app:sampl*"))
    assert audit(hands.store, hands.now) == []


def test_minutes_without_a_worker_are_missing_and_what_is_old_is_not_told(hands: Hands) -> None:
    hands.submit({"name": "a"})
    samples.note(hands.store, now=hands.now)
    hands.now += 1800
    samples.note(hands.store, now=hands.now)
    assert [sample.at for sample in samples.history(hands.store, ["short"], now=hands.now)["short"]] == [START, START + 1800]
    hands.now += 1801
    assert [sample.at for sample in samples.history(hands.store, ["short"], now=hands.now)["short"]] == [START + 1800]


def test_queues_of_zones_are_noted_served_or_not_and_lanes_and_queues_of_others_are_not(hands: Hands) -> None:
    hands.submit({"name": "a", "zone": "gpu_2", "duration": "long"})
    hands.store.redis.sadd("rq:queues", "rq:queue:default", "rq:queue:emails.long.ago", "rq:queue:short")
    samples.note(hands.store, now=hands.now)
    assert {key.decode() for key in hands.store.redis.keys("app:samples:*")} == {"app:samples:gpu_2.long", "app:samples:short"}
    assert last(hands, "gpu_2.long").waiting == 1


def test_the_longest_wait_is_the_one_that_an_admin_sees_also_of_who_is_paused_or_was_cancelled(hands: Hands) -> None:
    orgs.set(hands.store, "acme", max_running=1, now=hands.now)
    for name in ("a", "b"):
        hands.submit({"name": name})
    cancelled = hands.submit({"name": "c"}, org="bolt")
    hands.now += 10
    hands.submit({"name": "d"}, org="bolt")
    hands.claim()
    control.cancel(hands.store, cancelled, now=hands.now)
    hands.now += 50
    shown = queues.find(hands.store, "short", now=hands.now).oldest_wait_seconds
    assert last(hands).oldest_wait_s == shown == 60


@pytest.mark.parametrize("at", [0, 951_782_400, 1_709_164_799, 1_709_251_200, 1_767_225_599, 4_102_444_800, 4_107_542_399])
def test_a_wait_is_right_on_every_day_of_the_calendar(store: Store, at: int) -> None:
    hands = Hands(store)
    hands.now = float(at + 86_400)
    hands.submit({"name": "a"})
    hands.now += 7
    assert last(hands).oldest_wait_s == 7


@pytest.mark.parametrize("trouble", [Cut("gone"), Overloaded("full"), None])
def test_a_sample_that_cannot_be_written_is_no_trouble_of_the_workers(
    store: Store, monkeypatch: pytest.MonkeyPatch, trouble: Exception | None
) -> None:
    asked = []

    def run(verb: str, *args: object) -> list[int]:
        asked.append(verb)
        if trouble:
            raise trouble
        return [1, 13]

    monkeypatch.setattr(store, "run", run)
    sampler = Sampler(store)
    for now in (0.0, 12.9, 13.0, 30.0, 59.9, 60.0):
        sampler.note(now)
    assert len(asked) == (2 if trouble else 4)


def test_a_sample_is_a_value() -> None:
    assert dataclasses.astuple(samples.read(b"1800000000 3 - 1 0")) == (1_800_000_000.0, 3, None, 1, 0)
