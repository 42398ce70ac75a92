"""Chunks are as long as they may be, shorter at the end, and cut where nobody speaks."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from faster_whisper.audio import decode_audio

from tests.engines.conftest import SAMPLES
from workers.engines import cut, voice
from workers.engines.cut import SEARCHED, longest_now, most_chunks, place_to_cut
from workers.engines.prepare import cut_up

RATE = 16_000


def cut_at(where: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every stretch cut at this fraction of it, whatever is to be heard."""
    monkeypatch.setattr(cut, "place_to_cut", lambda samples: int(len(samples) // 2 * where))


def blocks(seconds: float) -> Iterator[bytes]:
    second = bytes(2 * RATE)
    return itertools.chain(itertools.repeat(second, int(seconds)), [second[: int(seconds % 1 * RATE) * 2]])


def lengths(seconds: float, declared_s: float | None = None, longest_s: float = 300.0) -> list[float]:
    found = [len(chunk) / 2 / RATE for chunk in cut_up(blocks(seconds), seconds if declared_s is None else declared_s, longest_s)]
    assert sum(found) == pytest.approx(seconds, abs=0.01)
    return [round(length, 1) for length in found]


def test_the_last_chunks_are_shorter_so_that_nobody_waits_long_for_the_very_last(monkeypatch: pytest.MonkeyPatch) -> None:
    cut_at(1.0, monkeypatch)
    assert lengths(1800) == [300, 300, 300, 300, 300, 150, 150]
    assert lengths(400) == [200, 100, 100]
    cut_at(0.95, monkeypatch)
    assert lengths(1800) == [285, 285, 285, 285, 285, 178.1, 95, 101.9]


def test_what_fits_into_one_chunk_stays_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    cut_at(0.9, monkeypatch)
    assert lengths(299.5) == [299.5]
    assert lengths(95, longest_s=100) == [95]


def test_chunks_that_are_short_already_get_no_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    cut_at(1.0, monkeypatch)
    assert lengths(200, longest_s=40) == [40] * 5


@pytest.mark.parametrize("declared_s", [0.0, 100.0])
def test_a_recording_that_goes_on_for_longer_than_it_says_is_cut_like_any_other(declared_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_at(1.0, monkeypatch)
    assert lengths(700, declared_s) == [300, 300, 100]


def test_there_are_never_more_chunks_than_a_recording_is_refused_for() -> None:
    draw = random.Random(4)
    for _ in range(5000):
        total_s = draw.uniform(1, 4000)
        longest_s = draw.choice([300.0, draw.uniform(1, 300)])
        least = draw.choice([1 - SEARCHED, 0.95])
        left_s, chunks = total_s, 1
        most_s = longest_s if total_s <= longest_s else longest_now(total_s, longest_s)
        while left_s > most_s:
            left_s -= most_s * draw.uniform(1 - SEARCHED, least)
            most_s = longest_now(left_s, longest_s)
            chunks += 1
        assert chunks <= most_chunks(total_s, longest_s), (total_s, longest_s)


def sentence(seconds: float) -> Any:
    return (decode_audio(str(SAMPLES / "short-en-us.wav")) * 32768).astype(np.int16)[: int(seconds * RATE)]


def pause(seconds: float) -> Any:
    return np.zeros(int(seconds * RATE), np.int16)


@pytest.fixture
def listened(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the seconds that the detector is given each time."""
    heard: list[float] = []
    probabilities = voice.probabilities

    def listen(sound: Any) -> Any:
        heard.append(len(sound) / RATE)
        return probabilities(sound)

    monkeypatch.setattr(voice, "probabilities", listen)
    return heard


def test_a_long_pause_close_to_the_end_is_enough(listened: list[float]) -> None:
    talk = np.tile(sentence(5), 11)
    sound = np.concatenate([talk, pause(3), sentence(5), sentence(5), pause(0.8), sentence(1)])
    assert len(sound) - 1.8 * RATE < place_to_cut(sound.tobytes()) < len(sound) - RATE
    assert len(listened) == 1
    assert listened[0] < 0.05 * len(sound) / RATE + 2.1


def test_without_a_long_pause_close_to_the_end_it_is_looked_for_in_all_of_the_last_fifth(listened: list[float]) -> None:
    talk = np.tile(sentence(5), 12)
    sound = np.concatenate([talk, pause(1.5), sentence(5), sentence(3)])
    assert len(talk) < place_to_cut(sound.tobytes()) < len(talk) + 1.5 * RATE
    assert len(listened) == 2
