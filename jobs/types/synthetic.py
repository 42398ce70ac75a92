"""A job whose graph is given in its parameters: for load, fault and acceptance tests. Admins only."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from jobs.model import Graph, JobView, Json, Summary, TaskSpec
from jobs.reducers import summarise
from jobs.states import Duration, Priority

PRIORITY = Priority.NORMAL
ADMIN_ONLY = True


class Task(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    needs: tuple[str, ...] = ()
    duration: Duration = Duration.SHORT
    zone: str = Field("", pattern=r"^([a-z0-9_]{1,32})?$")
    seconds: float = Field(0.0, ge=0, le=86_400, description="how long a run sleeps")
    optional: bool = False
    attempts: int = Field(3, ge=1, le=100)
    fail_attempts: int = Field(0, ge=0, description="how many first attempts raise an error")
    crash_attempts: int = Field(0, ge=0, description="how many first attempts kill their process")
    children: int = Field(0, ge=0, description="how many children it splits into; each sleeps `seconds`")
    backoff_seconds: float = Field(5.0, ge=0, le=300)
    output: Json = None


class Params(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    tasks: tuple[Task, ...] = Field(min_length=1)


def expand(params: Params) -> Graph:
    return Graph(
        tuple(
            TaskSpec(
                name=task.name,
                engine="synthetic",
                needs=task.needs,
                duration=task.duration,
                zone=task.zone,
                optional=task.optional,
                attempts=task.attempts,
                backoff_s=task.backoff_seconds,
                timeout_s=task.seconds + 3600,
                payload=task.model_dump(
                    mode="json",
                    exclude_defaults=True,
                    include={"seconds", "fail_attempts", "crash_attempts", "children", "output", "attempts", "backoff_seconds"},
                ),
            )
            for task in params.tasks
        )
    )


def reduce(job: JobView) -> Summary:
    return summarise(job)
