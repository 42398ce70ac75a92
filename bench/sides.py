"""The throughput of both sides: stock RQ and Lectern, each with one real worker process on the same Redis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rq import Queue
from rq.utils import utcparse

from bench.bench import Bench
from bench.fill import ONE, completed, fill
from bench.processes import process, stock_command, wait_for, worker_command
from bench.stock_jobs import noop
from jobs.model import Submission
from jobs.store import Store

POLL_S = 0.2

Graph = Mapping[str, Sequence[str]]


def enqueue(queue: Queue, graph: Graph, function: Callable[[], None] = noop) -> None:
    """Enqueue a graph as RQ has it: each task a job, by `depends_on`."""
    made: dict[str, object] = {}
    for name, needs in graph.items():
        made[name] = queue.enqueue(function, depends_on=[made[need] for need in needs] or None)


def stock(store: Store, folder: Path, jobs: int, graph: Graph = ONE, function: Callable[[], None] = noop) -> float:
    """Return jobs per second of one `rq worker`, from the first start to the last end as RQ noted them."""
    client, url = store.redis, store.settings.redis_url
    client.flushdb()
    queue = Queue("bench", connection=client)
    for _ in range(jobs):
        enqueue(queue, graph, function)
    with process(stock_command(url), folder, url) as worker:
        wait_for(lambda: int(client.zcard("rq:finished:bench")), jobs * len(graph), alive=worker, poll_s=POLL_S)
    times = [client.hmget(f"rq:job:{one.decode()}", "started_at", "ended_at") for one in client.zrange("rq:finished:bench", 0, -1)]
    return jobs / (max(utcparse(end.decode()) for _, end in times) - min(utcparse(begin.decode()) for begin, _ in times)).total_seconds()


def lectern(store: Store, folder: Path, jobs: int, submission: Submission) -> float:
    """Return jobs per second of one `python -m workers short`, from the first start to the last end as Redis noted them."""
    return per_second(lectern_spans(store, folder, jobs, submission))


def lectern_spans(store: Store, folder: Path, jobs: int, submission: Submission, *, module: str = "workers") -> list[tuple[int, int]]:
    """Run so many jobs on one worker; return when each began and ended, in µs, in the order in which they began."""
    client = store.redis
    client.flushdb()
    fill(store, submission, jobs)
    with process(worker_command("short", module=module), folder, store.settings.redis_url) as worker:
        wait_for(lambda: completed(store), jobs, alive=worker, poll_s=POLL_S)
    with client.pipeline(transaction=False) as pipe:
        for one in client.zrange(store.keys.jobs(), 0, -1):
            pipe.hmget(store.keys.job(one.decode()), "started", "ended")
        times = pipe.execute()
    return sorted((int(begin), int(end)) for begin, end in times)


def per_second(spans: Sequence[tuple[int, int]]) -> float:
    """Return jobs per second from the first begin to the last end."""
    return len(spans) / (max(end for _, end in spans) - spans[0][0]) * 1e6


def interleaved(bench: Bench, graph: Graph, submission: Submission, *, theirs: int, ours: int) -> tuple[list[float], list[float]]:
    """Return jobs per second of stock RQ and of Lectern, a value a round, both in each round."""
    stocks, lecterns = [], []
    with bench.store() as store:
        for number in range(bench.rounds):
            stocks.append(stock(store, bench.folder, theirs, graph))
            lecterns.append(lectern(store, bench.folder, ours, submission))
            bench.say(f"  round {number + 1}: stock RQ {stocks[-1]:.1f} jobs/s, Lectern {lecterns[-1]:.0f} jobs/s")
    return stocks, lecterns
