"""A recording becomes a transcript and a package of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from jobs.model import Graph, JobView, Summary, TaskSpec
from jobs.reducers import summarise
from jobs.states import Duration, Priority

PRIORITY = Priority.NORMAL
ADMIN_ONLY = False
VERSION = 2  #: 1 had no step between transcribe and merge; its workers cannot read what a child puts into storage now

#: Seconds of work of an engine relative to the others, for the progress of the whole.
WEIGHTS = {
    "inspect": 1.0, "prepare": 6.0, "transcribe": 90.0, "align": 1.0, "diarize": 12.0, "emotions": 4.0, "cleanup": 15.0, "notes": 6.0,
    "merge": 2.0, "export": 1.0,
}  # fmt: skip

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
    speaker_detection: Literal["none", "diarize"] = Field("none", description="diarize: tell who speaks when; implies times of words")
    detect_emotions: bool = Field(False, description="how each segment is delivered: energy, pitch, pace and pauses of the voice")
    llm_cleanup: bool = Field(
        False, description="have Gemini mend punctuation and slips; the text goes to Google, which an admin must have allowed"
    )
    notes: bool = Field(False, description="study notes: summary, outline, key terms, questions, flashcards, quiz")


def expand(params: Params) -> Graph:
    """inspect → prepare → transcribe → align → diarize → emotions ‖ cleanup ‖ notes → merge → export, what was not asked for left out."""
    tasks = [
        TaskSpec("inspect", "inspect", timeout_s=300),
        TaskSpec("prepare", "prepare", needs=("inspect",), duration=Duration.LONG, timeout_s=3600),
        TaskSpec("transcribe", "transcribe", needs=("prepare",), duration=Duration.LONG, timeout_s=3600),
    ]
    said = ["transcribe"]  # what tells who said what, and when
    if params.word_timestamps or params.speaker_detection == "diarize":
        tasks.append(TaskSpec("align", "align", needs=("prepare", "transcribe"), timeout_s=900))
        said.append("align")
    if params.speaker_detection == "diarize":
        tasks.append(TaskSpec("diarize", "diarize", needs=("prepare", *said), duration=Duration.LONG, optional=True, timeout_s=4 * 3600))
        said.append("diarize")
    added = []
    if params.detect_emotions:
        added.append(TaskSpec("emotions", "emotions", needs=("prepare", *said), duration=Duration.LONG, optional=True, timeout_s=3600))
    if params.llm_cleanup:
        added.append(TaskSpec("cleanup", "cleanup", needs=("prepare", *said), duration=Duration.LONG, optional=True, timeout_s=900))
    if params.notes:
        added.append(TaskSpec("notes", "notes", needs=("inspect", "prepare", *said), optional=True, timeout_s=900))
    tasks += added
    tasks.append(TaskSpec("merge", "merge", needs=("inspect", "prepare", *said, *(task.name for task in added)), timeout_s=900))
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


def revised(job: JobView, text: bool) -> tuple[str, ...]:
    """Return what depends on a corrected transcript: all that is made of its words, or what names the speakers; the export follows."""
    return tuple(task.name for task in job.tasks if task.name == "merge" or (text and task.name == "notes"))
