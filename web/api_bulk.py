"""POST /api/jobs/retry and /api/jobs/cancel: many jobs in one request, named or chosen, each done or refused by itself.

For everybody, over the jobs that they may see. At most MOST jobs a request: a cursor goes on where it ended.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, NamedTuple

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jobs import control, show
from jobs.cursor import MAX_CHARS
from jobs.errors import InvalidSubmission, LecternError, NotFound
from jobs.people import Person
from jobs.states import JobStatus
from jobs.store import Store
from web.auth import person
from web.backend import backend
from web.body import read_json
from web.openapi.answers import Bulk
from web.openapi.describing import describes
from web.problems import describe, invalid

routes = Blueprint("api_bulk", __name__, url_prefix="/api/jobs")

MOST = 200
JOB_ID = re.compile(r"[A-Za-z0-9_]{1,64}")  #: as in addresses; with a colon it would name another key of a job


class Filter(BaseModel):
    """Which jobs, among those that can be retried or cancelled."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: JobStatus | None = None
    type: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]{0,31}$")
    user: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9_.@-]{0,63}$")
    org: str | None = Field(None, pattern=r"^[a-z0-9_]{1,40}$")
    older_than_seconds: float = Field(0, ge=0, strict=True, description="created so long ago")


class Choice(BaseModel):
    """The body: either `ids`, or `filter` with the `cursor` of the answer before."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ids: list[str] | None = Field(None, min_length=1, max_length=MOST)
    filter: Filter | None = None
    cursor: str | None = Field(None, max_length=MAX_CHARS)
    dry_run: bool = Field(False, strict=True, description="tell which jobs it would be, change nothing")


class Verb(NamedTuple):
    act: Callable[[Store, str], None]
    of: tuple[JobStatus, ...]  #: what it can be done to


VERBS = {
    "retry": Verb(control.retry, (JobStatus.FAILED, JobStatus.CANCELLED)),
    "cancel": Verb(control.cancel, (JobStatus.PENDING, JobStatus.RUNNING)),
}


@routes.post("/retry")
@describes("Retry many jobs", body=Choice, answers={200: Bulk})
def retry() -> Response:
    """Retry jobs that failed, or were cancelled: {ids} or {filter, cursor} → {done, results: [{id, done, problem}], cursor, dry_run}."""
    return answer("retry")


@routes.post("/cancel")
@describes("Cancel many jobs", body=Choice, answers={200: Bulk})
def cancel() -> Response:
    """Cancel jobs that have not ended; as retry."""
    return answer("cancel")


def answer(name: Literal["retry", "cancel"]) -> Response:
    try:
        choice = Choice.model_validate(read_json(request, accepted="application/json"))
    except ValidationError as error:
        raise invalid(error) from error
    if (choice.ids is None) == (choice.filter is None):
        raise InvalidSubmission("say which jobs: either ids or filter", field="ids")
    verb, cursor = VERBS[name], None
    if choice.filter is not None:
        ids, cursor = chosen(person(), choice.filter, choice.cursor, verb)
    else:
        ids = list(dict.fromkeys(choice.ids or ()))
    seen = visible(person(), ids)
    results = [{"id": one, "done": False} if choice.dry_run else attempt(verb, one, there=one in seen) for one in ids]
    return jsonify(done=sum(result["done"] for result in results), results=results, cursor=cursor, dry_run=choice.dry_run)


def chosen(asker: Person, wanted: Filter, cursor: str | None, verb: Verb) -> tuple[list[str], str | None]:
    """Return the ids of one page of what `wanted` says and the verb can be done to, and the cursor of the next.

    Raises InvalidSubmission for a status to which it cannot be done.
    """
    if wanted.status and wanted.status not in verb.of:
        raise InvalidSubmission(f"status must be {' or '.join(verb.of)}; nothing else can be changed so", field="filter.status")
    if not asker.admin and (wanted.user or asker.user, wanted.org or asker.org) != (asker.user, asker.org):
        return [], None  # someone else's jobs are not there
    store, before = backend().store, time.time() - wanted.older_than_seconds
    user = wanted.user if asker.admin else asker.user
    page, following = show.listing(store, user=user, org=wanted.org, status=wanted.status, type=wanted.type, limit=MOST, cursor=cursor)
    return [
        job["id"] for job in page if job["status"] in verb.of and datetime.fromisoformat(job["created_at"]).timestamp() <= before
    ], following


def visible(asker: Person, ids: list[str]) -> set[str]:
    """Return those of `ids` that the asker may see; which of them are there, the verb tells. What is no id is never one of them."""
    fit = [one for one in ids if JOB_ID.fullmatch(one)]
    return set(fit) if asker.admin else show.fitting(backend().store, fit, (asker.user, None, None, None))


def attempt(verb: Verb, job: str, *, there: bool) -> dict[str, Any]:
    try:
        if not there:
            raise NotFound(f"there is no job {job}")
        verb.act(backend().store, job)
    except LecternError as error:
        return {"id": job, "done": False, "problem": describe(error).document()}
    return {"id": job, "done": True}
