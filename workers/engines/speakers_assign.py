"""Give each word to the speaker in whose turn its middle lies, and each sentence to one speaker unless another really takes over in it."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from workers.engines.segments import Segment
from workers.engines.turns import Turn

Word = dict[str, Any]

SENTENCE_ENDS = (".", "?", "!", "…", "\N{IDEOGRAPHIC FULL STOP}", "\N{FULLWIDTH QUESTION MARK}", "\N{FULLWIDTH EXCLAMATION MARK}")
CLOSING = "\"')]»”’"  #: may follow on the end of a sentence
REAL_WORDS, REAL_SECONDS = 3, 0.8  #: who takes over within a sentence says at least so much; less is an error of times or of ears


def assign(segments: Sequence[Segment], turns: Sequence[Turn]) -> tuple[list[Segment], list[dict[str, Any]]]:
    """Return the segments with their speakers, split where the speaker changes, and the turns; speakers are S1, S2, … as they first speak.

    Turns in which nothing was transcribed by anyone who speaks elsewhere stay; a voice that never says a word is left out.
    """
    if not turns:
        return [dict(segment) for segment in segments], []
    clock = Clock(turns)
    given: list[tuple[Segment, int]] = []
    for segment in segments:
        given += parts(segment, clock)
    names: dict[int, str] = {}
    named = [{**segment, "speaker": names.setdefault(speaker, f"S{len(names) + 1}")} for segment, speaker in given]
    told = [
        {"start": round(turn.start, 3), "end": round(turn.end, 3), "speaker": names[turn.speaker]}
        for turn in turns
        if turn.speaker in names
    ]
    return named, told


class Clock:
    """Who speaks at a time."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self.turns = sorted(turns, key=lambda turn: turn.start)
        self.starts = [turn.start for turn in self.turns]
        self.longest_s = max(turn.end - turn.start for turn in turns)

    def at(self, moment: float) -> int:
        """Return who speaks then; between turns, whose turn is nearest; of several at once, who began last."""
        n = bisect.bisect_right(self.starts, moment)
        near = self.turns[max(0, n - 4) : n + 1]  # turns hardly overlap: the one that holds the moment is among the last that began
        return min(near, key=lambda turn: (max(turn.start - moment, moment - turn.end, 0.0), -turn.start)).speaker

    def most(self, start: float, end: float) -> int:
        """Return who speaks longest from `start` to `end`."""
        shares: dict[int, float] = defaultdict(float)
        first = bisect.bisect_left(self.starts, start - self.longest_s)
        for turn in self.turns[first : bisect.bisect_right(self.starts, end)]:
            shares[turn.speaker] += max(0.0, min(end, turn.end) - max(start, turn.start))
        best = max(shares, key=lambda speaker: shares[speaker], default=-1)
        return best if best >= 0 and shares[best] > 0 else self.at((start + end) / 2)


def parts(segment: Segment, clock: Clock) -> list[tuple[Segment, int]]:
    """Return the segment with its speaker, or its parts if there are several."""
    words: list[Word] = segment.get("words") or []
    if not words:
        return [(dict(segment), clock.most(segment["start"], segment["end"]))]
    speakers: list[int] = []
    for sentence in sentences(words):
        speakers += smoothed(sentence, [clock.at((word["start"] + word["end"]) / 2) for word in sentence])
    runs = runs_of(speakers)
    if len(runs) == 1:
        return [(dict(segment), speakers[0])]
    texts = split_text(segment["text"], words, [first for first, _ in runs[1:]])
    found = []
    for (first, last), text in zip(runs, texts, strict=True):
        own = words[first:last]
        start = segment["start"] if first == 0 else own[0]["start"]
        end = segment["end"] if last == len(words) else own[-1]["end"]
        found.append(({**segment, "start": start, "end": end, "text": text, "words": own}, speakers[first]))
    return found


def sentences(words: Sequence[Word]) -> list[list[Word]]:
    """Return the words sentence by sentence, as far as punctuation tells."""
    found: list[list[Word]] = [[]]
    for word in words:
        found[-1].append(word)
        if word["word"].strip().rstrip(CLOSING).endswith(SENTENCE_ENDS):
            found.append([])
    return [sentence for sentence in found if sentence]


def smoothed(words: Sequence[Word], speakers: list[int]) -> list[int]:
    """Return the speakers of a sentence without those who say too little in it: they are given to whoever says most."""
    said: dict[int, float] = defaultdict(float)
    for word, speaker in zip(words, speakers, strict=True):
        said[speaker] += max(word["end"] - word["start"], 0.01)
    main = max(said, key=lambda speaker: said[speaker])
    kept = list(speakers)
    for first, last in runs_of(speakers):
        real = last - first >= REAL_WORDS and words[last - 1]["end"] - words[first]["start"] >= REAL_SECONDS
        if not real:
            kept[first:last] = [main] * (last - first)
    return kept


def runs_of(speakers: Sequence[int]) -> list[tuple[int, int]]:
    """Return where each run of the same speaker begins and ends."""
    edges = [n for n in range(len(speakers)) if n == 0 or speakers[n] != speakers[n - 1]]
    return list(zip(edges, [*edges[1:], len(speakers)], strict=True))


def split_text(text: str, words: Sequence[Word], at: Sequence[int]) -> list[str]:
    """Return the text in pieces that begin with the words numbered `at`; spaces are the text's own, which not every language has."""
    places: list[int] = []
    past = 0
    for word in words:
        found = text.find(word["word"].strip(), past)
        if found < 0:  # the text was changed since: the words are all there is
            edges = [0, *at, len(words)]
            return [" ".join(word["word"].strip() for word in words[a:b]) for a, b in pairwise(edges)]
        places.append(found)
        past = found + len(word["word"].strip())
    marks = [0, *(places[n] for n in at), len(text)]
    return [text[a:b].strip() for a, b in pairwise(marks)]
