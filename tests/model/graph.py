"""Jobs, tasks and children as they stand, and what follows from how they stand. Plain values, no verbs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from jobs.states import RQ_STATUS, TaskState
from tests.model.policy import Lane

NEW = "new"  #: accepted, not brought into line yet; told as pending
GONE = "gone"  #: of a deleted job
DONE = ("completed", "skipped")
ALIVE = ("pending", "running")
UNFINISHED = (NEW, "pending", "ready", "delayed", "running", "joining")


@dataclass(eq=False)
class Node:
    """A task, or a child of one."""

    job: Job
    task: str
    n: int | None
    queue: str
    optional: bool
    attempts: int  #: granted at submit
    needs: tuple[str, ...] = ()
    dependents: tuple[str, ...] = ()
    state: str = NEW
    chained: bool = False  #: a long task it depends on has completed; children are as their parent
    charged: int = 0  #: attempts
    granted: int | None = None  #: by retries
    run: str = ""  #: the last one
    worker: str = ""
    began: int = 0
    charged_until: int | None = None  #: by a renewal; from the first on RQ shows it as started
    progress: float = 0.0
    message: str = ""
    error: str = ""
    cause: str = ""  #: what it was cancelled for
    ended: int | None = None
    output: Any = None
    items: list[Any] = field(default_factory=list)  #: what a child has put out
    children: list[Node] = field(default_factory=list)
    allowed_failures: int = 0
    to_revive: list[int] = field(default_factory=list)  #: failed children of a parent that was retried
    known: bool = False  #: to RQ

    @property
    def name(self) -> str:
        return self.task if self.n is None else f"{self.task}.{self.n}"

    @property
    def id(self) -> str:
        return f"{self.job.id}-{self.task}" + ("" if self.n is None else f"-{self.n}")

    @property
    def parent(self) -> Node:
        assert self.n is not None
        return self.job.tasks[self.task]

    @property
    def lane(self) -> Lane:
        return Lane(self.queue, self.job.priority, self.job.tasks[self.task].chained, self.job.org)

    @property
    def long(self) -> bool:
        return self.queue.endswith("long")

    @property
    def allowance(self) -> int:
        return self.attempts if self.granted is None else self.granted

    @property
    def unmet(self) -> int:
        """How many of the tasks it needs are neither completed nor skipped."""
        return sum(self.job.tasks[need].state not in DONE for need in self.needs)

    @property
    def completed_children(self) -> int:
        return sum(child.state == "completed" for child in self.children)

    @property
    def failed_children(self) -> list[int]:
        """Those that count: not the ones that a retry of the parent is about to revive."""
        return [child.n for child in self.children if child.n is not None and child.state == "failed" and child.n not in self.to_revive]

    @property
    def fenced(self) -> bool:
        """May not be worked on, whatever its own state says: its job is dead, or its parent is not joining."""
        return not self.job.alive or (self.n is not None and self.parent.state != "joining")

    @property
    def stands(self) -> str:
        """Its state, with what a sweep is still to do done."""
        return "cancelled" if self.state in UNFINISHED and self.fenced else self.state

    def holds(self, run: str) -> bool:
        return self.state == "running" and self.run == run

    @property
    def rq_status(self) -> str | None:
        """What RQ's tools see, by the table of DESIGN.md; a run is shown as started from its first renewal on."""
        if not self.known or self.state == GONE:
            return None
        if self.state == "running" and self.charged_until is None:
            return "queued"
        return RQ_STATUS[TaskState(self.state)]


@dataclass(eq=False)
class Job:
    id: str
    type: str
    org: str
    user: str
    priority: str
    created: int
    tasks: dict[str, Node] = field(default_factory=dict)  #: in the graph's order
    status: str = "pending"
    cause: str = ""  #: the task that failed, `@cancel`
    started: int | None = None
    ended: int | None = None
    split: list[Node] = field(default_factory=list)  #: tasks with children, in the order in which they split
    late: bool = False  #: pending tasks that need nothing more were left for a sweep
    run_at: int = 0  #: not before
    retried: str = ""  #: id of the last call of retry
    corrections: str = ""  #: id of the last call of revise

    @property
    def alive(self) -> bool:
        return self.status in ALIVE

    @property
    def left(self) -> int:
        return sum(task.state not in DONE for task in self.tasks.values())

    def nodes(self) -> Iterator[Node]:
        for task in self.tasks.values():
            yield task
            yield from task.children
