"""What a submission, a graph, a claim and an outcome are: frozen values, no I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jobs.states import Duration, JobStatus, Priority, TaskState

TASK_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
ZONE_NAME = re.compile(r"[a-z0-9_]{1,32}")
JOB_ID = re.compile(r"[A-Za-z0-9_]{1,64}")
ORG_NAME = re.compile(r"[a-z0-9_]{1,40}")
UPLOAD_ID = re.compile(r"[0-9a-f]{24}")
USER_NAME = re.compile(r"[a-z0-9][a-z0-9_.@-]{0,63}")

SYSTEM = "lectern"  #: user and organisation of what Lectern does by itself
PLAIN_ORG = "rq"  #: whose the plain RQ jobs are: nobody may belong to it, but it may have a weight and a limit
PLAIN_MARK = "@"  #: before the id of a plain RQ job, where the ids of our tasks stand: none of those begins so

Json = Any  #: whatever `json.dumps` takes


MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left to a person of the requests of a minute."""

    limit: int
    left: int
    reset_s: float  #: until all are free again


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """A node of a job's graph, fixed at submit."""

    name: str
    engine: str
    needs: tuple[str, ...] = ()
    duration: Duration = Duration.SHORT
    zone: str = ""  #: "" is the default zone
    optional: bool = False
    attempts: int = 3  #: runs that may be charged before it fails for good
    backoff_s: float = 5.0  #: base of the backoff between attempts; 0 retries at once
    timeout_s: float = 3600.0  #: a run that takes longer fails; enforced by the supervisor
    payload: Mapping[str, Json] = field(default_factory=dict)  #: for the engine, passed through untouched

    @property
    def queue(self) -> str:
        return f"{self.zone}.{self.duration}" if self.zone else str(self.duration)


@dataclass(frozen=True, slots=True)
class Graph:
    tasks: tuple[TaskSpec, ...]


@dataclass(frozen=True, slots=True)
class Submission:
    """What a user asks for; `jobs.submit` checks it, expands it and makes it a job."""

    type: str
    params: Mapping[str, Json]
    user: str
    org: str
    priority: Priority | None = None  #: None is the job type's own
    zone: str = ""
    admin: bool = False
    upload: str = ""  #: an upload that is kept for as long as the job is there; the parameters name it too
    run_at: float | None = None  #: seconds since the epoch before which nothing of it begins; None is at once
    callback_url: str = ""  #: where to tell each end of the job
    limited: bool = False  #: what it uses is charged to the user's day (jobs/limits.py)
    bytes: int = 0  #: of the recording that came with it, to be charged too


class Claimed(NamedTuple):  # made once a task: a frozen dataclass takes four times as long
    """A run: what a worker needs to know to do one task once."""

    run: str
    job: str
    task: str
    child: int | None  #: n of the child `<task>.<n>`, None for the task itself
    engine: str
    queue: str
    type: str
    version: int  #: of the job type, when the job was made
    user: str
    org: str
    attempt: int  #: 1 for the first
    attempts: int  #: how many may be charged in all
    backoff_s: float
    timeout_s: float
    claimed_at: float  #: seconds since the epoch, by Redis's clock
    params: Mapping[str, Json]  #: the job's
    payload: Mapping[str, Json]  #: the task's, or the child's
    inputs: Mapping[str, Json]  #: outputs of the tasks it needs, by name; a skipped one is absent

    @property
    def node(self) -> str:
        """`transcribe` or `transcribe.3`."""
        return self.task if self.child is None else f"{self.task}.{self.child}"

    @property
    def rq_job(self) -> str:
        return rq_job_id(self.job, self.task, self.child)


@dataclass(frozen=True, slots=True)
class Plain:
    """A run of a plain RQ job, which another program has enqueued."""

    run: str
    id: str  #: RQ's
    queue: str
    lost: int  #: how many runs of it were lost
    reason: str  #: why the last one was
    claimed_at: float

    @property
    def rq_job(self) -> str:
        """How it is named among tasks: `@` and its id."""
        return PLAIN_MARK + self.id


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing to do; look again after `wait_s` seconds at the latest, or when a bell rings."""

    wait_s: float


@dataclass(frozen=True, slots=True)
class Completed:
    """The task is done. `output` is small JSON: what the tasks that need it receive, with pointers into storage."""

    output: Json = None


@dataclass(frozen=True, slots=True)
class Spawn:
    """The task splits into children, one per payload; it is completed when they are."""

    children: tuple[Mapping[str, Json], ...]
    output: Json = None  #: the parent's own output, kept for when it completes
    engine: str | None = None  #: None: the parent's
    attempts: int = 3
    backoff_s: float = 5.0
    timeout_s: float = 3600.0
    allowed_failures: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """The run failed. Tried again while attempts are left, unless `final`."""

    error: str  #: at most 4 KB; the first line is a sentence
    final: bool = False
    output: Json = None  #: what could be made although it failed, as Completed's
    delay_s: float | None = None  #: before the next attempt; None: the backoff of its task


@dataclass(frozen=True, slots=True)
class Skipped:
    """The step is not configured: skipped if it is optional, else it fails for good with this reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Back:
    """No outcome: the task is given back, no attempt spent; to the front of its lane, or ready again after a while."""

    reason: str = ""  #: for the log
    delay_s: float = 0.0


