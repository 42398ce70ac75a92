"""Keys of a task's own processes: a task that splits its work inside one run announces pieces, and each process writes to one of them.

They are the keys that children have (`app:jobs:<id>:children:<task>:<n>`), recorded on the job in the same way and read by `show.partial`;
but no piece is a task: it is not claimed, has no state of its own and ends with its task's run. Any process may write to a piece that
knows the run: a run that no longer holds its task is refused. Two never write to the same one at the same time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from jobs.errors import InvalidSubmission
from jobs.model import Claimed, Json, rq_job_id
from jobs.store import Store

APPENDED_AT_ONCE = 1000  #: items of one call
READ_AT_ONCE = 50  #: pieces read in one round trip


class Piece(NamedTuple):
    """What a process has to know to write to its piece."""

    job: str
    task: str
    run: str  #: of the task
    n: int
    of: int  #: pieces in all


def announce(store: Store, claimed: Claimed, count: int) -> list[Piece]:
    """Record on the job that the task writes to `count` keys, and return them. Repeatable. Raises Stale, InvalidSubmission."""
    if claimed.child is not None:
        raise InvalidSubmission(f"{claimed.node} is a child, and has one key of its own")
    if not 0 < count <= store.settings.max_children:
        raise InvalidSubmission(f"{claimed.node} has {count} pieces, not 1 to MAX_CHILDREN={store.settings.max_children}")
    pieces = [Piece(claimed.job, claimed.task, claimed.run, n, count) for n in range(count)]
    append(store, pieces[0], 0, ())
    return pieces


def append(store: Store, piece: Piece, offset: int, items: Sequence[Json]) -> int:
    """Append `items` to a piece, which must hold `offset` items; return how many there are now.

    Repeating the call changes nothing. Raises Stale, and Conflict for another offset.
    """
    rq_job = rq_job_id(piece.job, piece.task)
    for first in range(0, max(len(items), 1), APPENDED_AT_ONCE):
        some = [json.dumps(item, separators=(",", ":")) for item in items[first : first + APPENDED_AT_ONCE]]
        offset = int(store.run("append", rq_job, piece.run, f"{offset} {piece.n} {piece.of}", *some)[0])
    return offset


def read(store: Store, pieces: Sequence[Piece]) -> list[list[Any]]:
    """Return what was put out to each of `pieces`, by this run and earlier ones."""
    found: list[list[Any]] = []
    for first in range(0, len(pieces), READ_AT_ONCE):
        with store.redis.pipeline(transaction=False) as pipe:
            for piece in pieces[first : first + READ_AT_ONCE]:
                pipe.lrange(store.keys.child(piece.job, piece.task, piece.n), 0, -1)
            found += [[json.loads(item) for item in items] for items in pipe.execute()]
    return found


def keys(store: Store, job: str) -> list[str]:
    """Return the keys that tasks of a job have announced. Those of children are deleted with these."""
    fields = {name.decode(): value.decode() for name, value in store.redis.hgetall(store.keys.job(job)).items()}
    split = fields.get("kids", "-").split(",")
    counts = {name.partition(":")[2]: int(value.split(" ")[0]) for name, value in fields.items() if name.startswith("children:")}
    return [store.keys.child(job, task, n) for task, count in counts.items() if task not in split for n in range(count)]


def drop(store: Store, found: Sequence[str]) -> None:
    """Delete such keys, of a job that is gone: nothing is appended to them any more. What is not deleted expires."""
    for first in range(0, len(found), APPENDED_AT_ONCE):
        store.redis.unlink(*found[first : first + APPENDED_AT_ONCE])
