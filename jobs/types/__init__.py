"""Find a job type by its name. A type is one file in this folder; nothing else has to know of it.

A type's module has: `PRIORITY` (its own), `ADMIN_ONLY`, `Params` (a pydantic model that refuses unknown fields),
`expand(params) -> Graph` and `reduce(job) -> Summary`, both pure.
"""

from __future__ import annotations

import importlib
import pkgutil
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
