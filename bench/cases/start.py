"""From the start of a worker's process until it waits for work, without any model; both sides in turn."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence

from bench.bench import Bench
from bench.figures import Measured, Row, median
from bench.processes import blocked, end, environment, stock_command, wait_for, worker_command
from jobs.store import Store


def measure(bench: Bench) -> Measured:
    ours, theirs = [], []
    with bench.store() as store:
        for _ in range(bench.pick(7, 2)):
            ours.append(started_s(bench, store, worker_command("short", "long")))
            theirs.append(started_s(bench, store, stock_command(store.settings.redis_url)))
    row = Row(
        "start_s",
        "from the start of a worker to its waiting for work, no model loaded",
        median(ours),
        median(ours),
        unit="s",
        theirs=median(theirs),
        against="stock RQ",
        theirs_key="start_stock_s",
    )
    return Measured([row], rounds={"start_s": ours, "start_stock_s": theirs})


def started_s(bench: Bench, store: Store, command: Sequence[str]) -> float:
    """Return the seconds until a client blocks. Without the leash of other processes, which takes a moment itself."""
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
        return time.monotonic() - began
    finally:
        end(process)
        wait_for(lambda: -blocked(store), 0)
