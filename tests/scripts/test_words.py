"""The measure of transcripts."""

from __future__ import annotations

import pytest

from scripts.words import word_error_rate, words


def test_case_and_punctuation_are_no_words() -> None:
    assert words("The cell,\nTODAY: don't!") == ["the", "cell", "today", "don't"]


@pytest.mark.parametrize(
    ("heard", "wrong"),
    [("a b c d", 0.0), ("a x c d", 0.25), ("a b d", 0.25), ("a b b c d", 0.25), ("", 1.0), ("a b c d e f g h", 1.0)],
    ids=["the same", "one replaced", "one left out", "one too many", "nothing", "twice as many"],
)
def test_each_wrong_word_counts_once(heard: str, wrong: float) -> None:
    assert word_error_rate(words("a b c d"), words(heard)) == wrong
