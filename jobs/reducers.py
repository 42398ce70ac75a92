"""Sum up a job from the states of its tasks. Pure functions; the job type chooses which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from jobs.model import JobView, Summary, TaskView
from jobs.states import JobStatus, TaskState


def task_progress(task: TaskView) -> float:
    """Percent of one task, 0–100. A joining task is as far as its children."""
    if task.state in (TaskState.COMPLETED, TaskState.SKIPPED):
        return 100.0
    if task.children_total:
        settled = 100.0 * (task.children_completed + task.children_failed) / task.children_total
        return min(max(task.progress, settled), 100.0)
    return min(max(task.progress, 0.0), 100.0)


def progress(tasks: Iterable[TaskView], weights: Mapping[str, float] | None = None) -> float:
    """Percent of a job: the mean of its tasks, weighted by engine (1 unless named in `weights`)."""
    total = done = 0.0
    for task in tasks:
        weight = (weights or {}).get(task.engine, 1.0)
        total += weight
        done += weight * task_progress(task)
    return round(done / total, 1) if total else 0.0


def learned(weights: Mapping[str, float], speeds: Mapping[str, float]) -> Mapping[str, float]:
    """Return `weights` with what was measured in place of what was guessed: seconds of work both, the one for a second of audio.

    Where an engine was not measured its guess stays, as long or short beside the others as it was.
    """
    known = {engine: speeds[engine] for engine in weights if speeds.get(engine, 0.0) > 0}
    if not known:
        return weights
    scale = sum(known.values()) / sum(weights[engine] for engine in known)
    return {engine: known.get(engine, weight * scale) for engine, weight in weights.items()}


def warnings(job: JobView) -> tuple[str, ...]:
    """One sentence for all skipped steps: `1 step skipped: emotions, not configured`."""
    skipped = [task for task in job.tasks if task.state is TaskState.SKIPPED]
    if not skipped:
        return ()
    steps = "1 step" if len(skipped) == 1 else f"{len(skipped)} steps"
    named = "; ".join(f"{task.name}, {first_line(task.error) or 'skipped'}" for task in skipped)
    return (f"{steps} skipped: {named}",)


def message(job: JobView) -> str:
    """What is happening, in words. The first rule that matches wins; the order of tasks never matters."""
    tasks = job.tasks
    done = sum(task.state in (TaskState.COMPLETED, TaskState.SKIPPED) for task in tasks)
    match job.status:
        case JobStatus.COMPLETED:
            return ", ".join(("completed", *warnings(job)))
        case JobStatus.CANCELLED:
            return "cancelled"
        case JobStatus.FAILED:
            failed = sorted((task for task in tasks if task.state is TaskState.FAILED), key=lambda task: task.name)
            return f"{failed[0].name} failed: {first_line(failed[0].error)}" if failed else "failed"
        case JobStatus.PENDING if job.put_off and job.run_at:
            return f"begins at {datetime.fromtimestamp(job.run_at, UTC):%Y-%m-%d %H:%M} UTC"
        case JobStatus.PENDING:
            return "waiting for a worker"
    at_work = sorted((t for t in tasks if t.state in (TaskState.RUNNING, TaskState.JOINING)), key=lambda task: task.name)
    told = [task.message for task in at_work if task.message]
    if told:
        return told[0]
    if at_work:
        return f"{at_work[0].name}: working, {done} of {len(tasks)} steps done"
    delayed = sorted((task for task in tasks if task.state is TaskState.DELAYED), key=lambda task: task.name)
    if delayed:
        why = f" ({first_line(delayed[0].error)})" if delayed[0].error else ""
        return f"{delayed[0].name} will be tried again shortly{why}, {done} of {len(tasks)} steps done"
    return f"waiting for a worker, {done} of {len(tasks)} steps done"


def summarise(job: JobView, weights: Mapping[str, float] | None = None, result_path: str | None = None) -> Summary:
    """The reducer of a type that needs none of its own."""
    percent = 100.0 if job.status is JobStatus.COMPLETED else min(progress(job.tasks, learned(weights or {}, job.speeds)), 99.9)
    return Summary(percent, message(job), warnings(job), result_path)


def first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0]
