"""Judge what a window was decoded to: does it repeat itself, say too much for its time, speak where nobody does, or is it a guess?

A Whisper model that has lost the thread says so in none of its answers: it puts out fluent text, and mostly one of these signs. What
shows one is decoded again in other ways (`WAYS`), and what still does after the last of them is kept, marked and told. Knows no model.

A doubtful segment has `doubt`: `repeats`, `hurried`, `silence` or `unsure`.
"""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from workers.engines.clock import listed, stretch

#: Whisper's own limits: zlib makes a text smaller than this only if it repeats itself; what it thinks likelier is no guess.
MOST_COMPRESSED = 2.4
LEAST_LOGPROB = -1.0
#: Times in a row that so many words (or characters, where words are not set apart) may come: from then on it is a loop.
LOOPS = {1: 8, 2: 6, 3: 5, **dict.fromkeys(range(4, 17), 4)}
FASTEST = 45.0  #: characters a second, without spaces; people at their fastest speak half of that
HURRIED_CHARACTERS = 12  #: a shorter text is not judged by its pace: times are as coarse as 0.02 s
NEAR_SECONDS = 0.5  #: times may be off by this; further away from all speech nobody said it
HEARD_SECONDS = 2.0  #: so much speech without a word of text is a failure as well

UNITS = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]|[^\W_]+(?:['’][^\W_]+)*")  #: words; characters of what sets no words apart

#: How bad each is, for a choice among what is all in doubt: a guess is at least not known to be wrong.
WEIGHTS = {"repeats": 1.0, "hurried": 1.0, "silence": 1.0, "unsure": 0.5}
REASONS = {"repeats": "repeats itself", "hurried": "too much for its time", "silence": "nobody speaks there", "unsure": "a guess"}


@dataclass(frozen=True, slots=True)
class Way:
    """How to decode."""

    temperature: float = 0.0  #: above 0 words are drawn by lot
    repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    vocabulary: bool = True


#: From the first on, until one is beyond doubt. Penalties come before lots: they draw none, and end most loops.
WAYS = (
    Way(),
    Way(repetition_penalty=1.1, no_repeat_ngram_size=8, vocabulary=False),
    Way(0.2, vocabulary=False),
    Way(0.5, vocabulary=False),
    Way(0.8, vocabulary=False),
)

Span = tuple[float, float]
Segment = dict[str, Any]


def judged(segments: Sequence[Segment], speech: Sequence[Span]) -> tuple[Segment, ...]:
    """Return one window's segments, each with its `doubt` if there is any; `speech` is where somebody may speak, on the same clock."""
    repeating = repeats([segment["text"] for segment in segments])
    found = []
    for segment, repeated in zip(segments, repeating, strict=True):
        doubt = "repeats" if repeated else why_not(segment, speech)
        found.append({**segment, "doubt": doubt} if doubt else segment)
    return tuple(found)


def why_not(segment: Segment, speech: Sequence[Span]) -> str | None:
    """Return what is wrong with a segment by itself."""
    characters = len("".join(segment["text"].split()))
    if characters >= HURRIED_CHARACTERS and characters > FASTEST * (segment["end"] - segment["start"]):
        return "hurried"
    if not any(start - NEAR_SECONDS < segment["end"] and segment["start"] < end + NEAR_SECONDS for start, end in speech):
        return "silence"
    return "unsure" if segment["avg_logprob"] < LEAST_LOGPROB else None


def repeats(texts: Sequence[str]) -> list[bool]:
    """Tell of each text of one window whether it is part of a loop; of all of them, if together they are too easily compressed."""
    said = [[unit.lower() for unit in UNITS.findall(text)] for text in texts]
    looping = loops([unit for units in said for unit in units])
    if not any(looping) and compression(" ".join(texts)) > MOST_COMPRESSED:
        return [True] * len(texts)
    ends = itertools.accumulate(len(units) for units in said)
    return [any(looping[end - len(units) : end]) for units, end in zip(said, ends, strict=True)]


def loops(units: Sequence[str]) -> list[bool]:
    """Tell of each unit whether it stands in a run that comes again and again, without anything between."""
    looping = [False] * len(units)
    for period, times in LOOPS.items():
        alike = 0  #: units, up to here, that are the same as the one a period before
        for n in range(period, len(units) + 1):
            if n < len(units) and units[n] == units[n - period]:
                alike += 1
                continue
            if alike >= period * (times - 1):
                looping[n - alike - period : n] = [True] * (alike + period)
            alike = 0
    return looping


def compression(text: str) -> float:
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def doubtfulness(segments: Iterable[Segment], heard_s: float) -> float:
    """Return how much of a window's text is in doubt, 0 to 1; no text at all is as bad as can be if `heard_s` seconds were spoken in it."""
    lengths = [(len(segment["text"]), WEIGHTS.get(segment.get("doubt", ""), 0.0)) for segment in segments]
    total = sum(length for length, _ in lengths)
    if not total:
        return float(heard_s >= HEARD_SECONDS)
    return sum(length * weight for length, weight in lengths) / total


def warnings(segments: Sequence[Segment]) -> list[str]:
    """Return a sentence on what is still in doubt, with its places, or nothing."""
    passages: list[list[Any]] = []
    for before, segment in zip([{}, *segments], segments, strict=False):
        doubt = segment.get("doubt")
        if doubt and before.get("doubt") == doubt:
            passages[-1][1] = segment["end"]
        elif doubt:
            passages.append([segment["start"], segment["end"], doubt])
    if not passages:
        return []
    places = listed([f"{stretch(start, end)} ({REASONS[doubt]})" for start, end, doubt in passages])
    many = "1 passage" if len(passages) == 1 else f"{len(passages)} passages"
    return [f"{many} may not be what was said, decoded again in other ways and still in doubt: {places}"]
