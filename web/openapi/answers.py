"""What the API answers, as models. Nothing is made by them: tests hold the answers of the views against them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from jobs.queues import Queue
from jobs.states import JobStatus, Priority, TaskState

Percent = Annotated[float, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=0)]


class Told(BaseModel):
    """Something that is told, not asked: it may have more members one day."""

    model_config = ConfigDict(frozen=True)


class Children(Told):
    """How many parts a task has split into, and what became of them."""

    total: Count
    completed: Count
    failed: Count


class JobTask(Told):
    """A step of a job."""

    name: str
    engine: str
    queue: str = Field(description="where it waits: `short` or `long`, in a zone `zone.long`")
    state: TaskState
    optional: bool = Field(description="the job goes on without it")
    attempts: Count = Field(description="how often it was begun, not counting what was handed back unharmed")
    progress: Percent
    message: str
    error: str | None
    needs: list[str] = Field(description="the steps that have to be done before it")
    started_at: datetime | None
    ended_at: datetime | None
    worker: str | None = Field(description="`host:pid:random` of the worker that has it or had it last")
    children: Children


class Artifact(Told):
    """A file that a job has made."""

    name: str
    bytes: Count
    media_type: str
    url: str = Field(description="its address, on this server")


class Callback(Told):
    """Where the ends of a job are told, and how far the last one is."""

    url: str
    state: Literal["waiting", "delivered", "failed", "deleted"] = Field(description="waiting for an end, or for a try to tell it")
    job: str | None = Field(description="the job of type `callback` that tells the last end")
    tries: Count
    last_error: str | None
    at: datetime | None = Field(description="when it was tried last")
    next_at: datetime | None = Field(description="when it is tried next")


class FormerSecret(Told):
    """A secret that was replaced."""

    secret: str
    until: datetime = Field(description="until when it signs as well")


class CallbackSecret(Told):
    """What signs a user's callbacks."""

    secret: str = Field(description="as the Standard Webhooks specification has it: `whsec_…`")
    former: list[FormerSecret]


class Job(Told):
    """A job's status."""

    id: str
    type: str
    title: str = Field(description="what it is about: the file's name")
    user: str
    org: str
    priority: Priority
    status: JobStatus
    progress: Percent
    message: str = Field(description="what is happening, in words")
    result_path: str | None = Field(description="where its main result is, once it is there")
    created_at: datetime
    run_at: datetime | None = Field(description="before which nothing of it begins, if that was asked for")
    started_at: datetime | None
    ended_at: datetime | None
    eta_seconds: Count | None = Field(description="in how many seconds it may be done; an estimate, null where none is known")
    queue_position: Annotated[int, Field(ge=1)] | None = Field(description="its place in the queue, 1 for the next")
    held: Literal["queue", "organisation", "type", "worker", "limit"] | None = Field(description="what keeps it from its turn")
    warnings: list[str]
    tasks: list[JobTask]
    artifacts: list[Artifact]
    callback: Callback | None = Field(description="null where nobody is told")
    revision: Count = Field(description="grows with every change")


class JobPage(Told):
    """A page of a list of jobs, newest first."""

    jobs: list[Job]
    cursor: str | None = Field(description="asks for the next page; null on the last")


class Item(Told):
    """Something that a part of a job has put out; what else is in it, its engine says."""

    model_config = ConfigDict(extra="allow")

    child: str = Field(description="which part: `transcribe.3`")


class Partial(Told):
    """What the parts of a job have put out since the cursor."""

    items: list[Item]
    cursor: str = Field(description="asks for what comes after this")
    reset: bool = Field(description="forget what was read before: a part was run anew")


class Child(Told):
    """A part of a step."""

    n: Count
    state: TaskState
    attempts: Count
    progress: Percent
    started_at: datetime | None
    ended_at: datetime | None
    worker: str | None
    error: str | None


class ChildrenPage(Told):
    """Parts of a step, by number."""

    children: list[Child]
    cursor: str | None = Field(description="asks for the next page; null on the last")


class SignedLink(Told):
    """An address that opens a file without a session, for an hour."""

    url: str
    expires_at: datetime


class Upload(Told):
    """A file that was received; a job names it by its id."""

    id: str
    filename: str
    bytes: Count


class Corrected(Told):
    text: str
    was: str = Field(default_factory=str, description="what had been transcribed, where that is known")


class CorrectionsSoFar(Told):
    """What was put right in a transcript."""

    segments: dict[str, Corrected] = Field(description="by the segment's place in transcript.json")
    speakers: dict[str, str]


class Paused(Told):
    organisations: list[str]
    types: list[str]


class Queues(Told):
    queues: list[Queue]
    paused: Paused = Field(description="what is paused beside queues")


class Alive(Told):
    status: Literal["ok"]


class Ready(Told):
    status: Literal["ok"]
    checks: dict[str, str] = Field(description="by what was asked: `ok`")


class Fault(Told):
    field: str
    detail: str


class Problem(Told):
    """Why a request was not carried out (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="which kind it is")
    title: str
    status: int
    detail: str = Field(description="a sentence for people; it may change")
    field: str = Field(default_factory=str, description="what is wrong, a dotted path: `params.language`")
    limit: float = Field(default_factory=float, description="the number that was exceeded")
    errors: list[Fault] = Field(default_factory=list, description="all that is wrong with a body that has several faults")


class Taken(Told):
    """A job of a batch that was taken."""

    id: str
    url: str


class NotTaken(Problem):
    """A job of a batch that was not: the problem it would have met alone."""

    retry_after: Count = Field(default_factory=int, description="in how many seconds to send it again")


Batch = list[Taken | NotTaken]
Document = dict[str, Any]


class BulkResult(Told):
    id: str
    done: bool
    problem: Problem = Field(default_factory=lambda: Problem(type="", title="", status=0, detail=""), description="why it was not done")


class Bulk(Told):
    """What became of many jobs, each done or refused by itself."""

    done: Count = Field(description="how many")
    results: list[BulkResult]
    cursor: str | None = Field(description="goes on where this ended; null at the end")
    dry_run: bool
