"""Who is served next: lanes, shares and clocks, in plain Python. The reference for rules 1 to 4 of a claim.

Times are microseconds. Within a call they may have fractions (a run divided by a weight, a tenth of a mean); what is kept at the
end of a call is whole, cut towards zero. Places are cut when they are taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

PRIORITIES = ("high", "normal", "low", "background")
SECOND = 1_000_000


class Lane(NamedTuple):
    queue: str
    priority: str
    chained: bool
    org: str

    def __str__(self) -> str:
        return f"{self.queue}.{self.priority}.{'chained' if self.chained else 'fresh'}.{self.org}"


@dataclass
class Share:
    """What an organisation has had of a queue."""

    v: float = 0  #: virtual time: worker-microseconds charged / weight
    running: int = 0
    waits: set[str] = field(default_factory=set)  #: priorities in which it has something in a lane


@dataclass
class Clock:
    """Of a queue."""

    v: float = 0  #: virtual time of whoever was served last
    furthest: float = 0
    mean: float = SECOND  #: length of a run, moving average
    running: int = 0


class Policy:
    def __init__(self) -> None:
        self.weights: dict[str, float] = {}
        self.lanes: dict[Lane, deque[str]] = {}
        self.shares: dict[tuple[str, str], Share] = {}
        self.clocks: dict[str, Clock] = {}
        self.places: dict[tuple[str, str], dict[str, int]] = {}  #: per queue and priority, each waiting organisation's

    def share(self, queue: str, org: str) -> Share:
        return self.shares.setdefault((queue, org), Share())

    def clock(self, queue: str) -> Clock:
        return self.clocks.setdefault(queue, Clock())

    def weight(self, org: str) -> float:
        return self.weights.get(org, 1.0)

    def lanes_of(self, queue: str, priority: str, org: str) -> Iterator[Lane]:
        """Rule 4: what is chained before what is fresh."""
        yield Lane(queue, priority, True, org)
        yield Lane(queue, priority, False, org)

    # -- whose turn it is

    def first(self, queue: str, priority: str) -> str | None:
        """Rule 3: the organisation furthest behind its share."""
        places = self.places.get((queue, priority), {})
        return min(places, key=lambda org: (places[org], org), default=None)

    def next_turn(self, queue: str) -> tuple[str, str] | None:
        """Rules 2 and 3: the highest priority with waiting tasks, and in it the organisation furthest behind."""
        for priority in PRIORITIES:
            org = self.first(queue, priority)
            if org is not None:
                return priority, org
        return None

    def place(self, queue: str, org: str) -> None:
        """Something of it has changed: place it anew. Those it has overtaken keep the place they have."""
        share = self.share(queue, org)
        expected = share.running * self.clock(queue).mean / self.weight(org)  # what runs will be charged: nobody takes every slot at once
        for priority in share.waits:
            self.places.setdefault((queue, priority), {})[org] = int(share.v + expected)

    # -- lanes

    def push(self, lane: Lane, id: str, *, front: bool = False) -> None:
        ids = self.lanes.setdefault(lane, deque())
        if front:
            ids.appendleft(id)
        else:
            ids.append(id)
        share = self.share(lane.queue, lane.org)
        if lane.priority not in share.waits:
            share.v = max(share.v, self.clock(lane.queue).v)  # who comes back has gathered no credit
            share.waits.add(lane.priority)
            self.place(lane.queue, lane.org)

    def pop(self, queue: str, priority: str, org: str) -> str:
        """Take the first id out of the lanes of one organisation; it waits there until `emptied` or `begin` says otherwise."""
        lane = next(lane for lane in self.lanes_of(queue, priority, org) if self.lanes.get(lane))
        id = self.lanes[lane].popleft()
        if not self.lanes[lane]:
            del self.lanes[lane]
        return id

    def holds(self, queue: str, priority: str, org: str) -> bool:
        return any(self.lanes.get(lane) for lane in self.lanes_of(queue, priority, org))

    def stop_waiting(self, queue: str, priority: str, org: str) -> None:
        """Its lanes of this priority are empty."""
        self.share(queue, org).waits.discard(priority)
        self.places[queue, priority].pop(org, None)
        self.place(queue, org)

    def waits(self, queue: str) -> bool:
        return any(self.places.get((queue, priority)) for priority in PRIORITIES)

    # -- runs

    def begin(self, queue: str, priority: str, org: str) -> None:
        share, clock = self.share(queue, org), self.clock(queue)
        share.running += 1
        clock.running += 1
        clock.v = max(clock.v, share.v)
        if not self.holds(queue, priority, org):
            self.stop_waiting(queue, priority, org)
        self.place(queue, org)

    def charge(self, queue: str, org: str, us: int) -> None:
        """A run goes on: it has worked for so long since it was charged last."""
        self.share(queue, org).v += max(us, 0) / self.weight(org)
        self.place(queue, org)

    def end(self, queue: str, org: str, us: int, whole_us: int) -> None:
        """A run has ended, whatever its outcome: what it was not charged yet, and how long it took in all."""
        share, clock = self.share(queue, org), self.clock(queue)
        share.v += max(us, 0) / self.weight(org)
        share.running -= 1
        clock.running -= 1
        clock.furthest = max(clock.furthest, share.v)
        clock.mean = clock.mean + 0.1 * (max(whole_us, 0) - clock.mean)
        if clock.running == 0 and not self.waits(queue):
            clock.v = max(clock.v, clock.furthest)  # the queue fell idle: what was done while nobody else waited is no debt
        self.place(queue, org)

    def keep(self) -> None:
        """The call has ended: what is kept is whole."""
        for share in self.shares.values():
            share.v = int(share.v)
        for clock in self.clocks.values():
            clock.v, clock.furthest, clock.mean = int(clock.v), int(clock.furthest), int(clock.mean)
