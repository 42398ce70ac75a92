"""What tasks tell each other of a recording's chunks, in few bytes: where they lie, and how many samples each has.

A recording of six hours may have a thousand chunks or two, and what a task hands on through Redis is bounded (MAX_OUTPUT_BYTES).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SAMPLE_RATE = 16_000
SAMPLE_BYTES = 2


@dataclass(frozen=True, slots=True)
class Chunk:
    key: str  #: in storage
    start_sample: int  #: its first one in the recording
    samples: int

    @property
    def offset_s(self) -> float:
        return self.start_sample / SAMPLE_RATE

    @property
    def seconds(self) -> float:
        return self.samples / SAMPLE_RATE


def key(prefix: str, n: int) -> str:
    return f"{prefix}{n:04}.wav"


def told(prefix: str, counts: Sequence[int]) -> dict[str, Any]:
    """Return what `listed` makes chunks of: about ten bytes a chunk."""
    return {"prefix": prefix, "samples": list(counts)}


def listed(told: dict[str, Any]) -> list[Chunk]:
    """Return the chunks that `told` tells of, in their order."""
    counts = told["samples"]
    starts = itertools.accumulate(counts, initial=0)
    return [Chunk(key(told["prefix"], n), start, count) for n, (start, count) in enumerate(zip(starts, counts, strict=False))]
