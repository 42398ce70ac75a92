"""What a job of six tasks takes in Redis: while it waits, when it is finished, and after RQ's entries of it have expired."""

from __future__ import annotations

import collections
import re
from typing import Any

from rq import Queue

from bench.bench import Bench
from bench.figures import Measured, Row, Table, number
from bench.fill import GRAPH, completed, fill, synthetic
from bench.processes import process, stock_command, wait_for, worker_command
from bench.sides import enqueue
from jobs.store import Store

#: What stands for a job, an execution or a result in a key's name.
IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16,}")
TASK = re.compile(r"(?<=<id>)-[a-z]$")
PATTERNS_SHOWN = 8


def measure(bench: Bench) -> Measured:
    jobs, stock_jobs = bench.pick(3000, 500), bench.pick(60, 8)
    with bench.store() as store:
        run_ours(bench, store, 20)  # scripts, queues and what else is there once for all jobs
        empty = used(store)
        fill(store, synthetic(GRAPH), jobs)
        waiting = (used(store) - empty) / jobs
        run_ours(bench, store, 0)
        finished = (used(store) - empty) / jobs
        lively = dominant(store, jobs + 20)
        expire(store)
        kept = (used(store) - empty) / jobs
        lasting = dominant(store, jobs + 20)

        store.redis.flushdb()
        queue = Queue("bench", connection=store.redis)
        run_stock(bench, store, queue, 3)
        empty = used(store)
        for _ in range(stock_jobs):
            enqueue(queue, GRAPH)
        stock_waiting = (used(store) - empty) / stock_jobs
        run_stock(bench, store, queue, 0)
        stock_finished = (used(store) - empty) / stock_jobs
    rows = [
        row("bytes_per_waiting_job", "bytes in Redis of a waiting job of six tasks", waiting, stock_waiting),
        row("bytes_per_finished_job", "bytes of it when finished, for 500 s", finished, stock_finished),
        row("bytes_per_finished_job_after_ttl", "bytes of it from then on", kept, None),
    ]
    head = ("key", "bytes a job", "after the expiry")
    table = Table(
        "What a finished job of six tasks takes, by `MEMORY USAGE`",
        head,
        [(f"`{pattern}`", number(bytes_), number(lasting.get(pattern, 0.0))) for pattern, bytes_ in lively.most_common(PATTERNS_SHOWN)],
    )
    note = (
        f"Memory is the difference in `used_memory` over {jobs:,} jobs. RQ's entries are expired by hand instead of waiting "
        "500 s: each `rq:job:*` that has an expiry, and what RQ's cleaning then takes out of the registry. Stock RQ keeps "
        "nothing after that, so that its jobs cannot be asked for any more."
    )
    return Measured(rows, tables=[table], notes=[note])


def row(key: str, what: str, ours: float, theirs: float | None) -> Row:
    return Row(key, what, ours, ours, unit="bytes", theirs=theirs, against="stock RQ", theirs_key=f"{key}_stock")


def run_ours(bench: Bench, store: Store, more: int) -> None:
    """Run one of our workers until all jobs are completed, after `more` were submitted."""
    if more:
        fill(store, synthetic(GRAPH), more)
    with process(worker_command("short"), bench.folder, store.settings.redis_url) as worker:
        wait_for(lambda: completed(store), int(store.redis.zcard(store.keys.jobs())), alive=worker, poll_s=0.1)


def run_stock(bench: Bench, store: Store, queue: Queue, more: int) -> None:
    for _ in range(more):
        enqueue(queue, GRAPH)
    waits = int(store.redis.zcard("rq:deferred:bench")) + queue.count
    total = int(store.redis.zcard("rq:finished:bench")) + waits
    with process(stock_command(store.settings.redis_url), bench.folder, store.settings.redis_url) as worker:
        wait_for(lambda: int(store.redis.zcard("rq:finished:bench")), total, alive=worker, poll_s=0.1)


def used(store: Store) -> int:
    return int(store.redis.info("memory")["used_memory"])


def expire(store: Store) -> None:
    """Do at once what happens 500 s after a job has finished."""
    for key in store.redis.scan_iter("rq:job:*", count=1000):
        if store.redis.ttl(key) >= 0:
            store.redis.delete(key)
    for key in store.redis.scan_iter("rq:finished:*"):
        store.redis.delete(key)


def dominant(store: Store, jobs: int) -> collections.Counter[str]:
    """Return the bytes a job of the keys of each pattern."""
    found: collections.Counter[str] = collections.Counter()
    keys: list[Any] = list(store.redis.scan_iter(count=1000))
    with store.redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.memory_usage(key, samples=0)
        for key, size in zip(keys, pipe.execute(), strict=True):
            found[pattern(key.decode())] += size or 0
    return collections.Counter({name: size / jobs for name, size in found.items()})


def pattern(key: str) -> str:
    """Return a key's name with `<id>` for each job's."""
    return TASK.sub("-<task>", IDS.sub("<id>", key))
