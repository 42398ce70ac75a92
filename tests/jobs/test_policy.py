"""Rules 5 and 6 of the claim, FAIR_ORDER, pauses of organisations and job types, places in a queue."""

from __future__ import annotations

import pytest

from jobs import control, orgs, record, show
from jobs.errors import InvalidSubmission
from jobs.model import Completed, Idle, Spawn
from jobs.settings import Settings
from jobs.store import Store
from tests.jobs.audit import audit
from tests.jobs.hands import Hands, chain


def many(hands: Hands, count: int, org: str, priority: str, **fields: object) -> None:
    for n in range(count):
        hands.submit({"name": f"t{n}", **fields}, org=org, priority=priority)


def test_one_claim_in_ten_serves_the_lower_priorities_in_turn(hands: Hands) -> None:
    many(hands, 100, "acme", "high")
    many(hands, 10, "uni", "low")
    many(hands, 10, "lab", "background")
    turns = hands.take_turns(60)
    assert [at for at, org in enumerate(turns, 1) if org != "acme"] == [10, 20, 30, 40, 50, 60]
    assert [org for org in turns if org != "acme"] == ["uni", "lab", "uni", "lab", "uni", "lab"]


@pytest.mark.parametrize("length", [1.0, 3600.0])
def test_the_head_of_a_lane_is_claimed_within_the_bound_whatever_tasks_take(hands: Hands, length: float) -> None:
    many(hands, 200, "acme", "high")
    lower = {"normal": ["a1", "a2", "a3"], "background": ["b1", "b2", "b3"]}
    for priority, names in lower.items():
        for org in names:
            many(hands, 6, org, priority)
    bound = 10 * len(lower) * 3
    waits = dict.fromkeys([org for names in lower.values() for org in names], 0)
    for _ in range(150):
        claimed = hands.claim()
        hands.now += length if claimed.org in ("a1", "b2") else 0.001
        hands.record(claimed)
        waits = {org: 0 if org == claimed.org else waited + 1 for org, waited in waits.items()}
        assert max(waits.values()) < bound


def test_an_organisation_at_its_limit_waits_until_one_of_its_tasks_ends(store: Store, hands: Hands) -> None:
    many(hands, 5, "acme", "normal")
    many(hands, 5, "uni", "normal")
    first = hands.claim()
    assert first.org == "acme"
    orgs.set(store, "acme", max_running=2, now=hands.now)  # what runs already counts
    others = [Hands(store, f"host:{n}:limit") for n in range(6)]
    taken = [other.claim() for other in others]
    assert sorted(claimed.org for claimed in taken) == ["acme", *["uni"] * 5]
    assert isinstance(hands.look(), Idle)
    hands.record(first)
    assert hands.claim().org == "acme"
    assert isinstance(hands.look(), Idle)
    orgs.set(store, "acme", max_running=0, now=hands.now)
    assert hands.claim().org == "acme"


def test_a_limit_holds_over_all_queues(store: Store, hands: Hands) -> None:
    orgs.set(store, "acme", max_running=1)
    hands.submit({"name": "s"}, {"name": "l", "duration": "long"})
    first = hands.claim()
    assert isinstance(hands.look(), Idle)
    assert hands.record(first, next_run="next").next.task == "l"  # type: ignore[union-attr]
    with pytest.raises(InvalidSubmission):
        orgs.set(store, "acme", weight=0)
    assert orgs.listing(store) == [orgs.Org("acme", 1.0, 1)]


def test_a_paused_organisation_is_passed_over_until_it_is_resumed(store: Store, hands: Hands) -> None:
    many(hands, 3, "acme", "normal")
    many(hands, 2, "uni", "normal")
    assert control.pause(store, "acme", "org")
    assert not control.pause(store, "acme", "org")
    assert control.paused(store)["org"] == ["acme"]
    assert hands.take_turns(2) == ["uni", "uni"]
    assert isinstance(hands.look(), Idle)
    many(hands, 1, "acme", "high")
    assert isinstance(hands.look(), Idle)
    assert control.resume(store, "acme", "org", now=hands.now)
    assert len(hands.drain()) == 4


def test_being_paused_brings_no_credit(store: Store, hands: Hands) -> None:
    many(hands, 30, "acme", "normal")
    many(hands, 30, "uni", "normal")
    control.pause(store, "acme", "org")
    hands.take_turns(10)
    control.resume(store, "acme", "org", now=hands.now)
    assert hands.take_turns(8).count("acme") in (4, 5)


def test_a_paused_type_is_set_aside_and_comes_back_in_its_order(store: Store, hands: Hands) -> None:
    for name in ("a", "b", "c"):
        hands.submit({"name": name})
    assert control.pause(store, "synthetic", "type")
    found = hands.look()
    assert isinstance(found, Idle)
    assert audit(store) == []
    late = hands.submit({"name": "d"})
    assert isinstance(hands.look(), Idle)
    assert control.resume(store, "synthetic", "type", now=hands.now)
    assert hands.drain() == ["a", "b", "c", "d"]
    assert hands.status(late) == "completed"


