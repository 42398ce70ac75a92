"""Many recordings are checked at once, in one task with processes of its own: what is wrong with each, and what to do about it."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from jobs.model import Graph, JobView, Summary, TaskSpec
from jobs.reducers import summarise
from jobs.states import Duration, JobStatus, Priority

PRIORITY = Priority.LOW  # it comes in bulk
ADMIN_ONLY = False

REPORT = "report.html"
#: How long the task may take: so many seconds, and one for each so many of sound. A core checks two minutes of it in a second.
LEAST_TIMEOUT_S = 3600.0
SLOWEST = 10.0
UNKNOWN_SECONDS = 6 * 3600.0  #: taken for the length of a recording of which nobody knows it


class Params(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    uploads: tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")], ...] = Field(
        min_length=1, max_length=200, description="ids of the uploaded recordings, each once", json_schema_extra={"uniqueItems": True}
    )
    filename: str = Field("recordings", max_length=300, description="what the recordings are called together; set from the uploads")
    filenames: tuple[Annotated[str, Field(max_length=255)], ...] = Field((), description="their own names; set from the uploads")
    lengths: tuple[Annotated[float, Field(ge=0)], ...] = Field((), description="their lengths in seconds, 0 unknown; set from the uploads")

    @model_validator(mode="after")
    def _each_upload_once(self) -> Self:
        if len(set(self.uploads)) < len(self.uploads):
            raise ValueError("an upload is named twice in uploads; name each once")
        return self


def expand(params: Params) -> Graph:
    """One task for all of them: its processes share them out among themselves."""
    sound_s = sum(seconds or UNKNOWN_SECONDS for seconds in params.lengths or (0.0,) * len(params.uploads))
    return Graph((TaskSpec("quality", "quality", duration=Duration.LONG, timeout_s=LEAST_TIMEOUT_S + round(sound_s / SLOWEST)),))


def reduce(job: JobView) -> Summary:
    """Tell what was found once it is: how many are good, which are not."""
    found = job.outputs.get("quality")
    found = found if isinstance(found, dict) else {}
    told = summarise(job, result_path=f"/api/jobs/{job.id}/artifacts/{REPORT}" if found else None)
    if job.status is not JobStatus.COMPLETED or "verdicts" not in found:
        return told
    return Summary(told.progress, outcome(found["verdicts"]), (*told.warnings, *complaints(found)), told.result_path)


def outcome(verdicts: dict[str, int]) -> str:
    """`20 recordings checked: 14 good, 4 fair, 2 poor`, or of one `1 recording checked: good`."""
    named = [(count, verdict) for verdict, count in verdicts.items() if count]
    total = sum(count for count, _ in named)
    if total == 1:
        return f"1 recording checked: {named[0][1]}"
    return f"{total} recordings checked: {', '.join(f'{count} {verdict}' for count, verdict in named)}"


def complaints(found: dict[str, Any]) -> tuple[str, ...]:
    """`2 of 20 recordings are poor or unusable: a.mp3, b.wav`; `bad` holds the names of the first of them."""
    verdicts, named = found["verdicts"], found.get("bad", [])
    total, bad = sum(verdicts.values()), verdicts.get("poor", 0) + verdicts.get("unusable", 0)
    if not bad:
        return ()
    more = f" and {bad - len(named)} more" if bad > len(named) else ""
    some = "the recording is" if total == 1 else f"{bad} of {total} recordings {'is' if bad == 1 else 'are'}"
    return (f"{some} poor or unusable: {', '.join(named)}{more}",)


def size(params: Params) -> float:
    """Return the seconds of audio of all recordings; 0 unless the length of each is known."""
    return sum(params.lengths) if params.lengths and all(params.lengths) else 0.0


def length(job: JobView) -> float:
    """Return the seconds of audio that the task found; 0 before that."""
    found = job.outputs.get("quality")
    seconds = found.get("seconds") if isinstance(found, dict) else None
    return float(seconds) if isinstance(seconds, int | float) else 0.0
