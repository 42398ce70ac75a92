"""A long recording with two long workers against one: by how much it is done sooner."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from bench import transcribing
from bench.bench import Bench
from bench.figures import Measured, Row
from bench.processes import ready_worker
from bench.recordings import make


def measure(bench: Bench) -> Measured:
    minutes = bench.pick(30.0, 3.0)
    long = make(bench.room() / "long.flac", minutes * 60)
    one, two = took_s(bench, long, 1), took_s(bench, long, 2)  # one round: it takes a minute and more
    row = Row(
        "two_long_workers_ratio",
        f"a recording of {minutes:g} minutes with two long workers",
        one / two,
        two,
        unit="s",
        theirs=one,
        against="one long worker",
        ours_key="two_long_workers_s",
        theirs_key="one_long_worker_s",
    )
    note = "Decoding and cutting is one task: only what comes after it is shared. The same workers do the short tasks, after the long."
    return Measured([row], notes=[note])


def took_s(bench: Bench, recording: Path, long_workers: int) -> float:
    """Return the seconds from the job's begin to its end, models loaded before."""
    data = bench.room()
    chunks = {} if not bench.quick else {"CHUNK_SECONDS": "30"}
    settings = transcribing.settings(data, **chunks)
    with bench.store() as store, ExitStack() as held:
        workers = [held.enter_context(ready_worker(store, bench.folder, "long", "short", **settings)) for _ in range(long_workers)]
        transcribing.warm(store, data, *workers)
        job = transcribing.transcribe(store, data, recording, *workers)
        return transcribing.took_s(store, job)
