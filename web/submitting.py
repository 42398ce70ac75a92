"""Check what only the web can know of a new job (who asks, whose upload it is), and submit it."""

from __future__ import annotations

import re

from flask import Request

from jobs import types, uploads
from jobs.errors import Conflict, InvalidSubmission, LecternError
from jobs.model import Submission
from jobs.people import Person
from jobs.submit import submit
from jobs.types import JobType
from jobs.uploads import Upload
from web import recordings
from web.backend import Backend
from web.body import NewJob, parse_json, read_new_job
from web.problems import Kind, Problem
from web.receive import Form

FORM_FIELDS = frozenset({"type", "params", "priority", "zone"})
IDEMPOTENCY_KEY = re.compile(r"[\x21\x23-\x7e]{1,128}")
SET_BY_SERVER = "filename"  #: a parameter that comes from the upload, never from the client


def idempotency_key(request: Request) -> str | None:
    """Return the Idempotency-Key, bare or quoted as the IETF's draft has it. Raises InvalidSubmission."""
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return None
    bare = given[1:-1] if len(given) >= 2 and given[0] == given[-1] == '"' else given
    if not IDEMPOTENCY_KEY.fullmatch(bare):
        raise InvalidSubmission("an Idempotency-Key is 1 to 128 visible ASCII characters", field="Idempotency-Key")
    return bare


def submit_form(backend: Backend, person: Person, form: Form, *, idempotency_key: str | None) -> str:
    """Submit a job whose recording came in the same request; return its id."""
    given: dict[str, object] = dict(form.fields)
    given["params"] = parse_json(form.fields.get("params") or "{}", field="params")
    new = read_new_job({name: value for name, value in given.items() if value != ""})
    job_type = _allowed(person, new)
    if "upload" not in job_type.Params.model_fields:
        raise InvalidSubmission(f"jobs of type {new.type} take no file", field="file")
    if "upload" in new.params:
        raise InvalidSubmission("send either a file or params.upload, not both", field="params.upload")
    _refuse_server_set(new)
    upload = recordings.keep(backend, person, form.recording(), idempotency_key=idempotency_key)
    try:
        return _submit(backend, person, new, job_type, upload, idempotency_key)
    except (LecternError, Problem):  # a refusal; after an error of the network the job may be there and need its file
        recordings.drop(backend, upload)
        raise


def submit_new_job(backend: Backend, person: Person, new: NewJob, *, idempotency_key: str | None) -> str:
    """Submit a job that came as JSON, with the upload it names; return its id."""
    job_type = _allowed(person, new)
    _refuse_server_set(new)
    named = new.params.get("upload") if "upload" in job_type.Params.model_fields else None
    upload = uploads.find(backend.store, named, user=person.user) if isinstance(named, str) else None
    return _submit(backend, person, new, job_type, upload, idempotency_key)


def _submit(backend: Backend, person: Person, new: NewJob, job_type: JobType, upload: Upload | None, key: str | None) -> str:
    params = dict(new.params)
    if upload is not None:
        params["upload"] = upload.id
        if SET_BY_SERVER in job_type.Params.model_fields:
            params[SET_BY_SERVER] = upload.filename
    submission = Submission(new.type, params, person.user, person.org, new.priority, new.zone, person.admin)
    try:
        job_id = submit(backend.store, submission, idempotency_key=key)
    except Conflict as error:  # the only thing a new job can clash with
        raise Problem(Kind.IDEMPOTENCY_KEY_REUSED, str(error), field="Idempotency-Key") from error
    if upload is not None:
        uploads.use(backend.store, upload.id, job_id)
    return job_id


def _allowed(person: Person, new: NewJob) -> JobType:
    """Return the job's type. Raises InvalidSubmission for an unknown one, Problem FORBIDDEN for what only an admin may."""
    job_type = types.find(new.type)
    if person.admin:
        return job_type
    if job_type.ADMIN_ONLY:
        raise Problem(Kind.FORBIDDEN, f"only an admin may submit jobs of type {new.type}", field="type")
    if new.zone:
        raise Problem(Kind.FORBIDDEN, "only an admin may choose a zone; leave it out", field="zone")
    if new.priority is not None and new.priority.rank < job_type.PRIORITY.rank:
        detail = f"only an admin may raise the priority above {job_type.PRIORITY}; ask for that, a lower one, or none"
        raise Problem(Kind.FORBIDDEN, detail, field="priority")
    return job_type


def _refuse_server_set(new: NewJob) -> None:
    if SET_BY_SERVER in new.params:
        raise InvalidSubmission(f"unknown parameter {SET_BY_SERVER!r}; the name comes from the upload", field=f"params.{SET_BY_SERVER}")
