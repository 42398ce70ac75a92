"""Subtitles hold the limits of what can be read wherever that is possible at all, and lose no word anywhere."""

from __future__ import annotations

import itertools
from typing import Any

import pysubs2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.forms.conftest import segment
from workers.forms import cues, subtitles
from workers.forms.said import plain
from workers.forms.timing import width, words

WORD = st.text("aZé.,-!<>&{}\\|0ßя語、。\u0301\u200d🙂", min_size=1, max_size=60)
LONG = "日本語の文には空白がないので、長くなります。"
USUAL = st.sampled_from(["a", "so", "leaf", "light", "sugar,", "water.", "photosynthesis;", "chloroplast?", LONG])
SECONDS = st.floats(0, 6)

many = settings(max_examples=150, deadline=None)


@st.composite
def recordings(draw: st.DrawFn) -> tuple[list[dict[str, Any]], float]:
    """Segments in order, spoken slowly or far too fast, with times of words or without, and how long the recording is."""
    segments, at = [], 0.0
    for _ in range(draw(st.integers(0, 6))):
        at += draw(SECONDS)
        said = draw(st.lists(st.one_of(USUAL, WORD), min_size=1, max_size=40))
        end = at + draw(st.floats(0, 20))
        told = segment(at, end, " ".join(said), speaker=draw(st.sampled_from(["", "S1", "Dr Ada"])))
        if draw(st.booleans()):
            marks = sorted(draw(st.lists(st.floats(at, end), min_size=2 * len(said), max_size=2 * len(said))))
            placed = zip(said, marks[::2], marks[1::2], strict=True)
            told["words"] = [{"word": f" {word}", "start": start, "end": end} for word, start, end in placed]
        if draw(st.booleans()):
            told["cleaned"] = " ".join(draw(st.lists(st.one_of(st.sampled_from(said), USUAL), min_size=1, max_size=40)))
        segments.append(told)
        at = end
    return segments, at + draw(SECONDS)


def shown(segments: list[dict[str, Any]]) -> str:
    """Everything that has to be seen, without what may be put anywhere: spaces."""
    return "".join(plain(part.get("cleaned") or part["text"]).replace(" ", "") for part in segments)


@many
@given(recordings())
def test_every_word_is_there_in_order_and_no_cue_is_too_large(recording: tuple[list[dict[str, Any]], float]) -> None:
    segments, seconds = recording
    told = cues.cues(segments, seconds)
    assert "".join(line.replace(" ", "") for cue in told for line in cue.lines) == shown(segments)
    for cue in told:
        assert 1 <= len(cue.lines) <= 2
        assert all(0 < width(line) <= 42 for line in cue.lines)


@many
@given(recordings())
def test_cues_follow_each_other_without_overlap_and_none_before_its_first_word(recording: tuple[list[dict[str, Any]], float]) -> None:
    segments, seconds = recording
    spoken = list(cues.spoken(segments, label=False))
    told = cues.placed(spoken, round(seconds * 1000))
    assert all(cue.start_ms < cue.end_ms for cue in told)
    assert all(before.end_ms <= after.start_ms for before, after in itertools.pairwise(told))
    assert all(said.first_ms <= cue.start_ms for said, cue in zip(spoken, told, strict=True))
    # Late by the allowance at most; where many words took no time at all, by a millisecond for each of them.
    assert all(cue.start_ms <= said.first_ms + cues.LATE_MS + len(told) for said, cue in zip(spoken, told, strict=True))


def can_all_be_read(spoken: list[cues.Unplaced], until_ms: int) -> bool:
    """Whether there are times at which each cue can be read: each as early as it may be leaves the most to those after it."""
    read = 0
    for cue in spoken:
        start = max(cue.first_ms, read)
        if start > cue.first_ms + cues.LATE_MS:
            return False
        read = start + cues.reading_ms(cues.size(cue.lines))
    return read <= until_ms


@many
@given(recordings())
def test_the_limit_of_speed_holds_for_all_cues_if_it_can_hold(recording: tuple[list[dict[str, Any]], float]) -> None:
    segments, seconds = recording
    spoken = list(cues.spoken(segments, label=False))
    told = cues.placed(spoken, round(seconds * 1000))
    if can_all_be_read(spoken, round(seconds * 1000)):
        assert all(cue.readable for cue in told)


