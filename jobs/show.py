"""Read a job as its type tells it, lists of jobs, and what children have put out. Changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs import types
from jobs.cursor import pack, read_cursor, read_offsets, write_cursor
from jobs.errors import NotFound, Unseen
from jobs.model import Callback, JobView, Line, Standing
from jobs.reducers import first_line
from jobs.states import Priority, TaskState
from jobs.store import Store, stamp
from jobs.view import assemble, describe, estimates, seconds, told_artifacts

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
    `shown`. It is counted as a request of the asker's. Raises Nobody for a token that is nobody's; Limited for a request too many;
    Unseen, the same for an absent job and for someone else's.
    """
    try:
        reply = store.run("look", *question(store, job, asker, known, shown, now))
    except Unseen as error:
        raise Unseen(f"there is no job {job}", error.who) from None
    return seen(job, reply, known)


def see_many(
    store: Store, jobs: Sequence[str], *, known: Callable[[str], Known | None] = lambda _: None, now: float | None = None
) -> list[Seen]:
    """Look at several jobs in one round trip, as `see` does for somebody who may see them all; those that are gone are left out.

    `known` tells what is known of each already. Raises RedisError.
    """
    kept = {job: known(job) for job in jobs}
    replies = store.run_many("look", [question(store, job, "", kept[job], "", now) for job in jobs]) if jobs else []
    found = []
    for job, reply in zip(jobs, replies, strict=True):
        if isinstance(reply, NotFound):
            continue
        if isinstance(reply, Exception):
            raise reply
        found.append(seen(job, reply, kept[job]))
    return found


def question(store: Store, job: str, asker: str, known: Known | None, shown: str, now: float | None) -> tuple[str | int, ...]:
    """Return what look.lua takes."""
    first, *queues = known.places if known else ("",)
    return stamp(now), job, asker, known.mark if known else "", shown, first, store.settings.max_requests_per_minute, *queues


def seen(job: str, reply: Sequence[Any], known: Known | None) -> Seen:
    """Return what look.lua answered."""
    what, at_us, who, fields, tasks, state, outputs, speeds, *standing = reply
    at = int(at_us) / 1e6
    if what == b"ended":
        return Seen(who, None, None, at)
    measured = measures(speeds)
    if what == b"new" or known is None:
        known = read(job, measured, fields, tasks, state, outputs)
    return Seen(who, known, None if known.view.status.ended else stand(known.size, measured, *standing), at)


def measures(speeds: Sequence[bytes]) -> dict[str, float]:
    """Return what each engine takes for a second of audio, in seconds."""
    return {engine: float(us) / 1e6 for engine, us in pairs(speeds).items()}


def look(store: Store, job: str, *, now: float | None = None) -> tuple[JobView, Standing | None, float]:
    """Read one job, where it stands among the others (None when it has ended) and Redis's time, in one round trip. Raises NotFound."""
    seen = see(store, job, now=now)
    assert seen.known  # no revision was shown
    return seen.known.view, seen.standing, seen.at


def job(store: Store, job: str) -> JobView:
    """Read one job in one round trip. Raises NotFound."""
    return look(store, job)[0]


FIELDS = ("type", "user", "org", "priority", "status", "params", "created", "started", "ended", "rev", "size", "order", "at")


def read(job: str, speeds: Mapping[str, float], told: Sequence[Any], lines: Sequence[bytes], *flat: Sequence[bytes]) -> Known:
    *values, callback = told
    fields = {name: value.decode() for name, value in zip(FIELDS, values, strict=True) if value is not None}
    tasks = dict(zip(fields["order"].split(","), map(bytes.decode, lines), strict=True))
    view = assemble(job, fields, tasks, *map(pairs, flat), speeds=speeds, callback=called(callback))
    weight = sum(map(len, fields.values())) + sum(map(len, lines)) + sum(sum(map(len, part)) for part in flat)
    return Known(view, fields["created"], float(fields.get("size", 0)), places(view), weight)


def called(told: Sequence[bytes]) -> Callback | None:
    """Return how the ends of a job are told, as callback.lua tells it; None where nobody is to be told."""
    if not told:
        return None
    url, *rest = map(bytes.decode, told)
    if not rest:
        return Callback(url)
    job, status, tries, error, began, ended, due = rest
    return Callback(url, job, status, int(tries), first_line(error), seconds(began), seconds(ended), seconds(due))


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
    """Return a page of jobs, newest first, each with where it stands, and the cursor of the next page or None. As `find`."""
    found, cursor = find(store, user=user, org=org, status=status, type=type, limit=limit, cursor=cursor)
    return [tell(seen) for seen in see_many(store, found) if seen.known and listed(seen.known.view, type)], cursor


def listed(view: JobView, type: str | None) -> bool:
    """Whether a job that `find` found belongs in a list for people: Lectern's own do when their type was asked for."""
    return type is not None or not types.internal(view.type)


def tell(seen: Seen) -> dict[str, Any]:
    """Return the status of what was seen whole."""
    assert seen.known  # no revision was shown
    return describe(seen.known.view, seen.standing, estimates(seen.known.view, seen.standing, seen.at))


def find(
    store: Store,
    *,
    user: str | None = None,
    org: str | None = None,
    status: str | None = None,
    type: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> tuple[list[str], str | None]:
    """Return the ids of a page of jobs, newest first, and the cursor of the next page or None; `status` may be several, with commas.

    Reads the smallest index that fits and filters the rest; a page may hold fewer than `limit` where filters are rare.
    Raises InvalidSubmission for a cursor that is none of ours.
    """
    keys = store.keys
    several = status is not None and "," in status
    by_status = status if not several else None
    index = keys.user_jobs(user) if user else keys.org_jobs(org) if org else keys.status(by_status) if by_status else keys.jobs()
    wanted = (user, org, status, type)
    highest, after = read_cursor(cursor)
    found: list[str] = []
    for _ in range(LISTING_SCAN):
        page = store.redis.zrevrangebyscore(index, highest, "-inf", start=0, num=limit + 1 + len(after), withscores=True)
        fresh = [(member.decode(), f"{score:.0f}") for member, score in page if member.decode() not in after]
        exact = wanted == (user, None, None, None)  # by its index alone: what is asked for most takes a round trip less
        fits = {one for one, _ in fresh} if exact else fitting(store, [one for one, _ in fresh[:limit]], wanted)
        for one, created in fresh[:limit]:
            found += [one] if one in fits else []
            after = {*after, one} if created == highest else {one}
            highest = created
            if len(found) == limit:
                return found, write_cursor(highest, after)
        if len(fresh) <= limit:
            return found, None
    return found, write_cursor(highest, after)


def fitting(store: Store, ids: list[str], wanted: tuple[str | None, ...]) -> set[str]:
    """Return those of `ids` whose user, organisation, status and type are among the wanted ones (None is any)."""
    with store.redis.pipeline(transaction=False) as pipe:
        for one in ids:
            pipe.hmget(store.keys.job(one), "user", "org", "status", "type")
        found = pipe.execute() if ids else []
    allowed = [None if want is None else want.encode().split(b",") for want in wanted]
    return {
        one
        for one, fields in zip(ids, found, strict=True)
        if all(among is None or field in among for among, field in zip(allowed, fields, strict=True))
    }


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
