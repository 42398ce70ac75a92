"""Read a job as its type tells it, lists of jobs, and what children have put out. Changes nothing."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jobs import types
from jobs.errors import InvalidSubmission, NotFound
from jobs.model import JobView, TaskView
from jobs.states import JobStatus, Priority, TaskState
from jobs.store import Store

PARTIAL_ITEMS = 200  #: most items of one answer of `partial`
LISTING_SCAN = 20  #: pages looked through at most for one page of a filtered list


def job(store: Store, job: str) -> JobView:
    """Read one job in one round trip. Raises NotFound."""
    keys = store.keys
    with store.redis.pipeline(transaction=True) as pipe:
        for key in (keys.job(job), keys.tasks(job), keys.state(job), keys.outputs(job)):
            pipe.hgetall(key)
        fields, tasks, state, outputs = pipe.execute()
    if not fields or fields[b"status"] == b"deleted":
        raise NotFound(f"there is no job {job}")
    return view(job, text(fields), text(tasks), text(state), text(outputs))


def view(job: str, fields: Mapping[str, str], tasks: Mapping[str, str], state: Mapping[str, str], outputs: Mapping[str, str]) -> JobView:
    """Put a job together from its hashes; pure."""
    seen = tuple(task_view(name, tasks[name], state) for name in fields["order"].split(","))
    told = {task.name for task in seen if task.state in (TaskState.COMPLETED, TaskState.FAILED)}
    return JobView(
        id=job,
        type=fields["type"],
        user=fields["user"],
        org=fields["org"],
        priority=Priority(fields["priority"]),
        status=JobStatus(fields["status"]),
        params=json.loads(fields["params"]),
        created_at=float(fields["created"]),
        started_at=seconds(fields.get("started")),
        ended_at=seconds(fields.get("ended")),
        revision=int(fields["rev"]),
        tasks=seen,
        outputs={name: json.loads(output) for name, output in outputs.items() if name in told},
    )


def task_view(name: str, line: str, state: Mapping[str, str]) -> TaskView:
    engine, queue, optional, _, _, _, needs, _ = line.split(" ")

    def read(letter: str, default: str = "") -> str:
        return state.get(f"{name}:{letter}", default)

    now = TaskState(state[name])
    children = int(read("ct", "0"))
    fraction = float(read("cp", "0")) / children if children else float(read("p", "0"))
    return TaskView(
        name=name,
        engine=engine,
        queue=queue,
        state=now,
        optional=optional == "1",
        needs=tuple(needs.split(",")) if needs != "-" else (),
        attempts=int(read("n", "0")),
        progress=100.0 if now in (TaskState.COMPLETED, TaskState.SKIPPED) else round(min(fraction, 1.0) * 100, 1),
        message=read("m"),
        error=read("x"),
        started_at=seconds(read("b")),
        ended_at=seconds(read("e")),
        worker=read("k"),
        children_total=children,
        children_completed=int(read("cc", "0")),
        children_failed=int(read("cf", "0")),
    )


def status(store: Store, job_id: str) -> dict[str, Any]:
    """Return the status of DESIGN's Interface, with `revision` beside it; artifacts have no url yet. Raises NotFound."""
    return describe(job(store, job_id))


def describe(seen: JobView) -> dict[str, Any]:
    """Return a job as JSON, summed up by its type's reducer; pure."""
    summary = types.find(seen.type).reduce(seen)
    return {
        "id": seen.id,
        "type": seen.type,
        "title": str(seen.params.get("filename") or seen.type),
        "user": seen.user,
        "org": seen.org,
        "priority": str(seen.priority),
        "status": str(seen.status),
        "progress": summary.progress,
        "message": summary.message,
        "result_path": summary.result_path,
        "created_at": iso(seen.created_at),
        "started_at": iso(seen.started_at),
        "ended_at": iso(seen.ended_at),
        "eta_seconds": None,
        "queue_position": None,
        "warnings": [*summary.warnings, *told_warnings(seen)],
        "tasks": [
            {
                "name": task.name,
                "engine": task.engine,
                "queue": task.queue,
                "state": str(task.state),
                "optional": task.optional,
                "attempts": task.attempts,
                "progress": task.progress,
                "message": task.message,
                "error": task.error or None,
                "needs": list(task.needs),
                "started_at": iso(task.started_at),
                "ended_at": iso(task.ended_at),
                "worker": task.worker or None,
                "children": {"total": task.children_total, "completed": task.children_completed, "failed": task.children_failed},
            }
            for task in seen.tasks
        ],
        "artifacts": [{"name": a["name"], "bytes": a["bytes"], "media_type": a["media_type"]} for a in told_artifacts(seen)],
        "revision": seen.revision,
    }


def told_warnings(seen: JobView) -> list[str]:
    """Return the `warnings` that tasks put into their outputs, in the order of the tasks."""
    return [warning for _, output in told_outputs(seen) for warning in output.get("warnings", ())]


def told_artifacts(seen: JobView) -> list[dict[str, Any]]:
    """Return the `artifacts` that tasks put into their outputs: name, bytes, media_type and key in storage."""
    found = {artifact["name"]: artifact for _, output in told_outputs(seen) for artifact in output.get("artifacts", ())}
    return list(found.values())


