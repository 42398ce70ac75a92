"""Say how many stand before a job and when it may be done. Pure; both are estimates, and None where nothing is known.

What they mean and how far off they are: docs/decisions/0070-estimates.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from jobs import types
from jobs.model import JobView, Standing, TaskView
from jobs.states import Priority, TaskState

AT_WORK = frozenset({TaskState.RUNNING, TaskState.JOINING})
UNDER_WAY_PERCENT = 5.0  #: from here on
UNDER_WAY_S = 3.0  #: and after so long, the task's own pace says more than what others took
OVERDUE = 0.1  #: the share of its length that a task is told to need at least, as long as it says nothing of itself


def at_work(view: JobView) -> bool:
    return any(task.state in AT_WORK for task in view.tasks)


def held(view: JobView, standing: Standing | None) -> str | None:
    """Return what keeps a waiting job from its turn: what was paused ("queue", "organisation", "type"), "worker" when none
    serves its queue, "limit" when its organisation has as many tasks running as it may.

    None when nothing does, or when something of it runs all the same.
    """
    if standing is None or view.status.ended or at_work(view):
        return None
    return standing.paused or ("worker" if not standing.served else "limit" if standing.limited else None)


def position(view: JobView, standing: Standing | None) -> int | None:
    """Return the job's place in its queue, 1 for the next, or None when it does not wait there.

    It does not wait when something of it runs, when nothing of it is ready, and when it has ended. Before it come all of
    higher priorities, those of its organisation before it, and of the others one for each turn that its organisation needs
    (claim rules 2 to 4). Rule 5 lets one in ten of lower priorities go first: that, and longer turns of others, make it later.
    """
    if standing is None or view.status.ended or not standing.task or at_work(view):
        return None
    higher = sum(standing.waiting.get(priority, 0) for priority in Priority if priority.rank < view.priority.rank)
    others = max(standing.waiting.get(view.priority, 0) - standing.own, 0)
    turns = (standing.ahead + 1) * max(standing.organisations - 1, 0)
    return standing.ahead + 1 + higher + min(others, turns)


def eta_s(view: JobView, standing: Standing | None, now: float) -> int | None:
    """Return in how many seconds the job may be done, whole and not negative; None where that is not known.

    What stands before it, at the pace of its queue, and the work left along the longest path of its graph. Not known: when
    it has ended, while somebody paused what it waits for or no worker is there, and while an engine that it still needs
    has never been measured, or the length of the recording has not.
    """
    if standing is None or view.status.ended or standing.paused or not standing.served:
        return None
    left = path_s(view, standing, now)
    return None if left is None else round(left + wait_s(view, standing))


def wait_s(view: JobView, standing: Standing) -> float:
    """Return in how many seconds a waiting job's turn comes, at the pace of its queue and within its organisation's limit; else 0."""
    place = position(view, standing)
    if place is None:
        return 0.0
    own = standing.ahead + 1
    turns = max(place / max(standing.running, 1), own / standing.limit if standing.limit else 0.0)
    return turns * max(standing.mean_s, 0.0)


def path_s(view: JobView, standing: Standing, now: float) -> float | None:
    """Return the seconds of work along the longest path of what is left of the graph, or None if those of any task are unknown."""
    size = standing.size or types.length(view)
    ends: dict[str, float] = {}
    for task in view.tasks:  # in an order in which each stands after what it needs
        left = task_s(task, standing, types.part_seconds(view.type), size, now)
        if left is None:
            return None
        ends[task.name] = left + max((ends[need] for need in task.needs), default=0.0)
    return max(ends.values(), default=0.0)


def task_s(task: TaskView, standing: Standing, part_seconds: Mapping[str, float], size: float, now: float) -> float | None:
    """Return the seconds that a task has left once it is claimed, or None if nothing says.

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
    parts = task.children_total or math.ceil(size / part_seconds.get(task.engine, math.inf))
    abreast = min(parts, standing.running_by_queue.get(task.queue, 0), standing.limit or math.inf)
    whole = speed * size / max(abreast, 1)
    left = whole * (1 - done)
    # A joining task's parts may wait as well: how long it has been so says nothing of them.
    return min(left, max(whole - elapsed, OVERDUE * whole)) if task.state is TaskState.RUNNING else left
