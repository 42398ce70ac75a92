"""Put a job together from its hashes and tell it as JSON. Pure: whoever read the hashes passes them in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote

from jobs import estimate, types
from jobs.model import Callback, JobView, Standing, TaskView
from jobs.states import JobStatus, Priority, TaskState

#: A task's state by how it is stored.
STATES = {**{str(state): state for state in TaskState}, "new": TaskState.PENDING}
DONE = frozenset({TaskState.COMPLETED, TaskState.SKIPPED})


def assemble(
    job: str,
    fields: Mapping[str, str],
    tasks: Mapping[str, str],
    state: Mapping[str, str],
    outputs: Mapping[str, str],
    *,
    speeds: Mapping[str, float],
    callback: Callback | None = None,
) -> JobView:
    """Put a job together from its hashes; pure."""
    seen = tuple(task_view(name, tasks[name], state, outputs.get(f"{name}:x")) for name in fields["order"].split(","))
    told = {task.name for task in seen if task.state is not TaskState.SKIPPED}  # also what stood before a task was run again
    return JobView(
        id=job,
        type=fields["type"],
        user=fields["user"],
        org=fields["org"],
        priority=Priority(fields["priority"]),
        status=JobStatus(fields["status"]),
        params=json.loads(fields.get("params", "{}")),
        created_at=int(fields["created"]) / 1e6,
        started_at=seconds(fields.get("started")),
        ended_at=seconds(fields.get("ended")),
        revision=int(fields["rev"]),
        tasks=seen,
        outputs={name: json.loads(output) for name, output in outputs.items() if name in told},
        speeds=speeds,
        callback=callback,
        run_at=seconds(fields.get("at")),
    )


def task_view(name: str, line: str, state: Mapping[str, str], error: str | None) -> TaskView:
    engine, queue, optional, needs = line_parts(line)
    read, at = state.get, f"{name}:"
    now = STATES[state[name]]
    children = int(read(f"{at}ct") or 0)
    fraction = float(read(f"{at}cp") or 0) / children if children else float(read(f"{at}p") or 0)
    return TaskView(
        name=name,
        engine=engine,
        queue=queue,
        state=now,
        optional=optional,
        needs=needs,
        attempts=int(read(f"{at}n") or 0),
        progress=100.0 if now in DONE else round(min(fraction, 1.0) * 100, 1),
        message=read(f"{at}m", ""),
        error=error or read(f"{at}x", ""),  # where a former version wrote it
        started_at=seconds(read(f"{at}b")),
        ended_at=seconds(read(f"{at}e")),
        worker=read(f"{at}k", ""),
        children_total=children,
        children_completed=int(read(f"{at}cc") or 0),
        children_failed=int(read(f"{at}cf") or 0),
    )


@lru_cache(maxsize=4096)
def line_parts(line: str) -> tuple[str, str, bool, tuple[str, ...]]:
    """Return engine, queue, optional and needs of a task's line; jobs of one type have the same lines."""
    engine, queue, optional, _, _, _, needs, _ = line.split(" ")
    return engine, queue, optional == "1", tuple(needs.split(",")) if needs != "-" else ()


class Estimates(NamedTuple):
    """What is told of a job that changes without it, as others come and go and time passes."""

    position: int | None = None
    eta_s: int | None = None
    held: str | None = None


NO_ESTIMATES = Estimates()


def estimates(seen: JobView, standing: Standing | None, now: float) -> Estimates:
    """Return where a job stands at Redis's time `now`; nothing of one that has ended."""
    if standing is None:
        return NO_ESTIMATES
    return Estimates(estimate.position(seen, standing), estimate.eta_s(seen, standing, now), estimate.held(seen, standing))


