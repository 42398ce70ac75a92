"""Claim rules 1 to 4: queues, priorities, organisations in turn, chained before fresh."""

from __future__ import annotations

from jobs import claim, control
from jobs.model import Claimed, Idle
from jobs.store import Store
from tests.jobs.hands import Hands, chain


def test_short_workers_never_take_long_work_and_zones_never_mix(store: Store, hands: Hands) -> None:
    hands.submit({"name": "l", "duration": "long"}, {"name": "z", "zone": "ingest"})
    short = Hands(store, "host:2:short", ("short",))
    assert isinstance(short.look(), Idle)
    zone = Hands(store, "host:3:zoned", ("ingest.short",))
    assert zone.claim().node == "z"
    assert hands.claim().node == "l"


def test_a_worker_serves_its_queues_in_its_own_order(store: Store, hands: Hands) -> None:
    hands.submit({"name": "l", "duration": "long"}, {"name": "s"})
    assert Hands(store, "host:2:longs", ("long", "short")).claim().node == "l"


def test_higher_priorities_come_first(hands: Hands) -> None:
    for priority in ("background", "low", "normal", "high"):
        hands.submit({"name": priority}, priority=priority)
    assert hands.drain() == ["high", "normal", "low", "background"]


def test_within_an_organisation_first_in_first_out(hands: Hands) -> None:
    for name in ("a", "b", "c"):
        hands.submit({"name": name})
    assert hands.drain() == ["a", "b", "c"]


def test_chained_tasks_come_before_fresh_ones_only_after_a_long_task(hands: Hands) -> None:
    hands.submit(*chain("s1", "s2"))
    hands.submit({"name": "l1", "duration": "long"}, {"name": "l2", "needs": ["l1"]}, {"name": "l3", "needs": ["l2"]})
    for name in ("x", "y"):
        hands.submit({"name": name})
    assert hands.work().node == "s1"  # its dependent is not chained: it waits behind x and y
    assert hands.work().node == "x"
    assert Hands(hands.store, "host:2:longs", ("long",)).work().node == "l1"
    assert hands.drain() == ["l2", "l3", "y", "s2"]  # directly or not


def test_nobody_waits_behind_another_organisations_backlog(hands: Hands) -> None:
    for n in range(200):
        hands.submit({"name": f"a{n}"}, org="acme")
    hands.take_turns(10)
    hands.submit({"name": "mine"}, org="uni")
    order = hands.take_turns(3)
    assert "uni" in order[:2]  # at most one task of the other before it


def test_organisations_get_equal_worker_time_whatever_their_tasks_take(hands: Hands) -> None:
    for n in range(60):
        hands.submit({"name": f"a{n}"}, org="slow")
        hands.submit({"name": f"b{n}"}, org="quick")
    spent = {"slow": 0.0, "quick": 0.0}
    for _ in range(60):
        claimed = hands.claim()
        takes = 3.0 if claimed.org == "slow" else 1.0
        hands.now += takes
        spent[claimed.org] += takes
        hands.record(claimed)
    assert abs(spent["slow"] - spent["quick"]) <= 4


def test_a_weight_of_two_gets_twice_the_time(store: Store, hands: Hands) -> None:
    store.redis.hset(store.keys.org("heavy"), "weight", 2)
    for n in range(90):
        hands.submit({"name": f"a{n}"}, org="heavy")
        hands.submit({"name": f"b{n}"}, org="light")
    order = hands.take_turns(90)
    assert 1.8 <= order.count("heavy") / order.count("light") <= 2.2


def test_nobody_takes_every_slot_at_once(store: Store, hands: Hands) -> None:
    for n in range(10):
        hands.submit({"name": f"a{n}"}, org="acme")
        hands.submit({"name": f"b{n}"}, org="uni")
    slots = [Hands(store, f"host:{n}:slots").claim().org for n in range(4)]
    assert sorted(slots) == ["acme", "acme", "uni", "uni"]


def test_coming_back_after_idling_brings_no_credit(hands: Hands) -> None:
    hands.submit({"name": "early"}, org="uni")
    hands.work()
    for n in range(30):
        hands.submit({"name": f"a{n}"}, org="acme")
    hands.take_turns(10)
    for n in range(10):
        hands.submit({"name": f"b{n}"}, org="uni")
    order = hands.take_turns(8)
    assert order.count("uni") in (4, 5)  # in turn from now on; the time it was away is not made up for


def test_work_done_while_nobody_else_waited_is_no_debt(hands: Hands) -> None:
    hands.submit({"name": "alone"}, org="acme")
    claimed = hands.claim()
    hands.now += 1000
    hands.record(claimed)
    for n in range(6):
        hands.submit({"name": f"a{n}"}, org="acme")
        hands.submit({"name": f"b{n}"}, org="uni")
    order = hands.take_turns(4)
    assert sorted(order) == ["acme", "acme", "uni", "uni"]


def test_the_lease_that_a_dead_worker_let_run_out_is_charged_to_nobody(store: Store, hands: Hands) -> None:
    """Else one death of a worker makes an organisation wait until each of the others has had a lease's worth of work."""
    for n in range(20):
        hands.submit({"name": f"a{n}"}, org="acme")
        hands.submit({"name": f"b{n}"}, org="uni")
    hands.take_turns(4)
    lost = hands.claim()
    hands.now += 1
    hands.renew(lost)  # the last sign of life: a second's work
    reaped = 0
    for _ in range(2):  # others are there and look
        hands.now += 8
        reaped += claim.reap(store, hands.now)
    assert reaped == 1
    order = hands.take_turns(7)
    assert order.count(lost.org) == 3


