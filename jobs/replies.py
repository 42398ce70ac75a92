"""Turn what the scripts answer into values and errors; the only place that knows their codes."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from jobs.errors import Conflict, Limited, Nobody, NotFound, Stale, Unseen
from jobs.model import PLAIN_MARK, Claimed, Idle, Plain

#: What to do about a refusal, by verb.
ADVICE = {
    "cancel": "only a pending or running job can be cancelled",
    "retry": "only what failed, was skipped or cancelled can be retried, a skipped task once its job has completed",
    "revise": "only what has completed can be corrected, from what it is now",
    "submit": "use a new Idempotency-Key for a different request",
}


def judge(verb: str, reply: list[Any]) -> list[Any]:
    """Turn a script's code into a result or an error; the only place that knows the codes."""
    code = reply[0]
    if code == b"OK":
        return reply[1:]
    if code in (b"CLAIMED", b"PLAIN", b"IDLE"):
        return reply
    said = [part.decode() if isinstance(part, bytes) else str(part) for part in reply[1:]]
    match code:
        case b"STALE":
            raise Stale(f"this run no longer holds its task, which is {said[0]}", state=said[0])
        case b"MISSING":
            raise Unseen("no such job", reply[1]) if len(reply) > 1 else NotFound("no such job or task")
        case b"NOBODY":
            raise Nobody("the token is not valid, or was replaced")
        case b"LIMITED":
            raise limited(*said)
        case b"OFFSET":
            raise Conflict(f"the child has put out {said[0]} items, not as many as this run thought")
        case _:
            raise Conflict(f"{verb} refused: {' is '.join(said) + '; ' if said else ''}{ADVICE.get(verb, '')}")


def limited(user: str, what: str, limit: str, used: str, wait_us: str, reset_us: str) -> Limited:
    """Return the error of a limit that is reached, in words."""
    wait_s = int(wait_us) / 1e6
    if what != "requests":
        return used_up(user, what, float(limit), float(used), wait_s)
    detail = f"you may make {int(limit):,} requests a minute, and this is one more; go on in {max(math.ceil(wait_s), 1)} s"
    return Limited(detail, what, limit=int(limit), used=int(used), retry_after_s=wait_s, reset_s=int(reset_us) / 1e6)


def used_up(user: str, what: str, limit: float, used: float, wait_s: float) -> Limited:
    """Return the error of what passes a day's `bytes` or `seconds`, in words: when it is free again, and who can change it, too."""
    if what == "bytes":
        told = f"you may upload {size_in_words(limit)} a day and have sent {size_in_words(used)} today"
    else:
        told = f"you may have {minutes_in_words(limit)} of recordings worked on a day and have submitted {minutes_in_words(used)} today"
    remedy = f"try again after midnight UTC, in {hours_in_words(wait_s)}, or ask an admin for more (`users limit {user}`)"
    return Limited(f"{told}; this passes what is left: {remedy}", what, limit=limit, used=used, retry_after_s=wait_s, reset_s=wait_s)


def size_in_words(count: float) -> str:
    for unit, power in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= power:
            return f"{count / power:.3g} {unit}"
    return f"{count:.0f} bytes"


def minutes_in_words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:,.0f} min"


def hours_in_words(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def taken(reply: Sequence[Any], run: str) -> list[Claimed] | Plain | Idle:
    """Turn an answer of take.lua into values."""
    if reply[0] == b"IDLE":
        return Idle(float(reply[1]))
    if reply[0] == b"PLAIN":
        rq_job, queue, lost, reason, now = (part.decode() for part in reply[1:])
        return Plain(run, rq_job.removeprefix(PLAIN_MARK), queue, int(lost), reason, int(now) / 1e6)
    return [claimed(task) for task in reply[1:]]


def first(answer: list[Claimed] | Plain | Idle) -> Claimed | Plain | Idle:
    """Return what a claim of one task took."""
    return answer[0] if isinstance(answer, list) else answer


def claimed(told: Sequence[Any]) -> Claimed:
    rq_job, run, kind, version, user, org, attempt, granted, now, line, params, payload, *inputs = told
    job, task, child = rq_job_parts(rq_job)
    engine, queue, backoff_s, timeout_s = line_parts(line)
    return Claimed(
        run=run.decode(),
        job=job,
        task=task,
        child=child,
        engine=engine,
        queue=queue,
        type=kind.decode(),
        version=int(version),
        user=user.decode(),
        org=org.decode(),
        attempt=int(attempt),
        attempts=int(granted),
        backoff_s=backoff_s,
        timeout_s=timeout_s,
        claimed_at=int(now) / 1e6,
        params=loads(params),
        payload=loads(payload),
        inputs={need.decode(): loads(output) for need, output in zip(inputs[::2], inputs[1::2], strict=True)} if inputs else {},
    )


def loads(raw: bytes) -> Any:
    return json.loads(raw.decode()) if raw != b"{}" else {}  # from bytes json would guess the encoding first


def rq_job_parts(rq_job: bytes) -> tuple[str, str, int | None]:
    job, task, *child = rq_job.decode().split("-")
    return job, task, int(child[0]) if child else None


@lru_cache(maxsize=256)
def line_parts(line: bytes) -> tuple[str, str, float, float]:
    """Return engine, queue, backoff and timeout of a task's line."""
    engine, queue, _, _, backoff_s, timeout_s, _, _ = line.decode().split(" ")
    return engine, queue, float(backoff_s), float(timeout_s)
