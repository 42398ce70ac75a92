"""A recording becomes a transcript and a package of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from jobs.model import Graph, JobView, Summary, TaskSpec
from jobs.reducers import summarise
from jobs.states import Duration, Priority

PRIORITY = Priority.NORMAL
ADMIN_ONLY = False

#: Seconds of work of an engine relative to the others, for the progress of the whole.
WEIGHTS = {"inspect": 1.0, "prepare": 6.0, "transcribe": 90.0, "merge": 2.0, "export": 1.0}

PART_SECONDS = {"transcribe": 300.0}  #: seconds of audio of a child, at most


class Params(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    upload: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="id of the uploaded recording")
    filename: str = Field("recording", max_length=255, description="the recording's own name; set from the upload")
    seconds: float | None = Field(None, ge=0, description="the recording's length; set from the upload")
    language: str | None = Field(None, pattern=r"^[a-z]{2,3}$", description="code of the language spoken; none: detected once and pinned")
    model: str | None = Field(
        None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", description="a model that faster-whisper names, instead of WHISPER_MODEL"
    )
    word_timestamps: bool = Field(False, description="times of each word, not only of each segment")
    vocabulary: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = Field(
        (), max_length=200, description="words of the course that the model should expect, each of at most 100 characters"
    )
    export: bool = Field(True, description="make the ZIP package")
    # Steps whose engines this version does not have yet: said, so that a request for one is refused rather than ignored.
    speaker_detection: Literal["none"] = Field("none", description="only none in this version")
    detect_emotions: Literal[False] = Field(False, description="only false in this version")
    llm_cleanup: Literal[False] = Field(False, description="only false in this version")
    notes: Literal[False] = Field(False, description="only false in this version")


def expand(params: Params) -> Graph:
    tasks = [
        TaskSpec("inspect", "inspect", timeout_s=300),
        TaskSpec("prepare", "prepare", needs=("inspect",), duration=Duration.LONG, timeout_s=3600),
        TaskSpec("transcribe", "transcribe", needs=("prepare",), duration=Duration.LONG, timeout_s=3600),
        TaskSpec("merge", "merge", needs=("inspect", "prepare", "transcribe"), timeout_s=900),
    ]
    if params.export:
        tasks.append(TaskSpec("export", "export", needs=("inspect", "merge"), timeout_s=900))
    return Graph(tuple(tasks))


def reduce(job: JobView) -> Summary:
    package = "package.zip" if job.params.get("export", True) else "transcript.txt"
    done = "export" if job.params.get("export", True) else "merge"
    path = f"/api/jobs/{job.id}/artifacts/{package}" if done in job.outputs else None
    return summarise(job, WEIGHTS, path)


def size(params: Params) -> float:
    """Return the seconds of audio, as far as the upload was examined; 0 unknown."""
    return params.seconds or 0.0


def length(job: JobView) -> float:
    """Return the seconds of audio that `inspect` found; 0 before that."""
    found = job.outputs.get("inspect")
    seconds = found.get("seconds") if isinstance(found, dict) else None
    return float(seconds) if isinstance(seconds, int | float) else 0.0