Outcome = Completed | Spawn | Failed | Skipped


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task as `show` reads it. Times are seconds since the epoch or None."""

    name: str
    engine: str
    queue: str
    state: TaskState
    optional: bool
    needs: tuple[str, ...]
    attempts: int = 0
    progress: float = 0.0  #: 0–100
    message: str = ""
    error: str = ""
    started_at: float | None = None
    ended_at: float | None = None
    worker: str = ""
    children_total: int = 0
    children_completed: int = 0
    children_failed: int = 0


@dataclass(frozen=True, slots=True)
class Callback:
    """Where the ends of a job are told, and how far the last one is, by the job that tells it."""

    url: str
    job: str = ""  #: of type `callback`; "" while there was no end
    status: str = ""  #: its status, "" when it was deleted
    tries: int = 0
    error: str = ""
    tried_at: float | None = None
    ended_at: float | None = None
    next_at: float | None = None


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as `show` reads it, before its type's reducer sums it up."""

    id: str
    type: str
    user: str
    org: str
    priority: Priority
    status: JobStatus
    params: Mapping[str, Json]
    created_at: float
    started_at: float | None
    ended_at: float | None
    revision: int
    tasks: tuple[TaskView, ...]
    outputs: Mapping[str, Json]  #: last committed outputs by task: of one that runs again, or has split, before it is done
    speeds: Mapping[str, float] = field(default_factory=dict, compare=False)  #: engine → seconds of work per second of audio
    callback: Callback | None = None
    run_at: float | None = None  #: nothing of it was to begin before

    @property
    def put_off(self) -> bool:
        """Whether it waits for `run_at`."""
        return self.status is JobStatus.PENDING and any(task.state is TaskState.DELAYED for task in self.tasks)


@dataclass(frozen=True, slots=True)
class Line:
    """What waits and runs in a queue, seen from an organisation and a priority."""

    chained: int = 0  #: entries of the organisation and priority in the chained lane
    fresh: int = 0  #: and in the fresh one
    others: int = 0  #: other organisations that wait at the priority
    running: int = 0  #: runs now
    workers: int = 0  #: that serve the queue and live
    mean_s: float = 0.0  #: mean length of a run, rolling
    fresh_share: float = 1.0  #: share of claims that take a fresh task, rolling; the others are what follows from those
    claims: int = 0  #: ever
    waiting: Mapping[str, int] = field(default_factory=dict)  #: entries per priority, of all organisations, tombstones included

    @property
    def own(self) -> int:
        return self.chained + self.fresh


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a job that has not ended stands among the others, as `look` reads it."""

    task: str = ""  #: first ready task in the graph's order, "" if none
    queue: str = ""  #: in which that task waits
    ahead: int = 0  #: entries of its organisation and priority that come before it
    held: str = (
        ""  #: "queue", "organisation", "type": what is paused; "limit": so many of its organisation run; "worker": none serves `queue`
    )
    limit: int = 0  #: how many tasks of its organisation may run at once, 0 any number
    lines: Mapping[str, Line] = field(default_factory=dict)  #: of each queue of a task that is left
    speeds: Mapping[str, float] = field(default_factory=dict)  #: engine → seconds of work per second of audio
    size: float = 0.0  #: seconds of audio, 0 unknown

    @property
    def line(self) -> Line:
        """Return the line in which the ready task waits."""
        return self.lines.get(self.queue, Line())

    @property
    def paused(self) -> str:
        return self.held if self.held in ("queue", "organisation", "type") else ""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a job type's `reduce` says of a job."""

    progress: float  #: 0–100
    message: str
    warnings: tuple[str, ...] = ()
    result_path: str | None = None


def rq_job_id(job: str, task: str, child: int | None = None) -> str:
    return f"{job}-{task}" if child is None else f"{job}-{task}-{child}"