@many
@given(recordings())
def test_what_cannot_be_read_in_time_is_shown_for_as_long_as_it_was_spoken(recording: tuple[list[dict[str, Any]], float]) -> None:
    segments, seconds = recording
    spoken = list(cues.spoken(segments, label=False))
    told = cues.placed(spoken, round(seconds * 1000))
    ends = [*(said.first_ms for said in spoken), round(seconds * 1000)][1:]
    for said, cue, end in zip(spoken, told, ends, strict=bool(told)):
        zeros = len(told)  # a millisecond for each word that took no time at all
        assert cue.readable or cue.end_ms - cue.start_ms + zeros >= end - said.first_ms


@many
@given(recordings())
def test_words_keep_their_order_and_stay_within_their_segment(recording: tuple[list[dict[str, Any]], float]) -> None:
    for part in recording[0]:
        told = words(part)
        assert [word.text for word in told] == plain(part.get("cleaned") or part["text"]).split()
        times = [part["start"], *(time for word in told for time in (word.start, word.end)), part["end"]]
        assert times == sorted(times)


def test_speech_too_fast_goes_on_being_shown_in_the_pause_after_it() -> None:
    fast = segment(1.0, 2.0, "This sentence has about forty characters.")
    (cue,) = cues.cues([fast], 20.0)
    assert (cue.start_ms, cue.end_ms, cue.readable) == (1000, 3050, True)


def test_what_follows_fast_speech_comes_late_but_never_by_more_than_one_and_a_half_seconds() -> None:
    text = "This sentence has about forty characters."
    told = cues.cues([segment(0.0, 1.0, text), segment(1.0, 6.0, text)], 6.0)
    assert [(cue.start_ms, cue.end_ms, cue.readable) for cue in told] == [(0, 2050, True), (2050, 6000, True)]
    told = cues.cues([segment(n, n + 1, text) for n in range(8)], 8.0)
    assert [cue.start_ms for cue in told] == [n * 1000 for n in range(8)]  # nothing gained by being late


def test_a_cue_ends_where_a_sentence_does_rather_than_where_it_is_full() -> None:
    text = "Leaves are green because of what is in them. Light is what they live on, as we have seen before, and on water."
    told = cues.cues([segment(0.0, 10.0, text)], 10.0)
    assert " ".join(told[0].lines) == "Leaves are green because of what is in them."
    assert all(cue.readable for cue in told)


def test_cleaned_text_keeps_the_times_of_the_words_that_it_kept() -> None:
    heard = [{"word": f" {word}", "start": at, "end": at + 0.5} for at, word in enumerate(["um", "so", "the", "the", "leaf"])]
    told = words(segment(0, 5, "um so the the leaf", words=heard, cleaned="So, the leaf"))
    assert [(word.text, word.start) for word in told][0::2] == [("So,", 1), ("leaf", 4)]
    assert told[1].start in (2, 3)


@pytest.mark.parametrize("form", ["srt", "vtt"])
def test_another_program_reads_the_same_cues(transcript: dict[str, Any], form: str) -> None:
    read = pysubs2.SSAFile.from_string(subtitles.write(transcript["segments"], 75.0, form), form)
    told = cues.cues(transcript["segments"], 75.0, label=form == "srt")
    assert [(cue.start, cue.end) for cue in read] == [(cue.start_ms, cue.end_ms) for cue in told]
    assert len(read) > 3


def test_who_speaks_is_said_where_another_one_begins(transcript: dict[str, Any]) -> None:
    srt, vtt = (subtitles.write(transcript["segments"], 75.0, form) for form in ("srt", "vtt"))
    assert [line for line in srt.splitlines() if "Speaker 1:" in line] == ["Speaker 1: Good morning."]
    assert srt.count("Dr Ada:") == 1
    assert "<v Speaker 1>Good morning.\n" in vtt
    assert "<v Dr Ada>" in vtt


def test_text_that_looks_like_markup_stays_text_in_subtitles() -> None:
    said = r"a {b} <i>c</i> --> d & \N e"
    srt, vtt = (subtitles.write([segment(0, 1, said)], 9.0, form) for form in ("srt", "vtt"))
    assert "a {b} <i>c</i> → d & ∖N e" in srt
    assert "a {b} &lt;i&gt;c&lt;/i&gt; --&gt; d &amp; ∖N e" in vtt


def test_six_hours_become_cues_in_seconds() -> None:
    text = "Today we talk about the way leaves make sugar from light, water and air; it matters a great deal to all of us."
    spoken = [segment(at, at + 8.0, text) for at in range(0, 21_600, 8)]
    told = cues.cues(spoken, 21_600.0)
    assert len(told) >= len(spoken) * 2
    assert all(cue.readable for cue in told)
