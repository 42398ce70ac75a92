"""Keys for the processes that an engine starts inside one run: announced by the run, written to by whichever process has its ticket."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from jobs import pieces
from jobs.errors import Stale
from jobs.model import Claimed
from jobs.pieces import Piece
from jobs.store import Store
from workers.interrupted import stop
from workers.kit import Kit
from workers.patience import Patience, passes

T = TypeVar("T")


class Pieces:
    """The keys of one task, as its run sees them. `tickets` are what its processes need, plain values that go through any pipe."""

    def __init__(self, claimed: Claimed, kit: Kit, check: Callable[[], None], count: int) -> None:
        self._kit, self._check = kit, check
        self.tickets = self._calling(lambda: pieces.announce(kit.store, claimed, count))

    def items(self) -> list[list[dict[str, Any]]]:
        """Return what this run and earlier ones have put out, by piece."""
        return self._calling(lambda: pieces.read(self._kit.store, self.tickets))

    def append(self, n: int, items: list[dict[str, Any]]) -> None:
        """Add `items` to a piece to which no process writes any more. Raises Interrupted when the run no longer holds its task."""
        ticket = self.tickets[n]
        offset = len(self._calling(lambda: pieces.read(self._kit.store, [ticket]))[0])
        self._calling(lambda: pieces.append(self._kit.store, ticket, offset, items))

    def _calling(self, call: Callable[[], T]) -> T:
        self._kit.pulse.sign()
        try:
            return self._kit.patiently(call, self._check)
        except Stale as stale:
            stop(stale)


class Pen:
    """What a process writes to its piece with. It waits while Redis is in trouble; who started it ends it when the run is to end."""

    def __init__(self, store: Store, piece: Piece) -> None:
        self._store, self._piece = store, piece
        self._length = len(self._patiently(lambda: pieces.read(store, [piece]))[0])

    def write(self, item: dict[str, Any]) -> None:
        """Append `item`. Raises Stale when the run no longer holds its task."""
        # Made twice, it finds its own item at its place and adds nothing.
        self._length = self._patiently(lambda: pieces.append(self._store, self._piece, self._length, [item]))

    def _patiently(self, call: Callable[[], T]) -> T:
        patience = Patience()
        while True:
            try:
                return call()
            except Exception as error:
                if not passes(error):
                    raise
                time.sleep(patience.lose())
