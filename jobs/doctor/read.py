"""Read jobs, tasks and shares, each as it is at one moment: by read-only scripts, a bounded number a call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self, TypeVar

from jobs.model import rq_job_id
from jobs.states import JobStatus, Priority
from jobs.store import Store, stamp

JOBS_A_CALL, TASKS_A_CALL, SHARES_A_CALL = 50, 50, 20  #: each a few milliseconds of Redis's time
DEEP_A_CALL = 1  #: ready tasks looked for in their lanes: 4 ms each in a lane of 200,000
ORGS_MOST = 5000  #: organisations without a place in ready that a look at a queue takes into account
EXTRA_MOST = 500  #: tasks said to run without a lease that a look at shares takes into account

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kids:
    """The children of a task."""

    line: str
    state: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class JobSeen:
    id: str
    status: str  #: '' when there is no such job
    user: str = ""
    org: str = ""
    priority: str = ""
    created: str = ""
    left: str = ""
    late: bool = False
    swept: bool = True  #: it does not wait in sweeps
    lists: tuple[bool, bool, bool] = (False, False, False)  #: whether all, the user's and the organisation's have it
    statuses: tuple[str, ...] = ()  #: the indexes of statuses that have it
    lines: Mapping[str, str] | None = None  #: by task, in the graph's order
    state: Mapping[str, str] | None = None
    kids: Mapping[str, Kids] | None = None

    def nodes(self) -> Iterator[str]:
        """Yield the rq_job of each task and child that RQ knows."""
        state = self.state or {}
        for name in self.lines or {}:
            if state.get(name) != "new":
                yield rq_job_id(self.id, name)
            for n in range(self.total(name)):
                if (self.kids or {})[name].state.get(str(n), "new") != "new":
                    yield rq_job_id(self.id, name, n)

    def total(self, name: str) -> int:
        """Return how many children a task has split into."""
        return max(number((self.state or {}).get(f"{name}:ct")), 0) if name in (self.kids or {}) else 0


@dataclass(frozen=True, slots=True)
class TaskSeen:
    id: str
    at: float  #: when it was seen, µs
    state: str = ""  #: '' when there is no such task
    run: str = ""
    shown: bool = False  #: RQ shows its run as started
    charged: int = 0
    granted: int = 0
    ended: int = 0  #: µs
    queue: str = ""
    lane: str = ""
    org: str = ""
    leased: bool = False
    due: bool = False  #: it waits in delayed
    stands: str = "-"  #: a ready one: told (where it is told to), held, elsewhere in its lane, nowhere; - not looked
    rq_status: str = ""
    rq_origin: str = ""
    inbox: bool = False  #: a tool of RQ has just pushed it
    registries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lanes:
    """What an organisation has waiting of one priority."""

    chained: int
    fresh: int
    listed: str  #: of chained and fresh: 1 in RQ's list of queues, 0 not, - not and there is no room
    ready: bool
    turns: bool
    unindexed: bool  #: an index of chained tasks is kept, and does not have it
    off: tuple[int, int]  #: by how many places its chained and its fresh lane are told wrong

    @classmethod
    def read(cls, chained: str, fresh: str, listed: str, ready: str, turns: str, index: str, off_chained: str, off_fresh: str) -> Self:
        off = number(off_chained), number(off_fresh)
        return cls(number(chained), number(fresh), listed, ready != "", turns != "", index == "", off)


@dataclass(frozen=True, slots=True)
class ShareSeen:
    queue: str
    org: str
    running: int
    queue_running: int
    clock_n: int
    n: int
    letters: str
    ttl: int  #: -1 it stays, -2 there is none
    parked: tuple[bool, bool]  #: by its own word, by the organisation's list of queues
    may_run: bool  #: neither paused nor at its limit
    org_running: int  #: tasks of it in all queues
    limit: int  #: 0 is none
    org_n: int  #: what is counted against the limit
    lanes: Mapping[str, Lanes]  #: by priority


def jobs(store: Store, ids: Sequence[str]) -> Iterator[JobSeen]:
    """Yield each of `ids` as it is, those that are gone with no status."""
    todo = list(ids)
    while todo:
        replies = store.run("see_jobs", *todo[:JOBS_A_CALL])
        todo = todo[len(replies) :]
        yield from map(job, replies)


def job(reply: Sequence[Any]) -> JobSeen:
    if len(reply) == 1:
        return JobSeen(text(reply[0]), "")
    id_, status, user, org, priority, created, left, order, _, late = map(text, reply[:10])
    stands = [score != b"" for score in reply[10:19]]
    lines, state, *kids = reply[19:]
    return JobSeen(
        id=id_,
        status=status,
        user=user,
        org=org,
        priority=priority,
        created=created,
        left=left,
        late=bool(late),
        swept=not stands[3],
        lists=(stands[0], stands[1], stands[2]),
        statuses=tuple(name for name, inside in zip(JobStatus, stands[4:], strict=True) if inside),
        lines=dict(zip(order.split(","), map(text, lines), strict=True)) if order else {},
        state=pairs(state),
        kids={text(task): Kids(text(line), pairs(its)) for task, line, its in kids},
    )


def tasks(store: Store, ids: Sequence[str], now: float | None, *, deep: bool = False) -> Iterator[TaskSeen]:
    """Yield each of `ids` as it is; `deep` looks for ready ones in their lanes."""
    for some in batches(ids, DEEP_A_CALL if deep else TASKS_A_CALL):
        at, *replies = store.run("see_tasks", stamp(now), "1" if deep else "0", *some)
        yield from (task(float(at), reply) for reply in replies)


def task(at: float, reply: Sequence[Any]) -> TaskSeen:
    if len(reply) == 1:
        return TaskSeen(text(reply[0]), at)
    id_, state, run, shown, charged, granted, ended, queue, lane, org, leased, due, stands, status, origin, inbox, *registries = map(
        text, reply
    )
    return TaskSeen(
        id=id_,
        at=at,
        state=state,
        run=run,
        shown=bool(shown),
        charged=number(charged),
        granted=number(granted),
        ended=number(ended),
        queue=queue,
        lane=lane,
        org=org,
        leased=bool(leased),
        due=bool(due),
        stands=stands,
        rq_status=status,
        rq_origin=origin,
        inbox=bool(inbox),
        registries=tuple(registries),
    )


def shares(store: Store, names: Sequence[tuple[str, ...]], unleased: Sequence[str]) -> Iterator[ShareSeen]:
    """Yield each (queue, organisation) as it is. `unleased` are tasks that run without a lease, as far as was seen."""
    extra = unleased[:EXTRA_MOST]
    for some in batches(names, SHARES_A_CALL):
        yield from map(share, store.run("see_shares", len(extra), *extra, *(part for name in some for part in name)))


def share(reply: Sequence[Any]) -> ShareSeen:
    queue, org, *rest = map(text, reply)
    running, queue_running, clock_n, n, letters, ttl, own_k, in_parked, may_not, org_running, limit, org_n = rest[:12]
    lanes = {str(priority): Lanes.read(*part) for priority, part in zip(Priority, zip(*[iter(rest[12:])] * 8, strict=True), strict=True)}
    return ShareSeen(
        queue=queue,
        org=org,
        running=number(running),
        queue_running=number(queue_running),
        clock_n=number(clock_n),
        n=number(n),
        letters=letters,
        ttl=number(ttl),
        parked=(own_k == "1", bool(in_parked)),
        may_run=not may_not,
        org_running=number(org_running),
        limit=number(limit),
        org_n=number(org_n),
        lanes=lanes,
    )


def depth(store: Store, queue: str, priority: str, orgs: Sequence[str]) -> tuple[int, int]:
    """Return how many ids wait in a queue with a priority, and what its clock says."""
    found, told = store.run("see_depth", queue, priority, *orgs[:ORGS_MOST])
    return number(found), number(told)


def pairs(flat: Sequence[bytes]) -> dict[str, str]:
    return {name.decode(): value.decode(errors="replace") for name, value in zip(flat[::2], flat[1::2], strict=True)}


def number(value: str | None) -> int:
    """Return a whole number of Redis's, 0 for none; what is no number is -1, which nothing counts."""
    try:
        return int(value or 0)
    except ValueError:
        return -1


def text(value: bytes | int) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
