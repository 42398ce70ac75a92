"""What a run says of its task: progress, what it has put out, its outcome; and giving it back."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from jobs import border, replies
from jobs.errors import InvalidSubmission
from jobs.model import Back, Claimed, Completed, Failed, Idle, Json, Outcome, Plain, Skipped, Spawn
from jobs.states import TaskState
from jobs.store import SECOND, Store, stamp

BACKOFF_MOST_S = 300.0
ERROR_BYTES = 4096
STATES = {state.encode(): state for state in TaskState}  #: as Redis answers them
APPENDED_AT_ONCE = 1000  #: items of one call


@dataclass(frozen=True, slots=True)
class Recorded:
    state: TaskState  #: the task's state now
    stale: bool  #: the run no longer held its task: nothing was recorded
    next: Claimed | Plain | Idle | None  #: the next task, when one was asked for


class Ended(NamedTuple):
    """A run that is over, and what came of it."""

    claimed: Claimed
    outcome: Outcome | Back
    took_s: float = 0.0  #: how long its engine was at work; of one that is recorded by itself Redis knows better


class State(NamedTuple):
    state: TaskState
    stale: bool


def record(
    store: Store,
    *,
    claimed: Claimed,
    outcome: Outcome,
    worker: str,
    next_run: str | None,
    queues: Sequence[str],
    now: float | None = None,
) -> Recorded:
    """Commit `outcome` and, when `next_run` is given, claim the next task: one round trip.

    A run that no longer holds its task commits nothing; that is told by `stale`, for the next task is claimed all the same.
    Raises InvalidSubmission when the outcome has too many children.
    """
    ended = (Ended(claimed, outcome),)
    (known,), following = record_some(store, ended=ended, worker=worker, next_run=next_run, queues=queues, most=1, now=now)
    return Recorded(known.state, known.stale, following if following is None else replies.first(following))


def record_some(
    store: Store, *, ended: Sequence[Ended], worker: str, next_run: str | None, queues: Sequence[str], most: int, now: float | None = None
) -> tuple[list[State], list[Claimed] | Plain | Idle | None]:
    """Commit the outcomes of runs that one claim began, at least one, and claim the next, as `claim_some` does: one round trip.

    Return the state of each of their tasks, and what was claimed if `next_run` is given. Raises InvalidSubmission as `record` does.
    """
    said = [part for one in ended for part in _said(store, one)]
    states, *rest = store.run("record", stamp(now), worker, next_run or "", " ".join(queues), most, *said)
    known = [State(STATES[state.removeprefix(b"~")], state.startswith(b"~")) for state in states.split(b",")]
    return known, replies.taken(rest, next_run) if next_run else None


def _said(store: Store, ended: Ended) -> tuple[str | int, ...]:
    """Return the arguments of the script that tell of a run."""
    claimed, outcome, took_s = ended
    kind, output, error, delay_s = "completed", "", "", 0.0
    children: tuple[str | int, ...] = ()
    match outcome:
        case Completed():
            output = "" if outcome.output is None else encode(outcome.output)
        case Spawn():
            kind, output = "spawn", "" if outcome.output is None else encode(outcome.output)
            children = _children(store, claimed, outcome)
        case Failed():
            kind, error, delay_s = "final" if outcome.final else "failed", outcome.error, backoff_s(claimed, outcome)
            output = "" if outcome.output is None else encode(outcome.output)
        case Skipped():
            kind, error = "skipped", outcome.reason
        case Back():
            kind, delay_s = "back", outcome.delay_s
    error = capped(error) if error else ""
    return (
        claimed.rq_job,
        claimed.run,
        kind,
        output,
        error,
        border.encode_error(error) if error else "",
        f"{delay_s:.3f}" if delay_s else 0,
        round(took_s * SECOND),
        *children,
    )


def _children(store: Store, claimed: Claimed, spawn: Spawn) -> tuple[str | int, ...]:
    if claimed.child is not None:
        raise InvalidSubmission(f"{claimed.node} is a child, and children do not split")
    if len(spawn.children) > store.settings.max_children:
        raise InvalidSubmission(
            f"{claimed.node} splits into {len(spawn.children)} children, more than MAX_CHILDREN={store.settings.max_children}"
        )
    engine = spawn.engine or claimed.engine
    zone = store.settings.zone_of(engine) if engine != claimed.engine else ""
    queue = f"{zone}.{claimed.queue.rpartition('.')[2]}" if zone else claimed.queue
    line = f"{engine} {queue} 0 {spawn.attempts} {spawn.backoff_s:g} {spawn.timeout_s:g} - -"
    return (line, spawn.allowed_failures, len(spawn.children), *(encode(payload) for payload in spawn.children))


def backoff_s(claimed: Claimed, failed: Failed) -> float:
    return jitter_s(claimed) if failed.delay_s is None else failed.delay_s


def jitter_s(claimed: Claimed) -> float:
    """Seconds before the next attempt: full jitter over a backoff that doubles (AWS Architecture Blog, 2015)."""
    return random.uniform(0, min(BACKOFF_MOST_S, claimed.backoff_s * 2 ** min(claimed.attempt - 1, 16)))


def progress(store: Store, claimed: Claimed, fraction: float, message: str = "") -> None:
    """Note how far a run is (0–1). Raises Stale when it no longer holds its task."""
    fraction = min(max(fraction, 0.0), 1.0) if math.isfinite(fraction) else 0.0
    store.run("progress", claimed.rq_job, claimed.run, f"{fraction:.4f}", plain(message[:500]))


def append(store: Store, claimed: Claimed, offset: int, items: Sequence[Json]) -> int:
    """Append `items` to what this child has put out, which must be `offset` items; return how many there are now.

    Repeating the call changes nothing. Raises Stale, and Conflict for another offset.
    """
    for first in range(0, len(items), APPENDED_AT_ONCE):
        some = items[first : first + APPENDED_AT_ONCE]
        offset = int(store.run("append", claimed.rq_job, claimed.run, offset, *(encode(item) for item in some))[0])
    return offset


def appended(store: Store, claimed: Claimed) -> list[Any]:
    """Return what this and earlier runs of this child have put out."""
    found = store.redis.lrange(store.keys.child(claimed.job, claimed.task, claimed.child or 0), 0, -1)
    return [json.loads(item) for item in found]


def children_outputs(store: Store, job: str, task: str) -> list[Any]:
    """Return the outputs of the completed children of a task, in the order of their numbers."""
    found = store.redis.hgetall(store.keys.child_outputs(job, task))
    return [json.loads(found[n]) for n in sorted((n for n in found if n.isdigit()), key=int)]


def hand_back(store: Store, *, worker: str, run: str, rq_job: str = "", delay_s: float = 0.0, now: float | None = None) -> None:
    """Give a task up unharmed, to the front of its lane: no attempt spent. Raises Stale.

    Without `rq_job` it is whatever the worker took with the claim of `run`, if anything.
    """
    store.run("hand_back", stamp(now), worker, rq_job, run, delay_s)


def lost(store: Store, *, worker: str, run: str, reason: str, now: float | None = None) -> bool:
    """Take back what a dead worker's `run` held: an attempt spent, ready again at once, or failed with `reason` when none is left.

    What the same claim took besides is handed back. Return False when the run held nothing: it died before its claim, or after
    its record. Raises Stale.
    """
    reason = capped(reason)
    return bool(int(store.run("reap", stamp(now), worker, run, reason, border.encode_error(reason))[0]))


def capped(error: str) -> str:
    """Return at most ERROR_BYTES of `error`, cut in the middle: the first line and the end say most."""
    error = plain(error)
    raw = error.encode()
    if len(raw) <= ERROR_BYTES:
        return error
    return raw[: ERROR_BYTES // 4].decode(errors="ignore") + "\n…\n" + raw[-(ERROR_BYTES * 3 // 4 - 8) :].decode(errors="ignore")


def encode(value: Json) -> str:
    """Return `value` as JSON. Lone surrogates, as in the names of odd files, are escaped: they are no UTF-8."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text if text.isascii() or text == plain(text) else json.dumps(value, separators=(",", ":"))


def plain(text: str) -> str:
    """Return `text` with what is no UTF-8 replaced."""
    return text.encode(errors="replace").decode()
