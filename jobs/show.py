"""Read a job as its type tells it, lists of jobs, and what children have put out. Changes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.cursor import pack, read_cursor, read_offsets, write_cursor
from jobs.errors import NotFound
from jobs.model import JobView, Line, Standing
from jobs.states import Priority, TaskState
from jobs.store import Store, stamp
from jobs.view import assemble, describe, estimates, told_artifacts

PARTIAL_ITEMS = 200  #: most items of one answer of `partial`
LISTING_SCAN = 20  #: pages looked through at most for one page of a filtered list


@dataclass(frozen=True, slots=True)
class Known:
    """A job as it was read at a revision; it need not be read again until that changes."""

    view: JobView
    created: str  #: µs; an id may be given twice
    size: float  #: seconds of audio, 0 unknown
    places: tuple[str, ...]  #: where to look for its standing: its first ready task or "", then the queues of its unfinished tasks
    weight: int  #: bytes that Redis took to tell it

    @property
    def mark(self) -> str:
        return f"{self.view.revision} {self.created}"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look at a job found."""

    who: Sequence[bytes]  #: asks, for people.told; empty when nobody was named
    known: Known | None  #: None: it has ended, and has not changed since the revision that was shown
    standing: Standing | None  #: None when it has ended
    at: float  #: Redis's time


def see(store: Store, job: str, *, asker: str = "", known: Known | None = None, shown: str = "", now: float | None = None) -> Seen:
    """Look at a job in one round trip, for the person of a token's digest; without one, for somebody who may see every job.

    Only what is new is read: the standing alone when the job is still as `known`, nothing when it has ended at the revision
    `shown`. Raises Nobody for a token that is nobody's; NotFound, the same for an absent job and for someone else's.
    """
    kept = (known.mark, shown, *known.places) if known else ("", shown, "")
    try:
        what, at_us, who, fields, tasks, state, outputs, speeds, *standing = store.run("look", stamp(now), job, asker, *kept)
    except NotFound:
        raise NotFound(f"there is no job {job}") from None
    at = int(at_us) / 1e6
    if what == b"ended":
        return Seen(who, None, None, at)
    measured = {engine: float(us) / 1e6 for engine, us in pairs(speeds).items()}
    if what == b"new" or known is None:
        known = read(job, measured, fields, tasks, state, outputs)
    return Seen(who, known, None if known.view.status.ended else stand(known.size, measured, *standing), at)


def look(store: Store, job: str, *, now: float | None = None) -> tuple[JobView, Standing | None, float]:
    """Read one job, where it stands among the others (None when it has ended) and Redis's time, in one round trip. Raises NotFound."""
    seen = see(store, job, now=now)
    assert seen.known  # no revision was shown
    return seen.known.view, seen.standing, seen.at


def job(store: Store, job: str) -> JobView:
    """Read one job in one round trip. Raises NotFound."""
    return look(store, job)[0]


FIELDS = ("type", "user", "org", "priority", "status", "params", "created", "started", "ended", "rev", "size", "order", "at")


def read(job: str, speeds: Mapping[str, float], values: Sequence[bytes | None], lines: Sequence[bytes], *flat: Sequence[bytes]) -> Known:
    fields = {name: value.decode() for name, value in zip(FIELDS, values, strict=True) if value is not None}
    tasks = dict(zip(fields["order"].split(","), map(bytes.decode, lines), strict=True))
    view = assemble(job, fields, tasks, *map(pairs, flat), speeds=speeds)
    weight = sum(map(len, fields.values())) + sum(map(len, lines)) + sum(sum(map(len, part)) for part in flat)
    return Known(view, fields["created"], float(fields.get("size", 0)), places(view), weight)


def places(view: JobView) -> tuple[str, ...]:
    left = [] if view.status.ended else [task for task in view.tasks if not task.state.ended]
    ready = next((task.name for task in left if task.state is TaskState.READY), "")
    return ready, *dict.fromkeys(task.queue for task in left)


def stand(
    size: float, speeds: Mapping[str, float], limit: bytes, held: bytes, standing: Sequence[Any], lines: Sequence[Sequence[Any]]
) -> Standing:
    task, queue, ahead = standing or (b"", b"", 0)
    return Standing(
        task=task.decode(),
        queue=queue.decode(),
        ahead=int(ahead),
        held=held.decode(),
        limit=int(limit),
        lines={name.decode(): line(*figures) for name, *figures in lines},
        speeds=speeds,
        size=size,
    )


def line(
    chained: int, fresh: int, others: int, running: bytes, workers: int, mean_us: bytes, share: bytes, claims: bytes, *waiting: bytes
) -> Line:
    by_priority = {str(priority): int(count) for priority, count in zip(Priority, waiting, strict=True)}
    return Line(chained, fresh, others, int(running), workers, int(mean_us) / 1e6, int(share) / 1e6, int(claims), by_priority)


def status(store: Store, job_id: str, *, now: float | None = None) -> dict[str, Any]:
    """Return the status of DESIGN's Interface, with `revision` beside it; artifacts have no url yet. Raises NotFound."""
    view, standing, at = look(store, job_id, now=now)
    return describe(view, standing, estimates(view, standing, at))


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
        pipe.hgetall(keys.build("speeds"))
        *replies, measured = pipe.execute()
    speeds = {engine: float(us) / 1e6 for engine, us in text(measured).items()}
    groups = zip(ids, *(replies[part::5] for part in range(5)), strict=True)
    return [
        assemble(one, *(text(part) for part in ({b"params": long, **fields} if long else fields, *parts)), speeds=speeds)
        for one, fields, *parts, long in groups
        if fields and fields[b"status"] != b"deleted"
    ]


def partial(store: Store, job_id: str, cursor: str | None = None, *, user: str | None = None) -> dict[str, Any]:
    """Return what the children have put out since `cursor`: {items: [{child, …}], cursor, reset}; the cursor is opaque.

    `reset` says that the cursor does not fit any more (a task was run anew): drop what was read before. Raises NotFound, also
    for a job that is not `user`'s when one is named.
    """
    fields = text(store.redis.hgetall(store.keys.job(job_id)))
    if not fields or fields["status"] == "deleted" or user not in (None, fields["user"]):
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


def pairs(flat: Sequence[bytes]) -> dict[str, str]:
    """Return the fields of a hash as a script hands them on: name, value, name, value."""
    texts = map(bytes.decode, flat)
    return dict(zip(texts, texts, strict=True))
