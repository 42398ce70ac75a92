"""Make sentences of words with times: by their punctuation where there is any, by pauses where there is none.

Pure. No word is lost, doubled or moved: the words of the sentences, one after the other, are the words that were given.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

MOST_CHARACTERS = 200
MOST_SECONDS = 15.0
LONG_PAUSE_SECONDS = 2.0  #: ends a sentence, whatever it says
PAUSE_SECONDS = 0.6  #: ends one where there is no punctuation at all: a pause between sentences, as in workers.engines.cut
COMMA_WORTH_SECONDS = 0.4  #: where a long sentence is cut, a comma counts as so much of a pause
NO_CUT = 0.15  #: of a long sentence, at both its ends

#: A mark that ends a sentence, and what may close behind it.
ENDS = re.compile(r"[.?!…\u3002\uff01\uff1f\u0964\u061f]+[\"'”’»)\]]*$")
COMMAS = re.compile(r"[,;:–—\u3001\uff0c\uff1b]$")
#: A full stop after one of these ends no sentence; after one of the second row only before a number, of the third only before no capital.
ABBREVIATIONS = frozenset(
    ("mr", "mrs", "ms", "dr", "prof", "st", "vs", "e.g", "i.e", "eg", "ie", "cf", "al", "approx", "ca", "bzw", "z.b", "d.h")
)
NUMBERED = frozenset(["no", "nos", "fig", "figs", "eq", "eqs", "sec", "ch", "vol", "p", "pp"])
LAST_AS_WELL = frozenset(["etc", "usw", "inc", "ltd", "jr", "sr", "dept", "ed", "eds", "i"])
LETTERS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")  #: J, and U.S


@dataclass(frozen=True, slots=True)
class Spoken:
    """A word, and what is known of it from the segment it came in."""

    word: dict[str, Any]
    spaced: bool  #: whether a space stands before it, unless it is the first one
    avg_logprob: float
    no_speech_prob: float
    doubt: str = ""

    @property
    def start(self) -> float:
        return float(self.word["start"])

    @property
    def end(self) -> float:
        return float(self.word["end"])

    @property
    def text(self) -> str:
        return str(self.word["word"])


def sentences(words: Sequence[Spoken]) -> list[dict[str, Any]]:
    """Return the words as segments, each a sentence or a part of a long one."""
    return [segment(part) for whole in apart(words) for part in shortened(whole)]


def segment(words: Sequence[Spoken]) -> dict[str, Any]:
    made = {
        "start": words[0].start,
        "end": words[-1].end,
        "text": joined(words),
        "avg_logprob": round(math.fsum(word.avg_logprob for word in words) / len(words), 4),
        "no_speech_prob": max(word.no_speech_prob for word in words),
        "words": [word.word for word in words],
    }
    return {**made, "doubt": words[0].doubt} if words[0].doubt else made


def joined(words: Sequence[Spoken]) -> str:
    return "".join(f" {word.text}" if word.spaced and n else word.text for n, word in enumerate(words))


def apart(words: Sequence[Spoken]) -> Iterator[Sequence[Spoken]]:
    """Yield stretches of words that belong together: up to the end of a sentence, to a long pause, to where a doubt begins or ends."""
    first = 0
    for n in range(1, len(words) + 1):
        if n == len(words) or breaks(words[n - 1], words[n]):
            whole = words[first:n]
            yield from by_pauses(whole) if not any(ENDS.search(word.text) for word in whole) else (whole,)
            first = n


def breaks(word: Spoken, following: Spoken) -> bool:
    pause_s = following.start - word.end
    return pause_s >= LONG_PAUSE_SECONDS or word.doubt != following.doubt or ends_a_sentence(word.text, following.text, pause_s)


def ends_a_sentence(word: str, following: str, pause_s: float = 0.0) -> bool:
    """Tell whether a sentence ends between two words. A small letter goes on with it, unless somebody pauses before."""
    mark = ENDS.search(word)
    if not mark:
        return False
    goes_on = following[:1].islower() and pause_s < PAUSE_SECONDS
    if mark[0] != ".":
        return not goes_on
    bare = word[: mark.start()].lower().lstrip("\"'“‘«([")
    if bare in LAST_AS_WELL:
        return following[:1].isupper()
    if bare in NUMBERED:
        return not following[:1].isdigit()
    if bare in ABBREVIATIONS or LETTERS.fullmatch(bare):
        return False
    return not goes_on


def by_pauses(words: Sequence[Spoken]) -> Iterator[Sequence[Spoken]]:
    """Yield what is between pauses, of words without any punctuation."""
    first = 0
    for n in range(1, len(words) + 1):
        if n == len(words) or words[n].start - words[n - 1].end >= PAUSE_SECONDS:
            yield words[first:n]
            first = n


def shortened(words: Sequence[Spoken]) -> Iterator[Sequence[Spoken]]:
    """Yield a sentence that is too long to be read at once in parts, cut where its speaker pauses or writing has a comma."""
    waiting = [words]
    while waiting:
        part = waiting.pop()
        if len(part) < 2 or (len(joined(part)) <= MOST_CHARACTERS and part[-1].end - part[0].start <= MOST_SECONDS):
            yield part
        else:
            at = place_to_cut(part)
            waiting += [part[at:], part[:at]]


def place_to_cut(words: Sequence[Spoken]) -> int:
    """Return the word to cut before: behind the longest pause or a comma, not near either end, and nearer the middle if in doubt."""
    margin = min(max(1, int(len(words) * NO_CUT)), len(words) // 2)
    places = range(margin, len(words) - margin + 1)

    def worth(n: int) -> float:
        pause_s = words[n].start - words[n - 1].end
        off_centre = abs(2 * n / len(words) - 1)
        return pause_s + (COMMA_WORTH_SECONDS if COMMAS.search(words[n - 1].text) else 0.0) - 0.2 * off_centre

    return max(places, key=worth)
