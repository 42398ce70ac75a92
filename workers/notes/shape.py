"""What notes are: notes.json as every form is made of it, and the draft that a model is asked for. Refuses what does not fit.

An item names the segments that it rests on, by their places in the transcript, from 0.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

OFFLINE = "offline extractive"
GEMINI = "gemini"

Place = Annotated[int, Field(ge=0)]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Short = Annotated[str, Field(min_length=1, max_length=300)]


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    segments: list[Place]

    def claims(self) -> str:
        """Return what the segments have to bear out."""
        raise NotImplementedError


class Point(Item):
    text: Text

    def claims(self) -> str:
        return self.text


class Title(Item):
    text: Short

    def claims(self) -> str:
        return self.text


class Section(Item):
    title: Short
    points: list[Point]

    def claims(self) -> str:
        return self.title


class TimedSection(Section):
    start: float = Field(ge=0)
    end: float = Field(ge=0)


class Term(Item):
    term: Short
    definition: Text

    def claims(self) -> str:
        return f"{self.term} {self.definition}"


class Card(Item):
    front: Text
    back: Text

    def claims(self) -> str:
        return f"{self.front} {self.back}"


class Quiz(Item):
    question: Text
    choices: list[Short] = Field(min_length=2, max_length=6)
    answer: int = Field(ge=0, description="place of the right choice, from 0")
    explanation: str = Field("", max_length=2000)

    @model_validator(mode="after")
    def one_of_the_choices(self) -> Self:
        if self.answer >= len(self.choices):
            raise ValueError(f"the answer is choice {self.answer} of {len(self.choices)}")
        if len({choice.casefold() for choice in self.choices}) < len(self.choices):
            raise ValueError("two choices are the same")
        return self

    def claims(self) -> str:
        return f"{self.choices[self.answer]} {self.explanation or self.question}"


class Notes(BaseModel):
    """notes.json."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    language: str = ""
    engine: Literal["offline extractive", "gemini"]
    model: str | None = None
    title: Title
    summary: list[Point] = []
    outline: list[TimedSection] = []
    terms: list[Term] = []
    questions: list[Point] = []
    flashcards: list[Card] = []
    quiz: list[Quiz] = []
    dropped: int = Field(0, ge=0)
    warnings: list[str] = []

    def items(self) -> list[Item]:
        """Return everything that rests on segments."""
        nested = [point for section in self.outline for point in section.points]
        return [self.title, *self.summary, *self.outline, *nested, *self.terms, *self.questions, *self.flashcards, *self.quiz]

    def checked(self, count: int) -> Self:
        """Return these notes of `count` segments. Raises ValueError for an item that rests on none, or on one that is not there."""
        for item in self.items():
            if any(place >= count for place in item.segments) or (count and not item.segments):
                raise ValueError(f"{type(item).__name__} rests on segments {item.segments} of {count}")
        return self
