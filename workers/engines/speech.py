"""Where somebody speaks, and where a voice may change: what the engines that listen to a recording again share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.engines.chunks import SAMPLE_RATE
from workers.engines.voice import FRAME, probabilities

SPOKEN = 0.5  #: a frame more probable than this is speech
FILLED_SECONDS = 0.25  #: a shorter gap is part of a word, not a pause
SHORTEST_SECONDS = 0.25  #: less than this is a click or a cough


@dataclass(frozen=True, slots=True)
class Stretch:
    """Somebody speaks from `start` to `end`, in seconds; at the times of `dips` there was no voice for a moment."""

    start: float
    end: float
    dips: tuple[float, ...] = ()

    @property
    def seconds(self) -> float:
        return self.end - self.start


def stretches(sound: NDArray[np.float32], offset_s: float = 0.0) -> list[Stretch]:
    """Return where somebody speaks in a chunk, on the clock of the recording in which it begins at `offset_s`."""
    spoken = probabilities(sound) >= SPOKEN
    edges = np.flatnonzero(np.diff(np.r_[False, spoken, False])) * (FRAME / SAMPLE_RATE)
    runs: list[list[float]] = []
    found: list[list[float]] = []  #: the dips of each run
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if runs and start - runs[-1][1] < FILLED_SECONDS:
            found[-1].append((runs[-1][1] + start) / 2)
            runs[-1][1] = end
        else:
            runs.append([start, end])
            found.append([])
    last = len(sound) / SAMPLE_RATE
    return [
        Stretch(start + offset_s, min(end, last) + offset_s, tuple(dip + offset_s for dip in dips))
        for (start, end), dips in zip(runs, found, strict=True)
        if end - start >= SHORTEST_SECONDS
    ]
