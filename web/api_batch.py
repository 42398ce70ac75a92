"""POST /api/jobs/batch: submit many jobs at once. Each is taken or refused by itself, as POST /api/jobs would."""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint, Response, jsonify, request
from pydantic import Field
from redis import RedisError

from jobs import uploads
from jobs.errors import Conflict, LecternError, NoUpload
from jobs.model import Submission
from jobs.people import Person
from jobs.submit import submit_many
from web.auth import person
from web.backend import Backend, backend
from web.body import NewJob, read_json, read_new_job
from web.openapi import asked
from web.openapi.answers import Batch
from web.openapi.describing import IDEMPOTENCY_KEY as KEY
from web.openapi.describing import JSON, describes
from web.problems import Kind, Problem, describe
from web.submitting import IDEMPOTENCY_KEY, idempotency_key, key_reused, named_upload, submission, submit_of_several, takes_several

routes = Blueprint("api_batch", __name__, url_prefix="/api/jobs/batch")

log = logging.getLogger(__name__)


class BatchJob(NewJob):
    """One of the jobs in the body of POST /api/jobs/batch."""

    idempotency_key: str | None = Field(None, pattern=f"^{IDEMPOTENCY_KEY.pattern}$", description="instead of the batch's own")


@routes.post("")
@describes(
    "Submit many jobs",
    headers=[KEY],
    body={JSON: lambda: asked.new_jobs(BatchJob)},
    answers={202: Batch},
    refuses=[Kind.FORBIDDEN, Kind.NOT_FOUND, Kind.IDEMPOTENCY_KEY_REUSED],
)
def submit() -> tuple[Response, int]:
    """Take [job, …] → 202 [{id, url} | problem, …], in the same order; the problem alone when it is the server's and all have it."""
    key = idempotency_key(request)
    asked = _jobs_in(read_json(request, accepted="application/json"), backend().settings.max_batch_jobs)
    backend().store.require_room()
    told = submit_batch(backend(), person(), asked, key)
    failed = [one for one in told if isinstance(one, Exception) and describe(one).kind.status >= 500]
    if len(failed) == len(told):
        raise failed[0]
    if failed:
        log.error("batch_half_failed jobs=%d failed=%d", len(told), len(failed), exc_info=failed[0])
    return jsonify([_answer(one) for one in told]), 202


def submit_batch(backend: Backend, person: Person, asked: list[Any], key: str | None) -> list[str | Exception]:
    """Submit every job that can be one; return for each, in order, its id or what is wrong.

    Under the batch's `key` each job has one of its own by its place, so that a batch that is sent again makes nothing twice.
    """
    told: dict[int, str | Exception] = {}
    read: dict[int, tuple[BatchJob, str | None]] = {}
    # A key of a place has a space in it, which no key has: nobody's own key is that of a place in a batch.
    keys: dict[int, str | None] = {}
    for n, one in enumerate(asked):
        try:
            new = read_new_job(one, BatchJob)
            keys[n] = new.idempotency_key or (f"{key} {n}" if key else None)
            if takes_several(person, new):
                told[n] = submit_of_several(backend, person, new, idempotency_key=keys[n])
            else:
                read[n] = new, named_upload(person, new)
        except (LecternError, Problem, RedisError) as error:  # of Redis: it is told for this job alone, as `submit_many` does
            told[n] = error
    known = uploads.find_many(backend.store, (upload for _, upload in read.values() if upload), user=person.user)
    ready: dict[int, Submission] = {}
    for n, (new, upload) in read.items():
        if upload and upload not in known:
            told[n] = NoUpload(upload)
            continue
        try:
            ready[n] = submission(person, new, known[upload] if upload else None)
        except LecternError as error:
            told[n] = error
    made_of = submit_many(backend.store, list(ready.values()), idempotency_keys=[keys[n] for n in ready])
    for n, made in zip(ready, made_of, strict=True):
        own = read[n][0].idempotency_key is not None
        told[n] = key_reused(made, "idempotency_key" if own else "Idempotency-Key") if isinstance(made, Conflict) else made
    return [told[n] for n in range(len(asked))]


def _jobs_in(body: Any, most: int) -> list[Any]:
    if not isinstance(body, list) or not body:
        raise Problem(Kind.INVALID, "the body must be a JSON list of jobs, each an object with `type` and `params`")
    if len(body) > most:
        raise Problem(Kind.INVALID, f"{len(body)} jobs are more than MAX_BATCH_JOBS={most} allows; split the batch", limit=most)
    return body


def _answer(one: str | Exception) -> dict[str, Any]:
    if isinstance(one, str):
        return {"id": one, "url": f"/api/jobs/{one}"}
    problem = describe(one)
    later = {"retry_after": int(problem.headers["Retry-After"])} if "Retry-After" in problem.headers else {}
    return problem.document() | later
