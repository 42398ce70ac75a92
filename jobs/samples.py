"""Note once a minute how each queue stands, and tell the last hour of it.

The supervisors of workers note it, whichever comes first in a minute; nothing else depends on it, and without workers there
are no samples. Knows nothing of pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.store import Store, stamp

EVERY_S = 60
KEPT = 60  #: an hour of a queue, 2 KB
KEPT_S = 7200  #: a queue that is no more is forgotten after this


@dataclass(frozen=True, slots=True)
class Sample:
    at: float  #: the minute's begin, seconds since the epoch
    waiting: int  #: when the minute began, or a worker came in it
    oldest_wait_s: int | None
    completed: int  #: tasks and children, in the minute before
    failed: int  #: for good: an attempt that is followed by another is not counted


def note(store: Store, *, now: float | None = None) -> int:
    """Note this minute unless it was noted; return in how many seconds the next begins. One round trip."""
    return int(store.run("sample", stamp(now), KEPT, KEPT_S)[1])


def history(store: Store, queues: Sequence[str], *, now: float | None = None) -> dict[str, list[Sample]]:
    """Return the last hour's samples of each queue, oldest first. A minute in which no worker lived has none."""
    with store.redis.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.lrange(store.keys.build("samples", queue), 0, KEPT - 1)
        pipe.time()
        *found, (seconds, _) = pipe.execute()
    since = (seconds if now is None else now) - KEPT * EVERY_S
    told = {queue: [read(line) for line in reversed(lines)] for queue, lines in zip(queues, found, strict=True)}
    return {queue: [sample for sample in samples if sample.at > since] for queue, samples in told.items()}


def read(line: bytes) -> Sample:
    at, waiting, oldest, completed, failed = line.decode().split(" ")
    return Sample(float(at), int(waiting), None if oldest == "-" else int(oldest), int(completed), int(failed))
