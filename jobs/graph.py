"""Check a graph and order it. Pure: knows tasks and needs, nothing of Redis."""

from __future__ import annotations

from collections import Counter
from graphlib import CycleError, TopologicalSorter

from jobs.errors import InvalidSubmission
from jobs.model import TASK_NAME, Graph


def check(graph: Graph, *, max_tasks: int) -> Graph:
    """Return `graph` with its tasks in an order in which each stands after what it needs.

    Raises InvalidSubmission for an empty or too large graph, a bad or repeated name, a need of itself or of a task
    that is not there, and a cycle (which it names).
    """
    if not graph.tasks:
        raise InvalidSubmission("a job needs at least one task", field="params.tasks")
    if len(graph.tasks) > max_tasks:
        raise InvalidSubmission(f"{len(graph.tasks)} tasks are more than MAX_TASKS={max_tasks} allows; split the job", field="params.tasks")
    for task in graph.tasks:
        if not TASK_NAME.fullmatch(task.name):
            raise InvalidSubmission(f"task name {task.name!r} is not of the form {TASK_NAME.pattern}", field="params.tasks")
    twice = [name for name, count in Counter(task.name for task in graph.tasks).items() if count > 1]
    if twice:
        raise InvalidSubmission(f"two tasks are named {twice[0]!r}; names must differ", field="params.tasks")
    by_name = {task.name: task for task in graph.tasks}
    for task in graph.tasks:
        for need in task.needs:
            if need not in by_name:
                raise InvalidSubmission(f"task {task.name!r} needs {need!r}, which is not a task of this job", field="params.tasks")
    try:
        order = list(TopologicalSorter({task.name: task.needs for task in graph.tasks}).static_order())
    except CycleError as error:
        cycle = " → ".join(error.args[1])
        raise InvalidSubmission(f"the tasks need each other in a circle: {cycle}", field="params.tasks") from None
    return Graph(tuple(by_name[name] for name in order))


def dependents(graph: Graph) -> dict[str, tuple[str, ...]]:
    """Return for each task the tasks that need it directly, in the graph's order."""
    found: dict[str, list[str]] = {task.name: [] for task in graph.tasks}
    for task in graph.tasks:
        for need in dict.fromkeys(task.needs):
            found[need].append(task.name)
    return {name: tuple(names) for name, names in found.items()}
