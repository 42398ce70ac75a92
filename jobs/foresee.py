"""Foresee how long jobs would take that nobody has submitted yet: their own work, and what stands before them. Changes nothing.

By the same reckoning as for a job that waits (decision 0070), of the graph that it would have. Stands on submit and show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from jobs import estimate, show, submit
from jobs.model import Graph, JobView, Json, Line, Standing, Submission, TaskView
from jobs.states import JobStatus, TaskState
from jobs.store import Store
from jobs.view import hold_message


@dataclass(frozen=True, slots=True)
class Foresight:
    """Both None where that is not known: an engine that was never measured, something paused, a queue without a worker."""

    work_seconds: int | None  #: from when the first begins until the last is done
    wait_seconds: int | None  #: before that, while others have their turn
    held: str | None  #: what would keep them from their turn now, in the words of Standing.held
    message: str | None  #: and that as a sentence


def foresee(store: Store, asked: Submission, lengths: Sequence[float]) -> Foresight:
    """Return how long jobs like `asked` would take, one for each of `lengths` (seconds of audio), submitted together now.

    Raises what refuses such a job: InvalidSubmission, Forbidden.
    """
    kind, params, graph = submit.expand(asked, store.settings)
    view = imagined(replace(asked, priority=asked.priority or kind.PRIORITY), params, graph)
    first = next(task for task in view.tasks if task.state is TaskState.READY)
    queues = list(dict.fromkeys([first.queue, *(task.queue for task in view.tasks)]))
    speeds, limit, held, lines = store.run("foresee", asked.org, view.priority, asked.type, *queues)
    found = show.stand(max(lengths), show.measures(speeds), limit, held, (first.name.encode(), first.queue.encode(), 0), lines)
    standing = replace(found, ahead=found.line.own)
    kept = estimate.held(view, standing)
    return Foresight(work_s(view, standing, lengths), wait_s(view, standing), kept, hold_message(view, standing, kept) if kept else None)


def imagined(asked: Submission, params: Mapping[str, Json], graph: Graph) -> JobView:
    """Return the job as it would be the moment it is submitted."""
    assert asked.priority
    tasks = tuple(
        TaskView(task.name, task.engine, task.queue, TaskState.PENDING if task.needs else TaskState.READY, task.optional, task.needs)
        for task in graph.tasks
    )
    return JobView("", asked.type, asked.user, asked.org, asked.priority, JobStatus.PENDING, params, 0.0, None, None, 0, tasks, {})


def wait_s(view: JobView, standing: Standing) -> int | None:
    """Return for how long others keep the job from its work, as far as they would."""
    whole, alone = estimate.eta_s(view, standing, 0.0), estimate.eta_s(view, undisturbed(standing), 0.0)
    return None if whole is None or alone is None else max(whole - alone, 0)


def work_s(view: JobView, standing: Standing, lengths: Sequence[float]) -> int | None:
    """Return the time of the longest by itself, or if that is more, of the work of all shared out among a queue's workers."""
    longest = estimate.eta_s(view, undisturbed(standing), 0.0)
    if longest is None:
        return None
    shared = [standing.speeds.get(task.engine, 0.0) * sum(lengths) / max(at_once(standing, task.queue), 1) for task in view.tasks]
    by_queue = {queue: sum(s for s, task in zip(shared, view.tasks, strict=True) if task.queue == queue) for queue in standing.lines}
    return max(longest, round(max(by_queue.values())))


def at_once(standing: Standing, queue: str) -> int:
    line = standing.lines[queue]
    workers = max(line.running, line.workers)
    return min(workers, standing.limit) if standing.limit else workers


def undisturbed(standing: Standing) -> Standing:
    """Return where the job would stand if nobody else had anything to do."""
    lines = {queue: Line(workers=max(line.workers, line.running), mean_s=line.mean_s) for queue, line in standing.lines.items()}
    return replace(standing, ahead=0, lines=lines)
