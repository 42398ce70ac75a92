"""From the start of a worker's process until it waits for work, without any model: seconds, and processor time; both sides in turn."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence

from bench.bench import Bench
from bench.figures import Measured, Row, median
from bench.processes import blocked, cpu_s, end, environment, stock_command, wait_for, worker_command
from jobs.store import Store


def measure(bench: Bench) -> Measured:
    ours, theirs = [], []
    with bench.store() as store:
        for _ in range(bench.pick(7, 2)):
            ours.append(started(bench, store, worker_command("short", "long")))
            theirs.append(started(bench, store, stock_command(store.settings.redis_url)))
    rounds: dict[str, list[float]] = {}
    rounds["start_s"], rounds["start_cpu_s"] = map(list, zip(*ours, strict=True))
    rounds["start_stock_s"], rounds["start_cpu_stock_s"] = map(list, zip(*theirs, strict=True))
    rows = [
        Row(
            f"{key}_s",
            what,
            median(rounds[f"{key}_s"]),
            median(rounds[f"{key}_s"]),
            unit="s",
            theirs=median(rounds[f"{key}_stock_s"]),
            against="stock RQ",
            theirs_key=f"{key}_stock_s",
        )
        for key, what in (
            ("start", "from the start of a worker to its waiting for work, no model loaded"),
            ("start_cpu", "processor time of that, supervisor and horse together"),
        )
    ]
    return Measured(rows, rounds=rounds)


def started(bench: Bench, store: Store, command: Sequence[str]) -> tuple[float, float]:
    """Return the seconds until a client blocks, and the processor time. Without the leash, which takes a moment itself."""
    began = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=bench.folder,
        env=environment(store.settings.redis_url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(lambda: blocked(store), 1, alive=process, poll_s=0.005)
        return time.monotonic() - began, cpu_s(process.pid)
    finally:
        end(process)
        wait_for(lambda: -blocked(store), 0)
