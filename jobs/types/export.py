"""Several finished jobs of one user become one package: a folder for each, one manifest."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from jobs.model import JOB_ID, Graph, JobView, Summary, TaskSpec
from jobs.reducers import summarise
from jobs.states import Duration, JobStatus, Priority

PRIORITY = Priority.LOW
ADMIN_ONLY = False

MAX_JOBS = 100


class Params(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    jobs: tuple[Annotated[str, Field(pattern=rf"^{JOB_ID.pattern}$")], ...] = Field(
        min_length=1,
        max_length=MAX_JOBS,
        description=f"ids of 1 to {MAX_JOBS} finished jobs of your own, in the order of their folders",
        json_schema_extra={"uniqueItems": True},
    )

    @field_validator("jobs")
    @classmethod
    def once(cls, jobs: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(jobs)) < len(jobs):
            raise ValueError("each job once")
        return jobs


def expand(params: Params) -> Graph:
    return Graph((TaskSpec("package", "package", duration=Duration.LONG, timeout_s=3600),))


def uses(params: Params) -> tuple[str, ...]:
    return params.jobs


def reduce(job: JobView) -> Summary:
    """Say how many jobs went into the package; the package's own warnings say which had nothing to give."""
    said = summarise(job)
    packed = job.outputs.get("package")
    if job.status is not JobStatus.COMPLETED or not isinstance(packed, dict) or "jobs" not in packed:
        return said
    message = f"completed, {packed['jobs']} job{'s' if packed['jobs'] != 1 else ''} in one package"
    if packed.get("left_out"):
        message += f", {packed['left_out']} left out"
    return Summary(said.progress, message, said.warnings, f"/api/jobs/{job.id}/artifacts/package.zip")
