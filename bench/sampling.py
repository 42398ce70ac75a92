"""See where a process spends its processor time: a look at what runs, every few milliseconds of it. Costs next to nothing.

Time in C, as in reading a socket, counts for the Python function that called it.
"""

from __future__ import annotations

import collections
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

EVERY_S = 0.002  #: of processor time


@contextmanager
def sampled(path: Path, within: str) -> Iterator[None]:
    """Sample the main thread within the function `within`, called in the block.

    Writes to `path`: {"samples", "itself": {function: samples}, "in_all": {function: samples}}.
    """
    itself: collections.Counter[str] = collections.Counter()
    in_all: collections.Counter[str] = collections.Counter()

    def look(_: int, frame: FrameType | None) -> None:
        names = list(stack(frame))
        if within in names:
            itself[names[0]] += 1
            in_all.update(set(names))

    signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        path.write_text(json.dumps({"samples": itself.total(), "itself": itself, "in_all": in_all}))


def stack(frame: FrameType | None) -> Iterator[str]:
    """Yield the functions that are running, innermost first, as `record.record`."""
    while frame:
        code = frame.f_code
        yield f"{Path(code.co_filename).stem}.{code.co_qualname}"
        frame = frame.f_back
