"""The diarization error rate is what NIST's definition says."""

from __future__ import annotations

import pytest

from scripts.turns import diarization_error_rate


def turns(*told: tuple[float, float, str]) -> list[dict[str, object]]:
    return [{"start": start, "end": end, "speaker": speaker} for start, end, speaker in told]


SPOKEN = turns((0, 10, "Ada"), (10, 20, "Bob"))


@pytest.mark.parametrize(
    ("heard", "rate"),
    [
        (SPOKEN, 0.0),
        (turns((0, 10, "S2"), (10, 20, "S1")), 0.0),  # names do not matter
        (turns((0, 20, "S1")), 0.5),  # confusion
        (turns((0, 10, "S1")), 0.5),  # missed
        (turns((0, 10, "S1"), (10, 20, "S2"), (10, 20, "S3")), 0.5),  # heard where nobody speaks
        (turns((0, 10, "S1"), (10, 15, "S2"), (15, 20, "S3")), 0.25),  # of the two who were heard only one is Bob
        ([], 1.0),
    ],
)
def test_time_missed_false_or_confused_is_counted_per_time_spoken(heard: list[dict[str, object]], rate: float) -> None:
    assert diarization_error_rate(SPOKEN, heard, collar_s=0.0) == pytest.approx(rate)


def test_what_is_near_the_end_of_a_turn_is_left_out() -> None:
    heard = turns((0, 10.2, "S1"), (10.2, 20.2, "S2"))
    assert diarization_error_rate(SPOKEN, heard) == 0.0
    assert diarization_error_rate(SPOKEN, heard, collar_s=0.1) > 0.0


def test_two_who_speak_at_once_are_two() -> None:
    spoken = turns((0, 10, "Ada"), (5, 10, "Bob"))
    assert diarization_error_rate(spoken, turns((0, 10, "S1")), collar_s=0.0) == pytest.approx(5 / 15)