def describe(seen: JobView, standing: Standing | None = None, told: Estimates = NO_ESTIMATES) -> dict[str, Any]:
    """Return a job as JSON, summed up by its type's reducer; pure. Without a standing it has no estimates."""
    summary = types.reduce(seen)
    held = told.held
    return {
        "id": seen.id,
        "type": seen.type,
        "title": title(seen),
        "user": seen.user,
        "org": seen.org,
        "priority": str(seen.priority),
        "status": str(seen.status),
        "progress": summary.progress,
        "message": hold_message(seen, standing, held) if standing and held else summary.message,
        "result_path": summary.result_path,
        "created_at": iso(seen.created_at),
        "run_at": iso(seen.run_at),
        "started_at": iso(seen.started_at),
        "ended_at": iso(seen.ended_at),
        "eta_seconds": told.eta_s,
        "queue_position": told.position,
        "held": held,
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
        "callback": called(seen.callback, ended=seen.status.ended) if seen.callback else None,
        "revision": seen.revision,
    }


def title(seen: JobView) -> str:
    """Return what people know a job by: its recording's name, or its type."""
    return str(seen.params.get("filename") or seen.type)


def called(callback: Callback, *, ended: bool) -> dict[str, Any]:
    """Tell where the ends of a job are told, and how far the last one is; while the job is at it (again), that it waits."""
    if not ended or not callback.job:
        callback = Callback(callback.url)
    settled = {"completed": "delivered", "failed": "failed", "cancelled": "failed"}
    return {
        "url": callback.url,
        "state": settled.get(callback.status, "waiting") if callback.status or not callback.job else "deleted",
        "job": callback.job or None,
        "tries": callback.tries,
        "last_error": callback.error or None,
        "at": iso(callback.ended_at or callback.tried_at),
        "next_at": iso(callback.next_at),
    }


def with_addresses(status: dict[str, Any], base: str = "") -> dict[str, Any]:
    """Put into a status where its artifacts are to be had: whole addresses when `base` is that of the web."""
    for artifact in status["artifacts"]:
        artifact["url"] = base + artifact_url(status["id"], artifact["name"])
    return status


def artifact_url(job_id: str, name: str) -> str:
    return f"/api/jobs/{job_id}/artifacts/{quote(name)}"


def hold_message(seen: JobView, standing: Standing, held: str) -> str:
    """Say what keeps a waiting job from its turn."""
    match held:
        case "worker":
            return f"no worker serves {standing.queue}; it waits until one is started"
        case "limit":
            return f"{seen.org} has as many tasks running as it may ({standing.limit}); the next begins when one of them ends"
        case "queue":
            return f"paused by an admin: the queue {standing.queue} waits until it is resumed"
        case "organisation":
            return f"paused by an admin: jobs of {seen.org} wait until they are resumed"
    return f"paused by an admin: {seen.type} jobs wait until they are resumed"


def told_warnings(seen: JobView) -> list[str]:
    """Return the `warnings` that tasks put into their outputs, in the order of the tasks."""
    return [warning for warning in told(seen, "warnings") if isinstance(warning, str)]


def told_artifacts(seen: JobView) -> list[dict[str, Any]]:
    """Return the `artifacts` that tasks put into their outputs: name, bytes, media_type and key in storage."""
    return list({artifact["name"]: artifact for artifact in told(seen, "artifacts") if is_artifact(artifact)}.values())


def told(seen: JobView, what: str) -> Iterator[Any]:
    """Yield the items of the lists `what` in the outputs of tasks. An output may be any JSON: what is no list has no items."""
    for task in seen.tasks:
        output = seen.outputs.get(task.name)
        items = output.get(what) if isinstance(output, dict) else None
        yield from items if isinstance(items, list) else ()


def is_artifact(value: Any) -> bool:
    kinds = {"name": str, "bytes": int, "media_type": str, "key": str}
    return isinstance(value, dict) and all(isinstance(value.get(name), kind) for name, kind in kinds.items())


def seconds(us: str | None) -> float | None:
    return int(us) / 1e6 if us else None


@lru_cache(maxsize=8192)  # a job is asked for many times
def iso(at: float | None) -> str | None:
    """Return a time as ISO 8601 in UTC with microseconds."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
