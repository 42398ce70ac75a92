"""What must be true of a task or a child beside its job: lease, delay, lane, and what RQ says of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from jobs import border
from jobs.doctor.fault import Fault, Subject
from jobs.doctor.read import TaskSeen
from jobs.states import RQ_STATUS, TaskState

SLACK_S = 5.0  #: RQ's registries count in whole seconds, and are cleaned when somebody gets round to it
REGISTRIES = set(border.REGISTRIES)


def faults(task: TaskSeen, *, retention_s: float) -> Iterator[Fault]:
    """Yield what is wrong with a task; one that is gone, or not known to RQ yet, is sound."""
    if task.state in ("", "new"):
        return
    if not 0 <= task.charged <= task.granted:
        yield found("task-attempts", task, f"task {task.id} was charged {task.charged} of {task.granted} attempts")
    if task.state == TaskState.RUNNING and not task.leased:
        yield found("task-lease", task, f"task {task.id} runs (run {task.run}) without a lease: if its worker dies, nobody notices")
    if task.state == TaskState.DELAYED and not task.due:
        yield found("task-delayed", task, f"task {task.id} is delayed, but does not wait in delayed: nobody will make it ready")
    if task.stands == "nowhere":
        yield found("task-lane", task, f"task {task.id} is ready, but not in its lane {task.lane}: no worker will claim it")
    if task.stands == "elsewhere":
        yield found("task-place", task, f"task {task.id} stands in another place of its lane {task.lane} than is told")
    if not task.inbox:  # what RQ's tools ask for is true as soon as a claim takes it from there
        yield from of_rq(task, retention_s)


def of_rq(task: TaskSeen, retention_s: float) -> Iterator[Fault]:
    state = TaskState(task.state)
    want = RQ_STATUS[state]
    shown = state is not TaskState.RUNNING or task.shown
    if state.ended:
        ttl_s = border.FINISHED_S if state is TaskState.COMPLETED else retention_s
        expired = task.at > task.ended + (ttl_s - SLACK_S) * 1e6
        if not task.rq_status:
            return  # it has expired, or a tool of RQ has deleted it
        if expired and want not in task.registries:  # on its way out
            shown = False
    elif not task.rq_status or task.rq_status == "canceled":
        did = "cancelled" if task.rq_status else "deleted"
        yield found("rq-asked", task, f"task {task.id} is {state}, and {did} in RQ")
        return
    if shown and task.rq_status != want:
        yield found("rq-status", task, f"task {task.id} is {state}, RQ says {task.rq_status or 'nothing'}, not {want}")
    if task.rq_status and task.rq_origin != task.queue:
        yield found("rq-origin", task, f"task {task.id} is of queue {task.queue}, RQ says {task.rq_origin or 'nothing'}")
    right = {"wip" if want == "started" else want} & REGISTRIES if shown else set()
    if set(task.registries) != right and not (state.ended and not shown and not task.registries):
        has = ", ".join(task.registries) or "none"
        yield found("rq-registry", task, f"task {task.id} is {state}, but stands in these registries of RQ: {has}")


def found(rule: str, task: TaskSeen, says: str) -> Fault:
    return Fault(rule, Subject("task", (task.id,)), says)
