"""A job for an idle worker: milliseconds from just before it is submitted until its run has begun, both sides in turn."""

from __future__ import annotations

import random
import time

from rq import Queue
from rq.utils import utcparse

from bench.bench import Bench
from bench.figures import Measured, Row, median
from bench.fill import ONE, completed, synthetic
from bench.processes import blocked, process, ready_worker, stock_command, wait_for
from bench.stock_jobs import noop
from jobs import submit


def measure(bench: Bench) -> Measured:
    ours, theirs = [], []
    with bench.store() as store, ready_worker(store, bench.folder, "short"):
        idle, url = blocked(store), store.settings.redis_url
        queue = Queue("bench", connection=store.redis)
        with process(stock_command(url), bench.folder, url):
            wait_for(lambda: blocked(store), idle + 1)
            for number in range(1, bench.pick(60, 15) + 1):
                time.sleep(random.uniform(0.02, 0.08))
                asked = time.time()
                job = submit.submit(store, synthetic(ONE))
                wait_for(lambda: completed(store), number, poll_s=0.005)
                ours.append((int(store.redis.hget(store.keys.job(job), "started")) / 1e6 - asked) * 1000)
                time.sleep(random.uniform(0.02, 0.08))
                asked = time.time()
                rq_job = queue.enqueue(noop)
                wait_for(lambda: int(store.redis.zcard("rq:finished:bench")), number, poll_s=0.005)
                began = utcparse(store.redis.hget(rq_job.key, "started_at").decode()).timestamp()
                theirs.append((began - asked) * 1000)
                wait_for(lambda: blocked(store), idle + 1, poll_s=0.005)
    row = Row(
        "wakeup_ms",
        "from a submit to the run's begin on an idle worker",
        median(ours),
        median(ours),
        unit="ms",
        theirs=median(theirs),
        against="stock RQ",
        theirs_key="wakeup_stock_ms",
    )
    return Measured([row], rounds={"wakeup_ms": ours, "wakeup_stock_ms": theirs})
