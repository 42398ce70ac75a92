"""What the policy promises, held against the model many times over and against Redis with some hundred tasks."""

from __future__ import annotations

import random
from collections import Counter

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

from jobs.store import Store
from tests.model.policy import PRIORITIES
from tests.model.simulated import Day, Jobs, OfModel, OfRedis, Run

LENGTHS = (0.001, 0.5, 2.0, 60.0, 3600.0)  #: seconds
DROPPED = 25  #: cancelled tasks of one organisation that a claim drops before it looks at another


@pytest.fixture(params=["model", "redis"])
def jobs(request: pytest.FixtureRequest) -> Jobs:
    return OfModel() if request.param == "model" else OfRedis(request.getfixturevalue("store"))


def turns(runs: list[Run]) -> list[str]:
    return [run.org for run in runs]


def worked(runs: list[Run]) -> dict[str, float]:
    total: Counter[str] = Counter()
    for run in runs:
        total[run.org] += run.seconds  # type: ignore[assignment]
    return dict(total)


# -- nobody starves


def bound_holds(jobs: Jobs, chance: random.Random, claims: int, workers: int) -> None:
    """Under a highest priority that never ends, with organisations that come and go below it, tasks of very different lengths and cancelled
    ones among them: the head of an organisation's lanes is claimed within 10 × lower priorities × organisations claims, and one more
    for each 25 cancelled tasks that stand in the way."""
    day = Day(jobs, workers)
    names = {priority: [f"{priority[0]}{n}" for n in range(chance.randint(1, 4))] for priority in PRIORITIES}
    lengths = {org: chance.choice(LENGTHS) for orgs in names.values() for org in orgs}
    priority_of = {org: priority for priority, orgs in names.items() for org in orgs}
    below = {priority: orgs for priority, orgs in names.items() if priority != "high"}
    bound = 10 * len(below) * max(len(orgs) for orgs in below.values())
    waiting: dict[str, list[str]] = {org: [] for org in lengths}
    waited, cancelled = Counter[str](), Counter[str]()

    def come_and_go() -> None:
        for org in (*names["high"], *chance.sample(sorted(lengths), 2)):
            waiting[org] += day.submit(org, priority_of[org], chance.randint(1, 3))
        org = chance.choice(sorted(lengths))
        if priority_of[org] != "high" and len(waiting[org]) > 1 and chance.random() < 0.3:  # all of its tasks: tombstones are no waiting
            for job in waiting[org]:
                jobs.cancel(day.now, job)
            cancelled[org] += len(waiting[org])
            waiting[org], waited[org] = [], 0

    for _ in range(claims):
        (run,) = day.work(1, lengths.__getitem__, come_and_go)
        waiting[run.org].remove(run.job)
        waited[run.org] = 0
        for org in waiting:
            if priority_of[org] != "high" and org != run.org:
                waited[org] = waited[org] + 1 if waiting[org] else 0
                in_the_way = sum(count // DROPPED for count in cancelled.values())
                assert waited[org] <= bound + in_the_way, f"{org} has waited for {waited[org]} claims: {bound} + {in_the_way}"


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), workers=st.integers(1, 4))
@example(seed=157, workers=1)  # 27 cancelled tasks before the live one, when its turn comes
def test_the_head_of_an_organisations_lanes_is_claimed_within_the_bound(seed: int, workers: int) -> None:
    bound_holds(OfModel(), random.Random(seed), claims=300, workers=workers)


@pytest.mark.parametrize("seed", range(3))
def test_the_bound_holds_on_redis(store: Store, seed: int) -> None:
    bound_holds(OfRedis(store), random.Random(seed), claims=250, workers=2)


def test_a_turn_is_kept_for_whom_cancelled_tasks_stand_in_the_way(jobs: Jobs) -> None:
    """A claim drops 25 of them and serves somebody else; the next claim is that organisation's turn, and not another's of its priority."""
    day = Day(jobs)
    day.submit("acme", "high", 40)
    for job in day.submit("bulk", "low", DROPPED + 5):
        jobs.cancel(day.now, job)
    day.submit("bulk", "low")
    day.submit("lab", "low")
    assert turns(day.work(12, lambda _: 1.0)) == ["acme"] * 10 + ["bulk", "acme"]


# -- nobody waits behind another's backlog


def test_whoever_comes_is_served_next_whatever_waits_before(jobs: Jobs) -> None:
    day = Day(jobs)
    day.submit("acme", count=200)
    day.work(20, lambda _: 10.0)
    day.submit("uni")
    assert "uni" in turns(day.work(2, lambda _: 10.0))


