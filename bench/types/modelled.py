"""Jobs of one task whose engine needs a model. Only for benchmarks; admins only."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from jobs.model import Graph, JobView, Summary, TaskSpec
from jobs.reducers import summarise
from jobs.states import Priority

PRIORITY = Priority.NORMAL
ADMIN_ONLY = True


class Params(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def expand(params: Params) -> Graph:
    return Graph((TaskSpec("a", "modelled"),))


def reduce(job: JobView) -> Summary:
    return summarise(job)
