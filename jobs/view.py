"""Put a job together from its hashes and tell it as JSON. Pure: whoever read the hashes passes them in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from jobs import estimate, types
from jobs.model import JobView, Standing, TaskView
from jobs.states import JobStatus, Priority, TaskState


def assemble(
    job: str, fields: Mapping[str, str], tasks: Mapping[str, str], state: Mapping[str, str], outputs: Mapping[str, str]
) -> JobView:
    """Put a job together from its hashes; pure."""
    seen = tuple(task_view(name, tasks[name], state, outputs.get(f"{name}:x")) for name in fields["order"].split(","))
    told = {task.name for task in seen if task.state in (TaskState.COMPLETED, TaskState.FAILED)}
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
    )


def task_view(name: str, line: str, state: Mapping[str, str], error: str | None) -> TaskView:
    engine, queue, optional, _, _, _, needs, _ = line.split(" ")

    def read(letter: str, default: str = "") -> str:
        return state.get(f"{name}:{letter}", default)

    now = TaskState.PENDING if state[name] == "new" else TaskState(state[name])
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
        error=error or read("x"),  # where a former version wrote it
        started_at=seconds(read("b")),
        ended_at=seconds(read("e")),
        worker=read("k"),
        children_total=children,
        children_completed=int(read("cc", "0")),
        children_failed=int(read("cf", "0")),
    )


def describe(seen: JobView, standing: Standing | None = None, now: float | None = None) -> dict[str, Any]:
    """Return a job as JSON, summed up by its type's reducer; pure. Without a standing, and Redis's time, it has no estimates."""
    summary = types.reduce(seen)
    held = estimate.held(seen, standing)
    return {
        "id": seen.id,
        "type": seen.type,
        "title": str(seen.params.get("filename") or seen.type),
        "user": seen.user,
        "org": seen.org,
        "priority": str(seen.priority),
        "status": str(seen.status),
        "progress": summary.progress,
        "message": hold_message(seen, standing, held) if standing and held else summary.message,
        "result_path": summary.result_path,
        "created_at": iso(seen.created_at),
        "started_at": iso(seen.started_at),
        "ended_at": iso(seen.ended_at),
        "eta_seconds": None if now is None else estimate.eta_s(seen, standing, now),
        "queue_position": estimate.position(seen, standing),
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
        "revision": seen.revision,
    }


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


def iso(at: float | None) -> str | None:
    """Return a time as ISO 8601 in UTC with microseconds."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