def test_a_turn_of_a_lower_priority_is_no_debt_of_who_comes_then(jobs: Jobs) -> None:
    """What long runs were charged to who was served by rule 5 is theirs alone."""
    day = Day(jobs)
    for org in ("acme", "lab"):
        day.submit(org, "high", 60)
    day.submit("bulk", "low", 10)
    day.work(25, lambda org: 3600.0 if org == "bulk" else 1.0)
    day.submit("uni", "high", 3)
    assert turns(day.work(9, lambda _: 1.0)).count("uni") == 3


def test_waiting_for_less_urgent_work_is_no_credit_against_who_comes_then(jobs: Jobs) -> None:
    """A night shift: what one organisation has waited for below the day's urgent work is no backlog before another's."""
    day = Day(jobs)
    day.submit("lab", "low", 60)
    day.submit("acme", "high", 40)
    day.work(44, lambda _: 100.0)  # with four turns of rule 5
    day.submit("uni", "low", 20)
    assert abs(turns(day.work(20, lambda _: 100.0)).count("uni") - 10) <= 2


@pytest.mark.parametrize("busy", [False, True], ids=["alone", "below urgent work"])
def test_submitting_one_long_task_after_the_other_gets_no_more_than_a_share(jobs: Jobs, busy: bool) -> None:
    """It never waits when its task ends, and is not forgotten for that: what it had counts when it comes back."""
    day = Day(jobs)
    if busy:  # the clock is far ahead of both
        day.submit("acme", "high", 40)
    day.submit("lab", "low", 400)
    day.work(40 if busy else 1, lambda _: 100.0)
    waits = set[str]()

    def come_back() -> None:
        if not waits:
            waits.update(day.submit("uni", "low"))

    runs: list[Run] = []
    for _ in range(310):
        runs += day.work(1, lambda org: 100.0 if org == "uni" else 1.0, come_back)
        waits.discard(runs[-1].job)
    total = worked(runs)
    assert abs(total["uni"] - total["lab"]) <= 200


# -- shares


@pytest.mark.parametrize("lengths", [{"a": 1.0, "b": 1.0, "c": 1.0}, {"a": 0.1, "b": 2.0, "c": 5.0}], ids=["equal", "different"])
def test_weights_give_shares_of_worker_time(jobs: Jobs, lengths: dict[str, float]) -> None:
    weights = {"a": 1.0, "b": 2.0, "c": 4.0}
    day = Day(jobs)
    for org, weight in weights.items():
        jobs.weigh(org, weight)
        day.submit(org, count=250 if lengths[org] < 1 else 120)
    total = worked(day.work(180, lengths.__getitem__))
    normalised = [total[org] / weights[org] for org in weights]
    assert max(normalised) - min(normalised) <= 2 * max(lengths[org] / weights[org] for org in weights) + 1e-6


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), workers=st.integers(1, 4))
def test_who_always_waits_gets_its_share_within_a_run_of_each_worker(seed: int, workers: int) -> None:
    """Start-time fair queueing: two that wait all the time differ by what runs at once, whatever their tasks take."""
    chance = random.Random(seed)
    weights = {f"o{n}": chance.choice([0.5, 1.0, 2.0, 4.0]) for n in range(chance.randint(2, 5))}
    jobs = OfModel()
    day = Day(jobs, workers)
    for org, weight in weights.items():
        jobs.weigh(org, weight)
        day.submit(org, count=150)
    total = worked(day.work(150, lambda _: chance.uniform(0.1, 10.0)))
    behind = [total.get(org, 0.0) / weight for org, weight in weights.items()]
    assert max(behind) - min(behind) <= (workers + 1) * 10.0 / min(weights.values())


# -- idling


def test_what_was_done_while_nobody_else_waited_is_no_debt(jobs: Jobs) -> None:
    day = Day(jobs)
    day.submit("acme", count=50)
    day.work(20, lambda _: 100.0)
    day.submit("uni", count=20)
    assert abs(turns(day.work(20, lambda _: 100.0)).count("acme") - 10) <= 1


def test_who_comes_back_after_idling_has_gathered_no_credit(jobs: Jobs) -> None:
    day = Day(jobs)
    day.submit("uni", count=2)
    day.submit("acme", count=80)
    day.work(40, lambda _: 10.0)  # uni's are done after four
    day.submit("uni", count=20)
    assert abs(turns(day.work(20, lambda _: 10.0)).count("uni") - 10) <= 1


def test_who_comes_back_to_an_idle_queue_has_no_old_debt(jobs: Jobs) -> None:
    day = Day(jobs)
    day.submit("acme", count=5)
    assert len(day.work(9, lambda _: 1000.0)) == 5
    day.submit("uni", count=10)
    day.submit("acme", count=10)
    assert abs(turns(day.work(10, lambda _: 1.0)).count("acme") - 5) <= 1
