"""Bare faster-whisper against the whole service: CPU seconds for the same long recording, same options, model loaded on both sides."""

from __future__ import annotations

import json
import subprocess
import sys

from bench import transcribing
from bench.bench import Bench
from bench.figures import Measured, Row, median, median_ratio
from bench.processes import PATIENCE_S, cpu_s, environment, ready_worker
from bench.recordings import MODEL, SHORT, make

ALIKE = 0.02  #: by how much the two may differ in words, or they did not do the same work


def measure(bench: Bench) -> Measured:
    minutes = bench.pick(30.0, 2.0)
    data = bench.room()
    long = make(bench.room() / "long.flac", minutes * 60)
    ours, theirs, walls, bare_walls, words, bare_words = [], [], [], [], 0, 0
    with bench.store() as store, ready_worker(store, bench.folder, "short", "long", **transcribing.settings(data)) as worker:
        transcribing.transcribe(store, data, SHORT, worker)  # the model is loaded from then on
        server = int(store.redis.info("server")["process_id"])
        for number in range(bench.pick(min(bench.rounds, 2), 1)):
            command = [sys.executable, "-m", "bench.bare", str(MODEL), str(SHORT), str(long)]
            said = subprocess.run(
                command, capture_output=True, check=True, timeout=PATIENCE_S, cwd=bench.folder, env=environment("")
            ).stdout  # fmt: skip
            bare = json.loads(said)
            theirs.append(bare["cpu_s"])
            bare_walls.append(bare["wall_s"])
            before = cpu_s(worker.pid, server)
            job = transcribing.transcribe(store, data, long, worker)
            ours.append(cpu_s(worker.pid, server) - before)
            walls.append(transcribing.took_s(store, job))
            words, bare_words = transcribing.words(store, data, job), bare["words"]
            bench.say(f"  round {number + 1}: bare {theirs[-1]:.1f} CPU s, ours {ours[-1]:.1f} CPU s")
    if abs(words - bare_words) > ALIKE * bare_words:
        raise RuntimeError(f"{words} words here, {bare_words} by bare faster-whisper: not the same work")
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
        f"By the clock: {median(walls):.1f} s here, {median(bare_walls):.1f} s there."
    )
    more = {"transcription_s": median(walls), "transcription_bare_s": median(bare_walls)}
    return Measured([row], more=more, rounds={"transcription_cpu_s": ours, "transcription_bare_cpu_s": theirs}, notes=[note])
