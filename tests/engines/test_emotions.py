"""Delivery is what was measured: louder is louder, faster is faster, and every segment has its item."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faster_whisper.audio import decode_audio

from jobs.errors import Misconfigured
from tests.engines.conftest import SAMPLES, Pipeline
from workers.engines import chunks, delivery, emotions, segments
from workers.engines.delivery import Frames, Measured, labels, measure
from workers.engines.prepare import wav

Begin = Callable[..., Pipeline]
RECORDINGS = Path(__file__).parent / "recordings"


def measured(energy_db: float = -20.0, pitch_range: float = 6.0, words_per_s: float = 2.5) -> Measured:
    return {"energy_db": energy_db, "pitch_hz": 120.0, "pitch_range": pitch_range, "words_per_s": words_per_s, "pause_s": 0.1}


@pytest.mark.parametrize(
    ("one", "word"),
    [
        (measured(), "even"),
        (measured(energy_db=-12), "loud"),
        (measured(energy_db=-29), "quiet"),
        (measured(words_per_s=4.2), "fast"),
        (measured(words_per_s=1.2), "slow"),
        (measured(pitch_range=14), "lively"),
        (measured(pitch_range=1), "monotone"),
        (measured(energy_db=-12, words_per_s=9), "fast"),  # what stands out most
        (measured(energy_db=-21.5), "even"),  # nobody hears that
        (dict.fromkeys(measured()), None),
    ],
)
def test_a_segment_is_called_by_what_stands_out_most(one: Measured, word: str | None) -> None:
    assert labels([*[measured()] * 6, one], ["S1"] * 7)[-1] == word


def test_a_speaker_is_compared_with_nobody_else() -> None:
    told = labels([*[measured(energy_db=-30)] * 5, *[measured(energy_db=-10)] * 5], ["S1"] * 5 + ["S2"] * 5)
    assert told == ["even"] * 10
    assert labels([*[measured(energy_db=-30)] * 5, measured(energy_db=-10)], ["S1"] * 5 + ["S2"])[-1] == "loud"  # too little of S2


def test_pace_is_of_the_time_in_which_somebody_speaks() -> None:
    frames = Frames(np.full(100, 0.01, np.float32), np.full(100, 120.0, np.float32), np.ones(100, np.float32), np.arange(100) < 50)
    one = measure(frames, words=4, frames_per_s=50)
    assert one == {"energy_db": -20.0, "pitch_hz": 120.0, "pitch_range": 0.0, "words_per_s": 4.0, "pause_s": 1.0}


def transcribed(job: Pipeline) -> Pipeline:
    job.inspect()
    job.prepare()
    job.transcribe()
    return job


def delivered(job: Pipeline) -> list[dict[str, Any]]:
    context: Any = job.context("emotions")
    job.outputs["emotions"] = emotions.run(context, job.outputs)
    found: list[dict[str, Any]] = json.loads(job.storage.get_bytes(job.outputs["emotions"]["key"]))["segments"]
    assert len(found) == len(segments.read(context, job.outputs)) == job.outputs["emotions"]["segments"]
    return found


def test_each_segment_of_a_recording_is_measured(begin: Begin) -> None:
    job = transcribed(begin(SAMPLES / "seminar.mp3"))
    found = delivered(job)
    assert len(found) > 8
    assert all(-60 < one["energy_db"] < 0 and 60 <= one["pitch_hz"] <= 400 and 0 < one["words_per_s"] < 8 and one["label"] for one in found)
    said = json.loads((SAMPLES / "seminar.json").read_text())["sentences"]
    high = {sentence["text"]: "slt" in sentence["voice"] or "+f3" in sentence["voice"] for sentence in said}
    heard = segments.read(job.context("emotions"), job.outputs)  # type: ignore[arg-type]
    pitches = [(high[segment["text"]], one["pitch_hz"]) for segment, one in zip(heard, found, strict=True) if segment["text"] in high]
    assert len(pitches) > 8
    assert min(hz for is_high, hz in pitches if is_high) > max(hz for is_high, hz in pitches if not is_high)
    assert job.outputs["emotions"]["provenance"]["method"].startswith("delivery measured")


def spoken(job: Pipeline, sound: Any, cut: int | None = None) -> Pipeline:
    """Put `sound` into the place of what was prepared, as one chunk or cut in two, with a segment for each two seconds."""
    parts = [sound[:cut], sound[cut:]] if cut else [sound]
    for n, part in enumerate(parts):
        job.storage.put_bytes(chunks.key("sound-", n), wav((part * 32767).astype(np.int16).tobytes()))
    job.outputs["prepare"] = {"chunks": chunks.told("sound-", [len(part) for part in parts]), "seconds": len(sound) / 16_000}
    every = [{"start": at, "end": at + 2.0, "text": "one two three four"} for at in np.arange(0.0, len(sound) / 16_000 - 1, 2.0).tolist()]
    job.outputs["align"] = {"key": segments.put(job.context("align"), "segments.json", every)}  # type: ignore[arg-type]
    return job


def test_what_is_said_twice_as_loud_is_six_decibels_louder_and_called_so(begin: Begin) -> None:
    sound = decode_audio(str(SAMPLES / "short-slt.ogg"))[9600 : 9600 + 32_000]
    louder = np.concatenate([sound / 8, sound / 8, sound / 8, sound / 8, sound / 2, sound / 8])
    found = delivered(spoken(begin(SAMPLES / "short-slt.ogg"), louder))
    assert found[4]["energy_db"] - found[0]["energy_db"] == pytest.approx(12, abs=0.3)
    assert found[4]["pitch_hz"] == pytest.approx(found[1]["pitch_hz"], rel=0.05)
    assert [one["label"] for one in found] == ["even"] * 4 + ["loud", "even"]


@pytest.mark.parametrize("cut", [5 * 16_000, 4 * 16_000])
def test_a_segment_that_goes_over_a_cut_is_measured_whole(begin: Begin, cut: int) -> None:
    sound = decode_audio(str(SAMPLES / "lecture.ogg"))[: 10 * 16_000]
    whole = delivered(spoken(begin(SAMPLES / "lecture.ogg"), sound))
    parts = delivered(spoken(begin(SAMPLES / "lecture.ogg"), sound, cut))
    assert len(whole) == len(parts) == 5
    for one, other in zip(whole, parts, strict=True):
        assert one["energy_db"] == pytest.approx(other["energy_db"], abs=0.5)
        assert one["pause_s"] == pytest.approx(other["pause_s"], abs=0.3)


def test_a_model_of_the_installation_names_the_segments(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("mood", "tests.engines.test_emotions:mood", delivery.GROUP)
    monkeypatch.setattr(delivery, "entry_points", lambda group: [entry] if group == delivery.GROUP else [])
    job = transcribed(begin(SAMPLES / "short-slt.ogg"))
    found = delivered(job)
    assert {one["label"] for one in found} == {"calm at 16000"}
    assert job.outputs["emotions"]["provenance"]["model"].startswith("mood")


def mood(sound: Any, sample_rate: int, measures: Measured) -> str:
    assert sound.dtype == np.float32
    assert len(sound) > 0.5 * sample_rate
    assert measures["energy_db"] < 0
    return f"calm at {sample_rate}"


@pytest.mark.parametrize("value", ["tests.engines.nowhere:mood", "tests.engines.test_emotions:wrong"])
def test_a_model_that_cannot_be_used_is_named(value: str, begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "entry_points", lambda group: [EntryPoint("mood", value, group)])
    job = transcribed(begin(SAMPLES / "short-slt.ogg"))
    with pytest.raises(Misconfigured, match="model of delivery mood"):
        delivered(job)


def wrong(sound: Any, sample_rate: int, measures: Measured) -> int:
    return 7
