"""What is heard block by block is what faster-whisper hears at once, in less memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from faster_whisper.audio import decode_audio
from faster_whisper.feature_extractor import FeatureExtractor
from faster_whisper.utils import get_assets_path
from faster_whisper.vad import SileroVADModel

from tests.engines.conftest import SAMPLES
from workers.engines.features import BLOCK, features
from workers.engines.voice import FRAME, InBlocks, detector, probabilities, speech_in

BLOCK_SAMPLES = BLOCK * 160


@pytest.mark.parametrize("bands", [80, 128])
@pytest.mark.parametrize("samples", [1, 399, 400, BLOCK_SAMPLES - 161, BLOCK_SAMPLES - 160, BLOCK_SAMPLES, 2 * BLOCK_SAMPLES + 77])
def test_the_features_are_those_of_faster_whisper(samples: int, bands: int) -> None:
    extractor = FeatureExtractor(feature_size=bands)
    sound = np.random.default_rng(7).normal(0, 0.1, samples).astype(np.float32)
    sound[: samples // 2] /= 1000  # the loudest moment, which all is scaled by, is in the last block
    ours, theirs = features(extractor, sound), extractor(sound)
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


def test_the_features_of_five_minutes_take_little_more_memory_than_what_they_are_made_of() -> None:
    extractor, sound = FeatureExtractor(), np.zeros(300 * 16_000, np.float32)
    tracemalloc.start()
    made = features(extractor, sound)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * sound.nbytes + made.nbytes + 50e6  # faster-whisper's own: 400 MB


def test_the_detector_hears_in_blocks_what_it_hears_at_once() -> None:
    sound = decode_audio(str(SAMPLES / "lecture.ogg"))
    sound = sound[: len(sound) // FRAME * FRAME]
    at_once = np.ravel(SileroVADModel(f"{get_assets_path()}/silero_vad_v6.onnx")(sound))
    assert isinstance(detector().session, InBlocks)
    np.testing.assert_allclose(probabilities(sound), at_once, rtol=0, atol=1e-6)


def test_the_detector_is_asked_for_a_block_at_a_time() -> None:
    asked: list[int] = []

    class Session:
        def run(self, _: object, given: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            asked.append(len(given["input"]))
            return given["input"] + given["h"], given["h"] + 1, given["c"]

    frames = np.zeros((1200, 1))
    speech, h, _ = InBlocks(Session()).run(None, {"input": frames, "h": np.zeros(1), "c": np.zeros(1)})
    assert asked == [512, 512, 176]
    assert [float(speech[n, 0]) for n in (0, 511, 512, 1199)] == [0, 0, 1, 2]  # the state goes on from block to block
    assert float(h[0]) == 3


def test_speech_is_found_where_it_is() -> None:
    speech = decode_audio(str(SAMPLES / "short-en-us.wav"))[: 5 * 16_000]
    silence = np.zeros(5 * 16_000, np.float32)
    first, second = speech_in(np.concatenate([silence, speech, silence, speech]))
    assert (first["start"] / 16_000, second["start"] / 16_000) == (pytest.approx(5, abs=0.5), pytest.approx(15, abs=0.5))
    assert speech_in(silence) == []
