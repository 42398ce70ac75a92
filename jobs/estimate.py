"""Say how many stand before a job and when it may be done. Pure; both are estimates, and None where nothing is known.

What they mean and how far off they are: docs/decisions/0070-estimates.md.
"""

from __future__ import annotations

import math
from enum import IntEnum

from jobs import types
from jobs.model import JobView, Line, Standing, TaskView
from jobs.states import Duration, Priority, TaskState

AT_WORK = frozenset({TaskState.RUNNING, TaskState.JOINING})
UNDER_WAY_PERCENT = 5.0  #: from here on
UNDER_WAY_S = 3.0  #: and after so long, the task's own pace says more than what others took
OVERDUE = 0.1  #: the share of its length that a task is told to need at least, as long as it says nothing of itself
MOST_FOLLOW = 1000.0  #: runs that one fresh entry is told to bring along at most


def at_work(view: JobView) -> bool:
    return any(task.state in AT_WORK for task in view.tasks)


def held(view: JobView, standing: Standing | None) -> str | None:
    """Return what keeps a waiting job from its turn (the words of Standing.held), None when nothing does or something of it runs."""
    return None if standing is None or view.status.ended or at_work(view) else standing.held or None


def position(view: JobView, standing: Standing | None) -> int | None:
    """Return the job's place in its queue, 1 for the next, or None when it does not wait there.

    It does not wait when something of it runs, when nothing of it is ready, and when it has ended. Before it come all of
    higher priorities, those of its organisation before it, and of the others one for each turn that its organisation needs
    (claim rules 2 to 4). Rule 5 lets one in ten of lower priorities go first: that, and longer turns of others, make it later.
    """
    if standing is None or view.status.ended or not standing.task or at_work(view):
        return None
    line = standing.line
    turns = (standing.ahead + 1) * line.others
    return standing.ahead + 1 + higher(line, view.priority) + min(others(line, view.priority), turns)


def higher(line: Line, priority: Priority) -> int:
    return sum(line.waiting.get(one, 0) for one in Priority if one.rank < priority.rank)


def others(line: Line, priority: Priority) -> int:
    return max(line.waiting.get(priority, 0) - line.own, 0)


def eta_s(view: JobView, standing: Standing | None, now: float) -> int | None:
    """Return in how many seconds the job may be done, whole and not negative; None where that is not known.

    Along the longest path of what is left of its graph: the work of each task, and what stands before it in its queue. Not
    known: when the job has ended, while what it waits for is paused, while a queue that it needs has no worker, and while an
    engine that it needs has never been measured, or the length of the recording has not.
    """
    if standing is None or view.status.ended or standing.paused or standing.held == "worker":
        return None
    size = standing.size or types.length(view)
    by_name = {task.name: task for task in view.tasks}
    ends: dict[str, float] = {}
    follows: dict[str, Follows] = {}
    for task in view.tasks:  # in an order in which each stands after what it needs
        needs = [by_name[need] for need in task.needs]
        follows[task.name] = max((max(follows[need.name], follows_from(need)) for need in needs), default=Follows.NOTHING)
        last = max(needs, key=lambda need: ends[need.name], default=None)
        left = work_s(task, view, standing, size, now)
        wait = wait_s(task, last, follows[task.name], view, standing)
        if left is None or wait is None:
            return None
        ends[task.name] = left + wait + (ends[last.name] if last else 0.0)
    put_off_s = max((view.run_at or 0.0) - now, 0.0) if view.put_off else 0.0
    return round(put_off_s + max(ends.values(), default=0.0))


class Follows(IntEnum):
    """Upon what a task follows, directly or not: whether it will be chained, and how soon."""

    NOTHING = 0  #: no long task: it is fresh
    LATER = 1  #: a long task that has not begun
    NOW = 2  #: one that has


def follows_from(task: TaskView) -> Follows:
    if not task.queue.endswith(Duration.LONG) or task.state is TaskState.SKIPPED:
        return Follows.NOTHING
    return Follows.NOW if task.state in AT_WORK or task.state is TaskState.COMPLETED else Follows.LATER


