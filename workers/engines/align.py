"""Put every word on the recording's clock, make sentences of them, and tell where somebody spoke and nothing was written down.

Chunks do not overlap, and each knows its first sample: a word is moved by exactly that, belongs to one chunk, and stays within it. So
nothing is there twice, and nothing is taken for a repetition and dropped.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from workers.engines import guard
from workers.engines.chunks import Chunk, listed
from workers.engines.clock import listed as named
from workers.engines.clock import stretch
from workers.engines.segments import Segment, heard, put
from workers.engines.sentences import Spoken, sentences

if TYPE_CHECKING:
    from workers.context import Context

VERSION = "1"  #: of how words are drawn to speech and sentences made
LOW_PROBABILITY = 0.5  #: a word below this is marked: it is worth a look
EARLY_SECONDS = 0.08  #: a word begins, or ends, at most so far outside the speech in which it lies
SHORTEST_SECONDS = 0.05  #: no word is cut shorter than this for that
COVERS_SECONDS = 0.75  #: around a word nothing is missing
MISSING_SECONDS = 1.0  #: a shorter stretch without words is not told
MOST_TOLD = 500  #: stretches in the output, which has to be small

UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]")  #: writing that sets no words apart

Span = tuple[float, float]
Word = dict[str, Any]


def run(context: Context, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the key of the sentences, how many, and the warnings."""
    chunks = listed(inputs["prepare"]["chunks"])
    context.progress(0.0, "Aligning the words")
    spoken: list[Spoken] = []
    speech: list[Span] = []
    for n, (chunk, found) in enumerate(zip(chunks, heard(context), strict=True)):
        heard_here = [(float(start), float(end)) for start, end in found["speech"]]
        spoken += in_chunk(found["segments"], chunk, heard_here)
        speech += heard_here
        context.progress((n + 1) / len(chunks))
    segments = sentences(spoken)
    uncovered = missing(speech, [(word.start, word.end) for word in spoken])
    warnings = [*guard.warnings(segments), *coverage(uncovered)]
    return {
        "key": put(context, "sentences.json", segments, uncovered=uncovered),
        "segments": len(segments),
        "words": len(spoken),
        "low": sum("low" in word.word for word in spoken),
        "warnings": warnings,
        "uncovered": uncovered[:MOST_TOLD],
        "provenance": {
            "engine": "align",
            "method": "times of the speech model, drawn to the speech that was heard; sentences made of words",
            "version": VERSION,
            "settings": {"low_probability": LOW_PROBABILITY},
            "third_party": None,
        },
    }


def in_chunk(segments: Sequence[Segment], chunk: Chunk, speech: Sequence[Span]) -> list[Spoken]:
    """Return a chunk's words in the order of time, none beginning before the last one ended, none outside the chunk."""
    words = [spoken for segment in sorted(segments, key=lambda segment: float(segment["start"])) for spoken in words_of(segment)]
    onto_speech([spoken.word for spoken in words], speech)
    in_turn([spoken.word for spoken in words], round(chunk.offset_s, 3), round(chunk.offset_s + chunk.seconds, 3))
    return words


def words_of(segment: Segment) -> Iterator[Spoken]:
    """Yield a segment's words, copied. Of text without words each gets a share of the segment's time by its length, and is marked."""
    words: list[Word] = segment.get("words") or spread(segment)
    behind = 0
    for word in words:
        at = segment["text"].find(word["word"], behind)
        spaced = at < 0 or segment["text"][behind:at].isspace() or (at == 0 and not UNSPACED.match(word["word"]))
        behind = max(at, behind) + len(word["word"]) if at >= 0 else behind
        kept = {name: word[name] for name in ("word", "start", "end", "probability")}
        if kept["probability"] < LOW_PROBABILITY or "low" in word:
            kept["low"] = True
        yield Spoken(kept, spaced, segment["avg_logprob"], segment["no_speech_prob"], segment.get("doubt", ""))


def spread(segment: Segment) -> list[Word]:
    texts = segment["text"].split()
    start, total = segment["start"], sum(map(len, texts))
    shares = itertools.accumulate((len(text) / total for text in texts), initial=0.0)
    times = [round(start + share * (segment["end"] - start), 3) for share in shares]
    probability = round(math.exp(segment["avg_logprob"]), 4)
    return [
        {"word": text, "start": begin, "end": end, "probability": probability, "low": True}
        for text, begin, end in zip(texts, times, times[1:], strict=False)
    ]


def onto_speech(words: Sequence[Word], speech: Sequence[Span]) -> None:
    """Have words that reach into the silence before or behind the speech they lie in begin and end there.

    The first word after a pause is given up to half a second of it by Whisper's attention.
    """
    n = 0
    for word in words:
        while n + 1 < len(speech) and overlap(word, speech[n]) <= overlap(word, speech[n + 1]) and speech[n][1] < word["end"]:
            n += 1
        if not speech or not overlap(word, speech[n]):
            continue
        first, last = speech[n][0] - EARLY_SECONDS, speech[n][1] + EARLY_SECONDS
        word["start"] = max(word["start"], min(round(first, 3), word["end"] - SHORTEST_SECONDS))
        word["end"] = min(word["end"], max(round(last, 3), word["start"] + SHORTEST_SECONDS))


def overlap(word: Word, span: Span) -> float:
    return max(0.0, min(float(word["end"]), span[1]) - max(float(word["start"]), span[0]))


def in_turn(words: Iterable[Word], first: float, last: float) -> None:
    """Move words as little as it takes for them to lie between `first` and `last`, each behind the one before."""
    for word in words:
        word["start"] = min(max(word["start"], first), last)
        word["end"] = first = min(max(word["end"], word["start"]), last)


def missing(speech: Sequence[Span], words: Sequence[Span]) -> list[list[float]]:
    """Return the stretches in which somebody speaks, with no word near."""
    found: list[list[float]] = []
    n = 0
    for start, end in speech:
        at = start
        while n and words[n - 1][1] + COVERS_SECONDS > start:  # a word may reach over several stretches
            n -= 1
        while at < end:
            while n < len(words) and words[n][1] + COVERS_SECONDS <= at:
                n += 1
            until = min(end, words[n][0] - COVERS_SECONDS) if n < len(words) else end
            if until > at:
                found.append([at, until])
            at = max(until, words[n][1] + COVERS_SECONDS) if n < len(words) else end
    return [[round(start, 2), round(end, 2)] for start, end in found if end - start >= MISSING_SECONDS]


def coverage(uncovered: Sequence[Sequence[float]]) -> list[str]:
    """Return a sentence on speech that was not transcribed, with its places, or nothing."""
    if not uncovered:
        return []
    seconds = sum(end - start for start, end in uncovered)
    many = "1 stretch of speech" if len(uncovered) == 1 else f"{len(uncovered)} stretches of speech"
    verb = "was" if len(uncovered) == 1 else "were"
    return [f"{many}, {seconds:.0f} s in all, {verb} not transcribed: {named([stretch(start, end) for start, end in uncovered])}"]
