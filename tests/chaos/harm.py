"""Who is hurt, how and when: at random, by a seed, with a few blows at fixed times."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tests.chaos.fleet import Fleet, Place, Server


class Kind(StrEnum):
    HORSE = "horse killed"  #: SIGKILL
    SUPERVISOR = "supervisor killed"  #: SIGKILL; its horse dies of it
    BOTH = "supervisor and horse killed"  #: SIGKILL of both at once
    STOPPED = "worker stopped for longer than a lease"  #: SIGSTOP of both, SIGCONT later
    HORSE_STOPPED = "horse stopped"  #: SIGSTOP while its supervisor lives, SIGCONT later
    SUPERVISOR_STOPPED = "supervisor stopped"  #: SIGSTOP while its horse works on, SIGCONT later
    DEPLOY = "worker told to leave"  #: SIGTERM to both, as on a deploy, SIGKILL 30 s later
    REDIS_KILLED = "Redis killed"  #: SIGKILL, started again with its append-only file
    REDIS_ENDED = "Redis ended"  #: SIGTERM, likewise


WEIGHTS = {
    Kind.HORSE: 45,
    Kind.SUPERVISOR: 11,
    Kind.BOTH: 11,
    Kind.STOPPED: 9,
    Kind.HORSE_STOPPED: 5,
    Kind.SUPERVISOR_STOPPED: 5,
    Kind.DEPLOY: 9,
}
SETTLED_S = 4.0  #: after which a worker or a new horse is at work, even on a busy machine
SPARED = 0.8  #: how often one that is not yet is spared
WORKER_DEATHS = (Kind.SUPERVISOR, Kind.BOTH)


@dataclass(frozen=True, slots=True)
class Blow:
    kind: Kind
    at: float  #: seconds since the epoch
    pid: int = 0  #: of the supervisor of the worker that was hit


class Harm:
    """Call `tick` often: what is due is done."""

    def __init__(self, server: Server, fleet: Fleet, *, seed: int, seconds: float, lease_s: float, redis_restarts: int) -> None:
        self._server, self._fleet, self._lease_s = server, fleet, lease_s
        self._rng = rng = random.Random(f"harm {seed}")
        self._begun = time.time()
        self._until = self._begun + 0.85 * seconds
        self._gap_s = min(2.5, seconds / 25)  #: mean seconds between two blows
        self._next_at = self._begun + min(10.0, seconds / 8)  # let the first workers come up
        self.blows: list[Blow] = []
        self._fixed: list[tuple[float, Callable[[], None]]] = []
        for number in range(redis_restarts):
            share = 0.18 + 0.54 * (number + rng.uniform(0.2, 0.8)) / redis_restarts
            self._fixed.append((self._begun + share * seconds, self._orderly if number % 3 == 1 else self._sudden))
        self._fixed.append((self._begun + 0.30 * seconds, lambda: self._all(Kind.DEPLOY)))
        self._fixed.append((self._begun + 0.52 * seconds, lambda: self._all(Kind.BOTH)))

    def tick(self, now: float) -> None:
        for due in [due for due in self._fixed if due[0] <= now and self._server.down_since is None]:
            self._fixed.remove(due)
            due[1]()
        if self._next_at <= now < self._until:
            self._next_at = now + self._rng.expovariate(1 / self._gap_s)
            self._blow(self._rng.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))[0])

    def _blow(self, kind: Kind) -> None:
        places = [place for place in self._fleet.places if (place.process if kind in WORKER_DEATHS else place.undisturbed)]
        at_work = [place for place in places if time.time() - place.fresh_since > SETTLED_S]
        if self._rng.random() < SPARED and at_work:  # most of the time not one that is just being started
            places = at_work
        if places:
            self._hit(kind, self._rng.choice(places))

    def _all(self, kind: Kind) -> None:
        for place in self._fleet.places:
            if place.process:
                self._hit(kind, place)

    def _hit(self, kind: Kind, place: Place) -> None:
        horse, lasts_s = place.horse(), self._lease_s * self._rng.uniform(1.2, 1.8)
        if not horse and kind in (Kind.HORSE, Kind.HORSE_STOPPED):
            return  # it is being started
        self.blows.append(Blow(kind, time.time(), place.pid))
        match kind:
            case Kind.HORSE:
                place.signal(signal.SIGKILL, horse)
            case Kind.SUPERVISOR:
                place.signal(signal.SIGKILL, place.pid)
            case Kind.BOTH:
                place.signal(signal.SIGKILL, place.pid, horse)
            case Kind.STOPPED:
                place.stop(lasts_s, place.pid, horse)
            case Kind.HORSE_STOPPED:
                place.stop(lasts_s, horse)
            case Kind.SUPERVISOR_STOPPED:
                place.stop(lasts_s, place.pid)
            case Kind.DEPLOY:
                place.deploy()

    def _sudden(self) -> None:
        self.blows.append(Blow(Kind.REDIS_KILLED, time.time()))
        self._server.hurt(signal.SIGKILL, self._rng.uniform(0.2, 4.0))

    def _orderly(self) -> None:
        self.blows.append(Blow(Kind.REDIS_ENDED, time.time()))
        self._server.hurt(signal.SIGTERM, self._rng.uniform(0.2, 4.0))
