"""Every word has its speaker, no word is lost, and a sentence is one speaker's unless another takes over."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from workers.engines.speakers_assign import assign
from workers.engines.turns import Turn


def segment(text: str, start: float = 0.0, each_s: float = 0.5, words: bool = True) -> dict[str, Any]:
    said = text.split()
    times = [
        {"word": word, "start": start + n * each_s, "end": start + (n + 1) * each_s, "probability": 0.9} for n, word in enumerate(said)
    ]
    return {"start": start, "end": start + len(said) * each_s, "text": text, "avg_logprob": -0.2, "no_speech_prob": 0.1} | (
        {"words": times} if words else {}
    )


def said(segments: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["speaker"], one["text"]) for one in segments]


def test_speakers_are_named_in_the_order_in_which_they_first_speak() -> None:
    segments = [segment("Today we learn."), segment("And why?", 5), segment("Look here.", 10)]
    named, turns = assign(segments, [Turn(0, 3, 4), Turn(5, 7, 1), Turn(9, 12, 4), Turn(20, 21, 6)])
    assert said(named) == [("S1", "Today we learn."), ("S2", "And why?"), ("S1", "Look here.")]
    assert [turn["speaker"] for turn in turns] == ["S1", "S2", "S1"]  # who never said a word is left out


def test_a_segment_is_split_where_the_speaker_changes_between_sentences() -> None:
    named, _ = assign([segment("The plant needs light. Does it need water?")], [Turn(0, 2.1, 0), Turn(2.1, 4, 1)])
    assert said(named) == [("S1", "The plant needs light."), ("S2", "Does it need water?")]
    assert [(one["start"], one["end"]) for one in named] == [(0.0, 2.0), (2.0, 4.0)]
    assert [len(one["words"]) for one in named] == [4, 4]
    assert all(one["avg_logprob"] == -0.2 for one in named)


def test_a_word_on_the_wrong_side_of_a_turn_goes_with_its_sentence() -> None:
    turns = [Turn(0, 1.4, 0), Turn(1.4, 4, 1)]  # the change is heard a word too early
    named, _ = assign([segment("The plant needs light. Does it need water?")], turns)
    assert said(named)[-1] == ("S2", "Does it need water?")
    named, _ = assign([segment("The plant needs the light.")], [Turn(0, 2.0, 0), Turn(2.0, 4, 1)])
    assert said(named) == [("S1", "The plant needs the light.")]


def test_who_really_takes_over_within_a_sentence_has_that_part() -> None:
    named, _ = assign([segment("so the plant needs light and what about water then")], [Turn(0, 2.5, 0), Turn(2.5, 5, 1)])
    assert said(named) == [("S1", "so the plant needs light"), ("S2", "and what about water then")]


def test_a_language_without_spaces_is_split_without_making_any() -> None:
    one = segment("今日 は 水 です。 光 は 何 ですか？")
    one["text"] = one["text"].replace(" ", "")
    named, _ = assign([one], [Turn(0, 2.0, 0), Turn(2.0, 4, 1)])
    assert said(named) == [("S1", "今日は水です。"), ("S2", "光は何ですか？")]


def test_segments_without_words_go_to_whoever_speaks_longest_in_them() -> None:
    named, _ = assign(
        [segment("a b c d", words=False), segment("e f", 10, words=False)], [Turn(0, 0.5, 0), Turn(0.5, 3, 1), Turn(12, 14, 0)]
    )
    assert said(named) == [("S1", "a b c d"), ("S2", "e f")]


def test_without_turns_nobody_is_named() -> None:
    named, turns = assign([segment("Look here.")], [])
    assert "speaker" not in named[0]
    assert turns == []


@given(
    st.lists(st.tuples(st.floats(0.1, 3), st.integers(0, 3)), min_size=1, max_size=12),
    st.lists(st.lists(st.sampled_from(["a", "bb", "a.", "c?", "d"]), min_size=1, max_size=9), min_size=1, max_size=6),
)
def test_no_word_is_lost_doubled_or_moved(lengths: list[tuple[float, int]], texts: list[list[str]]) -> None:
    turns, past = [], 0.0
    for seconds, speaker in lengths:
        turns.append(Turn(past, past + seconds, speaker))
        past += seconds
    segments, start = [], 0.0
    for text in texts:
        segments.append(segment(" ".join(text), start, 0.3))
        start = segments[-1]["end"] + 0.2
    named, _ = assign(segments, turns)
    assert [word for one in named for word in one["words"]] == [word for one in segments for word in one["words"]]
    assert " ".join(one["text"] for one in named) == " ".join(one["text"] for one in segments)
    times = [time for one in named for time in (one["start"], one["end"])]
    assert times == sorted(times)
