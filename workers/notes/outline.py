"""The outline by time: topics change where the words change (TextTiling, Hearst 1997), and rather at a pause than elsewhere."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from workers.notes import rank
from workers.notes.sentences import Sentence
from workers.notes.terms import Term

SECONDS = 240.0  #: of a topic, about
SENTENCES = 40  #: of a topic where no times are known, about
LEAST = 3  #: topics that even a short lecture may have
DEEPER = 0.5  #: standard deviations by which a valley has to be deeper than most, for a topic to begin there
MOST = 40  #: topics
FEWEST_SENTENCES = 4  #: of a topic
WIDEST = 12  #: sentences that are compared on either side
POINTS = 4
TITLE_CHARACTERS = 80
PAUSE_WORTH = 0.03  #: of a second of silence, up to ten
TERMS_OF_A_TITLE = 2


@dataclass(frozen=True, slots=True)
class Topic:
    title: str
    named_in: tuple[int, ...]  #: sentences that hold the words of the title
    first: int
    past: int
    points: tuple[int, ...]  #: sentences


def draw(sentences: Sequence[Sentence], rows: Sequence[dict[int, float]], scores: Sequence[float], terms: Sequence[Term]) -> list[Topic]:
    """Return the topics in the order of time; together they hold every sentence."""
    if not sentences:
        return []
    edges = [0, *boundaries(sentences, rows), len(sentences)]
    spans = list(itertools.pairwise(edges))
    return [Topic(*named(span, spans, sentences, terms), *span, points(span, sentences, rows, scores)) for span in spans]


def boundaries(sentences: Sequence[Sentence], rows: Sequence[dict[int, float]]) -> list[int]:
    """Return the sentences that begin a topic, but the first."""
    count = len(sentences)
    wanted = topics(sentences) - 1
    if wanted < 1:
        return []
    depth = depths(likenesses(rows, min(WIDEST, max(3, count // 8))))
    deep = {n: value + PAUSE_WORTH * min(10.0, max(0.0, sentences[n].start - sentences[n - 1].end)) for n, value in depth.items()}
    usual = sum(deep.values()) / max(1, len(deep))
    spread = math.sqrt(sum((value - usual) ** 2 for value in deep.values()) / max(1, len(deep)))
    apart = max(FEWEST_SENTENCES, count // (3 * (wanted + 1)))
    chosen: list[int] = []
    for n in sorted(deep, key=lambda n: (-round(deep[n], rank.DIGITS), n)):
        if len(chosen) == wanted or deep[n] < usual + DEEPER * spread:
            break
        if all(abs(n - other) >= apart for other in (0, count, *chosen)):
            chosen.append(n)
    return sorted(chosen)


def topics(sentences: Sequence[Sentence]) -> int:
    seconds = sentences[-1].end - sentences[0].start
    about = seconds / SECONDS if seconds > 0 else len(sentences) / SENTENCES
    return max(1, min(MOST, len(sentences) // (2 * FEWEST_SENTENCES), max(LEAST, round(about))))


def likenesses(rows: Sequence[dict[int, float]], width: int) -> dict[int, float]:
    """Return for each place between two sentences how much what follows is like what came before."""
    return {n: cosine(together(rows[max(0, n - width) : n]), together(rows[n : n + width])) for n in range(1, len(rows))}


def together(rows: Sequence[dict[int, float]]) -> dict[int, float]:
    sums: dict[int, float] = {}
    for row in rows:
        for column, value in row.items():
            sums[column] = sums.get(column, 0.0) + value
    return sums


def cosine(one: dict[int, float], other: dict[int, float]) -> float:
    lengths = math.sqrt(sum(v * v for v in one.values()) * sum(v * v for v in other.values()))
    return rank.likeness(one, other) / lengths if lengths else 0.0


def depths(like: dict[int, float]) -> dict[int, float]:
    """Return how deep each valley of likeness is, from the nearest heights on both sides."""
    left, right = heights(like, list(like), -1), heights(like, list(reversed(like)), 1)
    valleys = [n for n, value in like.items() if value <= like.get(n - 1, 2.0) and value <= like.get(n + 1, 2.0)]
    return {n: left[n] + right[n] - 2 * like[n] for n in valleys}


def heights(like: dict[int, float], places: Sequence[int], step: int) -> dict[int, float]:
    """Return for each of the places, the one at `step` from it first, the height that is reached that way without going down."""
    found: dict[int, float] = {}
    for n in places:
        found[n] = found[n + step] if like.get(n + step, -1.0) >= like[n] else like[n]
    return found


def named(
    span: tuple[int, int], spans: Sequence[tuple[int, int]], sentences: Sequence[Sentence], terms: Sequence[Term]
) -> tuple[str, tuple[int, ...]]:
    """Return a topic's title, of the terms that are said in it more than elsewhere, and the sentences that it rests on."""
    worth: Counter[Term] = Counter()
    first_said: dict[Term, int] = {}
    for term in terms:
        here = [n for n in term.sentences if span[0] <= n < span[1]]
        if here:
            worth[term] = round(1e6 * len(here) / len(term.sentences) * math.sqrt(len(here)) * (0.2 + term.score))
            first_said[term] = here[0]
    chosen: list[Term] = []
    for term in sorted(worth, key=lambda term: (-worth[term], term.text)):
        if len(chosen) < TERMS_OF_A_TITLE and not any(set(term.keys) & set(other.keys) for other in chosen):
            chosen.append(term)
    if chosen:
        return sentence_case(", ".join(term.text for term in chosen)), tuple(sorted({first_said[term] for term in chosen}))
    return shortened(sentences[span[0]].text), (span[0],)


def points(
    span: tuple[int, int], sentences: Sequence[Sentence], rows: Sequence[dict[int, float]], scores: Sequence[float]
) -> tuple[int, ...]:
    """Return the sentences that tell most of a topic."""
    told = [n for n in range(*span) if rows[n] and not sentences[n].asks] or list(range(*span))
    return tuple(rank.varied(told, scores, rows, min(POINTS, max(1, len(told) // 2))))


def sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]


def shortened(text: str) -> str:
    """Return a text of at most TITLE_CHARACTERS, cut between words where there are any."""
    if len(text) <= TITLE_CHARACTERS:
        return text
    at = text.rfind(" ", TITLE_CHARACTERS // 2, TITLE_CHARACTERS - 1)
    return f"{text[: at if at > 0 else TITLE_CHARACTERS - 1].rstrip()}…"
