"""POST /v1/audio/transcriptions and GET /v1/models, as OpenAI's client libraries ask them.

A transcription is a job like any other, of high priority. Whoever asks waits for its end, for OPENAI_WAIT_SECONDS at most and
only so many at once that the others are still served; then the job is handed out. The same file asked for in the same way by
the same person is the same job for a day: whoever asks again, as these libraries do by themselves, goes on waiting for it.
"""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import suppress
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify, request

from jobs import control, show, watch
from jobs.errors import Conflict
from jobs.model import JobView
from jobs.states import JobStatus, TaskState
from web import submitting
from web.auth import person
from web.backend import Backend, backend
from web.openai import asked as asking
from web.openai import told
from web.openai.asked import Asked
from web.openapi.asked import with_file
from web.openapi.describing import FORM, IDEMPOTENCY_KEY, JSON, Answer, Header, describes
from web.openapi.spoken import HandedOut, Model, Models, Transcription, VerboseTranscription
from web.problems import Kind, Problem, document
from web.receive import Received, receive
from web.status import status_of

routes = Blueprint("openai", __name__, url_prefix="/v1")

WAITING = "lectern.waiting"
OF_THE_FILE = {"inspect", "prepare"}  #: tasks that fail because of what the recording is
AGAIN_S = 2  #: after which a client may ask for the job that it was handed


def install(app: Flask) -> None:
    """Let at most half of a process's threads wait at once."""
    app.extensions[WAITING] = threading.BoundedSemaphore(max(app.extensions["lectern"].settings.web_threads // 2, 1))


@routes.get("/models")
@describes("The models of this installation", answers={200: Models})
def models() -> Response:
    """List the names that this installation's own speech model goes by."""
    return jsonify(object="list", data=[described(name) for name in asking.models(backend().settings)])


@routes.get("/models/<name>")
@describes("One model", answers={200: Model})
def model(name: str) -> Response:
    """Describe one of them."""
    if name not in asking.models(backend().settings):
        raise asking.no_model(name)
    return jsonify(described(name))


@routes.post("/audio/transcriptions")
@describes(
    "Transcribe, as OpenAI does",
    headers=[IDEMPOTENCY_KEY, Header("Prefer", "`respond-async`: do not wait for the end")],
    body={FORM: lambda: with_file(Asked)},
    answers={
        200: Answer("The transcript", {JSON: Transcription | VerboseTranscription, "text/plain": str, "text/vtt": str}),
        202: Answer("The job that goes on", {JSON: HandedOut}),
    },
    refuses=[Kind.NOT_FOUND, Kind.CONFLICT, Kind.UNPLAYABLE, Kind.IDEMPOTENCY_KEY_REUSED],
)
def transcribe() -> Response:
    """Transcribe a recording: the answer in the form that was asked for, or 202 and the job when that takes too long."""
    key = submitting.idempotency_key(request)
    backend().store.require_room()

    def check(fields: dict[str, str]) -> None:
        if "model" in fields:
            asking.read(fields)

    # Only the file tells whether it was charged before: what is left of the day is asked when it is there.
    taken = receive(
        request, backend().incoming, max_file_bytes=backend().settings.max_upload_bytes, fields=asking.FIELDS, check_fields=check
    )
    with taken as form:
        asked = asking.read(form.fields)
        job_id = job_of(backend(), asked, form.recording(), key)
    patient = "respond-async" not in request.headers.get("Prefer", "")
    if not (patient and ended(backend(), job_id)):
        return handed_out(job_id, asked, patient=patient)
    return answer(backend(), job_id, asked)


def job_of(backend: Backend, asked: Asked, received: Received, key: str | None) -> str:
    """Return the job that transcribes `received`: a new one, or the one that was made for it before; what failed is done again."""
    new = asked.new_job(backend.settings)
    # A key of a file has a space in it, which no key has.
    of_file = [received.sha256, received.filename, new.params, backend.settings.whisper_model]
    own = key or f"openai {hashlib.sha256(json.dumps(of_file, sort_keys=True).encode()).hexdigest()}"
    job_id = submitting.submit_received(backend, person(), new, received, idempotency_key=own, interactive=True)
    asked_anew = key is None and request.headers.get("x-stainless-retry-count", "0") == "0"  # by a person, not by the library
    if asked_anew and show.job(backend.store, job_id).status in (JobStatus.FAILED, JobStatus.CANCELLED):
        with suppress(Conflict):  # somebody else has done so at this moment
            control.retry(backend.store, job_id)
    return job_id


def ended(backend: Backend, job_id: str) -> bool:
    """Wait for the end of a job, if not too many wait already; return whether it has ended."""
    waiting: threading.BoundedSemaphore = current_app.extensions[WAITING]
    if not waiting.acquire(blocking=False):
        return watch.until_ended(backend.store, job_id, 0)
    try:
        return watch.until_ended(backend.store, job_id, backend.settings.openai_wait_seconds)
    finally:
        waiting.release()


def handed_out(job_id: str, asked: Asked, *, patient: bool) -> Response:
    """Hand out the job: a 202 where the answer has a place to say so, and where the client has asked for it; else a 503.

    As a text or as subtitles any answer that is a success would be taken for the transcript.
    """
    url = f"/api/jobs/{job_id}"
    message = f"this takes longer: job {job_id} goes on; follow it at {url}, or send the same request again, which waits for the same job"
    headers = {"Location": url, "Retry-After": str(AGAIN_S)}
    if patient and asked.response_format in told.AS_IT_IS:
        extra = {"job": job_id, "status_url": url, "code": "still_running"}
        return told_of_job(Problem(Kind.UNAVAILABLE, message, headers=headers | {"x-should-retry": "true"}, extra=extra))
    status = status_of(backend(), person(), job_id)["status"]
    if not patient:
        headers["Preference-Applied"] = "respond-async"
    response = jsonify(object="job", id=job_id, status=status, status_url=url, message=message)
    response.status_code = 202
    response.headers.update(headers)
    return response


def answer(backend: Backend, job_id: str, asked: Asked) -> Response:
    """Return what a job that has ended made, or why it made nothing."""
    job = show.job(backend.store, job_id)
    if job.status is not JobStatus.COMPLETED:
        return told_of_job(failed(job))
    made = {artifact["name"]: artifact for artifact in show.artifacts(backend.store, job_id)}
    response = told.answer(backend.storage, made, asked)
    response.headers["Location"] = f"/api/jobs/{job_id}"
    return response


def told_of_job(problem: Problem) -> Response:
    """Return what is no error of the web's, and so none for its log."""
    response = document(problem)
    response.headers.update(problem.headers)
    return response


def failed(job: JobView) -> Problem:
    url = f"/api/jobs/{job.id}"
    extra: dict[str, Any] = {"job": job.id, "status_url": url}
    if job.status is JobStatus.CANCELLED:
        return Problem(Kind.CONFLICT, f"job {job.id} was cancelled; send the request again to have it done", extra=extra)
    broken = next((task for task in job.tasks if task.state is TaskState.FAILED), None)
    detail = f"{broken.name}: {broken.error}" if broken else "it failed"
    if broken and broken.name in OF_THE_FILE:
        return Problem(Kind.UNPLAYABLE, str(broken.error), field="file", extra=extra)
    return Problem(Kind.INTERNAL, f"job {job.id} failed at {detail}; its page is {url.removeprefix('/api')}", extra=extra)


def described(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "lectern"}
