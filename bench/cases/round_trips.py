"""Round trips to Redis, counted on the wire between client and server: of a task that is run, of a graph of six that is submitted."""

from __future__ import annotations

import itertools

from rq import Queue

from bench.bench import Bench, open_store
from bench.figures import Measured, Row
from bench.fill import GRAPH, ONE, completed, fill, synthetic
from bench.processes import blocked, process, ready_worker, stock_command, wait_for
from bench.sides import enqueue
from bench.wire import Wire
from jobs import submit
from jobs.store import connect

GRAPHS = 100  #: submitted to count


def measure(bench: Bench) -> Measured:
    tasks, stock_tasks = bench.pick(3000, 1000), bench.pick(50, 20)
    with bench.store() as store, Wire(store.settings.redis_url, bench.room() / "wire.sock") as wire:
        wired = open_store(wire.url)
        with ready_worker(wired, bench.folder, "short"):
            before = wire.by_connection()
            fill(store, synthetic(ONE), tasks)
            wait_for(lambda: completed(store), tasks)
            made = [now - then for now, then in itertools.zip_longest(wire.by_connection(), before, fillvalue=0)]
            run, all_run = max(made) / tasks, sum(made) / tasks
        submission = synthetic(GRAPH)
        submit.submit(wired, submission)  # the script is known from then on
        submitted = wire.count(lambda: [submit.submit(wired, submission) for _ in range(GRAPHS)]) / GRAPHS

        store.redis.flushdb()
        queue, wired_queue = Queue("bench", connection=store.redis), Queue("bench", connection=connect(wire.url))
        idle = blocked(store)
        with process(stock_command(wire.url), bench.folder, wire.url):
            wait_for(lambda: blocked(store), idle + 1)
            stock_before = wire.round_trips
            for _ in range(stock_tasks):
                enqueue(queue, ONE)
            wait_for(lambda: int(store.redis.zcard("rq:finished:bench")), stock_tasks)
            stock_run = (wire.round_trips - stock_before) / stock_tasks
        enqueue(wired_queue, GRAPH)
        stock_submitted = wire.count(lambda: enqueue_many(wired_queue, GRAPHS)) / GRAPHS
    rows = [
        Row(
            "round_trips_per_task",
            "round trips to Redis of a task, by its horse",
            run,
            run,
            theirs=stock_run,
            against="stock RQ",
            theirs_key="round_trips_per_task_stock",
        ),
        Row(
            "submit_round_trips",
            "round trips to Redis to submit a graph of six",
            submitted,
            submitted,
            theirs=stock_submitted,
            against="stock RQ, by `depends_on`",
            theirs_key="submit_round_trips_stock",
        ),
    ]
    note = (
        f"Round trips are counted in between client and server, over {tasks:,} tasks of a worker that was idle before (with what its "
        f"supervisor asks by the clock it is {all_run:.3f} a task) and {GRAPHS} graphs, with the look at Redis's memory that who "
        "submits takes every two seconds."
    )
    return Measured(rows, more={"round_trips_per_task_with_supervisor": all_run}, notes=[note])


def enqueue_many(queue: Queue, graphs: int) -> None:
    for _ in range(graphs):
        enqueue(queue, GRAPH)
