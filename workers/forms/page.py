"""A page as parts: what a transcript or notes have to say, before it is Markdown, a web page or a Word document."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Look(StrEnum):
    PLAIN = "plain"
    STRONG = "strong"
    TIME = "time"  #: where in the recording
    SPEAKER = "speaker"
    UNSURE = "unsure"  #: heard with low confidence
    ASIDE = "aside"  #: about the text, not of it


Run = tuple[str, Look]
Runs = tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    level: int  #: 1 for the page's own
    text: str
    time: str = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    runs: Runs


@dataclass(frozen=True, slots=True)
class Bullets:
    items: tuple[Runs, ...]
    numbered: bool = False


Part = Heading | Paragraph | Bullets


@dataclass(frozen=True, slots=True)
class Page:
    title: str
    language: str
    parts: tuple[Part, ...]


def plain_run(text: str) -> Run:
    return text, Look.PLAIN


def aside(text: str) -> Paragraph:
    return Paragraph(((text, Look.ASIDE),))
