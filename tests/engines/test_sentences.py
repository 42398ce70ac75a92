"""Sentences are made of words, by punctuation or by pauses, and none of the words is lost."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from workers.engines.sentences import MOST_CHARACTERS, MOST_SECONDS, Spoken, sentences


def said(text: str, *, pauses: dict[int, float] | None = None, seconds: float = 0.3, doubts: dict[int, str] | None = None) -> list[Spoken]:
    """Words one behind the other; `pauses` are before the words of those places."""
    words, at = [], 0.0
    for n, word in enumerate(text.split()):
        at += (pauses or {}).get(n, 0.0)
        timed = {"word": word, "start": round(at, 3), "end": round(at + seconds, 3), "probability": 0.9}
        words.append(Spoken(timed, True, -0.3, 0.01, (doubts or {}).get(n, "")))
        at += seconds
    return words


def texts(words: list[Spoken]) -> list[str]:
    return [segment["text"] for segment in sentences(words)]


@pytest.mark.parametrize(
    "expected",
    [
        ["Today we learn about the cell.", "What does it need?", "Water!", "And then…", "Next."],
        ["He said “stop.”", "Then he left (at 5 p.m.)", "It was late."],
        ["Dr. Smith and Prof. J. Miller met in St. Louis, e.g. on Monday, vs. no one, cf. Fig. 3 and No. 5 by Smith et al. last year."],
        ["We need water, light, etc.", "The answer is no.", "So do I.", "It is 3.5 m, i.e. long."],
        ["In the U.S. it is approx. 20.", "See page 7.", "Good."],
        ["Wait... what is it?", "It costs 5.", "A plant."],
        ["これは水です。", "はい。"],
    ],
)
def test_a_sentence_ends_with_its_mark_and_not_with_an_abbreviation(expected: list[str]) -> None:
    assert texts(said(" ".join(expected))) == expected


def test_a_small_letter_goes_on_with_the_sentence_unless_somebody_pauses_before() -> None:
    assert texts(said("this is it. and so on.")) == ["this is it. and so on."]
    assert texts(said("this is it. and so on.", pauses={3: 0.7})) == ["this is it.", "and so on."]


def test_without_any_mark_sentences_end_in_pauses() -> None:
    words = said("today we learn about the cell what does it need it needs water", pauses={6: 0.7, 10: 0.9, 2: 0.2})

    assert texts(words) == ["today we learn about the cell", "what does it need", "it needs water"]


def test_a_long_pause_ends_a_sentence_with_or_without_a_mark() -> None:
    assert texts(said("We need water. The cell uh makes sugar.", pauses={5: 2.5})) == ["We need water.", "The cell", "uh makes sugar."]


def test_a_long_sentence_is_cut_at_a_comma_or_in_the_longest_pause() -> None:
    text = (
        "the plant needs water and light and soil and air and heat, and then it makes sugar and oxygen for us and for the animal again " * 2
    )
    by_comma = texts(said(text + "."))
    by_pause = texts(said(text.replace(",", "") + ".", pauses={30: 0.5, 10: 0.3}))

    assert len(by_comma) >= 2
    assert any(part.endswith("heat,") for part in by_comma)
    assert any(part.split()[-1] == text.replace(",", "").split()[29] for part in by_pause)
    assert all(len(part) <= MOST_CHARACTERS for part in by_comma + by_pause)


def test_what_is_in_doubt_is_no_part_of_a_sentence_that_is_not() -> None:
    first, second, third = sentences(said("We learn about the cell and then.", doubts={3: "repeats", 4: "repeats"}))

    assert ("doubt" in first, second["doubt"], "doubt" in third) == (False, "repeats", False)


def test_a_segment_has_the_times_of_its_words_and_what_is_known_of_them() -> None:
    (segment,) = sentences(
        [*said("The cell"), Spoken({"word": "is", "start": 1.0, "end": 1.2, "probability": 0.2, "low": True}, True, -0.6, 0.4)]
    )

    assert {name: segment[name] for name in ("start", "end", "text", "avg_logprob", "no_speech_prob")} == {
        "start": 0.0, "end": 1.2, "text": "The cell is", "avg_logprob": -0.4, "no_speech_prob": 0.4,
    }  # fmt: skip
    assert segment["words"][-1]["low"] is True


WORDS = st.lists(
    st.tuples(
        st.sampled_from(["a", "cell", "water.", "Dr.", "etc.", "no?", "Why", "light,", "x" * 90, "…", "5", "水。"]),
        st.floats(0, 3), st.floats(0, 4), st.booleans(), st.sampled_from(["", "", "", "unsure"]),
    ),
    max_size=80,
)  # fmt: skip


@settings(deadline=None)
@given(WORDS)
def test_no_word_is_lost_doubled_or_moved_and_no_sentence_is_too_long(given_words: list[tuple[str, float, float, bool, str]]) -> None:
    at, words = 0.0, []
    for text, pause, seconds, spaced, doubt in given_words:
        words.append(Spoken({"word": text, "start": at + pause, "end": at + pause + seconds, "probability": 1.0}, spaced, -0.3, 0.0, doubt))
        at += pause + seconds

    made = sentences(words)

    assert [word for segment in made for word in segment["words"]] == [word.word for word in words]
    for segment in made:
        inside: list[Any] = segment["words"]
        assert (segment["start"], segment["end"]) == (inside[0]["start"], inside[-1]["end"])
        assert "".join(segment["text"].split()) == "".join(word["word"] for word in inside)
        assert len(inside) == 1 or (len(segment["text"]) <= MOST_CHARACTERS and segment["end"] - segment["start"] <= MOST_SECONDS)
