"""What tells speakers apart puts out: turns, whichever way they were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Turn:
    """A speaker, a number from 0 on, speaks from `start` to `end`, in seconds."""

    start: float
    end: float
    speaker: int


def renamed(turns: Sequence[Turn]) -> list[Turn]:
    """Return the turns with their speakers numbered in the order of their first words."""
    numbers: dict[int, int] = {}
    return [Turn(turn.start, turn.end, numbers.setdefault(turn.speaker, len(numbers))) for turn in turns]
