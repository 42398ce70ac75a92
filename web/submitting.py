"""Check what only the web can know of a new job (who asks, whose upload it is), and submit it."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace

from flask import Request

from jobs import transcripts, types, uploads
from jobs.errors import Conflict, InvalidSubmission, LecternError, NoUpload
from jobs.model import Submission
from jobs.people import Person
from jobs.states import Priority
from jobs.submit import expand, permit, prepare, submit
from jobs.uploads import Upload
from web import recordings
from web.backend import Backend
from web.body import NewJob, parse_json, read_new_job
from web.limits import Room
from web.problems import Kind, Problem
from web.receive import Form, Received

FORM_FIELDS = frozenset({"type", "params", "priority", "run_at", "zone", "callback_url"})
IDEMPOTENCY_KEY = re.compile(r"[\x21\x23-\x7e]{1,128}")
SET_BY_SERVER = ("filename", "seconds", "filenames", "lengths")  #: parameters that come from the uploads, never from the client


def idempotency_key(request: Request) -> str | None:
    """Return the Idempotency-Key, bare or quoted as the IETF's draft has it. Raises InvalidSubmission."""
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return None
    bare = given[1:-1] if len(given) >= 2 and given[0] == given[-1] == '"' else given
    if not IDEMPOTENCY_KEY.fullmatch(bare):
        raise InvalidSubmission("an Idempotency-Key is 1 to 128 visible ASCII characters", field="Idempotency-Key")
    return bare


def check_fields(backend: Backend, person: Person, free: Room, fields: dict[str, str]) -> None:
    """Refuse a form whose fields came before its file and are wrong, or ask for more than is left, so that no file is sent for nothing."""
    if fields.keys() >= {"type", "params"}:
        new = _read_form(backend, person, fields)
        if free.minutes and not types.takes_transcripts(new.type):
            raise free.minutes


def submit_form(backend: Backend, person: Person, form: Form, *, idempotency_key: str | None) -> str:
    """Submit a job whose recording came in the same request; return its id."""
    new = _read_form(backend, person, form.fields)
    return submit_received(backend, person, new, form.recording(), idempotency_key=idempotency_key)


def submit_received(
    backend: Backend, person: Person, new: NewJob, received: Received, *, idempotency_key: str | None, interactive: bool = False
) -> str:
    """Submit a job with the file that came with it, of high priority where somebody waits for it; return its id."""
    job_id = secrets.token_hex(8)
    text = types.takes_transcripts(new.type)
    upload = recordings.keep(backend, person, received, transcript=text, job=job_id, idempotency_key=idempotency_key)
    try:
        asked = submission(person, new, upload, received.bytes)
        if interactive:  # which is not for the person to ask for, but for the endpoint to say
            asked = replace(asked, priority=Priority.HIGH, admin=True)
        made = _submit(backend, asked, idempotency_key, job_id)
    except (LecternError, Problem):  # a refusal; after an error of the network the job may be there and need its file
        recordings.drop(backend, upload.id, job_id)
        raise
    if made != job_id:
        uploads.give_back(backend.store, upload.id, job_id, ttl_s=backend.settings.upload_ttl_seconds)
    return made


def submit_new_job(backend: Backend, person: Person, new: NewJob, *, idempotency_key: str | None) -> str:
    """Submit a job that came as JSON, with the uploads it names; return its id."""
    if takes_several(person, new):
        return submit_of_several(backend, person, new, idempotency_key=idempotency_key)
    named = named_upload(person, new)
    upload = uploads.find(backend.store, named, user=person.user) if named else None
    return _submit(backend, submission(person, new, upload), idempotency_key)


def takes_several(person: Person, new: NewJob) -> bool:
    """Whether a job is of a type that is made of several uploads. Raises what `permit` does."""
    return "uploads" in permit(submission(person, new)).Params.model_fields


def submit_of_several(backend: Backend, person: Person, new: NewJob, *, idempotency_key: str | None) -> str:
    """Submit a job with all the uploads that it names, which are kept for it before it is made (decision 0100); return its id."""
    _refuse_server_set(new)
    expand(submission(person, new), backend.settings)  # of what is refused no upload needs to be kept
    named = list(new.params["uploads"])
    known = uploads.find_many(backend.store, named, user=person.user)
    for n, one in enumerate(named):
        if one not in known:
            raise NoUpload(one)
        if not recordings.may_be_one(known[one]):
            raise InvalidSubmission(f"{known[one].filename} is not a recording", field=f"params.uploads.{n}")
    asked = submission(person, new.model_copy(update={"params": new.params | _told([known[one] for one in named])}))
    job_id = secrets.token_hex(8)
    uploads.use_many(backend.store, named, job_id)
    try:
        made = _submit(backend, asked, idempotency_key, job_id)
    except (LecternError, Problem):  # a refusal; after an error of the network the job may be there and need its files
        _give_back(backend, named, job_id)
        raise
    if made != job_id:
        _give_back(backend, named, job_id)
    return made