def wait_s(task: TaskView, last: TaskView | None, follows: Follows, view: JobView, standing: Standing) -> float | None:
    """Return for how many seconds a task waits in its queue once the `last` that it needs is done, None if nobody works there."""
    if task.state.ended or task.state in AT_WORK:
        return 0.0
    line = standing.lines.get(task.queue, Line())
    servers = line.running or line.workers
    if not servers:
        return None
    own = own_runs(task, follows, line, view, standing)
    runs = own + brought(line, higher(line, view.priority)) + min(others_runs(line, view.priority), (own + 1) * line.others)
    # The run that must end first: none while a worker is free, nor when that is the job's own, of the last that the task needs.
    free = runs == 0 and line.running < line.workers
    first = 0.0 if free or (task.state is not TaskState.READY and last and last.queue == task.queue) else 1.0
    turns = max((runs + first) / servers, (own + first) / standing.limit if standing.limit else 0.0)
    return turns * max(line.mean_s, 0.0)


def brought(line: Line, entries: float) -> float:
    """Return how many runs so many fresh entries of a queue are, with all that goes before the next fresh one (rule 4)."""
    return entries / max(line.fresh_share, 1 / MOST_FOLLOW)


def own_runs(task: TaskView, follows: Follows, line: Line, view: JobView, standing: Standing) -> float:
    """Return how many runs of its organisation come before a task, where it waits or at the end of the line that it will join."""
    here = task.name == standing.task
    match follows:
        case Follows.NOTHING:
            ahead = standing.ahead if here else line.own
            chained = min(line.chained, ahead)
            return chained + brought(line, ahead - chained + coming(line, view, standing))
        case Follows.NOW:
            return standing.ahead if here else line.chained
    return 0.0  # what is chained now will have passed


def others_runs(line: Line, priority: Priority) -> float:
    """Return how many runs the others' entries are. Each of them has, on average, half of what follows from one entry chained already."""
    entries = others(line, priority)
    chained = min(entries, line.others * (brought(line, 1) - 1) / 2)
    return chained + brought(line, entries - chained)


def coming(line: Line, view: JobView, standing: Standing) -> float:
    """Return how many fresh entries will come before the job's into a line that it has not reached: those before it where it waits.

    As many of them as did so far, by the claims of fresh tasks in either line.
    """
    place = position(view, standing)
    if place is None or line is standing.line:
        return 0.0
    here, there = (one.claims * one.fresh_share for one in (standing.line, line))
    return (place - 1) * min(there / here, 1.0) if here else 0.0


def work_s(task: TaskView, view: JobView, standing: Standing, size: float, now: float) -> float | None:
    """Return the seconds of work that a task has left, None if nothing says.

    Well under way it goes on at its own pace, unless it was begun anew: then it may have resumed, and its pace be no pace.
    Else it takes what its engine took for other recordings, by their length; its parts side by side.
    """
    if task.state.ended:
        return 0.0
    elapsed = max(now - task.started_at, 0.0) if task.state in AT_WORK and task.started_at is not None else 0.0
    done = min(max(task.progress, 0.0), 100.0) / 100
    own = elapsed / done * (1 - done) if elapsed > UNDER_WAY_S and task.progress > UNDER_WAY_PERCENT else None
    speed = standing.speeds.get(task.engine)
    if speed is None or size <= 0:
        return own
    if own is not None and task.attempts <= 1:
        return own
    whole = speed * size / abreast(task, view, standing, size)
    left = whole * (1 - done)
    # A joining task's parts may wait as well: how long it has been so says nothing of them.
    return min(left, max(whole - elapsed, OVERDUE * whole)) if task.state is TaskState.RUNNING else left


def abreast(task: TaskView, view: JobView, standing: Standing, size: float) -> float:
    """Return how many parts of a task run at once: no more than there are, than the workers leave to it, than its limit allows."""
    parts = task.children_total or math.ceil(size / types.part_seconds(view.type).get(task.engine, math.inf))
    line = standing.lines.get(task.queue, Line())
    workers = max(line.running, line.workers) / (line.others + 1)  # organisations come in turn
    return max(min(parts, workers, standing.limit or math.inf), 1.0)
