"""A transcript that is there already becomes study notes."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from jobs.model import JOB_ID, Graph, JobView, Summary, TaskSpec
from jobs.reducers import summarise
from jobs.states import JobStatus, Priority

PRIORITY = Priority.NORMAL
ADMIN_ONLY = False
TAKES_TRANSCRIPTS = True  #: its upload is a text, not a recording

#: Seconds of work of an engine relative to the others, for the progress of the whole.
WEIGHTS = {"read": 1.0, "notes": 8.0, "merge": 1.0}


class Params(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"oneOf": [{"required": ["job"]}, {"required": ["upload"]}]})

    job: str | None = Field(None, pattern=rf"^{JOB_ID.pattern}$", description="id of a transcription of your own that has ended")
    upload: str | None = Field(
        None, pattern=r"^[A-Za-z0-9_-]{1,64}$", description="or id of an uploaded transcript: .json, .srt, .vtt, .txt"
    )
    filename: str = Field("transcript.txt", max_length=255, description="the transcript's own name; set from the upload")
    language: str | None = Field(None, pattern=r"^[a-z]{2,3}$", description="code of its language; none: the transcript's own, or guessed")

    @model_validator(mode="after")
    def of_one(self) -> Self:
        if (self.job is None) == (self.upload is None):
            raise ValueError("name either a job or an upload")
        return self


def expand(params: Params) -> Graph:
    """read → notes → merge."""
    return Graph(
        (
            TaskSpec("read", "read", timeout_s=300),
            TaskSpec("notes", "notes", needs=("read",), timeout_s=900),
            TaskSpec("merge", "merge", needs=("read", "notes"), timeout_s=900),
        )
    )


def uses(params: Params) -> tuple[str, ...]:
    return (params.job,) if params.job else ()


def reduce(job: JobView) -> Summary:
    """Say of how much the notes are, once they are there."""
    said = summarise(job, WEIGHTS, f"/api/jobs/{job.id}/artifacts/notes.md" if "merge" in job.outputs else None)
    segments = found(job).get("segments")
    if job.status is not JobStatus.COMPLETED or not isinstance(segments, int):
        return said
    return Summary(said.progress, f"completed, notes of {segments} segment{'' if segments == 1 else 's'}", said.warnings, said.result_path)


def length(job: JobView) -> float:
    """Return the seconds of speech of the transcript; 0 before it was read, and where it has no times."""
    seconds = found(job).get("seconds")
    return float(seconds) if isinstance(seconds, int | float) else 0.0


def found(job: JobView) -> dict[str, Any]:
    """Return what `read` told of the transcript."""
    output = job.outputs.get("read")
    return output if isinstance(output, dict) else {}
