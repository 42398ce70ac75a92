"""/api/jobs: submit, list, look at, cancel, retry and delete jobs."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from jobs import children, control, show
from jobs.cursor import MAX_CHARS
from jobs.people import Person
from jobs.remove import remove
from jobs.states import JobStatus
from web import submitting
from web.auth import identifies, person
from web.backend import backend
from web.body import NewJob, read_json, read_new_job, read_query
from web.limits import room
from web.openapi import asked as asks
from web.openapi.answers import ChildrenPage, Job, JobPage, Partial
from web.openapi.describing import ETAG, FORM, IDEMPOTENCY_KEY, IF_NONE_MATCH, JSON, Answer, Header, describes
from web.problems import Kind
from web.receive import receive
from web.status import Sight, answer, answer_page, look_at, status_of

routes = Blueprint("api_jobs", __name__, url_prefix="/api/jobs")


Cursor = Annotated[
    str | None, Field(max_length=MAX_CHARS), WithJsonSchema({"type": "string", "pattern": f"^[A-Za-z0-9_-]{{0,{MAX_CHARS}}}$"})
]
STATUSES = "|".join(JobStatus)


class Listing(BaseModel):
    """What GET /api/jobs may be asked with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: str | None = Field(None, pattern=f"^(?:{STATUSES})(?:,(?:{STATUSES}))*$", description="one, or several with commas")
    type: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]{0,31}$", description="jobs of this type")
    user: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9_.@-]{0,63}$", description="whose; for admins")
    org: str | None = Field(None, pattern=r"^[a-z0-9_]{1,40}$", description="of which organisation; for admins")
    limit: int = Field(50, ge=1, le=200, description="how many on a page; where filters are rare there may be fewer")
    cursor: Cursor = Field(None, description="of the last page: the jobs that come after it")


class Since(BaseModel):
    """What GET /api/jobs/<id>/partial and …/children may be asked with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cursor: Cursor = Field(None, description="of the last answer: what comes after it is told")


OF_JOB = {"id": "$response.body#/id"}
LINKS = {"jobs_status": OF_JOB, "jobs_partial_output": OF_JOB, "jobs_cancel": OF_JOB, "jobs_delete": OF_JOB}


@routes.post("")
@describes(
    "Submit a job",
    headers=[IDEMPOTENCY_KEY],
    body={JSON: asks.new_job, FORM: asks.job_form},
    answers={202: Answer("Accepted", {JSON: Job}, [Header("Location", "where its status is")], LINKS)},
    refuses=[Kind.FORBIDDEN, Kind.NOT_FOUND, Kind.CONFLICT, Kind.UNPLAYABLE, Kind.IDEMPOTENCY_KEY_REUSED],
)
def submit() -> tuple[Response, int, dict[str, str]]:
    """Take a job, as JSON or as a form with its file → 202, Location, and the status."""
    key = submitting.idempotency_key(request)
    if request.mimetype == "multipart/form-data":
        backend().store.require_room()
        free = room(backend(), person(), key)
        check = partial(submitting.check_fields, backend(), person(), free)
        taken = receive(
            request,
            backend().incoming,
            max_file_bytes=free.file_bytes,
            fields=submitting.FORM_FIELDS,
            check_fields=check,
            refusal=free.bytes,
        )
        with taken as form:
            job_id = submitting.submit_form(backend(), person(), form, idempotency_key=key)
    else:
        new = read_new_job(read_json(request), NewJob)
        job_id = submitting.submit_new_job(backend(), person(), new, idempotency_key=key)
    status = status_of(backend(), person(), job_id)
    return jsonify(status), 202, {"Location": f"/api/jobs/{job_id}"}


@routes.get("")
@describes(
    "List jobs",
    query=Listing,
    headers=[IF_NONE_MATCH],
    answers={200: Answer("A page of them", {JSON: JobPage}, [ETAG]), 304: Answer("It is as it was", headers=[ETAG])},
)
def listing() -> Response:
    """List jobs, newest first → {jobs: […], cursor}, or 304 as for a status. Anybody but an admin sees the own ones only."""
    return answer_page(*jobs_of(person(), read_query(request, Listing)), request)


def jobs_of(asker: Person, asked: Listing) -> tuple[list[Sight], str | None]:
    """Return one page of the jobs that `asker` may see and asked for, and the cursor of the next."""
    if not asker.admin and (asked.user or asker.user, asked.org or asker.org) != (asker.user, asker.org):
        return [], None  # someone else's jobs are not there
    user = asked.user if asker.admin else asker.user
    found, cursor = show.find(backend().store, **asked.model_dump() | {"user": user})
    return [sight for sight in look_at(backend(), found) if show.listed(sight.entry.known.view, asked.type)], cursor


@routes.get("/<job:job_id>")
@describes(
    "A job's status",
    headers=[IF_NONE_MATCH],
    answers={200: Answer("The status", {JSON: Job}, [ETAG]), 304: Answer("It is as it was", headers=[ETAG])},
)
@identifies
def status(job_id: str) -> Response:
    """Answer the status, or 304 when If-None-Match shows that the asker has it."""
    return answer(backend(), job_id, request)


@routes.get("/<job:job_id>/partial")
@describes("What the parts of a job have put out", query=Since, answers={200: Partial})
def partial_output(job_id: str) -> Response:
    """Answer what the children have put out since `cursor` → {items, cursor, reset}."""
    user = None if person().admin else person().user
    return jsonify(show.partial(backend().store, job_id, read_query(request, Since).cursor, user=user))


@routes.get("/<job:job_id>/tasks/<node:task>/children")
@describes("The parts of a step", query=Since, answers={200: ChildrenPage})
def children_of(job_id: str, task: str) -> Response:
    """Answer the children of a task, by number → {children, cursor}."""
    user = None if person().admin else person().user
    return jsonify(children.page(backend().store, job_id, task, read_query(request, Since).cursor, user=user))


@routes.post("/<job:job_id>/cancel")
@describes("Cancel a job", answers={202: Job}, refuses=[Kind.CONFLICT])
def cancel(job_id: str) -> tuple[Response, int]:
    """Cancel a job that has not ended; what runs of it stops within seconds."""
    status_of(backend(), person(), job_id)
    control.cancel(backend().store, job_id)
    return jsonify(status_of(backend(), person(), job_id)), 202


@routes.post("/<job:job_id>/retry")
@describes("Retry a job", answers={202: Job}, refuses=[Kind.CONFLICT])
def retry(job_id: str) -> tuple[Response, int]:
    """Retry every failed task of a job, and what was cancelled because of them."""
    status_of(backend(), person(), job_id)
    control.retry(backend().store, job_id)
    return jsonify(status_of(backend(), person(), job_id)), 202


@routes.post("/<job:job_id>/tasks/<node:task>/retry")
@describes("Retry a step", answers={202: Job}, refuses=[Kind.CONFLICT])
def retry_task(job_id: str, task: str) -> tuple[Response, int]:
    """Retry one task, or one child of it (`transcribe.3`)."""
    status_of(backend(), person(), job_id)
    control.retry_task(backend().store, job_id, task)
    return jsonify(status_of(backend(), person(), job_id)), 202


@routes.delete("/<job:job_id>")
@describes("Delete a job", answers={204: None})
def delete(job_id: str) -> tuple[str, int]:
    """Delete a job in whatever state, its files, and its upload when no other job uses it."""
    status_of(backend(), person(), job_id)
    remove(backend().store, backend().storage, job_id)
    return "", 204
