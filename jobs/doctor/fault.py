"""What is always true of a sound Redis, and what it is called when it is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Rule(NamedTuple):
    holds: str  #: what is always true between two calls of scripts
    todo: str  #: what whoever reads of the fault may do
    mends: bool = True  #: `--fix` repairs it
    alone: bool = False  #: nothing of a job with such a fault is repaired: its own word cannot be believed
    note: bool = False  #: worth saying, not a fault


FIX = "doctor --fix repairs it"
JOB = "a person has to decide: compare with a backup, or cancel and delete the job (scripts.admin jobs)"

RULES: dict[str, Rule] = {
    # of a job
    "job-readable": Rule("what is stored of a job can be read", JOB, mends=False, alone=True),
    "job-listed": Rule("a job stands in the lists of all jobs, its user's and its organisation's", FIX),
    "job-status": Rule("a job stands in the index of its status and in no other", FIX),
    "job-left": Rule("`left` is how many tasks are neither completed nor skipped", FIX),
    "job-done": Rule("a job with nothing left is completed", FIX),
    "job-completed": Rule("a completed job has nothing left", JOB, mends=False, alone=True),
    "job-failed": Rule("a job is failed exactly when a task is", JOB, mends=False, alone=True),
    "job-ended": Rule("a job that ended has no unfinished tasks, or waits in sweeps", FIX),
    "job-alive": Rule("a job that goes on has no cancelled tasks, or waits in sweeps", FIX),
    "job-erased": Rule("a job that is being deleted waits in sweeps", FIX),
    "task-needs": Rule("an unfinished task counts the tasks it still waits for", FIX),
    "task-pending": Rule("a task is pending exactly while it waits for others, or its job waits in sweeps", FIX),
    "parent-joins": Rule("a joining task has children that go on, and none that is cancelled", FIX),
    "parent-ended": Rule("a task that does not join has no unfinished children", FIX),
    "children-counts": Rule("a task counts its completed and failed children", FIX),
    "children-revived": Rule("children that are to be revived belong to a job in sweeps", FIX),
    # of a task or a child
    "task-attempts": Rule("a task was charged no more attempts than it was granted", "cancel the job, or let it end", mends=False),
    "task-lease": Rule("a running task has a lease", "doctor --fix takes the run for lost: an attempt is spent, another worker takes it"),
    "task-delayed": Rule("a delayed task waits in delayed", FIX),
    "task-lane": Rule("a ready task stands in its lane, or is held while its job type is paused", FIX),
    "task-place": Rule("a ready task stands at the place in its lane that is told", FIX),
    "rq-status": Rule("RQ says of a task what its state means there", FIX),
    "rq-origin": Rule("RQ's origin of a task is its queue", FIX),
    "rq-registry": Rule("a task stands in RQ's registry of its state and in no other", FIX),
    "rq-asked": Rule(
        "RQ knows an unfinished task, and not as cancelled", "nothing: a tool of RQ did that, and a claim heeds it", mends=False, note=True
    ),
    # of a member of a set
    "lease-held": Rule("a lease belongs to a running task", FIX),
    "delayed-held": Rule("what waits in delayed is a delayed task", FIX),
    "registry-held": Rule("what RQ's registries hold of ours are tasks", FIX),
    "index-held": Rule("a list of jobs holds jobs that are there, and belong there", FIX),
    # of an organisation in a queue
    "share-ready": Rule("an organisation is in ready, and in turns, exactly where its lanes hold something and it is not parked", FIX),
    "share-chained": Rule("with FAIR_ORDER=chained,priority, who has chained tasks is in their index", FIX, note=True),
    "share-letters": Rule("`p` of a share names the priorities in which the organisation's lanes hold something", FIX),
    "share-running": Rule("`n` of a share is how many tasks of the organisation run in the queue", FIX),
    "queue-running": Rule("`n` of a clock is how many tasks of the queue run", FIX),
    "share-parked": Rule("a share says that it is parked exactly where its organisation lists the queue", FIX),
    "share-reason": Rule("who is parked is paused, or at the limit of running tasks", FIX),
    "org-running": Rule("an organisation with a limit counts its running tasks in all queues", FIX),
    "lane-tail": Rule("a share counts what was pushed to a lane, so that places in it can be told", FIX),
    "share-expiry": Rule("a share expires exactly when its organisation neither waits nor runs", FIX),
    "lane-listed": Rule("RQ's list of queues names a lane while it holds something, and there is room", FIX, note=True),
    "lane-emptied": Rule("RQ's list of queues names no empty lane", FIX),
    # of a queue and of a job type
    "queue-depth": Rule("a clock counts the ids in the lanes of each priority", FIX),
    "held-kept": Rule("tasks are held while their job type is paused, or waits in sweeps", FIX),
    "plain-lease": Rule("a plain RQ job that runs has a lease", "doctor --fix takes the run for lost; it waits again"),
    # of a key
    "key-described": Rule("a key of ours is described in jobs/keys.py", "find out what wrote it, and delete it", mends=False),
    "key-expiry": Rule("a key that is to expire does", FIX),
    "key-owner": Rule("a key of a job is gone with its job, or expires", FIX),
    # of a pause
    "pause-known": Rule("a pause names what is there", "resume it if it is a mistake (admin queues resume)", mends=False, note=True),
}


class Subject(NamedTuple):
    """What a fault is a fault of: `("job", "7f3a")`, `("share", "long", "acme")`."""

    kind: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    rule: str  #: of RULES
    subject: Subject
    says: str  #: who, and what is wrong, in one sentence
    mended: bool | None = None  #: None: repairing was not asked for

    @property
    def note(self) -> bool:
        return RULES[self.rule].note

    @property
    def todo(self) -> str:
        return RULES[self.rule].todo


@dataclass(slots=True)
class Report:
    found: list[Fault] = field(default_factory=list)
    looked: dict[str, int] = field(default_factory=dict)  #: how many jobs, tasks, … were looked at
    suspected: int = 0  #: what had to be looked at again: beside workers, much of it only changed while it was read
    seconds: float = 0.0
    more: int = 0  #: suspicions that were left for the next time

    @property
    def faults(self) -> list[Fault]:
        return [fault for fault in self.found if not fault.note]

    @property
    def notes(self) -> list[Fault]:
        return [fault for fault in self.found if fault.note]

    @property
    def sound(self) -> bool:
        """Whether there is nothing wrong, or nothing any more."""
        return all(fault.mended for fault in self.faults) and not self.more
