"""Key terms: phrases between words without meaning, as RAKE cuts them, weighed by how central their words are (TextRank)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from workers.notes import rank, stop
from workers.notes.words import Word, is_unspaced, surface

LONGEST = 3  #: words of a term
LONGEST_GLUED = 5  #: pairs of characters
MANY_WORDS = 150  #: said in all: from then on a term has to be said twice
MOST = 24
BEGINS_A_SENTENCE = 0.6  #: the share of nouns among the words that do
AFTER_ANOTHER = 0.35  #: among those that follow a word with meaning: a noun behind its adjective, or a verb behind its subject


@dataclass(slots=True)
class Seen:
    """A phrase, as it is met."""

    count: int = 0
    surfaces: Counter[str] = field(default_factory=Counter)
    sentences: list[int] = field(default_factory=list)
    named: float = 0.0  #: how often it stood where nouns stand


@dataclass(frozen=True, slots=True)
class Term:
    text: str
    keys: tuple[str, ...]
    count: int
    sentences: tuple[int, ...]  #: where it is said
    score: float


def find(
    sentences: Sequence[Sequence[Word]], language: str, most: int = MOST, also: Collection[tuple[str, ...]] = frozenset()
) -> list[Term]:
    """Return the key terms of a text, the best first. Those of `also` count although they are said only once."""
    often = collect(sentences, language, candidates(sentences, also))
    scores = rank.word_scores(sentences)
    inside = swallowed(often)
    ranked = sorted(
        (
            Term(shown(seen), keys, seen.count, tuple(dict.fromkeys(seen.sentences)), worth(keys, seen, scores, language))
            for keys, seen in often.items()
            if keys not in inside
        ),
        key=lambda term: (-term.score, term.sentences[0], term.text),
    )
    chosen: list[Term] = []
    for term in ranked:
        if len(chosen) == most:
            break
        if not any(set(term.keys) <= set(other.keys) or set(other.keys) <= set(term.keys) for other in chosen):
            chosen.append(term)
    return chosen


def candidates(sentences: Sequence[Sequence[Word]], also: Collection[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """Return the phrases that are said often enough. Where little is said, once is."""
    counts = Counter(tuple(word.key for word in words[start:end]) for words in sentences for start, end in phrases(words))
    often = {keys for keys, count in counts.items() if count >= 2 or keys in also}
    said = sum(len(words) for words in sentences)
    if said <= MANY_WORDS or len(often) < 3:
        # A pair of characters that is said once is hardly ever a word.
        often |= {keys for keys in counts if (len(keys) == 1 or said <= MANY_WORDS) and not is_unspaced(keys[0])}
    return often


def collect(sentences: Sequence[Sequence[Word]], language: str, wanted: Collection[tuple[str, ...]]) -> dict[tuple[str, ...], Seen]:
    """Return where and how the wanted phrases are said."""
    found: dict[tuple[str, ...], Seen] = {}
    nouns = stop.before_nouns(language)
    for n, words in enumerate(sentences):
        for start, end in phrases(words):
            keys = tuple(word.key for word in words[start:end])
            if keys in wanted:
                seen = found.setdefault(keys, Seen())
                seen.count += 1
                seen.surfaces[surface(words[start:end])] += 1
                seen.sentences.append(n)
                seen.named += like_a_noun(words, start, nouns, language)
    return found


def phrases(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Yield from where to where there are one to three words that carry meaning, with nothing between them."""
    for first, past in runs(words):
        for start in range(first, past):
            longest = LONGEST_GLUED if words[min(start + 1, past - 1)].glued else LONGEST
            for end in range(start + 1, min(start + longest, past) + 1):
                yield start, end


def like_a_noun(words: Sequence[Word], n: int, before_nouns: frozenset[str], language: str) -> float:
    """Return how likely the word at `n` begins a noun, by what stands before it."""
    if n == 0:
        return BEGINS_A_SENTENCE
    if language == "de":
        return float(words[n].surface[0].isupper())
    if words[n].gap or words[n - 1].stop:
        return float(not words[n].gap and words[n - 1].key in before_nouns)
    return AFTER_ANOTHER


def runs(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Yield from where to where words with meaning stand side by side."""
    start = 0
    for n, word in enumerate(words):
        if n > start and (word.stop or word.gap):
            yield start, n
            start = n
        if word.stop:
            start = n + 1
    if start < len(words):
        yield start, len(words)


def swallowed(often: dict[tuple[str, ...], Seen]) -> set[tuple[str, ...]]:
    """Return the phrases that are hardly ever said but as a part of a longer one."""
    inside: set[tuple[str, ...]] = set()
    for keys, seen in often.items():
        for size in range(1, len(keys)):
            for start in range(len(keys) - size + 1):
                part = keys[start : start + size]
                if part in often and seen.count >= 2 and seen.count >= 0.6 * often[part].count:
                    inside.add(part)
    return inside


def worth(keys: tuple[str, ...], seen: Seen, scores: dict[str, float], language: str) -> float:
    """Return how much of a key term a phrase is."""
    central = sum(scores[key] for key in keys) / len(keys)
    length = 1 + 0.35 * (len(keys) - 1) if seen.count >= 2 else 0.6 / len(keys)
    noun = 0.25 + 0.75 * (seen.named + 0.5) / (seen.count + 1) if language in stop.BEFORE_NOUNS else 1.0
    manner = 0.4 if language == "en" and keys[-1].endswith(("ly", "ed")) else 1.0
    return round(central * math.log2(1 + seen.count) * length * noun * manner, rank.DIGITS)


def shown(seen: Seen) -> str:
    """Return how a term is said most often; in lower case if it is ever said so."""
    best = max(seen.surfaces.items(), key=lambda item: (item[1], item[0]))[0]
    lower = best[:1].lower() + best[1:]
    return lower if lower in seen.surfaces else best
