"""TextRank (Mihalcea and Tarau, 2004) without its matrix.

Sentences are alike by the words they share, S = X·Xᵀ with X the sentences by weighted words. A step of the walk needs S·v only, and
X·(Xᵀ·v) is that without S: time and memory grow with the words said, not with the square of the sentences. Sums are made in a fixed
order, without a library of linear algebra, and scores are rounded: the same text ranks the same everywhere.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.notes.words import Word

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    Places = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

DAMPING = 0.85
STEPS = 60
CLOSE = 1e-9
DIGITS = 9  #: to which scores are told: what differs less is equal
WINDOW = 3  #: words that stand so close have to do with each other


@dataclass(frozen=True, slots=True)
class Sparse:
    """Rows of a matrix, each of length 1 or 0: values with their row and column."""

    rows: Places
    columns: Places
    values: Array
    height: int
    width: int


def weigh(sentences: Sequence[Sequence[Word]]) -> tuple[Sparse, list[dict[int, float]]]:
    """Return the sentences as rows of weighted words (tf-idf), once for arithmetic and once to look up."""
    import numpy as np

    columns: dict[str, int] = {}
    counted = [Counter(columns.setdefault(word.key, len(columns)) for word in words if not word.stop) for words in sentences]
    spread = Counter(column for counts in counted for column in counts)
    looked_up: list[dict[int, float]] = []
    for counts in counted:
        row = {column: (1 + math.log(count)) * math.log(1 + len(counted) / spread[column]) for column, count in counts.items()}
        length = math.sqrt(sum(value * value for value in row.values()))
        looked_up.append({column: value / length for column, value in row.items()})
    places = [n for n, row in enumerate(looked_up) for _ in row]
    flat = [(column, value) for row in looked_up for column, value in row.items()]
    sparse = Sparse(
        np.array(places, np.int64),
        np.array([column for column, _ in flat], np.int64),
        np.array([value for _, value in flat], np.float64),
        len(counted),
        len(columns),
    )
    return sparse, looked_up


def sentence_scores(x: Sparse) -> list[float]:
    """Return how central each sentence is, 1 for the most central."""
    import numpy as np

    if not x.height:
        return []
    own = np.bincount(x.rows, x.values * x.values, x.height)  # a sentence is no witness for itself

    def alike(v: Array) -> Array:
        by_word = np.bincount(x.columns, x.values * v[x.rows], x.width)
        found: Array = np.bincount(x.rows, x.values * by_word[x.columns], x.height) - v * own
        return found

    return walk(alike, x.height)


def word_scores(sentences: Sequence[Sequence[Word]]) -> dict[str, float]:
    """Return how central each word is among those that it stands close to, 1 for the most central."""
    import numpy as np

    names: dict[str, int] = {}
    firsts: list[int] = []
    seconds: list[int] = []
    for words in sentences:
        keys = [names.setdefault(word.key, len(names)) for word in words if not word.stop]
        for apart in range(1, WINDOW + 1):
            firsts += keys[:-apart]
            seconds += keys[apart:]
    if not names:
        return {}
    one, other = np.array(firsts, np.int64), np.array(seconds, np.int64)

    def near(v: Array) -> Array:
        found = np.bincount(one, v[other], len(names)) + np.bincount(other, v[one], len(names))
        return found.astype(np.float64)

    return dict(zip(names, walk(near, len(names)), strict=True))


def walk(times: Callable[[Array], Array], size: int) -> list[float]:
    """Return the share of a random walk that passes each node, in parts of the greatest; `times` multiplies by the symmetric weights."""
    import numpy as np

    degree = np.maximum(times(np.ones(size)), 0.0)
    linked = degree > CLOSE
    safe = np.where(linked, degree, 1.0)
    score = np.full(size, 1.0 / size)
    for _ in range(STEPS):
        lost = float(score[~linked].sum())  # what has no neighbour passes its share on to all
        moved = (1 - DAMPING) / size + DAMPING * (times(np.where(linked, score / safe, 0.0)) + lost / size)
        done = float(np.abs(moved - score).max()) < CLOSE / size
        score = moved
        if done:
            break
    return [round(float(one), DIGITS) for one in score / score.max()]


def likeness(one: dict[int, float], other: dict[int, float]) -> float:
    """Return the cosine of two rows."""
    if len(one) > len(other):
        one, other = other, one
    return sum(value * other[column] for column, value in one.items() if column in other)


def varied(candidates: Sequence[int], scores: Sequence[float], rows: Sequence[dict[int, float]], most: int) -> list[int]:
    """Return at most `most` of the candidates, in the order of time: the best, less what they repeat of those already taken."""
    taken: list[int] = []
    best = sorted(candidates, key=lambda n: (-scores[n], n))[: 8 * most]
    while best and len(taken) < most:
        n = max(best, key=lambda n: (round(scores[n] - max((likeness(rows[n], rows[m]) for m in taken), default=0.0), DIGITS), -n))
        best.remove(n)
        if all(likeness(rows[n], rows[m]) < 0.9 for m in taken):
            taken.append(n)
    return sorted(taken)
