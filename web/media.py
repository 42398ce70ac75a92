"""A job's recording, for players; and links that open it, or something it made, for an hour without a session.

A link is signed, not stored: it names job, file and who made it. It opens no more than that person may see at that moment, so it ends
with the job, and with the person.
"""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request, url_for
from itsdangerous import BadData, URLSafeSerializer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jobs import people, uploads
from jobs.errors import NotFound
from jobs.model import JobView
from jobs.uploads import Upload
from jobs.view import iso, told_artifacts
from web.artifacts import send_artifact
from web.auth import person, public
from web.backend import backend
from web.body import read_json
from web.downloads import send
from web.openapi.answers import SignedLink
from web.openapi.describing import FILE_ANSWERS, FILE_HEADERS, describes
from web.problems import Kind, invalid
from web.status import job_of

routes = Blueprint("media", __name__)

LINK_S = 3600
NO_LINK = "there is no such link; it may have been copied in part"


class NewLink(BaseModel):
    """The body of POST /api/jobs/<id>/links."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = Field(None, max_length=255, description="of an artifact; none: the recording")


@routes.get("/api/jobs/<job:job_id>/recording")
@describes("Play what was uploaded", headers=FILE_HEADERS, answers=FILE_ANSWERS, refuses=[Kind.RANGE_NOT_SATISFIABLE])
def recording(job_id: str) -> Response:
    """Answer what was uploaded: sound and pictures to be played in place, anything else as an attachment. Ranges as of artifacts."""
    return send_recording(job_of(backend(), person(), job_id))


@routes.post("/api/jobs/<job:job_id>/links")
@describes("Make a link to a recording or a file", body=NewLink, answers={201: SignedLink})
def link(job_id: str) -> tuple[Response, int]:
    """Make a link → 201 {url, expires_at}. Raises NotFound where there is nothing to open."""
    job = job_of(backend(), person(), job_id)
    try:
        asked = NewLink.model_validate(read_json(request, accepted="application/json"))
    except ValidationError as error:
        raise invalid(error) from error
    if asked.name is None:
        recording_of(job)
    elif not any(one["name"] == asked.name for one in told_artifacts(job)):
        raise NotFound(f"job {job.id} has no artifact {asked.name}; its status lists those there are")
    ends = int(time.time()) + LINK_S
    signed = signer().dumps([job.id, asked.name, person().user, ends])
    return jsonify({"url": url_for("media.linked", signed=signed), "expires_at": iso(float(ends))}), 201


@routes.get("/links/<signed>")
@public
def linked(signed: str) -> Response:
    """Answer what a link opens. Raises NotFound: it was tampered with, has ended, or who made it may not see that any more."""
    job_id, name, user = opened(signed)
    try:
        who = people.get(backend().store, user)
    except NotFound:
        raise NotFound(NO_LINK) from None
    job = job_of(backend(), who, job_id)
    return send_recording(job) if name is None else send_artifact(job, name)


def opened(signed: str) -> tuple[str, str | None, str]:
    """Return job, artifact (None: the recording) and user of a link. Raises NotFound."""
    try:
        told: list[Any] = signer().loads(signed)
    except BadData:
        raise NotFound(NO_LINK) from None
    job_id, name, user, ends = told
    if ends <= time.time():
        raise NotFound(f"the link ended at {iso(float(ends))}; ask for a new one")
    return job_id, name, user


def signer() -> URLSafeSerializer:
    assert current_app.secret_key, "auth.install sets it"
    return URLSafeSerializer(current_app.secret_key, salt="lectern.link")  # a session's signature is never one of a link


def recording_of(job: JobView) -> Upload:
    """Return the upload that `job` was made of. Raises NotFound when it has none, or several."""
    named = job.params.get("upload")
    if not isinstance(named, str):
        raise NotFound(f"job {job.id} is not made of a recording")
    return uploads.find(backend().store, named)


def send_recording(job: JobView) -> Response:
    upload = recording_of(job)
    return send(upload.key, media_type=upload.media_type, filename=upload.filename, inline=True)
