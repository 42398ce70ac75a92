"""Words, their times and the sentences made of them: the samples, cut and uncut, through a worker, against what was said and when."""

from __future__ import annotations

import difflib
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.audio import decode_audio

from bench import transcribing
from bench.bench import Bench
from bench.processes import ROOT, ready_worker
from bench.recordings import MODEL, RATE
from scripts.words import word_error_rate, words

TITLE = "Words and their times"
NOTES = [
    "Each recording goes through a worker, as a job with `word_timestamps`.",
    "Wrong words are those to put in, take out or replace, in per cent of the words said.",
    "A word's time counts if it was understood; it is off by the larger of the errors of its start and its end.",
]

SPEECH = ("lecture", "seminar", "pause", "short-en-gb", "short-en-us", "short-f3", "short-slt")
SHORT_CHUNKS_SECONDS = 20
LOUDER_DB = 3  #: speech than noise, where words get lost
NEAR_SECONDS = 0.1

Word = dict[str, Any]
Transcripts = dict[str, dict[str, Any]]
Row = tuple[str, str, str]


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="lectern-quality-") as folder:
        bench = Bench(Path(folder), quick=False, rounds=1)
        recordings = {name: recording_of(name) for name in SPEECH}
        whole = transcribed(bench, recordings)
        cut = transcribed(bench, recordings, CHUNK_SECONDS=str(SHORT_CHUNKS_SECONDS))
        noisy = transcribed(bench, {"lecture": with_noise(recordings["lecture"], bench.room() / "noisy.flac")})
    return [*wrong_words(whole, cut), *word_times(whole, cut), *sentence_rows(whole), *told(whole, cut), *marks(noisy)]


def transcribed(bench: Bench, recordings: dict[str, Path], **settings: str) -> Transcripts:
    """Return the transcript of each recording, all by one worker."""
    data = bench.room()
    with worker_on(bench, data, settings) as (store, worker):
        found = {}
        for name, path in recordings.items():
            job = transcribing.transcribe(store, data, path, worker, word_timestamps=True, export=False)
            found[name] = transcribing.transcript(store, data, job)
        return found


@contextmanager
def worker_on(bench: Bench, data: Path, settings: dict[str, str]) -> Iterator[Any]:
    with bench.store() as store, ready_worker(store, bench.folder, "short", "long", **transcribing.settings(data, **settings)) as worker:
        yield store, worker


def recording_of(name: str) -> Path:
    (path,) = (path for path in (ROOT / "samples").glob(f"{name}.*") if path.suffix != ".json")
    return path


def said(name: str) -> list[dict[str, Any]]:
    sentences: list[dict[str, Any]] = json.loads((ROOT / "samples" / f"{name}.json").read_text())["sentences"]
    return sentences


def spoken_words(name: str) -> list[Word]:
    return [word for sentence in said(name) for word in sentence["words"]]


def heard_words(transcript: dict[str, Any]) -> list[Word]:
    return [word for segment in transcript["segments"] for word in segment["words"]]


def plain(given: Sequence[Word]) -> list[str]:
    return ["".join(words(word["word"])) for word in given]


def pairs(spoken: Sequence[Word], heard: Sequence[Word]) -> list[tuple[Word, Word]]:
    """Return the words that were understood, each with what was said."""
    blocks = difflib.SequenceMatcher(None, plain(spoken), plain(heard), autojunk=False).get_matching_blocks()
    return [(spoken[block.a + n], heard[block.b + n]) for block in blocks for n in range(block.size)]


def wrong_words(whole: Transcripts, cut: Transcripts) -> list[Row]:
    rows = []
    for name in SPEECH:
        rates = [word_error_rate(plain(spoken_words(name)), plain(heard_words(found[name]))) for found in (whole, cut)]
        how = f"{len(spoken_words(name))} words"
        figure = percent(rates[0]) if rates[0] == rates[1] else f"{percent(rates[0])}, cut {percent(rates[1])}"
        rows.append((f"wrong words, {recording_of(name).name}", figure, f"{how}; in one and in chunks of {SHORT_CHUNKS_SECONDS} s at most"))
    counts = [sum(len(heard_words(found[name])) for name in SPEECH) for found in (whole, cut)]
    every = sum(len(spoken_words(name)) for name in SPEECH)
    rows.append(
        ("words lost or doubled by cutting", str(abs(counts[1] - counts[0])), f"{every} words said, {counts[0]} uncut, {counts[1]} cut")
    )
    return rows


