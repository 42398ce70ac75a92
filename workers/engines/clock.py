"""Places in a recording, as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from workers.forms.said import clock

MOST_PLACES = 5  #: that a sentence names; of more it tells how many


def stretch(start_s: float, end_s: float) -> str:
    """`0:41–0:47`, or `0:41` of what is over within its second."""
    first, last = clock(start_s), clock(end_s)
    return first if first == last else f"{first}–{last}"


def listed(places: Sequence[str]) -> str:
    """`a, b and c`; the first few of many."""
    if len(places) > MOST_PLACES:
        return f"{', '.join(places[:MOST_PLACES])} and {len(places) - MOST_PLACES} more"
    return " and ".join(part for part in (", ".join(places[:-1]), *places[-1:]) if part)
