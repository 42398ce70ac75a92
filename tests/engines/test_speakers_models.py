"""sherpa-onnx runs with an operator's models; models that are missing or wrong are named, and take nobody else down.

The models here are a few kilobytes and hear two tones: they show that the way there and back works, not how well speakers are told apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from jobs.errors import Misconfigured
from jobs.settings import Settings
from tests.engines import onnx_models
from tests.engines.conftest import Stopped
from workers.engines import speakers_models
from workers.engines.speakers_models import Voice, listening, matched, turns


def nothing() -> None:
    pass


def models(folder: Path, **changed: Any) -> speakers_models.Models:
    return speakers_models.found(Settings(_env_file=None, diarization_model_dir=str(folder), whisper_threads=1, **changed))  # type: ignore[call-arg]


def hum(hz: float, seconds: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(int(seconds * 16_000)) / 16_000)).astype(np.float32)


LOW, HIGH = onnx_models.TONES_HZ
SOUND = np.concatenate([hum(0, 1), hum(LOW, 5), hum(0, 1), hum(HIGH, 4), hum(LOW, 6), hum(0, 1)])


def test_voices_of_all_chunks_are_matched_and_stand_on_the_recordings_clock(tmp_path: Path) -> None:
    with listening(models(onnx_models.put(tmp_path / "models")), nothing) as listener:
        voices = [*listener.hear(SOUND, 0.0, tmp_path), *listener.hear(hum(0, 3), 18.0, tmp_path), *listener.hear(SOUND, 60.0, tmp_path)]
    found = turns(voices, 0.5)
    assert [turn.speaker for turn in found] == [0, 1, 0, 0, 1, 0]
    edges = [(1, 6), (7, 11), (11, 17), (61, 66), (67, 71), (71, 77)]
    assert [(turn.start, turn.end) for turn in found] == [
        (pytest.approx(start, abs=0.1), pytest.approx(end, abs=0.1)) for start, end in edges
    ]


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({"segmentation": b"rubbish"}, r"segmentation\.onnx in DIARIZATION_MODEL_DIR=.*Protobuf parsing failed"),
        ({"embedding": b""}, r"embedding\.onnx in DIARIZATION_MODEL_DIR="),
        (
            {"segmentation": onnx_models.segmentation(window_size=None)},
            r"segmentation\.onnx .*: 'window_size' does not exist in the metadata",
        ),
        ({"embedding": onnx_models.embedding(output_dim=None)}, r"embedding\.onnx .*: 'output_dim' does not exist in the metadata"),
        ({"segmentation": onnx_models.embedding(), "embedding": onnx_models.segmentation()}, r"embedding\.onnx .*Unknown model type"),
    ],
    ids=["rubbish", "empty", "without its size", "without its dimension", "the wrong way round"],
)
def test_a_model_that_is_not_what_it_should_be_is_named(files: dict[str, bytes], named: str, tmp_path: Path) -> None:
    folder = onnx_models.put(tmp_path / "models", **files)
    with pytest.raises(Misconfigured, match=named), listening(models(folder), nothing):
        pass


def test_a_file_or_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"DIARIZATION_MODEL_DIR=.*nowhere is not a folder"):
        models(tmp_path / "nowhere")
    folder = onnx_models.put(tmp_path / "models")
    for name in ("segmentation", "embedding"):
        (folder / f"{name}.onnx").rename(tmp_path / "away")
        with pytest.raises(Misconfigured, match=rf"there is no {name}\.onnx in DIARIZATION_MODEL_DIR"):
            models(folder)
        (tmp_path / "away").rename(folder / f"{name}.onnx")


def test_the_process_is_gone_when_the_run_is_stopped(tmp_path: Path) -> None:
    stopped = False

    def checkpoint() -> None:
        if stopped:
            raise Stopped

    with listening(models(onnx_models.put(tmp_path / "models")), checkpoint) as listener:
        stopped = True
        with pytest.raises(Stopped):
            listener.hear(SOUND, 0.0, tmp_path)
    assert not psutil.pid_exists(listener.process.pid)


def test_a_process_that_dies_while_it_listens_is_an_error_worth_another_attempt(tmp_path: Path) -> None:
    with listening(models(onnx_models.put(tmp_path / "models")), nothing) as listener:
        listener.process.kill()
        listener.process.wait()
        with pytest.raises(RuntimeError, match="sherpa-onnx ended while it listened"):
            listener.hear(SOUND, 0.0, tmp_path)


def voice(seconds: float, *embedding: float) -> Voice:
    return Voice(((0.0, seconds),), np.array(embedding))


def test_voices_nearer_than_the_threshold_are_one_speaker_and_a_short_one_founds_none() -> None:
    voices = [voice(30, 1, 0), voice(20, 0, 1), voice(10, 0.9, 0.1), voice(0.5, 0.5, 0.6), voice(5, 0.1, 2)]
    assert matched(voices, 0.5) == [0, 1, 0, 1, 1]
    assert len(set(matched(voices, 1.5))) == 1
    assert matched([], 0.5) == []


def test_what_made_the_turns_is_told(tmp_path: Path) -> None:
    told = models(onnx_models.put(tmp_path / "models"), diarization_threshold=0.7).provenance()
    assert told["settings"] == {"threshold": 0.7}
    assert "segmentation.onnx sha256:" in told["model"]
    assert told["third_party"] is None
