"""Jobs and standings for the tests of estimates, with round figures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from jobs import types
from jobs.model import JobView, Line, Standing, TaskView
from jobs.states import JobStatus, Priority, TaskState

NOW = 1_800_000_000.0
SPEEDS = {"inspect": 0.001, "prepare": 0.02, "transcribe": 0.5, "merge": 0.002, "export": 0.001}


def transcription(**states: str | dict[str, Any]) -> JobView:
    """A transcription whose tasks are pending but for those given, by state or by fields."""
    kind = types.find("transcription")
    graph = kind.expand(kind.Params.model_validate({"upload": "u"}))
    given: dict[str, dict[str, Any]] = {name: {"state": fields} if isinstance(fields, str) else fields for name, fields in states.items()}
    tasks = tuple(
        TaskView(task.name, task.engine, task.queue, needs=task.needs, optional=False, **{"state": "pending", **given.get(task.name, {})})
        for task in graph.tasks
    )
    tasks = tuple(
        replace(task, state=TaskState(task.state), progress=100.0 if task.state == "completed" else task.progress) for task in tasks
    )
    return JobView(
        "0" * 16, "transcription", "ada", "acme", Priority.NORMAL, JobStatus.RUNNING, {"upload": "u"}, NOW, None, None, 1, tasks, {}
    )


WAITING = transcription(inspect="ready")
DONE = "completed"


def ahead(place: int = 0, *, fresh: int | None = None, long: dict[str, Any] | None = None, held: str = "", **more: Any) -> Standing:
    """The standing of a job of which `place` entries of its organisation stand before `inspect`; one worker a queue, nothing in `long`."""
    own = place + 1 if fresh is None else fresh
    figures = {"running": 1, "workers": 1, "mean_s": 30.0, "waiting": {"normal": own}}
    short = Line(fresh=own, **{**figures, **{name: more.pop(name) for name in [*more] if name in Line.__dataclass_fields__}})
    standing = {"task": "inspect", "queue": "short", "speeds": SPEEDS, "size": 600.0, **more}
    return Standing(ahead=place, held=held, lines={standing["queue"]: short, "long": Line(**{"workers": 1, **(long or {})})}, **standing)


def idle(**more: Any) -> Standing:
    """The standing of a job of which nothing is ready, where nobody else waits."""
    lines = {"short": Line(workers=1), "long": Line(workers=more.pop("workers", 1))}
    return Standing(**{"lines": lines, "speeds": SPEEDS, "size": 600.0, **more})


def in_long(task: str, place: int, **figures: Any) -> Standing:
    """The standing of a job whose `task` waits in `long`, which one worker serves, busy with a run of 20 s as others were."""
    long = Line(**{"workers": 1, "running": 1, "mean_s": 20.0, "fresh_share": 1 / 8, **figures})
    return idle(task=task, queue="long", ahead=place, lines={"short": Line(workers=1), "long": long})
