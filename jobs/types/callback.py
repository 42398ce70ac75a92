"""Tell an address that a job has ended. Nobody submits one: it is made in the step in which that job ends (jobs/lua/callback.lua)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from jobs.model import JOB_ID, Graph, JobView, Summary, TaskSpec
from jobs.reducers import summarise
from jobs.states import JobStatus, Priority

PRIORITY = Priority.NORMAL
ADMIN_ONLY = True
INTERNAL = True

#: Before the second try, the third, …: a day in all, so that a receiver may be mended in the morning.
WAITS_S = (5, 30, 120, 600, 1800, 3600, 3 * 3600, 7 * 3600, 12 * 3600)


class Params(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    job: str = Field(pattern=rf"^{JOB_ID.pattern}$", description="which has ended")
    event: int = Field(ge=1, description="how often it has by then")
    status: JobStatus = Field(description="as what")


def expand(params: Params) -> Graph:
    return Graph((SEND,))


SEND = TaskSpec("send", "callback", attempts=len(WAITS_S) + 1, timeout_s=180)


def reduce(job: JobView) -> Summary:
    """Say to whom it was told, or why to nobody."""
    said = summarise(job)
    sent = job.outputs.get("send")
    if job.status is JobStatus.COMPLETED and isinstance(sent, dict) and "message" in sent:
        return Summary(said.progress, str(sent["message"]), said.warnings)
    return said
