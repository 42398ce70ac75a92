"""The states of jobs and tasks, and what RQ calls each. Knows nothing of Redis."""

from __future__ import annotations

from enum import StrEnum


class JobStatus(StrEnum):
    PENDING = "pending"  #: accepted, no task claimed yet; claim.lua moves it on
    RUNNING = "running"  #: at least one task was claimed; record.lua moves it on
    COMPLETED = "completed"  #: every task is completed or skipped; only a retry moves it on
    FAILED = "failed"  #: a required task failed for good; only a retry moves it on
    CANCELLED = "cancelled"  #: cancel.lua; only a retry moves it on

    @property
    def ended(self) -> bool:
        return self in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)


class TaskState(StrEnum):
    PENDING = "pending"  #: waits for the tasks it needs; record.lua of the last of them moves it on
    READY = "ready"  #: waits in a lane; claim.lua moves it on
    DELAYED = "delayed"  #: waits for a time; the next claim.lua after it moves it to ready
    RUNNING = "running"  #: a run holds it under a lease; record, hand_back and reap move it on
    JOINING = "joining"  #: its children run; record.lua of the last of them moves it on
    COMPLETED = "completed"  #: its outcome is committed
    SKIPPED = "skipped"  #: optional, and failed for good or not configured; the job goes on
    FAILED = "failed"  #: required, and failed for good; retry.lua moves it on
    CANCELLED = "cancelled"  #: given up because of a cancel or another task's failure; retry.lua moves it on

    @property
    def ended(self) -> bool:
        return self in (TaskState.COMPLETED, TaskState.SKIPPED, TaskState.FAILED, TaskState.CANCELLED)


class Priority(StrEnum):
    """Highest first: the order of the members is the order of service."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"
    BACKGROUND = "background"

    @property
    def rank(self) -> int:
        return list(Priority).index(self)


class Duration(StrEnum):
    """Which workers serve a task; the last part of its queue's name."""

    SHORT = "short"
    LONG = "long"


#: How RQ's own tools see each task state (table in docs/architecture.md).
RQ_STATUS: dict[TaskState, str] = {
    TaskState.PENDING: "deferred",
    TaskState.JOINING: "deferred",
    TaskState.READY: "queued",
    TaskState.DELAYED: "scheduled",
    TaskState.RUNNING: "started",
    TaskState.COMPLETED: "finished",
    TaskState.SKIPPED: "failed",
    TaskState.FAILED: "failed",
    TaskState.CANCELLED: "canceled",
}
