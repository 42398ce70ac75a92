"""Sentences of a transcript, with the segments that each of them lies in. A segment may hold several, and a sentence reach over several."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PAUSE_SECONDS = 2.0  #: who is silent for so long has ended the sentence
LONGEST = 400  #: characters
LONGEST_UNMARKED = 140  #: where hardly any sentence is marked by its end
FEW_MARKS = 1 / 60  #: ends of sentences a word

END = re.compile(r"""[.!?…؟۔।॥]+["'”’»)\]]*(?=\s|$)|[。！？]+[」』”]*""")
QUESTION = re.compile(r"""[?？؟]["'”’»)\]」』]*\s*$""")
ABBREVIATION = re.compile(
    r"(?:^|[\s(.])(?:\w|\w\.\w|[Dd]r|[Mm]rs?|[Pp]rof|[Ss]t|[Vv]s|etc|[Ff]ig|[Nn]o|[Nn]r|[Cc]a|bzw|usw|[Cc]f|al|[Ss]ra?|[Mm]me)$"
)


@dataclass(frozen=True, slots=True)
class Sentence:
    text: str
    segments: tuple[int, ...]  #: places of the segments it lies in
    start: float
    end: float

    @property
    def asks(self) -> bool:
        return QUESTION.search(self.text) is not None


def read(segments: Sequence[Mapping[str, Any]]) -> list[Sentence]:
    """Return what was said, sentence by sentence. They end at their marks, at a pause, where somebody else speaks, or when too long."""
    said = [" ".join(str(segment["text"]).split()) for segment in segments]
    marks = sum(len(END.findall(text)) for text in said)
    most = LONGEST if marks >= FEW_MARKS * sum(text.count(" ") + 1 for text in said) else LONGEST_UNMARKED
    sentences: list[Sentence] = []
    parts: list[str] = []
    places: list[int] = []

    def end() -> None:
        if parts:
            text = " ".join(parts)
            first, last = segments[places[0]], segments[places[-1]]
            sentences.append(Sentence(text, tuple(dict.fromkeys(places)), float(first["start"]), float(last["end"])))
        parts.clear()
        places.clear()

    for place, segment in enumerate(segments):
        if places and breaks(segments[places[-1]], segment):
            end()
        for text, ended in pieces(said[place], most):
            if not any(map(str.isalnum, text)):  # a mark by itself
                end()
                continue
            if parts and sum(map(len, parts)) + len(text) > most:
                end()
            parts.append(text)
            places.append(place)
            if ended:
                end()
    end()
    return sentences


def breaks(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return before.get("speaker") != after.get("speaker") or float(after["start"]) - float(before["end"]) >= PAUSE_SECONDS


def pieces(text: str, most: int) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a segment's text, each with whether a sentence ends with it."""
    past = 0
    for found in END.finditer(text):
        if found.group().startswith(".") and is_no_end(text, found.start(), found.end()):
            continue
        yield from short(text[past : found.end()].strip(), most, True)
        past = found.end()
    if rest := text[past:].strip():
        yield from short(rest, most, False)


def is_no_end(text: str, at: int, past: int) -> bool:
    """Whether a full stop belongs to an abbreviation, or the sentence goes on in lower case."""
    return ABBREVIATION.search(text[max(0, at - 8) : at]) is not None or text[past : past + 4].lstrip()[:1].islower()


def short(text: str, most: int, ends: bool) -> Iterator[tuple[str, bool]]:
    """Yield a text in parts of at most `most` characters, cut between words where there are any."""
    at = 0
    while len(text) - at > most:
        space = text.rfind(" ", at + most // 2, at + most)
        past = space if space > 0 else at + most
        yield text[at:past].strip(), True
        at = past
    if rest := text[at:].strip():
        yield rest, ends
