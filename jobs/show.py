"""Read a job as its type tells it, lists of jobs, and what children have put out. Changes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jobs.cursor import pack, read_cursor, read_offsets, write_cursor
from jobs.errors import NotFound
from jobs.model import JobView, Line, Standing
from jobs.states import Priority
from jobs.store import Store, stamp
from jobs.view import assemble, describe, told_artifacts

PARTIAL_ITEMS = 200  #: most items of one answer of `partial`
LISTING_SCAN = 20  #: pages looked through at most for one page of a filtered list


def job(store: Store, job: str) -> JobView:
    """Read one job in one round trip. Raises NotFound."""
    return look(store, job)[0]


def look(store: Store, job: str, *, now: float | None = None) -> tuple[JobView, Standing | None, float]:
    """Read one job, where it stands among the others (None when it has ended) and Redis's time, in one round trip. Raises NotFound."""
    try:
        at_us, fields, tasks, state, outputs, speeds, limit, held, standing, lines = store.run("look", stamp(now), job)
    except NotFound:
        raise NotFound(f"there is no job {job}") from None
    seen, at = assemble(job, *(text(pairs(part)) for part in (fields, tasks, state, outputs))), int(at_us) / 1e6
    if seen.status.ended:
        return seen, None, at
    task, queue, ahead = standing or (b"", b"", 0)
    return (
        seen,
        Standing(
            task=task.decode(),
            queue=queue.decode(),
            ahead=int(ahead),
            held=held.decode(),
            limit=int(limit),
            lines={name.decode(): line(*figures) for name, *figures in lines},
            speeds={engine.decode(): float(us) / 1e6 for engine, us in pairs(speeds).items()},
            size=float(pairs(fields).get(b"size", 0)),
        ),
        at,
    )


def line(
    chained: int, fresh: int, others: int, running: bytes, workers: int, mean_us: bytes, share: bytes, claims: bytes, *waiting: bytes
) -> Line:
    by_priority = {str(priority): int(count) for priority, count in zip(Priority, waiting, strict=True)}
    return Line(chained, fresh, others, int(running), workers, int(mean_us) / 1e6, int(share) / 1e6, int(claims), by_priority)


def status(store: Store, job_id: str, *, now: float | None = None) -> dict[str, Any]:
    """Return the status of DESIGN's Interface, with `revision` beside it; artifacts have no url yet. Raises NotFound."""
    return describe(*look(store, job_id, now=now))


def artifacts(store: Store, job_id: str) -> list[dict[str, Any]]:
    """Return what a job has made so far: name, bytes, media_type, key in storage. Raises NotFound."""
    return told_artifacts(job(store, job_id))


def listing(
    store: Store,
    *,
    user: str | None = None,
    org: str | None = None,
    status: str | None = None,
    type: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> tuple[list[dict[str, Any]], str | None]:
    """Return a page of jobs, newest first, and the cursor of the next page or None.

    Reads the smallest index that fits and filters the rest; a page may hold fewer than `limit` where filters are rare.
    Raises InvalidSubmission for a cursor that is none of ours.
    """
    keys = store.keys
    index = keys.user_jobs(user) if user else keys.org_jobs(org) if org else keys.status(status) if status else keys.jobs()
    highest, after = read_cursor(cursor)
    found: list[str] = []
    for _ in range(LISTING_SCAN):
        page = store.redis.zrevrangebyscore(index, highest, "-inf", start=0, num=limit + 1 + len(after), withscores=True)
        fresh = [(member.decode(), f"{score:.0f}") for member, score in page if member.decode() not in after]
        fits = fitting(store, [one for one, _ in fresh[:limit]], (user, org, status, type))
        for one, created in fresh[:limit]:
            found += [one] if one in fits else []
            after = {*after, one} if created == highest else {one}
            highest = created
            if len(found) == limit:
                return [describe(job) for job in read_many(store, found)], write_cursor(highest, after)
        if len(fresh) <= limit:
            return [describe(job) for job in read_many(store, found)], None
    return [describe(job) for job in read_many(store, found)], write_cursor(highest, after)


def fitting(store: Store, ids: list[str], wanted: tuple[str | None, ...]) -> set[str]:
    """Return those of `ids` whose user, organisation, status and type are the wanted ones (None is any)."""
    with store.redis.pipeline(transaction=False) as pipe:
        for one in ids:
            pipe.hmget(store.keys.job(one), "user", "org", "status", "type")
        found = pipe.execute() if ids else []
    return {
        one
        for one, fields in zip(ids, found, strict=True)
        if all(want is None or field == want.encode() for want, field in zip(wanted, fields, strict=True))
    }


def read_many(store: Store, ids: list[str]) -> list[JobView]:
    """Read several jobs in one round trip; those deleted meanwhile are left out."""
    keys = store.keys
    with store.redis.pipeline(transaction=False) as pipe:
        for one in ids:
            for key in (keys.job(one), keys.tasks(one), keys.state(one), keys.outputs(one)):
                pipe.hgetall(key)
            pipe.get(keys.params(one))
        replies = pipe.execute()
    groups = zip(ids, *(replies[part::5] for part in range(5)), strict=True)
    return [
        assemble(one, *(text(part) for part in ({b"params": long, **fields} if long else fields, *parts)))
        for one, fields, *parts, long in groups
        if fields and fields[b"status"] != b"deleted"
    ]


def partial(store: Store, job_id: str, cursor: str | None = None) -> dict[str, Any]:
    """Return what the children have put out since `cursor`: {items: [{child, …}], cursor, reset}; the cursor is opaque.

    `reset` says that the cursor does not fit any more (a task was run anew): drop what was read before. Raises NotFound.
    """
    fields = text(store.redis.hgetall(store.keys.job(job_id)))
    if not fields or fields["status"] == "deleted":
        raise NotFound(f"there is no job {job_id}")
    spawned = {name.partition(":")[2]: int(value.split(" ")[0]) for name, value in fields.items() if name.startswith("children:")}
    nodes = [(task, n) for task, count in sorted(spawned.items()) for n in range(count)]
    seen = {(task, n): offset for task, offsets in read_offsets(cursor).items() for n, offset in enumerate(offsets)}
    with store.redis.pipeline(transaction=False) as pipe:
        for task, n in nodes:
            pipe.llen(store.keys.child(job_id, task, n))
        lengths = dict(zip(nodes, pipe.execute() if nodes else [], strict=True))
        reset = any(lengths.get(node, 0) < offset for node, offset in seen.items())
        offsets = {node: 0 if reset else seen.get(node, 0) for node in nodes}
        room, wanted = PARTIAL_ITEMS, []
        for node in nodes:
            count = min(lengths[node] - offsets[node], room)
            if count > 0:
                wanted.append(node)
                pipe.lrange(store.keys.child(job_id, *node), offsets[node], offsets[node] + count - 1)
                room -= count
        chunks = pipe.execute() if wanted else []
    items = []
    for (task, n), chunk in zip(wanted, chunks, strict=True):
        items += [{"child": f"{task}.{n}", **json.loads(item)} for item in chunk]
        offsets[task, n] += len(chunk)
    read = {task: [offsets[task, n] for n in range(count)] for task, count in spawned.items()}
    return {"items": items, "cursor": pack(read), "reset": reset}


def text(fields: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in fields.items()}


def pairs(flat: Sequence[Any]) -> dict[bytes, Any]:
    """Return the fields of a hash as a script hands them on: name, value, name, value."""
    return dict(zip(flat[::2], flat[1::2], strict=True))
