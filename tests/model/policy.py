"""Who is served next: lanes, shares and clocks, in plain Python. The reference for rules 2 to 5 of a claim.

Times are whole microseconds: what a division leaves over is cut.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

PRIORITIES = ("high", "normal", "low", "background")
SECOND = 1_000_000
TENTH = 10  #: one claim in ten serves the lower priorities


class Lane(NamedTuple):
    queue: str
    priority: str
    chained: bool
    org: str

    def __str__(self) -> str:
        return f"{self.queue}.{self.priority}.{'chained' if self.chained else 'fresh'}.{self.org}"


class Turn(NamedTuple):
    """Whose turn it is in a queue."""

    priority: str
    org: str
    by_rule_5: bool = False
    chained_only: bool = False


@dataclass
class Share:
    """What an organisation has had of a queue."""

    v: int = 0  #: virtual time: worker-microseconds charged / weight
    running: int = 0
    waits: set[str] = field(default_factory=set)  #: priorities in which it has something in a lane
    parked: bool = False  #: it may not run now, as a claim has found: out of the order until that changes
    since: dict[str, int] = field(default_factory=dict)  #: while parked: since when it waits for a turn by rule 5


@dataclass
class Clock:
    """Of a queue."""

    v: int = 0  #: virtual time of whoever was served last
    furthest: int = 0
    mean: int = SECOND  #: length of a run, moving average
    running: int = 0
    claims: int = 0
    last_turn: str = ""  #: priority that was served by rule 5 last
    due: int = TENTH - 1  #: after so many claims its next turn comes


class Policy:
    def __init__(self, *, chained_first: bool = False) -> None:
        self.chained_first = chained_first  #: FAIR_ORDER=chained,priority
        self.weights: dict[str, float] = {}
        self.lanes: dict[Lane, deque[str]] = {}
        self.shares: dict[tuple[str, str], Share] = {}
        self.clocks: dict[str, Clock] = {}
        self.places: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)  #: per queue and priority, each waiting organisation's
        self.turns: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)  #: since when each waits for a turn by rule 5

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

    def next_turn(self, queue: str, passed: str | None = None, *, kept: bool = False) -> Turn | None:
        """Rules 2, 3 and 5: of which priority and organisation the next task is; `passed` is left out, and rule 5 if its turn is `kept`."""
        waiting = {priority: self.places[queue, priority].keys() - {passed} for priority in PRIORITIES}
        waiting = {priority: orgs for priority, orgs in waiting.items() if orgs}
        if len(waiting) > 1 and not kept and self.clock(queue).claims >= self.clock(queue).due:
            return self.turn_of_the_lower(queue, list(waiting)[1:])
        if self.chained_first:
            for priority, orgs in waiting.items():
                chained = [org for org in orgs if self.lanes.get(Lane(queue, priority, True, org))]
                if chained:
                    return Turn(priority, self.furthest_behind(queue, priority, chained), chained_only=True)
        return next((Turn(priority, self.furthest_behind(queue, priority, orgs)) for priority, orgs in waiting.items()), None)

    def furthest_behind(self, queue: str, priority: str, orgs: Iterable[str]) -> str:
        """Rule 3."""
        places = self.places[queue, priority]
        return min(orgs, key=lambda org: (places[org], org))

    def turn_of_the_lower(self, queue: str, lower: Sequence[str]) -> Turn:
        """Rule 5: of the lower priorities that wait the next one downward after the last served, and then from above again; in it the
        organisation that has waited longest for such a turn."""
        last = PRIORITIES.index(self.clock(queue).last_turn) if self.clock(queue).last_turn else -1
        priority = next((one for one in lower if PRIORITIES.index(one) > last), lower[0])
        since = self.turns[queue, priority]
        return Turn(priority, min(since, key=lambda org: (since[org], org)), by_rule_5=True)

    def place(self, queue: str, org: str) -> None:
        """Something of it has changed: place it anew. Those it has overtaken keep the place they have."""
        share = self.share(queue, org)
        if share.parked:
            return
        expected = share.running * self.clock(queue).mean / self.weight(org)  # what runs will be charged: nobody takes every slot at once
        for priority in share.waits:
            self.places[queue, priority][org] = int(share.v + expected)

    # -- lanes

    def push(self, lane: Lane, id: str, now: int, *, front: bool = False) -> None:
        ids = self.lanes.setdefault(lane, deque())
        if front:
            ids.appendleft(id)
        else:
            ids.append(id)
        share = self.share(lane.queue, lane.org)
        if lane.priority not in share.waits:
            self.come_forward(lane.queue, lane.priority, share)
            share.waits.add(lane.priority)
            if not share.parked:
                self.turns[lane.queue, lane.priority][lane.org] = now
            self.place(lane.queue, lane.org)

    def come_forward(self, queue: str, priority: str, share: Share) -> None:
        """Who comes back, or was kept from running, has gathered no credit: it starts at the clock, or beside the first in line."""
        share.v = max(share.v, min([self.clock(queue).v, *self.places[queue, priority].values()]))

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
        self.turns[queue, priority].pop(org, None)
        self.place(queue, org)

    def waiting(self, queue: str) -> tuple[int, ...]:
        """How many ids lanes hold in each priority, tombstones included."""
        return tuple(
            sum(len(ids) for lane, ids in self.lanes.items() if (lane.queue, lane.priority) == (queue, priority)) for priority in PRIORITIES
        )

    def waits(self, queue: str) -> bool:
        return any(self.places.get((queue, priority)) for priority in PRIORITIES)

    # -- who may not run

    def park(self, queue: str, org: str) -> None:
        share = self.share(queue, org)
        share.parked = True
        for priority in share.waits:
            del self.places[queue, priority][org]
            share.since[priority] = self.turns[queue, priority].pop(org)

    def unpark(self, queue: str, org: str, now: int) -> None:
        share = self.share(queue, org)
        share.parked = False
        for priority in share.waits:
            self.come_forward(queue, priority, share)
            self.turns[queue, priority][org] = share.since.pop(priority, now)
        self.place(queue, org)

    def parked(self, org: str) -> list[str]:
        """The queues in which it is."""
        return sorted(queue for (queue, whose), share in self.shares.items() if whose == org and share.parked)

    # -- runs

    def begin(self, queue: str, turn: Turn, now: int) -> None:
        priority, org, by_rule_5, _ = turn
        share, clock = self.share(queue, org), self.clock(queue)
        if by_rule_5:
            clock.last_turn, clock.due = priority, clock.claims + TENTH
            self.turns[queue, priority][org] = now
        clock.claims += 1
        share.running += 1
        clock.running += 1
        clock.v = max(clock.v, share.v)
        if not self.holds(queue, priority, org):
            self.stop_waiting(queue, priority, org)
        self.place(queue, org)

    def charge(self, queue: str, org: str, us: int) -> None:
        """A run goes on: it has worked for so long since it was charged last."""
        self.share(queue, org).v += int(max(us, 0) / self.weight(org))
        self.place(queue, org)

    def end(self, queue: str, org: str, us: int, whole_us: int | None) -> None:
        """A run has ended, whatever its outcome: what it was not charged yet, and how long it took in all, None if it was given back."""
        share, clock = self.share(queue, org), self.clock(queue)
        share.v += int(max(us, 0) / self.weight(org))
        share.running -= 1
        clock.running -= 1
        clock.furthest = max(clock.furthest, share.v)
        weight = max(1 / max(clock.claims - clock.running, 1), 0.1)  # the first ten count alike
        if whole_us is not None:
            clock.mean = int(clock.mean + weight * (max(whole_us, 0) - clock.mean))
        if clock.running == 0 and not share.waits and not self.waits(queue):
            clock.v = max(clock.v, clock.furthest)  # the queue fell idle: what was done while nobody else waited is no debt
        if not share.running and share.v <= clock.v and not any(self.waiting(queue)):
            del self.shares[queue, org]  # whoever comes next starts at the clock
        else:
            self.place(queue, org)
