"""Whether segments bear out what is claimed to rest on them: by the words that they share. Knows words, not meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workers.notes.shape import Item
from workers.notes.words import cut

SHARE = 0.34  #: of the words with meaning in an item: so many have to be said in its segments
FEWEST = 2  #: words that have to be said there, where an item has so many
STEM = 5  #: letters by which forms of a word are taken for the same


def stems(text: str, language: str) -> frozenset[str]:
    """Return the words with meaning in a text, without their endings."""
    words = [word for word in cut(text, language) if not word.stop] or cut(text, language)
    return frozenset(word.key if word.glued else word.key[:STEM] for word in words)


def borne_out(item: Item, segments: Sequence[Mapping[str, Any]], language: str) -> bool:
    """Whether enough of the item's words are said in the segments that it names, all of which exist."""
    claimed = stems(item.claims(), language)
    said = stems(" ".join(str(segments[place]["text"]) for place in item.segments), language)
    shared = len(claimed & said)
    return shared >= max(min(FEWEST, len(claimed)), SHARE * len(claimed)) and shared > 0
