"""Who speaks when: the built-in way, on recordings made from one, two and three synthetic voices, against who really speaks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from faster_whisper.audio import decode_audio
from numpy.typing import NDArray

from bench.processes import ROOT
from scripts.turns import Turn, diarization_error_rate, reference
from workers.engines import acoustics, speakers_light, speech
from workers.engines.chunks import SAMPLE_RATE

TITLE = "Speakers and delivery"
NOTES = [
    (
        "Diarization error rate: time missed, heard where nobody speaks or given to the wrong speaker, in per cent of the time spoken; "
        "0.25 s around each end of a turn are left out."
    ),
    (
        "These are synthetic voices, on which the built-in way was tuned (decision 0092): nothing is said of people. Models of "
        "`DIARIZATION_MODEL_DIR` are not measured, since none are shipped."
    ),
]

RECORDINGS = ROOT / "tests" / "engines" / "recordings"
SPOKEN = {
    "one voice, 176 s": ROOT / "samples" / "lecture.ogg",
    "three voices in long turns, 41 s": ROOT / "samples" / "seminar.mp3",
    "two voices, 46 s": RECORDINGS / "two-voices.ogg",
    "three voices without pauses, 58 s": RECORDINGS / "three-voices.ogg",
}
CHUNK_SECONDS = 300.0
SHORT_CHUNKS_SECONDS = 10.0
NOISE_DB = (20, 10)  #: below the speech
REPEATED = 10  #: times, for the figures of time

Sound = NDArray[np.float32]
Row = tuple[str, str, str]


def measure() -> list[Row]:
    rows: list[Row] = []
    for name, path in SPOKEN.items():
        sound, spoken = decode_audio(str(path), sampling_rate=SAMPLE_RATE), truth(path)
        rows.append((f"Error rate, {name}", told(spoken, heard(sound, CHUNK_SECONDS)), "each chunk whole"))
        rows.append(
            (f"… in chunks of {SHORT_CHUNKS_SECONDS:g} s", told(spoken, heard(sound, SHORT_CHUNKS_SECONDS)), "cut anywhere, not in silence")
        )
        rows += [
            (f"… in white noise {below_db} dB below", told(spoken, heard(noisy(sound, below_db), CHUNK_SECONDS)), "by mean power")
            for below_db in NOISE_DB
        ]
    long = np.concatenate([decode_audio(str(SPOKEN["one voice, 176 s"]), sampling_rate=SAMPLE_RATE)] * REPEATED)
    hours = len(long) / SAMPLE_RATE / 3600
    rows.append(
        (
            "Telling speakers apart, processor seconds an hour of audio",
            f"{cpu_s(lambda: heard(long, CHUNK_SECONDS)) / hours:.0f}",
            "half an hour of the lecture",
        )
    )
    rows.append(
        (
            "Delivery, processor seconds an hour of audio",
            f"{cpu_s(lambda: delivery(long)) / hours:.0f}",
            "the same, measures of the sound alone",
        )
    )
    return rows


def truth(path: Path) -> list[Turn]:
    """Return who speaks when, from the JSON beside a recording, of either kind."""
    beside = path.with_suffix(".json")
    told = json.loads(beside.read_text())
    return reference(beside) if "turns" in told else [{**sentence, "speaker": sentence["voice"]} for sentence in told["sentences"]]


def heard(sound: Sound, chunk_s: float) -> list[Turn]:
    kept = speakers_light.Heard()
    size = int(chunk_s * SAMPLE_RATE)
    for start in range(0, len(sound), size):
        kept.hear(sound[start : start + size], start / SAMPLE_RATE, nothing)
    return [{"start": turn.start, "end": turn.end, "speaker": turn.speaker} for turn in speakers_light.turns(kept, nothing)]


def told(spoken: list[Turn], found: list[Turn]) -> str:
    rate = diarization_error_rate(spoken, found)
    count, right = (len({turn["speaker"] for turn in turns}) for turns in (found, spoken))
    return f"{100 * rate:.1f} %, {count} of {right} speakers"


def noisy(sound: Sound, below_db: float) -> Sound:
    level = float(np.sqrt((sound**2).mean())) * 10 ** (-below_db / 20)
    return sound + np.random.default_rng(5).normal(0, level, len(sound)).astype(np.float32)


def delivery(sound: Sound) -> None:
    size = int(CHUNK_SECONDS * SAMPLE_RATE)
    for start in range(0, len(sound), size):
        chunk = sound[start : start + size]
        acoustics.energy_db(chunk)
        acoustics.pitch(chunk)
        speech.stretches(chunk)


def cpu_s(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def nothing() -> None:
    pass
