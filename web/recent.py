"""The jobs that this process told of last. Whoever asks again is told from here only what Redis says is still so."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from jobs.show import Known

MOST_BYTES = 2_000_000  #: as Redis tells them; to hold them takes some ten times as much
LARGEST = MOST_BYTES // 4  #: of one job


@dataclass(slots=True)
class Entry:
    known: Known
    told: tuple[Any, bytes] | None = None  #: its status as it was told last, and by what beside `known`


class Recent:
    """Forgets the jobs that nobody has asked for longest. Safe to share between threads."""

    def __init__(self, most_bytes: int = MOST_BYTES, largest: int = LARGEST) -> None:
        self.weight = 0
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._most_bytes, self._largest = most_bytes, largest
        self._lock = threading.Lock()

    def find(self, job: str) -> Entry | None:
        with self._lock:
            entry = self._entries.get(job)
            if entry:
                self._entries.move_to_end(job)
            return entry

    def keep(self, known: Known) -> Entry:
        """Keep a job as it was just read, instead of as it was before; not one that is too large."""
        entry = Entry(known)
        with self._lock:
            self._drop(known.view.id)
            if known.weight <= self._largest:
                self._entries[known.view.id] = entry
                self.weight += known.weight
            while self.weight > self._most_bytes:
                self._drop(next(iter(self._entries)))
        return entry

    def _drop(self, job: str) -> None:
        entry = self._entries.pop(job, None)
        if entry:
            self.weight -= entry.known.weight