def told_outputs(seen: JobView) -> list[tuple[str, dict[str, Any]]]:
    named = ((task.name, seen.outputs.get(task.name)) for task in seen.tasks)
    return [(name, output) for name, output in named if isinstance(output, dict)]


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
    found: list[dict[str, Any]] = []
    for _ in range(LISTING_SCAN):
        page = store.redis.zrevrangebyscore(index, highest, "-inf", start=0, num=limit + 1 + len(after), withscores=True)
        fresh = [(member.decode(), score) for member, score in page if member.decode() not in after]
        if not fresh:
            return found, None
        for one in read_many(store, [member for member, _ in fresh[:limit]]):
            wanted = (one.user, one.org, str(one.status), one.type)
            if all(want is None or want == is_ for want, is_ in zip((user, org, status, type), wanted, strict=True)):
                found.append(describe(one))
            last = one.created_at
            after = {*after, one.id} if repr(last) == highest else {one.id}
            highest = repr(last)
            if len(found) == limit:
                return found, write_cursor(highest, after)
        if len(fresh) <= limit:
            return found, None
    return found, write_cursor(highest, after)


def read_many(store: Store, ids: list[str]) -> list[JobView]:
    """Read several jobs in one round trip; those deleted meanwhile are left out."""
    keys = store.keys
    with store.redis.pipeline(transaction=False) as pipe:
        for one in ids:
            for key in (keys.job(one), keys.tasks(one), keys.state(one), keys.outputs(one)):
                pipe.hgetall(key)
        replies = pipe.execute()
    groups = zip(ids, *(replies[part::4] for part in range(4)), strict=True)
    return [view(one, *(text(part) for part in parts)) for one, *parts in groups if parts[0] and parts[0][b"status"] != b"deleted"]


def partial(store: Store, job_id: str, cursor: str | None = None) -> dict[str, Any]:
    """Return what the children have put out since `cursor`: {items: [{child, …}], cursor, reset}; the cursor is opaque.

    `reset` says that the cursor does not fit any more (a task was run anew): drop what was read before. Raises NotFound.
    """
    fields = text(store.redis.hgetall(store.keys.job(job_id)))
    if not fields or fields["status"] == "deleted":
        raise NotFound(f"there is no job {job_id}")
    spawned = {name.partition(":")[2]: int(value.split(" ")[0]) for name, value in fields.items() if name.startswith("children:")}
    nodes = [(task, n) for task, count in sorted(spawned.items()) for n in range(count)]
    seen = read_offsets(cursor)
    with store.redis.pipeline(transaction=False) as pipe:
        for task, n in nodes:
            pipe.llen(store.keys.child(job_id, task, n))
        lengths = dict(zip((f"{task}.{n}" for task, n in nodes), pipe.execute() if nodes else [], strict=True))
        reset = any(lengths.get(child, 0) < offset for child, offset in seen.items())
        offsets = {} if reset else seen
        room, wanted = PARTIAL_ITEMS, []
        for task, n in nodes:
            start = offsets.get(f"{task}.{n}", 0)
            count = min(lengths[f"{task}.{n}"] - start, room)
            if count > 0:
                wanted.append((f"{task}.{n}", start, count))
                pipe.lrange(store.keys.child(job_id, task, n), start, start + count - 1)
                room -= count
        chunks = pipe.execute() if wanted else []
    items = [{"child": child, **json.loads(item)} for (child, _, _), chunk in zip(wanted, chunks, strict=True) for item in chunk]
    offsets = offsets | {child: start + len(chunk) for (child, start, _), chunk in zip(wanted, chunks, strict=True)}
    return {"items": items, "cursor": pack(offsets), "reset": reset}


def read_offsets(cursor: str | None) -> dict[str, int]:
    found = unpack(cursor, {})
    if not isinstance(found, dict) or not all(isinstance(offset, int) for offset in found.values()):
        raise InvalidSubmission("the cursor is not one that this server gave; leave it out to begin anew", field="cursor")
    return found


def read_cursor(cursor: str | None) -> tuple[str, set[str]]:
    found = unpack(cursor, ["+inf", []])
    try:
        highest, after = found
        if highest != "+inf" and not math.isfinite(float(highest)):
            raise ValueError(highest)
        return highest, set(after)
    except (TypeError, ValueError):
        raise InvalidSubmission("the cursor is not one that this server gave; leave it out to begin anew", field="cursor") from None


def write_cursor(highest: str, after: set[str]) -> str:
    return pack([highest, sorted(after)])


def pack(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")


def unpack(cursor: str | None, default: Any) -> Any:
    if not cursor:
        return default
    try:
        return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        raise InvalidSubmission("the cursor is not one that this server gave; leave it out to begin anew", field="cursor") from None


def text(fields: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in fields.items()}


def seconds(value: str | None) -> float | None:
    return float(value) if value else None


def iso(at: float | None) -> str | None:
    """Return a time as ISO 8601 in UTC with microseconds."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
