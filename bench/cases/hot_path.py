"""Where the time of a no-op task goes: in Redis by command, in the horse by function. No other side: this is what to make faster."""

from __future__ import annotations

import collections
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from bench.bench import Bench
from bench.figures import Measured, Row, Table
from bench.fill import ONE, completed, fill, synthetic
from bench.processes import cpu_s, ready_worker, wait_for
from jobs.store import Store

SHOWN = 12
SCRIPTS = ("evalsha", "eval")


def measure(bench: Bench) -> Measured:
    tasks = bench.pick(10_000, 4000)
    with bench.store() as store:
        fill(store, synthetic(ONE), tasks)
        store.redis.set("rq:suspended", 1)  # so that the worker is ready and has not begun when the counts are set to nothing
        with ready_worker(store, bench.folder, "short") as worker:
            (horse,) = psutil.Process(worker.pid).children()
            server = int(store.redis.info("server")["process_id"])
            store.redis.config_resetstat()
            before = cpu_s(horse.pid), cpu_s(server)
            store.redis.delete("rq:suspended")
            wait_for(lambda: completed(store), tasks, poll_s=0.1)
            horse_us, server_us = ((cpu_s(pid) - then) / tasks * 1e6 for pid, then in zip((horse.pid, server), before, strict=True))
            calls = {name.removeprefix("cmdstat_"): told for name, told in store.redis.info("commandstats").items()}
        samples = sampled(bench, store, tasks)
    scripts_us = sum(float(calls[name]["usec"]) for name in SCRIPTS if name in calls) / tasks
    inner = {name: told for name, told in calls.items() if name not in SCRIPTS}
    rows = [
        Row("script_us_per_task", "a no-op task's scripts in Redis", scripts_us, scripts_us, unit="µs"),
        Row("server_cpu_us_per_task", "processor time of Redis for it", server_us, server_us, unit="µs"),
        Row("horse_cpu_us_per_task", "processor time of the horse for it", horse_us, horse_us, unit="µs"),
    ]
    return Measured(
        rows,
        more={"calls_in_scripts_per_task": sum(float(told["calls"]) for told in inner.values()) / tasks},
        tables=[commands(inner, tasks), functions(samples)],
        notes=[f"Over {tasks:,} tasks of one worker; the horse is looked at every 2 ms of its processor time, in a run of its own."],
    )


def sampled(bench: Bench, store: Store, tasks: int) -> dict[str, Any]:
    """Return where the horse's processor time goes, from a run without counting."""
    store.redis.flushdb()
    path = bench.room() / "samples.json"
    with ready_worker(store, bench.folder, "short", module="bench.worker", BENCH_SAMPLES=str(path)):
        fill(store, synthetic(ONE), tasks)
        wait_for(lambda: completed(store), tasks, poll_s=0.1)
    found: dict[str, Any] = json.loads(Path(path).read_text())
    return found


def commands(inner: Mapping[str, Mapping[str, Any]], tasks: int) -> Table:
    took = sorted(inner.items(), key=lambda one: -float(one[1]["usec"]))[:SHOWN]
    rows = [(f"`{name.upper()}`", f"{float(told['calls']) / tasks:.2f}", f"{float(told['usec']) / tasks:.1f}") for name, told in took]
    return Table("What a task's scripts call in Redis", ("command", "calls a task", "µs a task"), rows)


def functions(samples: Mapping[str, Any]) -> Table:
    itself, in_all, total = collections.Counter(samples["itself"]), samples["in_all"], samples["samples"]
    rows = [(f"`{name}`", f"{count / total:.0%}", f"{in_all[name] / total:.0%}") for name, count in itself.most_common(SHOWN)]
    return Table("Where the horse's processor time goes", ("function", "itself", "with what it calls"), rows)
