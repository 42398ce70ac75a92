"""Another organisation's tasks wait, and then comes mine: how many of theirs begin before it."""

from __future__ import annotations

import time

from rq import Queue
from rq.utils import utcparse

from bench.bench import Bench
from bench.figures import Measured, Row, median
from bench.fill import ONE, completed, fill, synthetic
from bench.processes import process, ready_worker, stock_command, wait_for
from bench.sides import enqueue
from bench.stock_jobs import noop
from jobs import submit
from jobs.store import Store

OTHERS = 5000
BETWEEN_S = 0.15  #: between my submissions, while theirs are worked off


def measure(bench: Bench) -> Measured:
    mine, stock_others = bench.pick(8, 4), bench.pick(100, 30)
    with bench.store() as store:
        ahead = ours(bench, store, mine)
        store.redis.flushdb()
        stock_ahead = theirs(bench, store, stock_others)
    row = Row(
        "others_ahead",
        f"of {OTHERS:,} tasks that another organisation has waiting, run before mine",
        max(ahead),
        median(ahead),
        theirs=stock_ahead / stock_others * OTHERS,
        against="stock RQ, one queue",
        theirs_key="others_ahead_stock",
    )
    note = (
        f"The figure is the most of {len(ahead)} submissions made while one worker works the others off, the median is in the column of "
        "Lectern; a task that had begun before mine was submitted is not counted. "
        f"For stock RQ {stock_others} were submitted, {stock_ahead} ran before mine; the table shows the same share of {OTHERS:,}."
    )
    return Measured([row], rounds={"others_ahead": [float(one) for one in ahead]}, notes=[note])


def ours(bench: Bench, store: Store, mine: int) -> list[int]:
    """Return how many of theirs began between each submission of mine and its begin, for those that came while theirs waited."""
    with ready_worker(store, bench.folder, "short"):
        crowd = fill(store, synthetic(ONE, org="crowd"), OTHERS)
        own = []
        for _ in range(mine):
            own.append(submit.submit(store, synthetic(ONE, org="mine")))
            time.sleep(BETWEEN_S)
        wait_for(lambda: completed(store), OTHERS + mine)
    begun = [began for _, began in times(store, crowd)]
    ahead = [sum(created < one < began for one in begun) for created, began in times(store, own) if began < max(begun)]
    if not ahead:
        raise RuntimeError("the others' tasks were all done before the first of mine came")
    return ahead


def times(store: Store, jobs: list[str]) -> list[tuple[int, int]]:
    """Return when each of these jobs, which have begun, was made and when it began, in µs by Redis's clock."""
    with store.redis.pipeline(transaction=False) as pipe:
        for job in jobs:
            pipe.hmget(store.keys.job(job), "created", "started")
        return [(int(created), int(began)) for created, began in pipe.execute()]


def theirs(bench: Bench, store: Store, others: int) -> int:
    """Return how many of the others' jobs began before mine in a stock queue."""
    queue = Queue("bench", connection=store.redis)
    for _ in range(others):
        enqueue(queue, ONE)
    mine = queue.enqueue(noop)
    with process(stock_command(store.settings.redis_url), bench.folder, store.settings.redis_url) as worker:
        wait_for(lambda: int(store.redis.zcard("rq:finished:bench")), others + 1, alive=worker, poll_s=0.1)
    begun = {
        one.decode(): store.redis.hget(f"rq:job:{one.decode()}", "started_at") for one in store.redis.zrange("rq:finished:bench", 0, -1)
    }
    at = utcparse(begun[mine.id].decode())
    return sum(utcparse(began.decode()) < at for job, began in begun.items() if job != mine.id)
