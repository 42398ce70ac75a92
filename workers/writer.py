"""Append what a child puts out to the child's own key, fenced by its run and by the length it knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jobs import record
from jobs.errors import Stale
from jobs.model import Claimed
from workers.interrupted import stop
from workers.kit import Kit


class Writer:
    """The key of one child. Items are JSON objects; what is appended stays, also for a later run of the child."""

    def __init__(self, claimed: Claimed, kit: Kit, check: Callable[[], None]) -> None:
        if claimed.child is None:
            raise RuntimeError(f"{claimed.node} is not a child and has no key to write to; spawn children first")
        self._claimed = claimed
        self._kit = kit
        self._check = check
        self._length: int | None = None

    def items(self) -> list[dict[str, Any]]:
        """Return what this run and earlier ones have put out."""
        items = self._kit.patiently(lambda: record.appended(self._kit.store, self._claimed), self._check)
        self._length = len(items)
        return items

    def append(self, items: list[dict[str, Any]]) -> None:
        """Add `items`, all or none. Raises Interrupted when the run no longer holds its task."""
        offset = len(self.items()) if self._length is None else self._length
        self._kit.pulse.sign()
        try:
            # Made twice, it finds its own items at `offset` and adds nothing.
            self._length = self._kit.patiently(lambda: record.append(self._kit.store, self._claimed, offset, items), self._check)
        except Stale as stale:
            stop(stale)
