"""POST /api/uploads: a recording comes in, to be used by jobs."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from web import recordings, submitting
from web.auth import person
from web.backend import backend
from web.limits import room
from web.openapi import answers
from web.openapi.asked import FileForm
from web.openapi.describing import FORM, IDEMPOTENCY_KEY, describes
from web.problems import Kind
from web.receive import receive

routes = Blueprint("api_uploads", __name__)


@routes.post("/api/uploads")
@describes(
    "Upload a file",
    headers=[IDEMPOTENCY_KEY],
    body={FORM: FileForm},
    answers={201: answers.Upload},
    refuses=[Kind.UNPLAYABLE],
)
def upload() -> tuple[Response, int]:
    """Receive, probe and keep a file → 201 {id, filename, bytes}. With an Idempotency-Key the same file is the same upload."""
    key = submitting.idempotency_key(request)
    backend().store.require_room()
    free = room(backend(), person())
    with receive(request, backend().incoming, max_file_bytes=free.file_bytes, refusal=free.bytes) as form:
        kept = recordings.keep(backend(), person(), form.recording(), idempotency_key=key)
    return jsonify(id=kept.id, filename=kept.filename, bytes=kept.bytes), 201
