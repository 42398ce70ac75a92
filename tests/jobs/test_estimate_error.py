"""How far off the estimates are, over queues of recordings on a fleet whose runs vary. The figures are in docs/decisions/0070."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from redis import Redis

from jobs import show
from jobs.settings import settings
from jobs.store import Store
from tests.jobs.fleet import Fleet

LENGTHS = (600.0, 1200.0, 1800.0, 3600.0)
LOOK_EVERY_S = 60.0
SOON_S = 30.0  #: what is left less than this is no longer counted: half a minute off is nothing to a person


@pytest.fixture
def store(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store whose leases outlive what the fleet's clock leaps over."""
    monkeypatch.setenv("LEASE_SECONDS", "1000000")
    settings.cache_clear()
    return Store(redis)


@dataclass
class Watch:
    """Looks at every job when it has come and then each minute, and knows afterwards how far off each look was."""

    fleet: Fleet
    alive: set[str] = field(default_factory=set)
    ended: dict[str, float] = field(default_factory=dict)
    told: list[tuple[str, float, int]] = field(default_factory=list)  #: job, when, seconds left
    untold: int = 0

    def look(self) -> None:
        self.fleet.take_up()
        self.fleet.report()
        for job in sorted(self.alive):
            status = show.status(self.fleet.store, job, now=self.fleet.now)
            if status["ended_at"]:
                self.ended[job] = datetime.fromisoformat(status["ended_at"]).timestamp()
                self.alive.discard(job)
            elif status["eta_seconds"] is None:
                self.untold += 1
            else:
                self.told.append((job, self.fleet.now, status["eta_seconds"]))

    def errors(self) -> list[float]:
        """Return for each look (estimate - truth) ÷ truth, in order of size; -0.5 is half of what it took."""
        left = [(eta, self.ended[job] - at) for job, at, eta in self.told]
        return sorted((eta - truth) / truth for eta, truth in left if truth > SOON_S)


def arrivals(dice: random.Random, orgs: str, count: int, gap_s: float) -> Iterator[tuple[float, str]]:
    at = 0.0
    for n in range(count):
        yield at, orgs[n % len(orgs)]
        at += dice.expovariate(1 / gap_s) if gap_s else 0.0


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    ("workers", "orgs", "jobs", "gap_s", "median", "ninth"),
    [
        pytest.param(2, "a", 6, 4000.0, 0.2, 0.5, id="alone"),
        pytest.param(4, "abcd", 30, 170.0, 0.35, 0.7, id="busy"),
        pytest.param(1, "a", 10, 0.0, 0.3, 0.6, id="a backlog of one organisation"),
        pytest.param(2, "abcd", 16, 0.0, 0.35, 0.7, id="a backlog of four"),
        pytest.param(2, "aaaaabcd", 16, 0.0, 0.35, 0.8, id="a backlog of one large organisation and three small"),
    ],
)
def test_the_time_left_is_about_right(
    store: Store, workers: int, orgs: str, jobs: int, gap_s: float, median: float, ninth: float, seed: int
) -> None:
    fleet, dice = Fleet(store, long=workers, short=1, seed=seed), random.Random(seed)
    for _ in range(3):  # what engines take is learnt from these
        fleet.submit(dice.choice(LENGTHS))
        fleet.run_until(fleet.now + 5000)

    watch, begun, coming = Watch(fleet), fleet.now, list(arrivals(dice, orgs, jobs, gap_s))
    while coming or watch.alive:
        while coming and begun + coming[0][0] <= fleet.now:
            watch.alive.add(fleet.submit(dice.choice(LENGTHS), coming.pop(0)[1]))
        watch.look()
        fleet.run_until(fleet.now + LOOK_EVERY_S)

    errors = watch.errors()
    sizes = sorted(map(abs, errors))
    print(f"{len(sizes)} looks: median error {statistics.median(sizes):.0%}, nine in ten below {sizes[len(sizes) * 9 // 10]:.0%}, ", end="")
    print(f"median of estimate ÷ truth {1 + statistics.median(errors):.2f}")
    assert watch.untold == 0
    assert statistics.median(sizes) <= median
    assert sizes[len(sizes) * 9 // 10] <= ninth
    assert abs(statistics.median(errors)) <= 0.3, "neither always too early nor always too late"


def test_a_place_is_about_as_many_claims_as_come_before(store: Store) -> None:
    """In a queue of single tasks of three organisations: told place ÷ claims until it was its turn."""
    fleet, dice = Fleet(store, long=1, short=1, seed=4), random.Random(4)
    jobs = [fleet.submit(30.0, dice.choice("aaabbc")) for _ in range(60)]
    told = {job: show.status(store, job, now=fleet.now)["queue_position"] for job in jobs}
    fleet.run_until(fleet.now + 10_000)
    began = {job: show.status(store, job)["tasks"][0]["started_at"] for job in jobs}
    turn = {job: place for place, job in enumerate(sorted(jobs, key=lambda job: str(began[job])), 1)}
    off = sorted(abs(told[job] - turn[job]) for job in jobs)
    print(f"place off by {statistics.median(off):.0f} in the median, {off[-1]} at most, of {len(jobs)}")
    assert statistics.median(off) <= 4
    assert off[-1] <= 15
