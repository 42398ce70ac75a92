"""A corrected transcript says what its owner wrote, at the times at which it was said, and everything else stays as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from tests.engines.conftest import SAMPLES, Pipeline
from workers.engines import segments
from workers.engines.corrections import applied, unfit

Begin = Callable[..., Pipeline]


def said(text: str, start: float = 10.0, **more: Any) -> dict[str, Any]:
    """A segment of words of half a second, with nothing between them."""
    words = [
        {"word": word, "start": start + n / 2, "end": start + (n + 1) / 2, "probability": 0.4, "low": True}
        for n, word in enumerate(text.split())
    ]
    return {"start": start, "end": words[-1]["end"], "text": text, "avg_logprob": -0.3, "no_speech_prob": 0.0, "words": words, **more}


def corrected(*given_segments: dict[str, Any], speakers: dict[str, str] | None = None, **texts: str) -> list[dict[str, Any]]:
    """`s0="…"` is a correction of the first segment."""
    changes = {name.removeprefix("s"): {"text": text} for name, text in texts.items()}
    return applied(given_segments, {"version": 1, "segments": changes, "speakers": speakers or {}})


def times(segment: dict[str, Any]) -> list[tuple[str, float, float]]:
    return [(word["word"], word["start"], word["end"]) for word in segment["words"]]


def test_words_that_stay_keep_their_times_and_a_changed_one_takes_those_of_what_it_replaces() -> None:
    (segment,) = corrected(said("the sell needs water"), s0="The cell needs water.")

    assert segment["text"] == "The cell needs water."
    assert times(segment) == [("The", 10.0, 10.5), ("cell", 10.5, 11.0), ("needs", 11.0, 11.5), ("water.", 11.5, 12.0)]
    assert (segment["start"], segment["end"], segment["corrected"]) == (10.0, 12.0, True)


def test_several_words_share_the_time_of_those_they_replace_by_their_length() -> None:
    (segment,) = corrected(said("a my toe chondria moves"), s0="a mitochondrion it moves")

    assert times(segment) == [("a", 10.0, 10.5), ("mitochondrion", 10.5, 11.8), ("it", 11.8, 12.0), ("moves", 12.0, 12.5)]


def test_words_may_be_put_in_and_taken_out_at_the_ends() -> None:
    before, after = corrected(
        {**said("cell needs", 10.5), "start": 10.0}, said("the cell needs uh", 20.0), s0="The cell needs", s1="cell needs"
    )

    assert times(before) == [("The", 10.0, 10.5), ("cell", 10.5, 11.0), ("needs", 11.0, 11.5)]
    assert times(after) == [("cell", 20.5, 21.0), ("needs", 21.0, 21.5)]


def test_who_has_looked_at_it_has_no_doubt() -> None:
    (segment,) = corrected(said("the sell needs", doubt="unsure"), s0="the cell needs")

    assert "doubt" not in segment
    assert not any("low" in word for word in segment["words"])
    assert [word["probability"] for word in segment["words"]] == [0.4, 1.0, 0.4]


def test_speakers_are_named_and_others_are_not() -> None:
    found = corrected(said("a", speaker="S1"), said("b", speaker="S2"), said("c"), speakers={"S1": "Dr Ada"})

    assert [segment.get("speaker") for segment in found] == ["Dr Ada", "S2", None]


def test_a_segment_without_words_gets_none() -> None:
    bare = {"start": 0.0, "end": 1.0, "text": "the sell", "avg_logprob": -0.3, "no_speech_prob": 0.0}

    assert corrected(bare, s0="the cell") == [{**bare, "text": "the cell", "corrected": True}]


def test_an_empty_text_takes_away_the_words_and_leaves_the_place() -> None:
    found = corrected(said("Thank you."), said("Hello.", 20.0), s0=" ")

    assert [(segment["text"], len(segment["words"])) for segment in found] == [("", 0), ("Hello.", 1)]


def test_a_text_that_says_the_same_changes_nothing() -> None:
    assert corrected(said("the cell"), s0="the  cell") == [said("the cell")]


def test_places_that_do_not_exist_are_passed_over() -> None:
    assert corrected(said("the cell"), s7="what?") == [said("the cell")]
    assert unfit([said("the cell")], {"version": 1, "segments": {"0": {"text": "a"}, "7": {"text": "what?"}}}) == ["7"]


def test_a_correction_goes_where_its_times_are_or_nowhere() -> None:
    changes = {"0": {"text": "The cell.", "start": 10.0, "end": 11.0}, "1": {"text": "Gone.", "start": 15.0, "end": 15.5}}
    corrections = {"version": 1, "segments": changes}
    segments = [said("one more", 5.0), said("the sell"), said("water", 20.0)]

    assert [segment["text"] for segment in applied(segments, corrections)] == ["one more", "The cell.", "water"]
    assert unfit(segments, corrections) == ["1"]
    assert unfit(segments, {"version": 1}) == []


def test_corrections_of_another_version_are_refused() -> None:
    with pytest.raises(ValueError, match="version 2"):
        applied([said("a")], {"version": 2})


TEXT = st.lists(st.sampled_from(["the", "cell", "The", "cell.", "needs", "water,", "…", "水", "a", "mitochondrion"]), max_size=12).map(
    " ".join
)


@st.composite
def transcripts(draw: st.DrawFn) -> list[dict[str, Any]]:
    at, made = 0.0, []
    for text in draw(st.lists(TEXT.filter(bool), max_size=5)):
        start, words = at, []
        for word in text.split():
            at += draw(st.sampled_from([0.0, 0.0, 0.1, 1.7]))
            end = at + draw(st.sampled_from([0.0, 0.02, 0.3, 1.0]))
            words.append({"word": word, "start": at, "end": end, "probability": 0.9})
            at = end
        end = at + draw(st.sampled_from([0.0, 0.5]))
        made.append({"start": start, "end": end, "text": text, "avg_logprob": -0.3, "no_speech_prob": 0.0, "words": words})
        at = end + draw(st.sampled_from([0.0, 2.0]))
    return made


@settings(deadline=None)
@given(transcripts(), st.dictionaries(st.integers(0, 6).map(str), TEXT))
def test_no_other_segment_changes_and_times_stay_in_order(transcript: list[dict[str, Any]], texts: dict[str, str]) -> None:
    before = json.dumps(transcript)
    found = applied(transcript, {"version": 1, "segments": {place: {"text": text} for place, text in texts.items()}})

    assert json.dumps(transcript) == before
    assert len(found) == len(transcript)
    for n, (segment, was) in enumerate(zip(found, transcript, strict=True)):
        if str(n) not in texts:
            assert segment == was
            continue
        assert (segment["start"], segment["end"], segment["text"]) == (was["start"], was["end"], texts[str(n)])
        assert " ".join(word["word"] for word in segment["words"]) == texts[str(n)]
        order = [time for word in segment["words"] for time in (word["start"], word["end"])]
        assert order == sorted(order)
        assert all(was["start"] <= time <= was["end"] for time in order)
        kept = [(word["start"], word["end"]) for word in was["words"] if word["word"] in texts[str(n)].split()]
        if was["text"] == texts[str(n)]:
            assert [(word["start"], word["end"]) for word in segment["words"]] == kept


def test_tasks_that_read_segments_see_the_corrections_and_those_that_write_them_do_not(begin: Begin) -> None:
    job = begin(SAMPLES / "short-slt.ogg", word_timestamps=True)
    job.inspect()
    job.prepare()
    job.transcribe()
    job.align()
    job.corrected = {"version": 1, "segments": {"0": {"text": "Something else."}}, "speakers": {}}

    seen: dict[str, Any] = {task: segments.read(job.context(task), job.outputs) for task in ("merge", "notes", "diarize")}  # type: ignore[arg-type]

    assert seen["merge"] == seen["notes"]
    assert seen["merge"][0]["text"] == "Something else."
    assert seen["diarize"][0]["text"] != "Something else."
    assert seen["merge"][1:] == seen["diarize"][1:]
    job.merge()
    assert job.artifact("transcript.txt").startswith(b"Something else.")
