"""Count wrong time: the measure by which it is judged who was heard speaking when."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

STEP_SECONDS = 0.01
COLLAR_SECONDS = 0.25
MOST_SPEAKERS = 8  #: every way of pairing so many is tried

Turn = Mapping[str, Any]  #: `start`, `end` in seconds, `speaker`


def reference(path: Path) -> list[Turn]:
    """Return who speaks when in a recording made for this, from the JSON file beside it."""
    turns: list[Turn] = json.loads(path.read_text())["turns"]
    return turns


def diarization_error_rate(spoken: Iterable[Turn], heard: Iterable[Turn], collar_s: float = COLLAR_SECONDS) -> float:
    """Return the time that is missed, heard where nobody speaks, or given to the wrong speaker, per time spoken.

    As NIST defines it (Rich Transcription): time is counted once for each speaker, `collar_s` around both ends of each true turn is left
    out, and who was heard is paired with who spoke in the way that is best for the result.
    """
    spoken, heard = list(spoken), list(heard)
    steps = round(max(turn["end"] for turn in [*spoken, *heard]) / STEP_SECONDS) + 1
    counted = np.ones(steps, dtype=bool)
    for turn in spoken:
        for edge_s in (turn["start"], turn["end"]):
            counted[max(0, round((edge_s - collar_s) / STEP_SECONDS)) : round((edge_s + collar_s) / STEP_SECONDS)] = False
    truly, taken = by_speaker(spoken, steps)[:, counted], by_speaker(heard, steps)[:, counted]
    now, then = truly.sum(axis=0), taken.sum(axis=0)
    missed_or_false = np.abs(now - then).sum()
    confused = np.minimum(now, then).sum() - best_pairing(truly.astype(np.int64) @ taken.T.astype(np.int64))
    return float((missed_or_false + confused) / now.sum())


def by_speaker(turns: list[Turn], steps: int) -> NDArray[np.bool_]:
    """Return a row for each speaker: whether they speak at each step."""
    names = sorted({turn["speaker"] for turn in turns})
    rows = np.zeros((len(names), steps), dtype=bool)
    for turn in turns:
        rows[names.index(turn["speaker"]), round(turn["start"] / STEP_SECONDS) : round(turn["end"] / STEP_SECONDS)] = True
    return rows


def best_pairing(together: NDArray[np.int64]) -> int:
    """Return how many steps fit when each speaker is paired with at most one who was heard, as well as can be."""
    count = max(together.shape)
    if count > MOST_SPEAKERS:
        raise ValueError(f"{count} speakers are too many to try every pairing; at most {MOST_SPEAKERS}")
    square = np.zeros((count, count), dtype=np.int64)
    square[: together.shape[0], : together.shape[1]] = together
    return max(int(sum(square[n, m] for n, m in enumerate(order))) for order in permutations(range(count)))
