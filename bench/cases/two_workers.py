"""A long recording with two long workers against one: by how much it is done sooner."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rq.utils import utcparse

from bench import transcribing
from bench.bench import Bench
from bench.figures import Measured, Row, median, median_ratio
from bench.processes import ready_worker
from bench.recordings import make
from jobs import show
from jobs.store import Store

MOST_ROUNDS = 3  #: of a minute and more each


@dataclass(frozen=True, slots=True)
class Took:
    wall_s: float  #: from the job's begin to its end
    idle_s: float  #: of workers without a chunk, while another one is at its last


def measure(bench: Bench) -> Measured:
    minutes = bench.pick(30.0, 3.0)
    long = make(bench.room() / "long.flac", minutes * 60)
    took: dict[int, list[Took]] = {1: [], 2: []}
    for number in range(bench.pick(min(bench.rounds, MOST_ROUNDS), 1)):
        for workers in (1, 2) if number % 2 == 0 else (2, 1):
            took[workers].append(run(bench, long, workers))
        one, two = took[1][-1], took[2][-1]
        bench.say(
            f"  round {number + 1}: one {one.wall_s:.1f} s, two {two.wall_s:.1f} s, of it {two.idle_s:.1f} s of one waiting for the other"
        )
    ones, twos = [one.wall_s for one in took[1]], [two.wall_s for two in took[2]]
    row = Row(
        "two_long_workers_ratio",
        f"a recording of {minutes:g} minutes with two long workers",
        median_ratio(ones, twos),
        median(twos),
        unit="s",
        theirs=median(ones),
        against="one long worker",
        ours_key="two_long_workers_s",
        theirs_key="one_long_worker_s",
    )
    idle_s = median([two.idle_s for two in took[2]])
    note = (
        "Decoding and cutting is one task: only what comes after it is shared. The same workers do the short tasks, after the long. "
        f"Chunks get shorter towards the end: one worker had nothing to do for {idle_s:.1f} s, while the other was at its last one."
    )
    more = {"two_long_workers_idle_s": idle_s}
    return Measured([row], more=more, rounds={"two_long_workers_s": twos, "one_long_worker_s": ones}, notes=[note])


def run(bench: Bench, recording: Path, long_workers: int) -> Took:
    """Transcribe a recording, models loaded before."""
    data = bench.room()
    chunks = {} if not bench.quick else {"CHUNK_SECONDS": "30"}
    settings = transcribing.settings(data, **chunks)
    with bench.store() as store, ExitStack() as held:
        workers = [held.enter_context(ready_worker(store, bench.folder, "long", "short", **settings)) for _ in range(long_workers)]
        transcribing.warm(store, data, *workers)
        job = transcribing.transcribe(store, data, recording, *workers)
        return Took(transcribing.took_s(store, job), idle_s(store, job))


def idle_s(store: Store, job: str) -> float:
    """Return the seconds from each worker's last chunk to the last one of all."""
    (children,) = (task.children_total for task in show.job(store, job).tasks if task.name == "transcribe")
    pipe = store.redis.pipeline(transaction=False)
    for n in range(children):
        pipe.hmget(f"rq:job:{job}-transcribe-{n}", "worker_name", "ended_at")
    last: dict[bytes, float] = {}
    for worker, ended_at in pipe.execute():
        last[worker] = max(last.get(worker, 0.0), utcparse(ended_at.decode()).timestamp())
    return sum(max(last.values()) - at for at in last.values())
