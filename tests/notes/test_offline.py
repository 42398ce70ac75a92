"""Notes made offline: every item rests on what was said, the same transcript gives the same notes, and no transcript is too odd."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import lectures
from bench.lectures import spoken
from workers.notes import stop
from workers.notes.offline import NOTHING_SAID, take
from workers.notes.shape import Item, Notes, Quiz, TimedSection, Title
from workers.notes.support import borne_out

ROOT = Path(__file__).resolve().parents[2]
BIOLOGY = spoken(lectures.PLANTS, lectures.CELLS)


def hold(notes: Notes, segments: list[dict[str, Any]]) -> None:
    """Assert what is true of the notes of any transcript."""
    for item in notes.items():
        assert all(0 <= place < len(segments) for place in item.segments)
        assert item.segments == sorted(set(item.segments))
        assert item.segments or isinstance(item, Title)
    assert bool(notes.title.segments) == bool(notes.summary) == bool(notes.outline)
    said = " ".join(text for segment in segments if (text := " ".join(segment["text"].split())))
    told = [point.text for point in notes.summary] + [point.text for section in notes.outline for point in section.points]
    told += [term.definition for term in notes.terms] + [card.back for card in notes.flashcards]
    assert all(text in said for text in told)  # nothing is worded anew
    for quiz in notes.quiz:
        assert "_____" in quiz.question
        assert quiz.choices[quiz.answer].casefold() in quiz.explanation.casefold()
        assert not [one for n, one in enumerate(quiz.choices) if n != quiz.answer and one.casefold() in quiz.explanation.casefold()]
    starts = [section.start for section in notes.outline]
    assert starts == sorted(starts)
    assert all(section.start <= section.end for section in notes.outline)
    assert notes.dropped == 0


def test_the_notes_of_a_lecture_are_about_what_it_is_about() -> None:
    notes = take(BIOLOGY)
    hold(notes, BIOLOGY)
    terms = {term.term: term.definition for term in notes.terms}
    assert {"photosynthesis", "Calvin cycle", "ATP", "chloroplast", "fermentation"} <= terms.keys()
    assert terms["Calvin cycle"] == "The Calvin cycle is a series of chemical reactions in the stroma."
    assert terms["ATP"] == "ATP means adenosine triphosphate."
    assert (notes.engine, notes.model, notes.language) == ("offline extractive", None, "en")
    summary = " ".join(point.text for point in notes.summary)
    assert "Photosynthesis is the process" in summary
    assert "Cellular respiration is the way" in summary
    assert not [point for point in notes.summary if point.text.endswith("?")]
    asked = [question.text for question in notes.questions]
    assert "What does “photosynthesis” mean?" in asked
    assert "Why does the plant need water for photosynthesis?" in asked  # the lecturer's own
    assert {card.front for card in notes.flashcards} == terms.keys()
    assert len(notes.quiz) >= 6


def test_a_topic_begins_where_the_lecture_turns_to_it() -> None:
    segments = spoken(lectures.PLANTS, lectures.MARKETS, lectures.CELLS)
    notes = take(segments)
    turns = [len(lectures.PLANTS.splitlines()) * 10, (len(lectures.PLANTS.splitlines()) + len(lectures.MARKETS.splitlines())) * 10]
    starts = [section.start for section in notes.outline]
    assert len(starts) <= 4
    assert any(abs(start - turns[0]) <= 10 for start in starts), starts
    assert notes.outline[0].start == 0
    assert notes.outline[-1].end == segments[-1]["end"]


@pytest.mark.parametrize(
    ("text", "language", "terms"),
    [
        (lectures.GERMAN, "de", {"Photosynthese", "Chlorophyll", "Energie"}),
        (lectures.FRENCH, "fr", {"photosynthèse", "chlorophylle", "lumière"}),
        (lectures.SPANISH, "es", {"fotosíntesis", "clorofila", "luz"}),
        (lectures.JAPANESE, "ja", {"光合成", "葉緑体", "クロロフィル"}),
        (lectures.CHINESE, "zh", {"光合作用", "二氧化碳"}),
        (lectures.HINDI, "", {"प्रकाश संश्लेषण", "क्लोरोफिल"}),
    ],
    ids=["german", "french", "spanish", "japanese", "chinese", "hindi"],
)
def test_other_languages_have_notes_too(text: str, language: str, terms: set[str]) -> None:
    segments = spoken(text)
    notes = take(segments)
    hold(notes, segments)
    assert notes.language == language
    assert terms <= {term.term for term in notes.terms}
    assert notes.questions
    assert notes.quiz


def test_what_a_term_means_is_told_by_the_sentence_that_defines_it_in_other_languages_too() -> None:
    for text, term, begins in (
        (lectures.GERMAN, "Photosynthese", "Die Photosynthese ist ein Prozess"),
        (lectures.FRENCH, "photosynthèse", "La photosynthèse est un processus"),
        (lectures.SPANISH, "fotosíntesis", "La fotosíntesis es un proceso"),
        (lectures.GERMAN, "Chlorophyll", "Der grüne Farbstoff heißt Chlorophyll"),
    ):
        told = {one.term: one.definition for one in take(spoken(text)).terms}
        assert told[term].startswith(begins)


@pytest.mark.parametrize(
    "texts",
    [
        [], [""], [" ", "\n"], ["hello"], ["..."], ["?"], ["1 2 3"], ["and so it is"], ["a"], ["🎉🎉"], ["word " * 50], ["x" * 5000],
        ["No.", "No.", "No.", "No."], ["The same sentence again."] * 60, ["Is it?", "Why?", "When is the exam?"],
        ["A cell lives.", "The cell divides.", "Cells die."],
        ["the cell takes energy from sugar and the membrane keeps ions out"] * 40,
        ["\u0000\u0007 bell", "e\u0301te\u0301", "ﬁ ﬂ", "ẞ ß İ ı"],
    ],
    ids=str,
)  # fmt: skip
def test_odd_transcripts_have_notes_as_well(texts: list[str]) -> None:
    segments = [{"start": n * 2.0, "end": n * 2.0 + 1.5, "text": text} for n, text in enumerate(texts)]
    notes = take(segments, name="week 1")
    hold(notes, segments)
    if not any(letter.isalnum() for text in texts for letter in text):
        assert (notes.title.text, notes.warnings, notes.items()) == ("week 1", [NOTHING_SAID], [notes.title])


WORDS = st.sampled_from(
    ["the", "a", "is", "of", "and", "cell", "energy", "light", "plant", "called", "water", "光合成", "é", "İ", "ﬁx", "a.b", "3.5", "-", "?"]
)
SEGMENTS = st.lists(
    st.tuples(
        st.lists(WORDS, max_size=14).map(" ".join), st.sampled_from(["", ".", "?", "…", "。", ":"]), st.floats(0, 9), st.floats(0, 5)
    ),
    max_size=40,
)


@given(SEGMENTS, st.sampled_from(["", "en", "de", "ja", "xx"]))
@settings(max_examples=150, deadline=None)
def test_whatever_is_said_every_item_rests_on_it_and_twice_is_the_same(parts: list[tuple[str, str, float, float]], language: str) -> None:
    segments, at = [], 0.0
    for text, mark, seconds, pause in parts:
        segments.append({"start": at, "end": at + seconds, "text": text + mark})
        at += seconds + pause
    notes = take(segments, language=language)
    hold(notes, segments)
    assert take(segments, language=language) == notes
    assert Notes.model_validate_json(notes.model_dump_json()) == notes


@given(st.lists(st.text(max_size=60), max_size=8))
@settings(max_examples=150, deadline=None)
def test_any_text_at_all_has_notes(texts: list[str]) -> None:
    segments = [{"start": float(n), "end": n + 0.5, "text": text} for n, text in enumerate(texts)]
    hold(take(segments), segments)


def test_another_process_takes_the_same_notes() -> None:
    code = "from tests.notes.test_offline import BIOLOGY; from workers.notes.offline import take; print(take(BIOLOGY).model_dump_json())"
    told = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True, timeout=60
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1
    assert told == {take(BIOLOGY).model_dump_json().encode() + b"\n"}


def test_six_hours_are_taken_in_seconds_and_bounded() -> None:
    segments = lectures.made_up(hours=6)
    told: list[float] = []
    notes = take(segments, step=told.append)
    hold(notes, segments)
    assert len(segments) == 7200
    assert 10 <= len(notes.outline) <= 40
    assert max(section.end - section.start for section in notes.outline) < 3600
    assert len(notes.summary) == 10
    assert len(notes.terms) == 24
    assert len(notes.items()) < 400
    assert told == sorted(told)
    assert len(told) >= 4


def test_sentences_reach_over_segments_and_segments_hold_several() -> None:
    segments = [
        {"start": 0, "end": 2, "text": "The mitochondrion is"},
        {"start": 2, "end": 4, "text": "the power plant of the cell. The ribosome makes"},
        {"start": 4, "end": 6, "text": "the proteins of the cell."},
    ]
    notes = take(segments)
    hold(notes, segments)
    places = {point.text: point.segments for section in notes.outline for point in section.points}
    places |= {term.definition: term.segments for term in notes.terms}
    assert places["The mitochondrion is the power plant of the cell."] == [0, 1]
    assert {tuple(found) for found in places.values()} <= {(0, 1), (1, 2)}


def test_what_is_made_offline_would_stand_the_check_that_a_models_notes_have_to_pass() -> None:
    notes = take(BIOLOGY)
    checked: list[Item] = [item for item in notes.items() if not isinstance(item, TimedSection)]
    borne = [borne_out(item, BIOLOGY, "en") for item in checked if item not in notes.questions]
    assert all(borne)
    assert all(isinstance(quiz, Quiz) for quiz in notes.quiz)


def test_no_list_of_stop_words_names_a_word_of_another_case() -> None:
    for language in stop.STOP:
        assert all(word == word.lower() for word in stop.stop_words(language))
        assert len(stop.stop_words(language)) > 90
