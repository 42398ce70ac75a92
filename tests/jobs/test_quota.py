"""Places in the quota of an engine: so many in so long, by priority and organisations in turn."""

from __future__ import annotations

import pytest

from jobs import control, quota, record
from jobs.errors import Stale
from jobs.model import Claimed
from jobs.settings import Quota, Settings
from jobs.store import Store
from tests.jobs.hands import Hands

FOUR_A_MINUTE = Quota("gemini", 4, 60.0)


@pytest.fixture
def hands(store: Store, hands: Hands) -> Hands:
    """Hands that RQ lists as a worker of both queues."""
    store.redis.hset("rq:worker:it", "name", "it")
    for queue in ("short", "long"):
        store.redis.sadd(f"rq:workers:{queue}", "rq:worker:it")
    return hands


def ask(hands: Hands, claimed: Claimed) -> float:
    """Ask for a place, and hand back when there is none, as a horse does."""
    wait_s = quota.reserve(hands.store, claimed, FOUR_A_MINUTE, now=hands.now)
    if wait_s:
        record.hand_back(hands.store, worker=hands.name, run=claimed.run, rq_job=claimed.rq_job, delay_s=wait_s, now=hands.now)
    return wait_s


def let_through(hands: Hands, seconds: int) -> list[tuple[int, str]]:
    """Work for so long; return when each task got its place and whose it was."""
    places, begun = [], hands.now
    while hands.now < begun + seconds:
        while isinstance(claimed := hands.look(), Claimed):
            if not ask(hands, claimed):
                places.append((round(hands.now - begun), claimed.org))
                hands.record(claimed)
        hands.now += 1
    return places


def test_no_more_runs_begin_than_the_quota_allows_and_none_is_lost(hands: Hands) -> None:
    for _ in range(10):
        hands.submit({"name": "a"})
    places = let_through(hands, 125)
    assert len(places) == 10
    times = [at for at, _ in places]
    assert times[:4] == [0, 0, 0, 0]  # a quota that nobody used is full
    assert all(later - first >= 60 for first, later in zip(times, times[4:], strict=False))


def test_nobody_waits_for_a_place_behind_anothers_backlog(hands: Hands) -> None:
    for _ in range(40):
        hands.submit({"name": "a"}, org="acme")
    let_through(hands, 60)
    hands.submit({"name": "b"}, org="uni")
    hands.submit({"name": "c"}, org="lab", priority="high")
    places = {org: at for at, org in reversed(let_through(hands, 90))}
    assert places["lab"] == 0
    assert places["uni"] <= 60  # the next places that are free after it asked


def test_a_place_is_taken_once_by_a_run_and_not_by_one_that_is_over(store: Store, hands: Hands) -> None:
    jobs = [hands.submit({"name": "a"}) for _ in range(6)]
    first = hands.claim()
    assert [ask(hands, first) for _ in range(8)] == [0.0] * 8  # the same call repeated
    assert [ask(hands, hands.claim()) for _ in range(3)] == [0.0] * 3
    assert ask(hands, hands.claim()) == pytest.approx(60)
    control.cancel(store, jobs[0], now=hands.now)
    with pytest.raises(Stale):
        ask(hands, first)


def test_who_does_not_come_back_keeps_nobody_waiting(store: Store, hands: Hands) -> None:
    jobs = [hands.submit({"name": "a"}) for _ in range(12)]
    let_through(hands, 1)
    for job in jobs[4:11]:
        control.cancel(store, job, now=hands.now)
    hands.now += 120
    assert let_through(hands, 1) == [(0, "acme")]
    assert store.redis.zcard(store.keys.build("quota_waiting", "gemini")) == 0


def test_who_may_not_run_now_keeps_nobody_waiting(store: Store, hands: Hands) -> None:
    for _ in range(20):
        hands.submit({"name": "a"}, org="acme")
    let_through(hands, 1)
    hands.submit({"name": "b"}, org="uni")
    control.pause(store, "acme", "org")
    hands.now += 600
    assert let_through(hands, 3) == [(0, "uni")]
    control.resume(store, "acme", "org", now=hands.now)
    assert len(let_through(hands, 70)) == 3 + 4


def test_a_place_that_is_due_is_not_waited_for_behind_other_work(hands: Hands) -> None:
    for _ in range(5):
        hands.submit({"name": "a"}, org="acme")
    for _ in range(5):
        ask(hands, hands.claim())  # four places, and one that waits
    for _ in range(300):
        hands.submit({"name": "other"}, org="acme")
    hands.now += 60
    claimed = hands.claim()
    assert (claimed.node, ask(hands, claimed)) == ("a", 0.0)


def test_many_who_were_cancelled_cost_who_comes_after_them_no_time(store: Store, hands: Hands) -> None:
    jobs = [hands.submit({"name": "a"}) for _ in range(104)]
    let_through(hands, 1)
    for job in jobs[4:]:
        control.cancel(store, job, now=hands.now)
    hands.now += 60
    hands.submit({"name": "b"}, priority="low")
    ((waited, _),) = let_through(hands, 30)
    assert waited <= 10


def test_who_waits_for_a_worker_that_is_not_there_keeps_nobody_waiting(store: Store, hands: Hands) -> None:
    for _ in range(8):
        hands.submit({"name": "a", "duration": "long"})
    let_through(hands, 1)
    hands.now += 60
    hands.queues = ("short",)
    store.redis.delete("rq:workers:long")
    hands.look()  # they are due, and nobody serves long
    hands.submit({"name": "b"}, org="uni")
    assert let_through(hands, 70)[0][0] <= 2


def test_quotas_and_zones_are_read_from_settings() -> None:
    config = Settings(quotas="gemini=15/60, other=1/1", zones="inspect=ingest")
    assert config.quota_of("gemini") == Quota("gemini", 15, 60.0)
    assert config.quota_of("inspect") is None
    assert (config.zone_of("inspect"), config.zone_of("merge")) == ("ingest", "")
    for wrong in ({"quotas": "gemini=15"}, {"quotas": "gemini=0/60"}, {"zones": "inspect"}, {"zones": "inspect=IN GEST"}):
        with pytest.raises(ValueError, match="is not of the form"):
            Settings(**wrong)