def _give_back(backend: Backend, named: list[str], job_id: str) -> None:
    for one in named:
        uploads.give_back(backend.store, one, job_id, ttl_s=backend.settings.upload_ttl_seconds)


def _told(found: list[Upload]) -> dict[str, object]:
    """Return what is known of the uploads of one job, as its parameters."""
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return {
        "filename": f"{found[0].filename}{more}",
        "filenames": [upload.filename for upload in found],
        "lengths": [upload.seconds for upload in found],
    }


def named_upload(person: Person, new: NewJob) -> str | None:
    """Return the id of the upload that a job is to be made of, if it is of a type that takes one. Raises what refuses it before that."""
    takes_upload = "upload" in permit(submission(person, new)).Params.model_fields
    _refuse_server_set(new)
    named = new.params.get("upload") if takes_upload else None
    return named if isinstance(named, str) else None


def submission(person: Person, new: NewJob, upload: Upload | None = None, came_bytes: int = 0) -> Submission:
    """Return what `person` asks for, with what is known of the upload that the job takes, which came along if it has `came_bytes`.

    Raises InvalidSubmission for an upload that the type cannot take.
    """
    params = dict(new.params)
    if upload is not None:
        _refuse_other_kind(new.type, upload)
        params["upload"] = upload.id
        known = {"filename": upload.filename, "seconds": upload.seconds or None}
        taken = types.find(new.type).Params.model_fields
        params |= {name: known[name] for name in SET_BY_SERVER if name in taken and known[name] is not None}
    kept = upload.id if upload else ""
    asked = Submission(new.type, params, person.user, person.org, new.priority, new.zone, person.admin, kept)
    run_at = new.run_at.timestamp() if new.run_at else None
    return replace(asked, run_at=run_at, limited=not person.admin, bytes=came_bytes, callback_url=new.callback_url)


def key_reused(error: Conflict, field: str = "Idempotency-Key") -> Problem:
    """Return the problem of the only thing that a new job can clash with."""
    return Problem(Kind.IDEMPOTENCY_KEY_REUSED, str(error), field=field)


def _read_form(backend: Backend, person: Person, fields: dict[str, str]) -> NewJob:
    """Return what a form asks for, checked as far as it can be without the file that it comes with."""
    given: dict[str, object] = dict(fields)
    given["params"] = parse_json(fields.get("params") or "{}", field="params")
    new = read_new_job({name: value for name, value in given.items() if value != ""}, NewJob)
    if "upload" in new.params:
        raise InvalidSubmission("send either a file or params.upload, not both", field="params.upload")
    _refuse_server_set(new)
    if "upload" not in permit(submission(person, new)).Params.model_fields:
        raise InvalidSubmission(f"jobs of type {new.type} take no file", field="file")
    any_upload = {"upload": uploads.new_id()}
    prepare(backend.settings, submission(person, new.model_copy(update={"params": new.params | any_upload})), None, None, None)
    return new


def _submit(backend: Backend, asked: Submission, key: str | None, job_id: str | None = None) -> str:
    try:
        return submit(backend.store, asked, idempotency_key=key, job=job_id)
    except Conflict as error:
        raise key_reused(error) from error


def _refuse_server_set(new: NewJob) -> None:
    for name in SET_BY_SERVER:
        if name in new.params:
            raise InvalidSubmission(f"unknown parameter {name!r}; it comes from the upload", field=f"params.{name}")


def _refuse_other_kind(type: str, upload: Upload) -> None:
    """Refuse a recording where a transcript is meant, and the other way round."""
    wanted, given = types.takes_transcripts(type), transcripts.is_transcript(upload.media_type)
    if wanted != given:
        kinds = ("a recording", "a transcript")
        detail = f"jobs of type {type} are made of {kinds[wanted]}; upload {upload.id} is {kinds[given]}"
        raise InvalidSubmission(detail, field="params.upload")
