"""Find a job type by its name. A type is one file in this folder; nothing else has to know of it.

A type's module has: `PRIORITY` (its own), `ADMIN_ONLY`, `Params` (a pydantic model that refuses unknown fields),
`expand(params) -> Graph` and `reduce(job) -> Summary`, both pure. For estimates it may have `size(params) -> float` and
`length(job) -> float` (seconds of audio, 0 unknown: when it is submitted, and as its tasks found out), and `PART_SECONDS`
(engine → the longest part, in seconds of audio, into which such a task splits).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol, cast

from pydantic import BaseModel

from jobs.errors import InvalidSubmission
from jobs.model import Graph, JobView, Summary
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
        raise InvalidSubmission(f"unknown job type {name!r}; known are {', '.join(names())}", field="type")
    return cast(JobType, importlib.import_module(f"{__name__}.{name}"))


def length(job: JobView) -> float:
    """Return the seconds of audio that the job's own tasks found, 0 unless its type can tell."""
    measure = getattr(find(job.type), "length", None) if job.type in names() else None
    return float(measure(job)) if measure else 0.0


def part_seconds(name: str) -> Mapping[str, float]:
    """Return the longest part of each engine that splits, in seconds of audio; empty for a type whose tasks do not."""
    parts: Mapping[str, float] = getattr(find(name), "PART_SECONDS", {}) if name in names() else {}
    return parts
