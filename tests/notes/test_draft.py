"""What a model drafts is kept as far as the transcript bears it out; the rest is dropped and counted."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import lectures
from bench.lectures import spoken
from tests.notes.test_offline import hold as hold_offline
from workers.notes.draft import Draft, Part, parts, sift, together
from workers.notes.offline import take
from workers.notes.shape import Notes, Point, Quiz
from workers.notes.support import borne_out

SEGMENTS = spoken(lectures.PLANTS)

#: What a model could answer, all of it borne out.
GOOD: dict[str, Any] = {
    "title": {"text": "How plants store energy: photosynthesis", "segments": [0, 1]},
    "summary": [{"text": "Green plants turn light into chemical energy by photosynthesis.", "segments": [1]}],
    "outline": [
        {
            "title": "The Calvin cycle and carbon dioxide",
            "segments": [7, 8],
            "points": [{"text": "The cycle makes sugar out of carbon dioxide and ATP.", "segments": [7]}],
        },
        {
            "title": "Chloroplast and chlorophyll",
            "segments": [2, 3],
            "points": [{"text": "Chlorophyll absorbs red and blue light.", "segments": [3]}],
        },
    ],
    "terms": [{"term": "stomata", "definition": "tiny pores on the surface of a leaf", "segments": [5]}],
    "questions": [{"text": "Why does a plant need water?", "segments": [4]}],
    "flashcards": [{"front": "What is ATP?", "back": "adenosine triphosphate, which carries energy in the cell", "segments": [6]}],
    "quiz": [
        {
            "question": "Which colours does chlorophyll absorb?",
            "choices": ["green", "red and blue", "none", "all"],
            "answer": 1,
            "explanation": "It absorbs red and blue light and reflects green.",
            "segments": [3],
        }
    ],
}


def drafted(**changed: Any) -> Draft:
    return Draft.model_validate({**GOOD, **changed})


def kept(**changed: Any) -> Part:
    return sift(drafted(**changed), SEGMENTS, 0, len(SEGMENTS), "en")


def test_what_is_borne_out_is_kept_in_the_order_of_time() -> None:
    part = kept()
    assert part.dropped == 0
    assert part.title
    assert [section.title for section in part.outline] == ["Chloroplast and chlorophyll", "The Calvin cycle and carbon dioxide"]
    assert [(section.start, section.end) for section in part.outline] == [(20.0, 39.5), (70.0, 89.5)]
    assert [len(found) for found in (part.summary, part.terms, part.questions, part.flashcards, part.quiz)] == [1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("field", "item"),
    [
        ("summary", {"text": "The French Revolution began in 1789.", "segments": [1]}),
        ("summary", {"text": "Green plants turn light into chemical energy.", "segments": [8]}),
        ("summary", {"text": "Green plants turn light into chemical energy.", "segments": []}),
        ("summary", {"text": "Green plants turn light into chemical energy.", "segments": [99, -1]}),
        ("summary", {"text": "   ", "segments": [1]}),
        ("summary", {"text": "light " * 1000, "segments": [1]}),
        ("terms", {"term": "entropy", "definition": "a measure of disorder", "segments": [5]}),
        ("questions", {"text": "Who was Napoleon?", "segments": [2]}),
        ("flashcards", {"front": "Capital of France?", "back": "Paris", "segments": [0]}),
        ("quiz", {**GOOD["quiz"][0], "answer": 4}),
        ("quiz", {**GOOD["quiz"][0], "answer": -1}),
        ("quiz", {**GOOD["quiz"][0], "choices": ["red and blue", "Red and blue"]}),
        ("quiz", {**GOOD["quiz"][0], "choices": ["one"], "answer": 0}),
        ("quiz", {**GOOD["quiz"][0], "answer": 2, "explanation": "Nobody could ever tell."}),
    ],
)
def test_what_is_not_is_dropped_and_counted_and_the_rest_stays(field: str, item: dict[str, Any]) -> None:
    part = kept(**{field: [*GOOD[field], item]})
    assert part.dropped == 1
    assert part.model_copy(update={"dropped": 0}) == kept()


def test_a_topic_without_points_that_hold_is_dropped_with_them() -> None:
    made_up = {"text": "Napoleon crossed the Alps.", "segments": [2]}
    good = GOOD["outline"][1]
    assert [s.title for s in kept(outline=[{**good, "points": [made_up]}]).outline] == []
    assert kept(outline=[{**good, "points": [made_up]}]).dropped == 2
    assert kept(outline=[{**good, "title": "Napoleon in Egypt"}]).dropped == 2
    part = kept(outline=[{**good, "points": [made_up, *good["points"]]}])
    assert (part.dropped, len(part.outline[0].points)) == (1, 1)


def test_places_that_do_not_exist_are_taken_off_an_item_that_rests_on_others_too() -> None:
    part = kept(summary=[{"text": "Green plants turn light into chemical energy.", "segments": [1, 500, 1]}])
    assert [point.segments for point in part.summary] == [[1]]


def test_a_part_rests_on_its_own_lines_only() -> None:
    part = sift(drafted(), SEGMENTS, 4, len(SEGMENTS), "en")
    assert part.title is None
    assert all(place >= 4 for item in (*part.summary, *part.terms, *part.quiz, *part.outline) for place in item.segments)
    assert part.dropped == 5  # title, summary, a topic with its point, the quiz


def test_parts_make_one_set_of_notes() -> None:
    offline = take(SEGMENTS)
    first = kept()
    other = first.model_copy(update={"dropped": 3, "title": None, "terms": [first.terms[0].model_copy(update={"definition": "other"})]})
    notes = together([first, other], offline, "gemini-test")
    assert (notes.engine, notes.model, notes.dropped, notes.language) == ("gemini", "gemini-test", 3, "en")
    assert notes.title.text == GOOD["title"]["text"]
    assert [term.definition for term in notes.terms] == [GOOD["terms"][0]["definition"]]  # defined where it came first
    assert (len(notes.outline), len(notes.quiz), len(notes.summary)) == (4, 2, 2)
    assert together([other], offline, "m").title == offline.title
    notes.checked(len(SEGMENTS))


ITEM = st.fixed_dictionaries(
    {
        "text": st.sampled_from([*lectures.PLANTS.split(". ")[:8], "Napoleon", "", " "]),
        "segments": st.lists(st.integers(-3, 14), max_size=4),
    }
)


@given(ITEM, st.lists(ITEM, max_size=6), st.lists(ITEM, max_size=4))
@settings(max_examples=100, deadline=None)
def test_whatever_a_model_says_what_is_kept_exists_is_borne_out_and_nothing_is_lost_uncounted(
    title: dict[str, Any], summary: list[dict[str, Any]], questions: list[dict[str, Any]]
) -> None:
    draft = Draft.model_validate(
        {"title": title, "summary": summary, "questions": questions, "outline": [], "terms": [], "flashcards": [], "quiz": []}
    )
    part = sift(draft, SEGMENTS, 0, len(SEGMENTS), "en")
    items = [*part.summary, *part.questions, *([part.title] if part.title else [])]
    assert len(items) + part.dropped == 1 + len(summary) + len(questions)
    for item in items:
        assert item.segments
        assert all(0 <= place < len(SEGMENTS) for place in item.segments)
        assert borne_out(item, SEGMENTS, "en")


def test_other_forms_of_a_word_bear_it_out_and_words_of_grammar_do_not() -> None:
    said = [{"text": "Chlorophyll absorbs red and blue light."}]
    assert borne_out(Point(text="Absorption of light by chlorophyll", segments=[0]), said, "en")
    assert not borne_out(Point(text="It is and it was, of course.", segments=[0]), said, "en")
    assert not borne_out(Point(text="Light music by Mozart, played slowly in Vienna", segments=[0]), said, "en")
    japanese = [{"text": "光合成は葉緑体で行われます。"}]
    assert borne_out(Point(text="光合成の場所は葉緑体", segments=[0]), japanese, "ja")
    assert not borne_out(Point(text="東京は日本の首都です", segments=[0]), japanese, "ja")


def test_a_transcript_goes_in_parts_of_like_size_that_together_are_all_of_it() -> None:
    segments = [{"text": "x" * 92} for _ in range(1000)]
    assert parts(segments, 1_000_000) == [(0, 1000)]
    cut = parts(segments, 30_000)
    assert cut[0][0] == 0
    assert cut[-1][1] == 1000
    assert all(past == first for (_, past), (first, _) in itertools.pairwise(cut))
    assert all(sum(len(segment["text"]) for segment in segments[a:b]) <= 30_000 for a, b in cut)
    assert len(cut) == 4
    assert parts([], 10) == []
    assert parts([{"text": "x" * 50}] * 3, 10) == [(0, 1), (1, 2), (2, 3)]


def test_notes_that_rest_on_nothing_are_refused() -> None:
    notes = take(SEGMENTS)
    hold_offline(notes, SEGMENTS)
    for segments in ([], [len(SEGMENTS)]):
        wrong = notes.model_copy(update={"summary": [Point(text="light", segments=segments)]})
        with pytest.raises(ValueError, match="Point rests on segments"):
            wrong.checked(len(SEGMENTS))
    with pytest.raises(ValueError, match="choice 2 of 2"):
        Quiz(question="?", choices=["a", "b"], answer=2, segments=[0])
    with pytest.raises(ValueError, match="engine"):
        Notes.model_validate({**notes.model_dump(), "engine": "guesswork"})
