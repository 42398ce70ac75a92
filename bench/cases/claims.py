"""The claim script's own time over the backlog: from 100 tasks of one organisation to 200,000 of 1,000, as Redis counts it."""

from __future__ import annotations

import secrets

from bench import plot
from bench.bench import Bench, open_store
from bench.figures import Measured, Plot, Row, median, median_ratio
from bench.fill import ONE, fill, synthetic, wide
from jobs import claim, record
from jobs.model import Claimed
from jobs.store import Store

TASKS_AN_ORG = 200
AT_ONCE = 50  #: claims between two looks at Redis's count; given back after it, so that the backlog stays
WORKER = "bench:1:claims"
QUEUES = ("short",)


def measure(bench: Bench) -> Measured:
    backlogs = bench.pick((100, 1000, 10_000, 50_000, 200_000), (100, 10_000, 200_000))
    graph = bench.pick(ONE, wide(100))  # as many jobs as tasks take a minute to submit
    with bench.redis() as url:
        stores = {backlog: open_store(f"{url}?db={number}") for number, backlog in enumerate(backlogs)}
        for backlog, store in stores.items():
            orgs = [f"org{n}" for n in range(max(1, backlog // TASKS_AN_ORG))]
            fill(store, synthetic(graph), backlog // len(graph), orgs)
            claimed_us(store)  # the script is known and all is warm
        times: dict[int, list[float]] = {backlog: [] for backlog in backlogs}
        for _ in range(bench.pick(30, 12)):
            for backlog, store in stores.items():
                times[backlog].append(claimed_us(store))
    few, many = backlogs[0], backlogs[-1]
    row = Row(
        "claim_flatness",
        f"a claim's time in Redis with {many:,} tasks of {many // TASKS_AN_ORG:,} organisations waiting",
        median_ratio(times[many], times[few]),
        median(times[many]),
        unit="µs",
        theirs=median(times[few]),
        against=f"{few} tasks of one",
        ours_key="claim_us_at_most_waiting",
        theirs_key="claim_us_at_fewest_waiting",
    )
    points = [(float(backlog), median(taken)) for backlog, taken in times.items()]
    drawn = Plot(
        "benchmarks-claim.svg",
        "A claim's time in Redis over the number of waiting tasks",
        plot.line("A claim's time in Redis", points, across="waiting tasks", up="µs"),
    )
    shape = "jobs of one task" if len(graph) == 1 else f"jobs of {len(graph)} tasks"
    note = (
        f"Claims are counted {AT_ONCE} at a time by `INFO commandstats`, with nothing else asked meanwhile, and given back; "
        f"all backlogs ({shape}) lie in one Redis, a database each, and take turns."
    )
    return Measured([row], rounds={f"claim_us_{backlog}": taken for backlog, taken in times.items()}, plots=[drawn], notes=[note])


def claimed_us(store: Store) -> float:
    """Return the mean microseconds of a claim, of those that EVALSHA took in Redis."""
    store.redis.config_resetstat()
    runs = []
    for _ in range(AT_ONCE):
        taken = claim.claim(store, worker=WORKER, queues=QUEUES, run=secrets.token_hex(8))
        assert isinstance(taken, Claimed), "less is waiting than was submitted"
        runs.append(taken)
    counted = store.redis.info("commandstats")["cmdstat_evalsha"]
    for taken in runs:
        record.hand_back(store, worker=WORKER, run=taken.run, rq_job=taken.rq_job)
    return float(counted["usec"]) / float(counted["calls"])
