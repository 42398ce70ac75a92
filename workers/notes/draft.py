"""Notes as a model drafts them: what it is asked for, and what of its answer is kept.

An item is kept when it is whole, names segments that exist and is borne out by them; else it is dropped, and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from workers.notes import shape
from workers.notes.shape import GEMINI, Item, Notes, Section, TimedSection
from workers.notes.support import borne_out

Kept = TypeVar("Kept", bound=Item)

MOST_SUMMARY = 12  #: points of a summary that several parts make together

INSTRUCTIONS = """You write study notes of a lecture for its students, from its transcript and from nothing else.
Write in the language of the transcript. Use the words of the lecturer where you can; add no fact that is not in the transcript.
Each line of the transcript begins with its number. Every item names in `segments` the numbers of the lines that it rests on: at least \
one, at most eight, and only lines that say what the item says. Items that their lines do not bear out are thrown away."""

ASKED = """Write these notes: a title; a summary of 3 to 8 sentences; an outline of the topics in the order of time, each with 2 to 5 \
points; the key terms with the definitions that the lecturer gives; open questions to study by; flashcards; and a quiz with four choices \
a question, one of them right, spread over the whole lecture. Fewer items where the transcript is short."""


class DraftPoint(BaseModel):
    text: str
    segments: list[int] = Field(description="numbers of the lines it rests on")


class DraftSection(BaseModel):
    title: str
    segments: list[int] = Field(description="numbers of a few lines that the title rests on")
    points: list[DraftPoint]


class DraftTerm(BaseModel):
    term: str
    definition: str
    segments: list[int] = Field(description="numbers of the lines it rests on")


class DraftCard(BaseModel):
    front: str
    back: str
    segments: list[int] = Field(description="numbers of the lines it rests on")


class DraftQuiz(BaseModel):
    question: str
    choices: list[str] = Field(description="four choices, all different")
    answer: int = Field(description="place of the right choice, from 0")
    explanation: str = Field(description="one sentence: why that choice is right, by what the lecturer says")
    segments: list[int] = Field(description="numbers of the lines it rests on")


class Draft(BaseModel):
    """What a model is asked to answer."""

    title: DraftPoint
    summary: list[DraftPoint]
    outline: list[DraftSection]
    terms: list[DraftTerm]
    questions: list[DraftPoint]
    flashcards: list[DraftCard]
    quiz: list[DraftQuiz]


class Part(BaseModel):
    """What was kept of the draft of a part of the transcript."""

    title: shape.Title | None = None
    summary: list[shape.Point] = []
    outline: list[TimedSection] = []
    terms: list[shape.Term] = []
    questions: list[shape.Point] = []
    flashcards: list[shape.Card] = []
    quiz: list[shape.Quiz] = []
    dropped: int = 0

    @property
    def empty(self) -> bool:
        return not (self.summary or self.outline or self.terms)


class Sieve:
    """Keeps the items that lines `first` to `past` of the transcript bear out, and counts the others."""

    def __init__(self, segments: Sequence[Mapping[str, Any]], first: int, past: int, language: str) -> None:
        self.segments = segments
        self.lines = range(first, past)
        self.language = language
        self.dropped = 0

    def item(self, kind: type[Kept], drafted: BaseModel, **more: Any) -> Kept | None:
        given = {**drafted.model_dump(), **more}
        given["segments"] = sorted({place for place in given["segments"] if place in self.lines})
        try:
            item = kind.model_validate(given)
        except ValidationError:
            item = None
        if item is None or not item.segments or not borne_out(item, self.segments, self.language):
            self.dropped += 1
            return None
        return item

    def items(self, kind: type[Kept], drafted: Sequence[BaseModel]) -> list[Kept]:
        return [item for one in drafted if (item := self.item(kind, one)) is not None]

    def section(self, drafted: DraftSection) -> TimedSection | None:
        """Return a topic, from the first to the last of what it rests on; none when none of its points is left."""
        points = self.items(shape.Point, drafted.points)
        section = self.item(Section, drafted, points=[point.model_dump() for point in points])
        if section is None or not points:
            self.dropped += len(points) if section is None else 1
            return None
        places = {*section.segments, *(place for point in points for place in point.segments)}
        start = min(float(self.segments[place]["start"]) for place in places)
        end = max(float(self.segments[place]["end"]) for place in places)
        return TimedSection(title=section.title, segments=section.segments, points=points, start=start, end=end)


def sift(draft: Draft, segments: Sequence[Mapping[str, Any]], first: int, past: int, language: str) -> Part:
    """Return what of a draft is borne out by the lines `first` to `past` that it was made of."""
    sieve = Sieve(segments, first, past, language)
    outline = [section for one in draft.outline if (section := sieve.section(one)) is not None]
    kept = Part(
        title=sieve.item(shape.Title, draft.title),
        summary=sieve.items(shape.Point, draft.summary),
        outline=sorted(outline, key=lambda section: (section.start, section.end)),
        terms=sieve.items(shape.Term, draft.terms),
        questions=sieve.items(shape.Point, draft.questions),
        flashcards=sieve.items(shape.Card, draft.flashcards),
        quiz=sieve.items(shape.Quiz, draft.quiz),
    )
    return kept.model_copy(update={"dropped": sieve.dropped})


def together(parts: Sequence[Part], offline: Notes, model: str) -> Notes:
    """Return the notes that the parts make, in the order of time. A term is defined where it comes first; no title: the offline one."""
    titles = [part.title for part in parts if part.title]
    summaries = [part.summary for part in parts]
    each = max(1, MOST_SUMMARY // max(1, len(parts)))
    return Notes(
        language=offline.language,
        engine=GEMINI,
        model=model,
        title=titles[0] if titles else offline.title,
        summary=[point for summary in summaries for point in (summary if len(parts) == 1 else summary[:each])],
        outline=[section for part in parts for section in part.outline],
        terms=list({term.term.casefold(): term for part in reversed(parts) for term in reversed(part.terms)}.values())[::-1],
        questions=[question for part in parts for question in part.questions],
        flashcards=list({card.front.casefold(): card for part in reversed(parts) for card in reversed(part.flashcards)}.values())[::-1],
        quiz=[quiz for part in parts for quiz in part.quiz],
        dropped=sum(part.dropped for part in parts),
        warnings=list(offline.warnings),
    )


def parts(segments: Sequence[Mapping[str, Any]], most_characters: int) -> list[tuple[int, int]]:
    """Return from where to where each part of the transcript goes, all about as long, none of more characters than so many."""
    sizes = [len(str(segment["text"])) + 8 for segment in segments]  # its number stands before each
    total = sum(sizes)
    count = max(1, -(-total // most_characters))
    found: list[tuple[int, int]] = []
    first = size = 0
    for n, characters in enumerate(sizes):
        if n > first and size + characters > total / count:
            found.append((first, n))
            first, size = n, 0
        size += characters
    return [*found, (first, len(sizes))] if sizes else []
