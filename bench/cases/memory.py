"""What jobs take in Redis: while they wait, when they have ended, and after RQ's entries of them have expired."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from rq import Queue

from bench.bench import Bench
from bench.figures import Measured, Row, Table, number
from bench.fill import GRAPH, ONE, fill, synthetic
from bench.footprint import Kinds, by_kind, expire, used
from bench.processes import process, ready_worker, stock_command, wait_for, worker_command
from bench.sides import enqueue
from jobs import claim, record
from jobs.model import Claimed, Spawn, Submission
from jobs.store import Store

KINDS_SHOWN = 9
WARM = 20  #: jobs that are there before, and with them scripts, queues and what else is there once for all jobs
TIMES = ("waiting", "ended", "after the expiry")

ONE_TASK = synthetic(ONE)
LONG_TASK = synthetic(ONE, duration="long")  #: in a queue of which the worker at hand takes nothing
TRIED_AGAIN = synthetic(ONE, fail_attempts=1, backoff_seconds=0)
FAILED = synthetic(ONE, fail_attempts=1, attempts=1)


@dataclass(frozen=True, slots=True)
class Taken:
    """Bytes of one job (or task) at each of TIMES, and of each kind of its keys."""

    bytes: tuple[float, ...]
    kinds: tuple[Kinds, ...] = ()


def measure(bench: Bench) -> Measured:
    jobs, crowd, children = bench.pick(3000, 500), bench.pick(100_000, 5000), bench.pick(2000, 500)
    with bench.store() as store:
        with ready_worker(store, bench.folder, "short"):
            graph = taken(store, synthetic(GRAPH), jobs)
            others = {
                "a job of one task": taken(store, ONE_TASK, jobs),
                "a job of one task that failed at first": taken(store, TRIED_AGAIN, jobs),
                "a job of one task that failed": taken(store, FAILED, jobs),
            }
        others[f"a child, of {children:,}"] = taken_by_children(bench, store, children)
        one_of_many = waiting(store, ONE_TASK, crowd)
        stock = taken_by_stock(bench, store, bench.pick(60, 8))
    rows = [
        row("bytes_per_waiting_job", "bytes in Redis of a waiting job of six tasks", graph.bytes[0], stock.bytes[0]),
        row("bytes_per_finished_job", "bytes of it when finished, for 500 s", graph.bytes[1], stock.bytes[1]),
        row("bytes_per_finished_job_after_ttl", "bytes of it from then on", graph.bytes[2], None),
        row("bytes_per_waiting_task", f"bytes of a waiting job of one task, of {crowd:,}", one_of_many, None),
    ]
    note = (
        f"Memory is the difference in `used_memory` over {jobs:,} jobs, {crowd:,} waiting ones, {children:,} children. Instead of "
        "waiting 500 s, each of RQ's entries that has such an expiry is given one of a millisecond, and our cleaning is told that it is "
        "later. Stock RQ keeps nothing after that, so that its jobs cannot be asked for any more."
    )
    dominant = Table("What a job of six tasks takes, by kind of key (`MEMORY USAGE`), bytes", ("key", *TIMES), lines(graph))
    kept = Table("What others take, bytes", ("", *TIMES), [(name, *map(number, one.bytes)) for name, one in others.items()])
    return Measured(rows, tables=[dominant, kept], notes=[note])


def row(key: str, what: str, ours: float, theirs: float | None) -> Row:
    return Row(key, what, ours, ours, unit="bytes", theirs=theirs, against="stock RQ" if theirs else "", theirs_key=f"{key}_stock")


def lines(of: Taken) -> list[tuple[str, ...]]:
    """Return what takes most, all else, and what `MEMORY USAGE` does not tell."""
    most = [name for name, _ in of.kinds[1].most_common(KINDS_SHOWN)]
    shown = [(f"`{name}`", *(number(kinds[name]) for kinds in of.kinds)) for name in most]
    rest = [kinds.total() - sum(kinds[name] for name in most) for kinds in of.kinds]
    told = [kinds.total() for kinds in of.kinds]
    untold = [all_of_it - sum_ for all_of_it, sum_ in zip(of.bytes, told, strict=True)]
    return [
        *shown,
        ("all other keys", *map(number, rest)),
        ("Redis's own tables of keys and expiries", *map(number, untold)),
        ("in all", *map(number, of.bytes)),
    ]


def taken(store: Store, submission: Submission, jobs: int) -> Taken:
    """Return what a job takes, given a worker that is ready."""
    store.redis.flushdb()
    suspend(store)
    fill(store, submission, WARM)
    work_off(store)
    empty, before = used(store), by_kind(store)
    suspend(store)
    fill(store, submission, jobs)
    found = [(used(store), by_kind(store))]
    work_off(store)
    found.append((used(store), by_kind(store)))
    expire(store)
    found.append((used(store), by_kind(store)))
    return each(jobs, empty, before, found)


def taken_by_children(bench: Bench, store: Store, children: int) -> Taken:
    """Return what a child takes of one job with so many, that the job itself takes included."""
    store.redis.flushdb()
    empty, before = used(store), by_kind(store)
    fill(store, LONG_TASK, 1)
    worker, queues = "bench:1:splitter", ["long"]
    task = claim.claim(store, worker=worker, queues=queues, run=secrets.token_hex(8))
    if not isinstance(task, Claimed):
        raise RuntimeError(f"nothing to split: {task}")
    split = Spawn(tuple({"seconds": 0.0} for _ in range(children)))
    record.record(store, claimed=task, outcome=split, worker=worker, next_run=None, queues=queues)
    wait_for(lambda: sweep(store, task.job), children)
    found = [(used(store), by_kind(store))]
    with process(worker_command("long"), bench.folder, store.settings.redis_url):
        work_off(store)
        found.append((used(store), by_kind(store)))
    expire(store)
    found.append((used(store), by_kind(store)))
    return each(children, empty, before, found)


def sweep(store: Store, job: str) -> int:
    """Put more of a job's children into their lane; return how many stand there."""
    store.run("sweep", "", job)
    return int(store.redis.llen("rq:queue:long.normal.fresh.bench"))


