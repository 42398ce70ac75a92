"""The built-in way finds how many speak and who: measured on synthetic voices, and bounded here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from faster_whisper.audio import decode_audio

from scripts.turns import diarization_error_rate, reference
from tests.engines.conftest import SAMPLES
from workers.engines import speakers_gaussian, speakers_light
from workers.engines.speakers_gaussian import fit, gather, voices
from workers.engines.speakers_light import Heard, best_path
from workers.engines.turns import Turn

RECORDINGS = Path(__file__).parent / "recordings"


def nothing() -> None:
    pass


def heard(path: Path, chunk_s: float = 300.0) -> list[Turn]:
    sound = decode_audio(str(path))
    kept = Heard()
    size = int(chunk_s * 16_000)
    for start in range(0, len(sound), size):
        kept.hear(sound[start : start + size], start / 16_000, nothing)
    return speakers_light.turns(kept, nothing)


def told(turns: list[Turn]) -> list[dict[str, object]]:
    return [{"start": turn.start, "end": turn.end, "speaker": turn.speaker} for turn in turns]


@pytest.mark.parametrize(("name", "speakers"), [("two-voices", 2), ("three-voices", 3)])
def test_two_and_three_voices_are_told_apart(name: str, speakers: int) -> None:
    turns = heard(RECORDINGS / f"{name}.ogg")
    assert len({turn.speaker for turn in turns}) == speakers
    assert diarization_error_rate(reference(RECORDINGS / f"{name}.json"), told(turns)) <= 0.05


@pytest.mark.parametrize(
    ("name", "speakers"), [("lecture.ogg", 1), ("pause.ogg", 1), ("seminar.mp3", 3), ("short-slt.ogg", 1), ("silence.ogg", 0)]
)
def test_a_lecture_has_one_speaker_a_seminar_three_and_silence_none(name: str, speakers: int) -> None:
    turns = heard(SAMPLES / name)
    assert {turn.speaker for turn in turns} == set(range(speakers))
    assert [turn.start for turn in turns] == sorted(turn.start for turn in turns)


def test_how_a_recording_is_cut_does_not_change_who_speaks() -> None:
    turns = heard(RECORDINGS / "two-voices.ogg", chunk_s=10.0)
    assert diarization_error_rate(reference(RECORDINGS / "two-voices.json"), told(turns)) <= 0.05


def test_what_is_kept_of_six_hours_is_less_than_a_hundred_megabytes() -> None:
    sound = decode_audio(str(SAMPLES / "lecture.ogg"))
    kept = Heard()
    kept.hear(sound, 0.0, nothing)
    at, frames = kept.voiced()
    assert (at.nbytes + frames.nbytes) / (len(sound) / 16_000) * 6 * 3600 < 100e6


def cloud(middle: float, frames: int, seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(middle, 1.0, (frames, 5)).astype(np.float32)


@pytest.mark.parametrize("block", [400, 7])
def test_pieces_of_one_voice_are_joined_and_others_are_not(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speakers_gaussian, "BLOCK_PIECES", block)
    pieces = [cloud(2.0 * (n % 3), 80, n) for n in range(30)]
    groups = voices(fit(pieces), 8, nothing)
    assert sorted(groups) == [[*range(first, 30, 3)] for first in range(3)]
    assert len(voices(fit(pieces), 2, nothing)) == 2
    assert len(voices(fit([cloud(0.0, 80, n) for n in range(30)]), 8, nothing)) == 1


def test_an_hour_of_one_voice_that_drifts_a_little_stays_one() -> None:
    pieces = [cloud(0.15 * (n % 2), 60_000, n) for n in range(6)]
    assert len(voices(fit(pieces), 8, nothing)) == 1


def test_gaussians_put_together_are_that_of_all_frames() -> None:
    pieces = [cloud(float(n), 40 + n, n) for n in range(4)]
    one, all_at_once = gather(fit(pieces)), fit([np.concatenate(pieces)])
    np.testing.assert_allclose(one.mean, all_at_once.mean, rtol=1e-5)
    np.testing.assert_allclose(one.cov, all_at_once.cov, rtol=1e-5, atol=1e-6)


def test_a_change_of_voices_has_to_be_worth_its_price() -> None:
    fits = np.zeros((20, 2))
    fits[:10, 0], fits[10:, 1] = 3.0, 3.0
    fits[4] = (0.0, 3.0)  # one step in the middle is no change
    assert best_path(fits, np.full(20, 15.0), nothing) == [0] * 10 + [1] * 10
    assert best_path(fits, np.full(20, 99.0), nothing) in ([0] * 20, [1] * 20)


def test_a_stop_is_heeded_while_voices_are_joined() -> None:
    class Stopped(BaseException):
        pass

    def stop() -> None:
        raise Stopped

    steps: tuple[Callable[[], object], ...] = (
        lambda: voices(fit([cloud(0.0, 80, n) for n in range(3)]), 8, stop),
        lambda: Heard().hear(decode_audio(str(SAMPLES / "short-slt.ogg")), 0.0, stop),
    )
    for step in steps:
        with pytest.raises(Stopped):
            step()
