"""Put into a transcript what its owner has corrected: the text of segments, and the names of speakers. Pure.

The file of corrections is

    {"version": 1, "segments": {"<place>": {"text": …, "start", "end": seconds, "was": as transcribed}, …}, "speakers": {"S1": "Dr Ada", …}}

`place` is a segment's in the transcript as it was without corrections, from 0. A task that is retried may cut the segments anew: then the
times tell which one was corrected, not the place. Files of former versions have the place alone. A corrected segment keeps its place and
its time: what other tasks have put beside it, item by item, still fits. An empty text takes away what it says, not the segment.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jobs.corrections import fitted

Segment = dict[str, Any]
Word = dict[str, Any]

VERSION = 1
SURE = 1.0  #: the probability of a word that a person has written


def applied(segments: Sequence[Segment], corrections: Mapping[str, Any]) -> list[Segment]:
    """Return all segments, in their order, with the corrections in them. One that fits nowhere is left out. Raises ValueError."""
    if corrections.get("version") != VERSION:
        raise ValueError(f"these corrections are of version {corrections.get('version')!r}; this Lectern knows {VERSION}")
    changes = corrections.get("segments", {})
    texts = {n: changes[place]["text"] for place, n in fitted(segments, changes).items() if n is not None}
    names = corrections.get("speakers", {})
    return [named(rewritten(segment, texts[n]) if n in texts else segment, names) for n, segment in enumerate(segments)]


def unfit(segments: Sequence[Segment], corrections: Mapping[str, Any]) -> list[str]:
    """Return the places of the corrections that fit none of the segments as they were transcribed."""
    return [place for place, n in fitted(segments, corrections.get("segments", {})).items() if n is None]


def named(segment: Segment, names: Mapping[str, str]) -> Segment:
    """Return a segment with its speaker's name in the place of the letter and number that diarize gave."""
    return {**segment, "speaker": names[segment["speaker"]]} if segment.get("speaker") in names else segment


def rewritten(segment: Segment, text: str) -> Segment:
    """Return a segment that says `text`: words that were there keep their times, others share what lies between those."""
    text = " ".join(text.split())
    if text == segment["text"]:
        return segment
    corrected = {name: value for name, value in segment.items() if name != "doubt"}  # somebody has looked at it
    corrected.update(text=text, corrected=True)
    if "words" in segment:
        corrected["words"] = retimed(segment, text.split())
    return corrected


def retimed(segment: Segment, texts: Sequence[str]) -> list[Word]:
    """Return words with times: in order, within the segment, those that were said already at their old times."""
    old: list[Word] = segment["words"]
    words: list[Word] = []
    for kind, first, end, new_first, new_end in matched([word["word"] for word in old], texts):
        if kind == "equal":
            words += [
                {name: value for name, value in {**word, "word": text}.items() if name != "low"}
                for word, text in zip(old[first:end], texts[new_first:new_end], strict=True)
            ]
        else:
            since = old[first - 1]["end"] if first else segment["start"]
            until = old[end]["start"] if end < len(old) else segment["end"]
            words += shared(texts[new_first:new_end], since, max(since, until))
    return words


def matched(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, int, int, int, int]]:
    """Yield what is equal and what is not, as `difflib` does, without regard to case and punctuation."""
    matcher = difflib.SequenceMatcher(None, [bare(word) for word in old], [bare(word) for word in new], autojunk=False)
    yield from matcher.get_opcodes()


def bare(word: str) -> str:
    return re.sub(r"[^\w]", "", word).casefold() or word


def shared(texts: Sequence[str], since: float, until: float) -> list[Word]:
    """Return words that share a stretch of time by their length."""
    total = sum(map(len, texts)) or 1
    words: list[Word] = []
    behind = 0
    for text in texts:
        start = words[-1]["end"] if words else since
        behind += len(text)
        end = until if behind == total else min(max(round(since + (until - since) * behind / total, 3), start), until)
        words.append({"word": text, "start": start, "end": end, "probability": SURE})
    return words
