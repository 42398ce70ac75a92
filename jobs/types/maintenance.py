"""What Lectern does by itself at set times: look whether Redis is sound, delete what is past its time. The scheduler submits it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from jobs.model import Graph, JobView, Summary, TaskSpec
from jobs.reducers import summarise
from jobs.states import JobStatus, Priority

PRIORITY = Priority.BACKGROUND
ADMIN_ONLY = True


class Params(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    what: Literal["doctor", "retention"] = Field(description="doctor: repair what is safe; retention: delete what is past its time")


def expand(params: Params) -> Graph:
    """One task, whose engine is called as what it does."""
    return Graph((TaskSpec(params.what, params.what, timeout_s=4 * 3600),))


def reduce(job: JobView) -> Summary:
    """Say what was done, as its engine tells it."""
    said = summarise(job)
    told = next((output["says"] for output in job.outputs.values() if isinstance(output, dict) and "says" in output), None)
    if job.status is JobStatus.COMPLETED and told:
        return Summary(said.progress, f"completed, {told}", said.warnings, said.result_path)
    return said
