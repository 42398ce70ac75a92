"""Read the children of a task, one by one: the status counts them only. Changes nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from jobs import border
from jobs.cursor import pack, read_number
from jobs.errors import NotFound
from jobs.states import JobStatus, TaskState
from jobs.store import Store
from jobs.view import DONE, STATES, iso, seconds

AT_ONCE = 500  #: children of one answer at most
LETTERS = ("", ":n", ":p", ":b", ":e", ":k")  #: of a child's state: state, attempts, progress, began, ended, worker
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


def page(store: Store, job: str, task: str, cursor: str | None = None, *, user: str | None = None) -> dict[str, Any]:
    """Return {children: [{n, state, attempts, progress, started_at, ended_at, worker, error}], cursor}, by number.

    A child speaks through its parent and has no message. The cursor is None on the last page. When a completed child began, and
    where, is forgotten by our own hashes; RQ's tell it for border.FINISHED_S more, then it is None.
    Raises NotFound for an unknown job or task, also for a job that is not `user`'s when one is named;
    InvalidSubmission for a cursor that is none of ours.
    """
    first, keys = read_number(cursor), store.keys
    with store.redis.pipeline(transaction=False) as pipe:
        pipe.hmget(keys.job(job), "status", "user", "order")
        pipe.hmget(keys.state(job), task, f"{task}:ct")
        fields, (state, total) = pipe.execute()
    status, owner, order = ((field or b"").decode() for field in fields)
    if not status or status == "deleted" or user not in (None, owner):
        raise NotFound(f"there is no job {job}")
    if task not in order.split(","):
        raise NotFound(f"job {job} has no task {task}; its status lists those there are")
    numbers = range(min(first, int(total or 0)), min(first + AT_ONCE, int(total or 0)))
    # What a sweep is still to cancel is cancelled: nothing of it goes on.
    fenced = JobStatus(status).ended or state != b"joining"
    found = _read(store, job, task, numbers, fenced) if numbers else []
    return {"children": found, "cursor": pack(numbers.stop) if numbers and numbers.stop < int(total) else None}


def _read(store: Store, job: str, task: str, numbers: Sequence[int], fenced: bool) -> list[dict[str, Any]]:
    with store.redis.pipeline(transaction=False) as pipe:
        for n in numbers:
            pipe.hmget(store.keys.build("child_state", job, task), *(f"{n}{letter}" for letter in LETTERS))
        pipe.hmget(store.keys.child_outputs(job, task), *(f"{n}:x" for n in numbers))
        for n in numbers:  # an empty answer where RQ has forgotten it: cheaper than a round trip to learn which are completed
            pipe.hmget(border.job_key(f"{job}-{task}-{n}"), "started_at", "worker_name")
        found = pipe.execute()
    states, errors, known = found[: len(numbers)], found[len(numbers)], found[len(numbers) + 1 :]
    parts = zip(numbers, states, errors, known, strict=True)
    return [_told(n, state, error, rq, fenced) for n, state, error, rq in parts]


def _told(n: int, fields: Sequence[bytes | None], error: bytes | None, rq: Sequence[bytes | None], fenced: bool) -> dict[str, Any]:
    state, attempts, progress, began, ended, worker = map(_text, fields)
    rq_began, rq_worker = map(_text, rq)
    now = STATES[state or "new"]
    if fenced and not now.ended:
        now = TaskState.CANCELLED
    forgotten = now is TaskState.COMPLETED and not began
    return {
        "n": n,
        "state": str(now),
        "attempts": int(attempts or 0),
        "progress": 100.0 if now in DONE else round(min(float(progress or 0), 1.0) * 100, 1),
        "started_at": (rq_began if STAMP.fullmatch(rq_began) else None) if forgotten else iso(seconds(began)),
        "ended_at": iso(seconds(ended)),
        "worker": (rq_worker if forgotten else worker) or None,
        "error": _text(error) or None,
    }


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")
