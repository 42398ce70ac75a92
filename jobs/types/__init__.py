"""Find a job type by its name. A type is one file in this folder; nothing else has to know of it.

A type's module has: `PRIORITY` (its own), `ADMIN_ONLY`, `Params` (a pydantic model that refuses unknown fields),
`expand(params) -> Graph` and `reduce(job) -> Summary`, both pure. It may have `VERSION` (of what its parameters, payloads and
outputs mean, 1 unless said: raised when a worker of before would misread them), `ZONE` (where its tasks run unless something
else says so) and, for estimates of the time, `size(params) -> float` and `length(job) -> float` (seconds of audio, 0 unknown: when
it is submitted, and as its tasks found out) and `PART_SECONDS` (engine → the longest part into which such a task splits, in
seconds of audio). A type whose jobs are made of other jobs has `uses(params) -> tuple of their ids`: they are checked to be the
same user's and to have ended where the job is accepted (jobs/uses.py). `TAKES_TRANSCRIPTS = True` says that its upload is a
transcript, not a recording. `revised(job, text) -> tuple of names` says which tasks to run again when its transcript was corrected.
`INTERNAL = True` is for what nobody submits: its jobs are made by Lectern itself.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, Protocol, cast

from pydantic import BaseModel

from jobs.errors import Conflict, InvalidSubmission
from jobs.model import Graph, JobView, Summary
from jobs.reducers import summarise
from jobs.states import Priority


class JobType(Protocol):
    PRIORITY: Priority
    ADMIN_ONLY: bool
    Params: type[BaseModel]

    def expand(self, params: Any) -> Graph: ...
    def reduce(self, job: JobView) -> Summary: ...


@cache
def names() -> tuple[str, ...]:
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


@cache
def find(name: str) -> JobType:
    """Return the job type called `name`. Raises InvalidSubmission that lists the known ones."""
    if name not in names():
        raise InvalidSubmission(f"unknown job type {name!r}; known are {', '.join(open_to_all())}", field="type")
    return cast(JobType, importlib.import_module(f"{__name__}.{name}"))


@lru_cache(maxsize=256)
def understood(name: str, version: int) -> bool:
    """Whether this process knows the job type called `name` as of `version`; else a newer one has made the job."""
    return name in names() and version <= version_of(find(name))


def internal(name: str) -> bool:
    """Whether jobs of a type are Lectern's own: nobody submits one, and lists have them only when asked for the type."""
    return name in names() and bool(getattr(find(name), "INTERNAL", False))


def open_to_all() -> tuple[str, ...]:
    """Return the names of the types that can be submitted, by admins at least."""
    return tuple(name for name in names() if not internal(name))


def version_of(kind: JobType) -> int:
    return int(getattr(kind, "VERSION", 1))


def size(kind: JobType, params: Mapping[str, Any]) -> float:
    """Return the seconds of audio that a job of these stored parameters is about, 0 when its type does not say."""
    measure = getattr(kind, "size", None)
    return float(measure(kind.Params.model_validate(params))) if measure else 0.0


def uses(name: str, params: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the jobs that a job of these checked parameters is made of."""
    named = getattr(find(name), "uses", None) if name in names() else None
    return tuple(named(find(name).Params.model_validate_json(json.dumps(params), strict=True))) if named else ()


def takes_transcripts(name: str) -> bool:
    """Whether the upload of such a job is a transcript, not a recording."""
    return bool(getattr(find(name), "TAKES_TRANSCRIPTS", False))


def reduce(job: JobView) -> Summary:
    """Sum a job up by its type; one that a newer Lectern has made, by its tasks."""
    return find(job.type).reduce(job) if job.type in names() else summarise(job)


def length(job: JobView) -> float:
    """Return the seconds of audio that the job's own tasks found, 0 unless its type can tell."""
    measure = getattr(find(job.type), "length", None) if job.type in names() else None
    return float(measure(job)) if measure else 0.0


def revised(job: JobView, *, text: bool) -> tuple[str, ...]:
    """Return the tasks that run again when the transcript of `job` was corrected: `text`, or names of speakers alone. Raises Conflict."""
    which = getattr(find(job.type), "revised", None) if job.type in names() else None
    if which is None:
        raise Conflict(f"a job of type {job.type} has no transcript to correct")
    tasks: tuple[str, ...] = which(job, text)
    return tasks


def part_seconds(name: str) -> Mapping[str, float]:
    """Return the longest part of each engine that splits, in seconds of audio; empty for a type whose tasks do not."""
    parts: Mapping[str, float] = getattr(find(name), "PART_SECONDS", {}) if name in names() else {}
    return parts