def waiting(store: Store, submission: Submission, jobs: int) -> float:
    """Return the bytes a job, of so many that wait."""
    store.redis.flushdb()
    fill(store, submission, WARM)
    empty = used(store)
    fill(store, submission, jobs)
    return (used(store) - empty) / jobs


def suspend(store: Store) -> None:
    store.redis.set("rq:suspended", 1)


def each(count: int, empty: int, before: Kinds, found: list[tuple[int, Kinds]]) -> Taken:
    kinds = tuple(Kinds({name: (size - before[name]) / count for name, size in then.items()}) for _, then in found)
    return Taken(tuple((size - empty) / count for size, _ in found), kinds)


def work_off(store: Store) -> None:
    """Let the worker go on until all jobs have ended."""
    store.redis.delete("rq:suspended")
    keys = [store.keys.status(status) for status in ("pending", "running")]
    wait_for(lambda: -sum(int(store.redis.zcard(key)) for key in keys), 0, poll_s=0.1)


def taken_by_stock(bench: Bench, store: Store, jobs: int) -> Taken:
    store.redis.flushdb()
    queue = Queue("bench", connection=store.redis)
    run_stock(bench, store, queue, 3)
    empty = used(store)
    for _ in range(jobs):
        enqueue(queue, GRAPH)
    waiting = used(store)
    run_stock(bench, store, queue, 0)
    return Taken(((waiting - empty) / jobs, (used(store) - empty) / jobs))


def run_stock(bench: Bench, store: Store, queue: Queue, more: int) -> None:
    for _ in range(more):
        enqueue(queue, GRAPH)
    waits = int(store.redis.zcard("rq:deferred:bench")) + queue.count
    total = int(store.redis.zcard("rq:finished:bench")) + waits
    with process(stock_command(store.settings.redis_url), bench.folder, store.settings.redis_url) as worker:
        wait_for(lambda: int(store.redis.zcard("rq:finished:bench")), total, alive=worker, poll_s=0.1)
