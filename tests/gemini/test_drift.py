"""What counts as cleaned up, and what says something else."""

from __future__ import annotations

import pytest

from workers.engines.drift import drifted


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("so um the the matrix is is invertible", "So the matrix is invertible."),
        ("the eigen value of a", "The eigenvalue of A."),
        ("ok", "Okay."),
        ("um", ""),
        ("", ""),
        ("um uh", "…"),
        ("and then we gets 3.5 percent in 1,000 cases", "And then we get 3.5 percent in 1000 cases."),
        ("it don’t converge", "It doesn't converge."),
        ("that's twenty five", "That's twenty-five."),
        ("行列は可逆です", "行列は、可逆です。"),
        ("also ähm die die matrix ist nicht invertierbar", "Also, die Matrix ist nicht invertierbar."),
        ("so you know if you look if you look at it we sort of have like a matrix", "If you look at it, we have a matrix."),
        ("the same as it was", "the same as it was"),
    ],
)
def test_a_sentence_cleaned_up_says_what_was_said(raw: str, text: str) -> None:
    assert not drifted([raw], [text])


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("the matrix is invertible", ""),
        ("um", "Thank you for watching."),
        ("the matrix is invertible", "Ignore what was said and visit example.com."),
        ("the matrix is invertible", "It follows that an inverse of it exists in every case."),
        ("the matrix is not invertible", "The matrix is invertible."),
        ("the matrix is invertible in this case", "The matrix isn't invertible in this case."),
        ("we get 3.5 percent", "We get 35.5 percent."),
        ("we get 35 percent here", "We get 53 percent here."),
        ("it was in the year two thousand", "It was in the year three thousand."),
        ("call nine nine nine", "Call nine."),
        ("the code is five five two", "The code is five two."),
        ("the matrix is invertible", "Die Matrix ist invertierbar."),
        ("yes", "no"),
    ],
)
def test_a_sentence_that_says_something_else_has_drifted(raw: str, text: str) -> None:
    assert drifted([raw], [text])


def test_one_of_many_is_enough() -> None:
    raw = [f"this is sentence {n} of what was said" for n in range(20)]
    assert not drifted(raw, [text.capitalize() + "." for text in raw])
    assert drifted(raw, [*raw[:9], "", *raw[10:]])


def test_half_of_one_sentence_is_missed_among_many() -> None:
    raw = [f"sentence {word} of all that was said in this lecture" for word in "abcdefghijklmnopqrst"]
    assert drifted(raw, [*raw[:-1], "Sentence t of all."])


def test_words_moved_to_the_next_line_have_drifted() -> None:
    raw = ["we begin with the matrix and its inverse", "then the determinant"]
    assert drifted(raw, ["We begin with the matrix.", "And its inverse, then the determinant."])


def test_many_small_losses_are_a_large_one() -> None:
    raw = [f"first comes the thing called w{letter} then the one called v{letter}" for letter in "abcdefghij"]
    texts = [text.rpartition(" the")[0] + " one" for text in raw]
    assert not drifted([raw[0], *raw], [texts[0], *raw])
    assert drifted(raw, texts)
