"""Bare faster-whisper against the whole service: CPU seconds for the same long recording, same options, model loaded on both sides."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench import transcribing
from bench.bench import Bench
from bench.figures import Measured, Row, median, median_ratio
from bench.processes import PATIENCE_S, Process, environment, ready_worker, times
from bench.recordings import MODEL, SHORT, make
from jobs.store import Store
from workers import harness

ALIKE = 0.02  #: by how much the two may differ in words, or they did not do the same work
MOST_ROUNDS = 3  #: of a minute and more each


@dataclass(frozen=True, slots=True)
class Took:
    cpu_s: float
    system_s: float  #: of it, in the kernel
    wall_s: float
    words: int


def measure(bench: Bench) -> Measured:
    minutes = bench.pick(30.0, 2.0)
    data = bench.room()
    long = make(bench.room() / "long.flac", minutes * 60)
    lectern, bare = [], []
    with bench.store() as store, ready_worker(store, bench.folder, "short", "long", **transcribing.settings(data)) as worker:
        transcribing.transcribe(store, data, SHORT, worker)  # the model is loaded from then on
        for number in range(bench.pick(min(bench.rounds, MOST_ROUNDS), 1)):
            for side in ("bare", "lectern")[:: -1 if number % 2 else 1]:  # who comes first does not matter, and if it does, it is both
                if side == "bare":
                    bare.append(run_bare(bench, long))
                else:
                    lectern.append(run_lectern(store, data, long, worker))
            bench.say(f"  round {number + 1}: bare {said(bare[-1])}, ours {said(lectern[-1])}")
    tuned = run_bare(bench, long, **horses_own())
    bench.say(f"  bare in the environment of our horse: {said(tuned)}")
    words, bare_words = lectern[-1].words, bare[-1].words
    if abs(words - bare_words) > ALIKE * bare_words:
        raise RuntimeError(f"{words} words here, {bare_words} by bare faster-whisper: not the same work")
    ours, theirs = [took.cpu_s for took in lectern], [took.cpu_s for took in bare]
    walls, bare_walls = [took.wall_s for took in lectern], [took.wall_s for took in bare]
    row = Row(
        "transcription_cpu_ratio",
        f"CPU seconds for a recording of {minutes:g} minutes",
        median_ratio(theirs, ours),
        median(ours),
        unit="s",
        theirs=median(theirs),
        against="bare faster-whisper",
        ours_key="transcription_cpu_s",
        theirs_key="transcription_bare_cpu_s",
    )
    note = (
        "All of the job counts: looking at the file, decoding, cutting, transcribing, merging, packing, in every process of the "
        f"worker and in Redis. One thread each, the demo model, {words:,} words here and {bare_words:,} there. "
        f"In turn, and who is first changes from round to round. In the kernel: {median([took.system_s for took in lectern]):.1f} s here, "
        f"{median([took.system_s for took in bare]):.1f} s there; by the clock {median(walls):.1f} s and {median(bare_walls):.1f} s. "
        f"Started with the environment of our horse (large pages, one thread for numpy) the bare side takes {tuned.cpu_s:.1f} s."
    )
    more = {"transcription_bare_tuned_cpu_s": tuned.cpu_s, "transcription_s": median(walls), "transcription_bare_s": median(bare_walls)}
    return Measured([row], more=more, rounds={"transcription_cpu_s": ours, "transcription_bare_cpu_s": theirs}, notes=[note])


def horses_own() -> dict[str, str]:
    """Return what a worker's horse has in its environment beside what everybody has."""
    return harness.environment({})


def run_bare(bench: Bench, recording: Path, **settings: str) -> Took:
    command = [sys.executable, "-m", "bench.bare", str(MODEL), str(SHORT), str(recording)]
    ran = subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE_S, cwd=bench.folder, env=environment("", **settings))
    return Took(**json.loads(ran.stdout))


def run_lectern(store: Store, data: Path, recording: Path, worker: Process) -> Took:
    """The supervisor, the horse, the processes that these start, and Redis."""
    server = int(store.redis.info("server")["process_id"])
    before = times(worker.pid, server)
    job = transcribing.transcribe(store, data, recording, worker)
    user_s, system_s = (now - then for now, then in zip(times(worker.pid, server), before, strict=True))
    return Took(user_s + system_s, system_s, transcribing.took_s(store, job), transcribing.words(store, data, job))


def said(took: Took) -> str:
    return f"{took.cpu_s:.1f} CPU s ({took.system_s:.1f} in the kernel)"