def test_what_is_cancelled_while_its_type_is_paused_stays_cancelled(store: Store, hands: Hands) -> None:
    jobs = [hands.submit({"name": "a"}) for _ in range(3)]
    control.pause(store, "synthetic", "type")
    hands.look()
    control.cancel(store, jobs[1], now=hands.now)
    control.retry(store, jobs[1], now=hands.now)
    control.cancel(store, jobs[0], now=hands.now)
    control.delete(store, jobs[2], now=hands.now)
    hands.look()
    control.resume(store, "synthetic", "type", now=hands.now)
    assert hands.drain() == ["a"]
    assert hands.status(jobs[1]) == "completed"
    assert hands.status(jobs[0]) == "cancelled"


def test_a_pause_of_a_large_backlog_is_undone_in_calls_of_a_bounded_number(store: Store, hands: Hands) -> None:
    tasks = [{"name": f"t{n}"} for n in range(450)]
    hands.submit(*tasks)
    control.pause(store, "synthetic", "type")
    for _ in range(12):
        assert isinstance(hands.look(), Idle)
    held = store.keys.build("held", "synthetic")
    assert store.redis.llen(held) == 450
    assert [int(part) for part in store.run("pause", "", "type", "synthetic", "0")] == [1, 1]
    assert store.redis.llen(held) == 250
    assert audit(store) == []
    for _ in range(4):
        hands.renew()  # any worker goes on with it
    assert store.redis.llen(held) == 0
    assert hands.drain() == [task["name"] for task in tasks]


def test_with_chained_before_priority_a_started_job_goes_on_first(store: Store) -> None:
    eager = Store(store.redis, Settings(fair_order="chained,priority"))
    hands = Hands(eager)
    hands.submit({"name": "l", "duration": "long"}, {"name": "after", "needs": ["l"]}, priority="low")
    many(hands, 3, "uni", "high")
    Hands(eager, "host:2:longs", ("long",)).work()
    assert hands.claim().node == "after"
    assert hands.claim().org == "uni"
    assert audit(eager) == []


def test_fair_order_may_be_changed_while_tasks_wait(store: Store, hands: Hands) -> None:
    for org in ("acme", "lab"):
        hands.submit({"name": "l", "duration": "long"}, {"name": "after", "needs": ["l"]}, priority="low", org=org)
    longs = Hands(store, "host:2:longs", ("long",))
    longs.work()
    longs.work()
    many(hands, 3, "uni", "high")
    eager = Hands(Store(store.redis, Settings(fair_order="chained,priority")), "host:3:eager")
    assert eager.claim().org == "uni"  # nobody kept the index so far: high before low, as before
    assert hands.claim().org == "uni"
    hands.submit({"name": "l", "duration": "long"}, {"name": "after", "needs": ["l"]}, priority="low")
    assert hands.claim().org == "uni"
    eager.drain()
    assert audit(store) == []


def test_a_task_is_told_its_place_in_its_lane_in_one_round_trip(store: Store, hands: Hands) -> None:
    jobs = [hands.submit({"name": "a"}) for _ in range(5)]
    many(hands, 3, "uni", "normal")
    many(hands, 2, "lab", "high")
    stands = [show.look(store, job)[1] for job in jobs]
    assert [standing.ahead for standing in stands if standing] == [0, 1, 2, 3, 4]
    last = stands[-1]
    assert last is not None
    line = last.line
    assert (line.own, line.chained, line.others, line.waiting["high"], line.waiting["normal"], line.running) == (5, 0, 1, 2, 8, 0)
    taken = [hands.claim() for _ in range(3)]  # the two of high priority, then one of acme
    assert taken[-1].org == "acme"
    record.hand_back(store, worker=hands.name, run=taken[-1].run, rq_job=taken[-1].rq_job, now=hands.now)
    control.cancel(store, jobs[1], now=hands.now)
    after = [show.look(store, job)[1] for job in jobs]
    assert [standing.ahead if standing else None for standing in after] == [0, None, 2, 3, 4]  # tombstones count
    control.pause(store, "acme", "org")
    paused = show.look(store, jobs[4])[1]
    assert paused is not None
    assert paused.paused == "organisation"


def test_an_engine_learns_how_long_it_works_for_a_second_of_audio(store: Store, hands: Hands) -> None:
    job = hands.submit(*chain("a", "b"))
    store.redis.hset(store.keys.job(job), "size", 100)
    claimed = hands.claim()
    hands.now += 20
    hands.record(claimed)
    standing = show.look(store, job)[1]
    assert standing is not None
    assert standing.speeds == {"synthetic": pytest.approx(0.2)}
    hands.record(hands.claim(), Spawn(({}, {})))
    one, two = hands.claim(), hands.claim()
    hands.now += 30
    hands.record(one)
    hands.record(two, Completed())
    other = hands.submit({"name": "c"})
    standing = show.look(store, other)[1]
    assert standing is not None
    assert standing.speeds == {"synthetic": pytest.approx(0.2 + 0.2 * (0.6 - 0.2))}  # both children's work counts
