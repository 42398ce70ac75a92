"""Split what was said into cues that can be read: at most 42 characters × 2 lines, at most 20 characters a second, nothing cut off.

1. Each segment is split where a reader would pause, by the least sum of what each cut costs (a shortest path over its words). A word
   longer than a line goes on in the next one. So no cue is ever too large.
2. Each cue gets the time that reading it takes: the pause after it; where there is none, it stays, and what follows comes late, by
   at most 1.5 seconds. If there are times at which all cues can be read so, these are such times (latest starts from the end, then
   earliest ones from the beginning). Where there are none, a cue comes with its first word, and is shown for as long as it was
   spoken at least: faster than 20 characters a second, since to leave words out would be worse.

Cues do not overlap and end with the recording. Times are whole milliseconds from here on: subtitles have no others.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from workers.forms.said import SENTENCE_ENDS, Segment, speaker
from workers.forms.timing import Word, width, words

LINE_CHARACTERS = 42
LINES = 2
CHARACTERS_PER_SECOND = 20
LATE_MS = 1500  #: so much later than its first word a cue may come; more would be noticed
LINGER_MS = 1000  #: a cue stays for so long where nothing follows
LONG_SECONDS = 7.0  #: who speaks slower is shown less at a time

CLAUSE_ENDS = (",", ";", ":", "–", "—", "\N{IDEOGRAPHIC COMMA}", "\N{FULLWIDTH COMMA}", "\N{FULLWIDTH SEMICOLON}")
PAUSE_SECONDS = 0.3


class Cue(NamedTuple):
    start_ms: int
    end_ms: int
    lines: tuple[str, ...]
    speaker: str = ""

    @property
    def size(self) -> int:
        """Return how many characters have to be read; the end of a line is one."""
        return size(self.lines)

    @property
    def readable(self) -> bool:
        fits = len(self.lines) <= LINES and all(width(line) <= LINE_CHARACTERS for line in self.lines)
        return fits and self.end_ms - self.start_ms >= reading_ms(self.size)


class Piece(NamedTuple):
    """A word, or so much of one as a line takes."""

    text: str
    start: float
    end: float
    goes_on: bool  #: no space before it


class Unplaced(NamedTuple):
    """A cue as it is spoken, before it gets the time to be read."""

    first_ms: int
    last_ms: int
    lines: tuple[str, ...]
    speaker: str


def size(lines: Sequence[str]) -> int:
    return sum(map(width, lines)) + len(lines) - 1


def reading_ms(characters: int) -> int:
    return -(-characters * 1000 // CHARACTERS_PER_SECOND)


def cues(segments: Iterable[Segment], seconds: float, *, label: bool = False) -> list[Cue]:
    """Return the cues of a recording of so many seconds. With `label`, who speaks is told in words where another one begins."""
    return placed(list(spoken(segments, label)), round(seconds * 1000))


def spoken(segments: Iterable[Segment], label: bool) -> Iterator[Unplaced]:
    before = ""
    for segment in segments:
        said, by = words(segment), speaker(segment)
        if label and said and by and by != before:
            said[:0] = [Word(token, said[0].start, said[0].start) for token in f"{by}:".split()]
        before = by or before
        pieces = [piece for word in said for piece in broken(word)]
        for group in split(pieces):
            yield Unplaced(round(group[0].start * 1000), round(group[-1].end * 1000), lines(group), by)


def broken(word: Word) -> Iterator[Piece]:
    """Yield a word in pieces that fit a line, after punctuation where it has some: whole sentences of some scripts have no space."""
    if width(word.text) <= LINE_CHARACTERS:
        yield Piece(word.text, word.start, word.end, False)
        return
    total, past, rest = width(word.text), 0, word.text
    while rest:
        length = fitting(rest)
        if length < len(rest):
            ends = [at for at in range(length // 2, length) if rest[at] in "".join((*CLAUSE_ENDS, *SENTENCE_ENDS))]
            length = ends[-1] + 1 if ends else length
        part, rest = rest[:length], rest[length:]
        start = word.start + (word.end - word.start) * past / total
        past += width(part)
        yield Piece(part, start, word.start + (word.end - word.start) * past / total, len(rest) + len(part) < len(word.text))


def fitting(text: str) -> int:
    """Return how many characters of `text` fit a line."""
    widths = itertools.accumulate(map(width, text))
    return sum(1 for wide in widths if wide <= LINE_CHARACTERS)


def split(pieces: Sequence[Piece]) -> Iterator[Sequence[Piece]]:
    """Yield the pieces by cues: of all ways to cut them, the one that costs the least."""
    count = len(pieces)
    ends = [0, *itertools.accumulate(width(piece.text) + (not piece.goes_on) for piece in pieces)]
    bad = [ends_badly(pieces, last) for last in range(count)]
    cost = [0.0] + [float("inf")] * count
    cut = [0] * (count + 1)
    for first in range(count):
        line, from_here = 1, ends[first] + (not pieces[first].goes_on)
        of_line = from_here
        for last in range(first, count):
            if ends[last + 1] - of_line > LINE_CHARACTERS:
                line, of_line = line + 1, ends[last] + (not pieces[last].goes_on)
                if line > LINES:
                    break
            total = cost[first] + 1 + bad[last] + awkward(pieces, first, last, ends[last + 1] - from_here)
            if total < cost[last + 1]:
                cost[last + 1], cut[last + 1] = total, first
    bounds = [count]
    while bounds[-1]:
        bounds.append(cut[bounds[-1]])
    for last, first in itertools.pairwise(bounds[::-1]):
        yield pieces[last:first]


def awkward(pieces: Sequence[Piece], first: int, last: int, characters: int) -> float:
    """Return how bad a cue of these pieces is, its end aside: a few words more, and what stays for long."""
    told = 0.0 if characters >= LINE_CHARACTERS else (1 - characters / LINE_CHARACTERS) ** 2 / 2
    seconds = pieces[last].end - pieces[first].start
    return told + seconds - LONG_SECONDS if seconds > LONG_SECONDS and last > first else told


def ends_badly(pieces: Sequence[Piece], last: int) -> float:
    """Return how bad it is to cut after the piece `last`: 0 at the end of a sentence."""
    if last + 1 == len(pieces):
        return 0.0
    here, after = pieces[last], pieces[last + 1]
    if after.goes_on:
        return 0.9
    bad = 0.0 if here.text.endswith(SENTENCE_ENDS) else 0.25 if here.text.endswith(CLAUSE_ENDS) else 0.7
    return bad / 2 if after.start - here.end >= PAUSE_SECONDS else bad


def lines(pieces: Sequence[Piece]) -> tuple[str, ...]:
    """Return one line, or two that are about as long as each other and part where a reader would."""
    whole = joined(pieces)
    if width(whole) <= LINE_CHARACTERS:
        return (whole,)
    ways = []
    for at in range(1, len(pieces)):
        upper, lower = joined(pieces[:at]), joined(pieces[at:])
        if width(upper) <= LINE_CHARACTERS and width(lower) <= LINE_CHARACTERS:
            uneven = abs(width(upper) - width(lower)) / LINE_CHARACTERS
            ways.append((uneven + ends_badly(pieces, at - 1), -at, (upper, lower)))
    return min(ways)[-1]


def joined(pieces: Sequence[Piece]) -> str:
    return "".join(piece.text if piece.goes_on or n == 0 else f" {piece.text}" for n, piece in enumerate(pieces))


def placed(spoken: Sequence[Unplaced], until_ms: int) -> list[Cue]:
    """Give each cue its time."""
    firsts = list(itertools.accumulate((cue.first_ms for cue in spoken), max))
    needs = [reading_ms(size(cue.lines)) for cue in spoken]
    latest = [until_ms] * (len(spoken) + 1)
    for n in reversed(range(len(spoken))):  # so that all after it can still be read; where that cannot be, with its first word
        latest[n] = max(firsts[n], min(firsts[n] + LATE_MS, latest[n + 1] - needs[n]))
    starts: list[int] = []
    read = 0
    for n in range(len(spoken)):
        start = min(max(firsts[n], read), latest[n])
        starts.append(max(start, starts[-1] + 1) if starts else start)  # a word that took no time at all is seen for a moment
        read = starts[-1] + needs[n]
    told = []
    for n, cue in enumerate(spoken):
        end = max(cue.last_ms, starts[n] + max(needs[n], LINGER_MS))
        end = max(min(end, starts[n + 1] if n + 1 < len(spoken) else until_ms), starts[n] + 1)
        told.append(Cue(starts[n], end, cue.lines, cue.speaker))
    return told
