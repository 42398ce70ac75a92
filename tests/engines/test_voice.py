"""When somebody speaks is told from the same probabilities as what is to be transcribed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from faster_whisper.audio import decode_audio
from faster_whisper.vad import get_speech_timestamps

from tests.engines.conftest import SAMPLES
from workers.engines import voice

FRAME_S = voice.FRAME / 16_000


def test_speech_stands_where_it_was_said_and_is_heard_once(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    run = voice.InBlocks.run
    monkeypatch.setattr(voice.InBlocks, "run", lambda self, *given: heard.append(1) or run(self, *given))  # type: ignore[func-returns-value]
    sound = decode_audio(str(SAMPLES / "pause.ogg"))

    stretches, spoken, perhaps = voice.listen(sound)

    assert len(heard) == 1
    assert stretches == get_speech_timestamps(sound)
    said = json.loads((SAMPLES / "pause.json").read_text())["sentences"]
    assert spoken == [(pytest.approx(sentence["start"], abs=0.1), pytest.approx(sentence["end"], abs=0.1)) for sentence in said]
    assert all(any(start <= since and until <= end for start, end in perhaps) for since, until in spoken)


def test_speech_begins_with_a_high_probability_and_ends_with_a_low_one() -> None:
    judged = np.array([0.4, 0.5, 0.4, 0.36, 0.34] + [0.4] * 12 + [0.9], np.float32)

    assert voice.spans(judged, len(judged) * voice.FRAME - 100, *voice.SURELY) == [
        (FRAME_S, 4 * FRAME_S), (17 * FRAME_S, pytest.approx(18 * FRAME_S - 100 / 16_000)),
    ]  # fmt: skip


def test_a_short_pause_is_part_of_speech() -> None:
    assert voice.spans(np.array([0.9] + [0.0] * 9 + [0.9], np.float32), 11 * voice.FRAME, *voice.SURELY) == [(0, 11 * FRAME_S)]


@pytest.mark.parametrize("samples", [0, 3, 80_000])
def test_nobody_speaks_in_silence(samples: int) -> None:
    assert voice.listen(np.zeros(samples, np.float32)) == ([], [], [])
