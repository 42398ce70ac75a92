"""What every case is given: how thorough to be, a folder, and a Redis of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from jobs.settings import Settings
from jobs.store import Store, connect
from scripts import embedded

T = TypeVar("T")

LAST_WORDS = 2000  #: characters


@dataclass(slots=True)
class Bench:
    folder: Path  #: removed when all is done
    quick: bool
    rounds: int
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def pick(self, thorough: T, quick: T) -> T:
        return quick if self.quick else thorough

    def room(self) -> Path:
        """Return an empty folder."""
        path = self.folder / str(next(self._numbers))
        path.mkdir()
        return path

    @contextmanager
    def redis(self) -> Iterator[str]:
        """Run a Redis without an append-only file, for one case; yield its URL."""
        with embedded.running(self.room(), durable=False) as url:
            yield url

    @contextmanager
    def store(self) -> Iterator[Store]:
        """As `redis`, with a store on it."""
        with self.redis() as url:
            yield open_store(url)

    def last_words(self) -> str:
        """Return the end of what the processes of the cases have said, which is little at WARNING."""
        said = self.folder / "said.log"
        return said.read_text(errors="replace")[-LAST_WORDS:] if said.exists() else ""

    def say(self, line: str) -> None:
        print(line, flush=True)


def open_store(url: str) -> Store:
    return Store(connect(url), Settings(redis_url=url))