def test_nobody_waits_for_what_another_was_ahead_when_it_was_served_out_of_line(hands: Hands) -> None:
    """A claim of a higher priority goes to the one that asks for it, however far ahead; the others are not taken there."""
    for n in range(30):
        hands.submit({"name": f"a{n}"}, org="acme")
    hands.submit({"name": "long"}, org="big", priority="high")
    claimed = hands.claim()
    hands.now += 100
    hands.record(claimed)
    hands.take_turns(3)
    hands.submit({"name": "urgent"}, org="big", priority="high")
    assert hands.take_turns(1) == ["big"]  # by now 100 s ahead of acme
    hands.submit({"name": "mine"}, org="uni")
    assert "uni" in hands.take_turns(2)


def test_coming_and_going_brings_no_credit_while_the_clock_is_ahead(hands: Hands) -> None:
    for n in range(30):
        hands.submit({"name": f"a{n}"}, org="acme")
    hands.submit({"name": "long"}, org="big", priority="high")
    claimed = hands.claim()
    hands.now += 100
    hands.record(claimed)
    hands.submit({"name": "urgent"}, org="big", priority="high")
    hands.take_turns(1)
    spent = {"acme": 0, "uni": 0}
    hands.submit({"name": "first"}, org="uni")
    for n in range(20):
        claimed = hands.claim()
        takes = 10 if claimed.org == "uni" else 1
        hands.now += takes
        spent[claimed.org] += takes
        hands.record(claimed)
        if claimed.org == "uni":
            hands.submit({"name": f"next{n}"}, org="uni")  # just after the last: it has never two
    assert spent["uni"] <= 20


def test_a_paused_queue_is_left_alone_and_a_suspended_redis_altogether(store: Store, hands: Hands) -> None:
    hands.submit({"name": "s"}, {"name": "l", "duration": "long"})
    assert control.pause(store, "short")
    assert not control.pause(store, "short")
    assert hands.claim().node == "l"
    assert isinstance(hands.look(), Idle)
    store.redis.set("rq:suspended", 1)
    control.resume(store, "short")
    assert isinstance(hands.look(), Idle)
    store.redis.delete("rq:suspended")
    assert isinstance(hands.look(), Claimed)


def test_an_idle_worker_looks_again_when_the_next_lease_or_delay_ends(store: Store, hands: Hands) -> None:
    hands.submit({"name": "a"})
    hands.claim()
    hands.now += 12
    waiting = Hands(store, "host:2:other")
    waiting.now = hands.now
    found = waiting.look()
    assert isinstance(found, Idle)
    assert 2.9 <= found.wait_s <= 3.1  # the lease of 15 s ends in 3


def test_a_bell_rings_once_for_work_and_again_while_some_is_left(store: Store, hands: Hands) -> None:
    hands.submit({"name": "a"})
    hands.submit({"name": "b"})
    bell = store.keys.bell("short")
    assert store.redis.lpop(bell) == b"1"
    assert store.redis.lpop(bell) is None
    hands.claim()
    assert store.redis.lpop(bell) == b"1"  # b is still there
    hands.claim()
    assert store.redis.lpop(bell) is None


def test_who_was_woken_for_one_queue_and_works_for_another_rings_again(store: Store, hands: Hands) -> None:
    hands.submit({"name": "l", "duration": "long"})
    assert store.redis.lpop(store.keys.bell("long")) == b"1"  # whom it wakes …
    hands.submit({"name": "s"})
    assert hands.claim().node == "s"  # … serves short first
    assert store.redis.lpop(store.keys.bell("long")) == b"1"


def test_a_long_run_of_its_own_gathers_no_credit(store: Store, hands: Hands) -> None:
    hands.submit({"name": "long"}, org="patient")
    running = hands.claim()
    for n in range(200):
        hands.submit({"name": f"a{n}"}, org="busy")
    other = Hands(store, "host:2:other")
    other.now = hands.now
    for n in range(40):  # the other organisation works on, with several workers' worth of time
        claimed = other.claim()
        other.now += 1
        if n % 4 == 0:
            hands.now = other.now
            hands.renew(running)
        other.record(claimed)
    for n in range(100):
        hands.submit({"name": f"b{n}"}, org="patient")
    assert other.take_turns(20).count("patient") <= 12


def test_waiting_for_less_urgent_work_gathers_no_credit(hands: Hands) -> None:
    hands.submit({"name": "later"}, org="patient", priority="background")
    for n in range(200):
        hands.submit({"name": f"a{n}"}, org="busy")
    hands.take_turns(50)
    for n in range(100):
        hands.submit({"name": f"b{n}"}, org="patient")
    assert hands.take_turns(20).count("patient") <= 11


def test_a_weight_that_is_no_number_counts_as_one(store: Store, hands: Hands) -> None:
    store.redis.hset(store.keys.org("acme"), "weight", "much")
    hands.submit({"name": "a"})
    assert hands.drain() == ["a"]


def test_what_the_clock_does_not_count_is_served_when_nothing_else_waits(hands: Hands) -> None:
    """The counts spare a look at priorities that are empty; they keep nobody waiting for ever."""
    hands.submit({"name": "a"}, priority="low")
    hands.store.redis.hset(hands.store.keys.build("clock", "short"), mapping={"wl": 0})
    assert hands.drain() == ["a"]
    hands.store.run("mend_depth", "short", "low")  # as doctor does


def test_a_chained_task_that_its_share_does_not_tell_of_is_served_after_the_fresh_ones(hands: Hands) -> None:
    hands.submit({"name": "l1", "duration": "long"}, {"name": "l2", "needs": ["l1"]})
    hands.submit({"name": "x"})
    assert Hands(hands.store, "host:2:longs", ("long",)).work().node == "l1"
    assert hands.store.redis.hdel(hands.store.keys.build("fair", "short", "acme"), "c") == 1
    assert hands.drain() == ["x", "l2"]