def word_times(whole: Transcripts, cut: Transcripts) -> list[Row]:
    bare = WhisperModel(str(MODEL), device="cpu", compute_type="int8", cpu_threads=1)
    sides = (
        ("here", [pair for name in SPEECH for pair in pairs(spoken_words(name), heard_words(whole[name]))]),
        ("here, in short chunks", [pair for name in SPEECH for pair in pairs(spoken_words(name), heard_words(cut[name]))]),
        ("faster-whisper by itself", [pair for name in SPEECH for pair in pairs(spoken_words(name), by_itself(bare, recording_of(name)))]),
    )
    rows = []
    for side, found in sides:
        off = np.array([max(abs(heard["start"] - word["start"]), abs(heard["end"] - word["end"])) for word, heard in found])
        rows.append((f"times of words, {side}", times_told(off), f"{len(off)} words of {len(SPEECH)} recordings: median, 95 %, worst"))
    return rows


def by_itself(model: WhisperModel, path: Path) -> list[Word]:
    options = {"vad_filter": True, "condition_on_previous_text": False, "temperature": 0.0, "word_timestamps": True}
    segments, _ = model.transcribe(decode_audio(str(path)), language="en", **options)
    return [{"word": word.word, "start": word.start, "end": word.end} for segment in segments for word in segment.words]


def times_told(off: np.ndarray) -> str:
    median, most, worst = np.median(off), np.percentile(off, 95), off.max()
    return f"off by {median:.2f}, {most:.2f}, {worst:.2f} s; {percent(float((off <= NEAR_SECONDS).mean()))} within {NEAR_SECONDS:g} s"


def sentence_rows(whole: Transcripts) -> list[Row]:
    spoken = [sentence["text"] for name in SPEECH for sentence in said(name)]
    made = [segment["text"] for name in SPEECH for segment in whole[name]["segments"]]
    found = sum(block.size for block in difflib.SequenceMatcher(None, spoken, made, autojunk=False).get_matching_blocks())
    return [("sentences that are a segment of their own, word for word", percent(found / len(spoken)), f"{len(spoken)} sentences")]


def told(whole: Transcripts, cut: Transcripts) -> list[Row]:
    warnings = [warning for found in (whole, cut) for transcript in found.values() for warning in transcript["warnings"]]
    doubted = sum("doubt" in segment for found in (whole, cut) for transcript in found.values() for segment in transcript["segments"])
    segments = sum(len(transcript["segments"]) for found in (whole, cut) for transcript in found.values())
    how = f"{segments} segments of clear speech, in one and in short chunks"
    return [("false alarms: segments in doubt, and warnings", f"{doubted} and {len(warnings)}", how)]


def marks(noisy: Transcripts) -> list[Row]:
    """Whether a word that is marked `low` is worth a look, where words get lost."""
    spoken, heard = spoken_words("lecture"), heard_words(noisy["lecture"])
    right = {id(word) for _, word in pairs(spoken, heard)}
    wrong = [word for word in heard if id(word) not in right]
    marked = sum("low" in word for word in wrong)
    false = sum("low" in word for word in heard if id(word) in right)
    how = f"lecture.ogg with white noise {LOUDER_DB} dB below it: {percent(word_error_rate(plain(spoken), plain(heard)))} wrong words"
    return [
        ("wrong words that are marked `low`", f"{marked} of {len(wrong)}", how),
        ("right words that are marked so", f"{false} of {len(right)}", how),
    ]


def with_noise(path: Path, target: Path) -> Path:
    sound = decode_audio(str(path))
    noise = np.random.default_rng(1).normal(0, float(np.std(sound)) * 10 ** (-LOUDER_DB / 20), len(sound))
    samples = (np.clip(sound + noise, -1, 1) * 32767).astype(np.int16)
    with av.open(str(target), "w", format="flac") as file:
        stream = file.add_stream("flac", rate=RATE, layout="mono")
        for first in range(0, len(samples), RATE):
            frame = av.AudioFrame.from_ndarray(samples[None, first : first + RATE], format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, first
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return target


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"
