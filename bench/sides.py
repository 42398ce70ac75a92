"""The two sides of the comparison: stock RQ and Lectern, each with one real worker process on a Redis of its own database."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from redis import Redis
from rq import Queue
from rq.utils import utcparse

from bench.noop import noop
from jobs import submit
from jobs.model import Submission
from jobs.settings import Settings
from jobs.store import Store

POLL_S = 0.2
PATIENCE_S = 120.0

#: The six-task graph of both sides: each task with those it needs.
GRAPH: dict[str, tuple[str, ...]] = {"a": (), "b": ("a",), "c": ("b",), "d": ("c",), "e": ("c",), "f": ("d", "e")}


@contextmanager
def process(command: Sequence[str], url: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {"REDIS_URL": url, "LOG_LEVEL": "WARNING"}
    started = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(30)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def wait_for(done: Callable[[], int], total: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while done() < total:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{done()} of {total} after {PATIENCE_S:g} s")
        time.sleep(POLL_S)


def stock(client: Redis, url: str, jobs: int, *, graph: bool) -> float:
    """Return jobs per second of one `rq worker`, from the first start to the last end as RQ noted them."""
    client.flushdb()
    queue = Queue("bench", connection=client)
    for _ in range(jobs):
        made: dict[str, object] = {}
        for name, needs in (GRAPH if graph else {"a": ()}).items():
            made[name] = queue.enqueue(noop, depends_on=[made[need] for need in needs] or None)
    tasks = jobs * (len(GRAPH) if graph else 1)
    command = [os.path.join(os.path.dirname(sys.executable), "rq"), "worker", "--url", url, "--logging_level", "WARNING", "bench"]
    with process(command, url):
        wait_for(lambda: int(client.zcard("rq:finished:bench")), tasks)
    times = [client.hmget(f"rq:job:{one.decode()}", "started_at", "ended_at") for one in client.zrange("rq:finished:bench", 0, -1)]
    return jobs / (max(utcparse(end.decode()) for _, end in times) - min(utcparse(begin.decode()) for begin, _ in times)).total_seconds()


def lectern(client: Redis, url: str, jobs: int, *, graph: bool) -> float:
    """Return jobs per second of one `python -m workers short`, from the first start to the last end as Redis noted them."""
    client.flushdb()
    store = Store(client, Settings(redis_url=url))
    tasks = [{"name": name, "needs": needs} for name, needs in (GRAPH if graph else {"a": ()}).items()]
    for _ in range(jobs):
        submit.submit(store, Submission("synthetic", {"tasks": tasks}, "bench", "bench", admin=True))
    with process([sys.executable, "-m", "workers", "short"], url):
        wait_for(lambda: int(client.zcard(store.keys.status("completed"))), jobs)
    with client.pipeline(transaction=False) as pipe:
        for one in client.zrange(store.keys.jobs(), 0, -1):
            pipe.hmget(store.keys.job(one.decode()), "started", "ended")
        times = pipe.execute()
    return jobs / (max(int(end) for _, end in times) - min(int(begin) for begin, _ in times)) * 1e6
