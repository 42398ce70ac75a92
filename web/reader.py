"""/jobs/<id>/transcript: a page to read, hear, search and correct a transcript, and to learn from the notes on it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from jobs.errors import NotFound
from jobs.model import JobView
from jobs.transcripts import is_transcript
from jobs.view import told_artifacts
from web.auth import identifies
from web.backend import backend
from web.media import recording_of
from web.status import look

routes = Blueprint("reader", __name__)

#: What there must be, one of these, for there to be something to read.
READ = frozenset({"transcript.json", "notes.json"})


@routes.get("/jobs/<job:job_id>/transcript")
@identifies
def page(job_id: str) -> Response | str:
    """Show a job's transcript and notes; where neither is made yet, go to the job's own page."""
    sight = look(backend(), job_id)
    assert sight  # no revision was shown
    job = sight.entry.known.view
    if not readable(job):
        return redirect(url_for("pages.job", job_id=job_id), 303)
    return render_template("reader.html", initial={**sight.status(), "recording": playable(job)})


def readable(job: JobView) -> bool:
    return any(one["name"] in READ for one in told_artifacts(job))


def playable(job: JobView) -> dict[str, Any] | None:
    """Return where the recording is and of which type, None where there is none to be heard."""
    try:
        upload = recording_of(job)
    except NotFound:
        return None
    if is_transcript(upload.media_type):
        return None
    url = url_for("media.recording", job_id=job.id)
    return {"url": url, "media_type": upload.media_type, "bytes": upload.bytes, "filename": upload.filename}
