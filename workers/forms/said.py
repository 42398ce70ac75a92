"""What a transcript says, as every form tells it: which text, by whom, in which paragraphs.

A segment's `text` is what was heard, or what its owner made of that; `cleaned` stands beside it when the clean-up changed it, and is
what people are shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

Segment = Mapping[str, Any]

PARAGRAPH_PAUSE_SECONDS = 2.0  #: who pauses for so long goes on to something else
PARAGRAPH_CHARACTERS = 600  #: a longer one ends with its sentence
SENTENCE_ENDS = (".", "?", "!", "…", "\N{IDEOGRAPHIC FULL STOP}", "\N{FULLWIDTH QUESTION MARK}", "\N{FULLWIDTH EXCLAMATION MARK}")

#: Neither XML nor a player of subtitles takes them; half a character is what a lone surrogate is.
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
EVEN = "even"  #: the label of a segment that stands out in nothing
NUMBERED = re.compile(r"S(\d{1,3})")


def plain(text: str) -> str:
    """Return `text` as one line of what can be printed."""
    return " ".join(UNPRINTABLE.sub("", text).split())


def shown(segment: Segment) -> str:
    return plain(segment.get("cleaned") or segment["text"])


def speaker(segment: Segment) -> str:
    """Return who speaks: a name, `Speaker 1` for a number, empty when it is not known."""
    named = plain(segment.get("speaker") or "")
    number = NUMBERED.fullmatch(named)
    return f"Speaker {number[1]}" if number else named


def clock(seconds: float) -> str:
    """`1:23` or `1:02:03`."""
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def paragraphs(segments: Iterable[Segment]) -> list[list[Segment]]:
    """Return the segments by paragraphs: a new one at a long pause, where another speaks, and after a sentence once it is long."""
    found: list[list[Segment]] = []
    length, past, by = 0, 0.0, ""
    for segment in segments:
        said = shown(segment)
        if not said:
            continue
        full = bool(found) and length >= PARAGRAPH_CHARACTERS and shown(found[-1][-1]).endswith(SENTENCE_ENDS)
        if full or not found or segment["start"] - past >= PARAGRAPH_PAUSE_SECONDS or speaker(segment) != by:
            found.append([])
            length = 0
        found[-1].append(segment)
        length += len(said) + 1
        past, by = segment["end"], speaker(segment)
    return found


def delivery(segment: Segment) -> str:
    """Return in what a segment stands out from how its speaker usually talks; empty when in nothing, or it is not known."""
    label = plain((segment.get("delivery") or {}).get("label") or "")
    return "" if label == EVEN else label
