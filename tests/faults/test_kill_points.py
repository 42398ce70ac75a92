"""SIGKILL between any two calls of a task's life: whoever dies, wherever, the job ends once and as if nobody had."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from jobs import record, show
from jobs.model import TaskSpec
from jobs.states import JobStatus
from jobs.store import Store
from tests.faults.conftest import LONG, charged, end_leases, kill
from tests.faults.proxy import Call, Drop, Proxy
from tests.jobs.audit import audit
from tests.workers.conftest import Jobs, StartWorker, Worker, lives, until

CHILDREN, ITEMS = 2, 3
NODES = CHILDREN + 2
VICTIMS = ("horse", "supervisor", "both")


@dataclass(frozen=True)
class Point:
    """Where somebody dies, and how many runs that costs."""

    at: str
    costs: dict[str, int]  #: runs charged beyond one a node, by victim
    first: int = 1
    where: Callable[[Call], bool] = lambda call: True
    brought_about: str = ""  #: what a test has to do that the point is met at all

    def __str__(self) -> str:
        named = f"{self.at}:back" if self.where is gives_back else self.at
        return f"{named}:{self.first}" if self.first > 1 else named


def each(cost: int) -> dict[str, int]:
    return dict.fromkeys(VICTIMS, cost)


def of_a_run(call: Call) -> bool:
    return len(call.words) > 3


def found(call: Call) -> bool:
    return b"CLAIMED" in call.answer


def gives_back(call: Call) -> bool:
    return b"back" in call.words


POINTS = [
    Point("before:claim", each(0)),  # nothing is held yet
    Point("after:claim", each(1), where=found),
    Point("before:record", each(1)),  # of the parent that splits
    Point("after:record", each(1)),  # it is recorded; the child claimed in the same call is lost
    Point("before:record", each(1), first=2),  # of a child
    Point("after:record", each(1), first=2),
    Point("before:record", each(1), first=NODES),  # of the last task
    Point("after:record", each(0), first=NODES),
    Point("before:progress", each(1)),
    Point("after:progress", each(1)),
    Point("before:append", each(1), first=2),
    Point("after:append", each(1), first=2),
    Point("before:renew", each(1), where=of_a_run),
    Point("after:renew", each(1), where=of_a_run),
    Point("before:LRANGE", each(1)),  # a child reads what it has put out
    Point("after:LRANGE", each(1)),
    # A horse that drains hands back; its supervisor does for one that dies before.
    Point("before:record", {"horse": 0, "supervisor": 1, "both": 1}, where=gives_back, brought_about="drain"),
    Point("after:record", each(0), where=gives_back, brought_about="drain"),
    Point("before:hand_back", {"supervisor": 1, "both": 1}, brought_about="a horse that dies while it drains"),
    Point("after:hand_back", {"supervisor": 0, "both": 0}, brought_about="a horse that dies while it drains"),
    # The supervisor says that its horse is lost; when it dies before, the lease says so.
    Point("before:reap", {"supervisor": 1, "both": 1}, brought_about="a dead horse"),
    Point("after:reap", {"supervisor": 1, "both": 1}, brought_about="a dead horse"),
    Point("before:BLPOP", each(0), brought_about="idling"),
    Point("after:BLPOP", each(0), brought_about="idling"),
]
ALL = [(point, victim) for point in POINTS for victim in point.costs]
#: What a plain run does of it; `make chaos` kills each of them at each point.
SOME = {
    ("after:claim", "supervisor"), ("before:record", "both"), ("after:record", "horse"),
    ("after:record:back", "both"), ("after:hand_back", "supervisor"), ("before:reap", "supervisor"), ("after:BLPOP", "horse"),
}  # fmt: skip


@pytest.mark.chaos
@pytest.mark.parametrize(("point", "victim"), [case for case in ALL if LONG or (str(case[0]), case[1]) in SOME], ids=str)
def test_a_kill_at_any_point_of_a_tasks_life_loses_nothing_and_commits_nothing_twice(
    point: Point, victim: str, proxy: Proxy, store: Store, jobs: Jobs, start_worker: StartWorker, tmp_path: Path
) -> None:
    workers: list[Worker] = []

    def die(call: Call) -> None:
        kill(victim, workers[0])
        raise Drop

    rule = proxy.at(point.at, die, first=point.first, where=point.where)
    notes = tmp_path / "notes"
    if point.brought_about == "idling":
        workers.append(start_worker("short", strange=True, REDIS_URL=proxy.url))
        if point.at.startswith("after"):
            until(lambda: proxy.calls["claim"])
        job = submit(jobs, notes, slow=False)
    else:
        job = submit(jobs, notes, slow="renew" in point.at or bool(point.brought_about))
        workers.append(start_worker("short", strange=True, REDIS_URL=proxy.url))
    if point.brought_about in ("drain", "a dead horse", "a horse that dies while it drains"):
        until(lambda: proxy.calls["append"])
        if "drain" in point.brought_about:
            workers[0].tell(signal.SIGTERM)
        if "horse" in point.brought_about:
            kill("horse", workers[0])
    rule.await_done()

    if victim != "horse" or "drain" in point.brought_about:
        until(lambda: not lives(workers[0].pid))
        end_leases(store)
        start_worker("short", strange=True)
    assert jobs.await_end(job) is JobStatus.COMPLETED

    assert charged(jobs, store, job) == NODES + point.costs[victim]
    sound_and_once(store, jobs, job, notes)


def submit(jobs: Jobs, notes: Path, *, slow: bool) -> str:
    payload = {"file": str(notes), "children": CHILDREN, "items": ITEMS, "pace_s": 0.3 if slow else 0.02}
    return jobs.submit(
        TaskSpec("a", "scribe", backoff_s=0, payload=payload), TaskSpec("b", "synthetic", needs=("a",), payload={"output": "b"})
    )


def sound_and_once(store: Store, jobs: Jobs, job: str, notes: Path) -> None:
    """What is committed is one run's of each node, the last one begun; each item is there once."""
    begun = dict(line.split() for line in notes.read_text().splitlines())  # the last run of each node
    assert show.job(store, job).outputs == {"a": {"run": begun["a"]}, "b": "b"}
    assert record.children_outputs(store, job, "a") == [{"run": begun[f"a.{n}"]} for n in range(CHILDREN)]
    items = show.partial(store, job)["items"]
    assert [(item["child"], item["n"]) for item in items] == [(f"a.{child}", n) for child in range(CHILDREN) for n in range(ITEMS)]
    assert (jobs.task(job).children_total, jobs.task(job).children_completed) == (CHILDREN, CHILDREN)
    until(lambda: audit(store) == [])  # a worker that is just about to say so shows no more than a moment's disorder
