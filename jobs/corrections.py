"""Which segment of a transcript each correction of its owner is of. Pure; the file is described in workers/engines/corrections.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def fitted(segments: Sequence[Mapping[str, Any]], changes: Mapping[str, Any]) -> dict[str, int | None]:
    """Return for each correction's place where the segment that it corrects is now, None if there is no such segment any more."""
    by_times: dict[tuple[float, float], list[int]] = {}
    for n, segment in enumerate(segments):
        by_times.setdefault((segment["start"], segment["end"]), []).append(n)
    found: dict[str, int | None] = {}
    for place, change in changes.items():
        if "start" in change:
            fits = by_times.get((change["start"], change["end"]), [])
            found[place] = int(place) if int(place) in fits else next(iter(fits), None)
        else:  # of a former version
            found[place] = int(place) if int(place) < len(segments) else None
    return found
