"""GET /api/jobs/<id>/artifacts/<name>: what a job has made, streamed from storage, in ranges if asked for."""

from __future__ import annotations

from flask import Blueprint, Response

from jobs.errors import NotFound
from jobs.model import JobView
from jobs.view import title, told_artifacts
from web.auth import person
from web.backend import backend
from web.downloads import named_after, send
from web.openapi.describing import FILE_ANSWERS, FILE_HEADERS, describes
from web.problems import Kind
from web.status import job_of

routes = Blueprint("artifacts", __name__)


@routes.get("/api/jobs/<job:job_id>/artifacts/<name>")
@describes("Download what a job has made", headers=FILE_HEADERS, answers=FILE_ANSWERS, refuses=[Kind.RANGE_NOT_SATISFIABLE])
def artifact(job_id: str, name: str) -> Response:
    """Answer 200 with the whole, 206 with one range, 304 or 416. Several ranges at once get the whole."""
    return send_artifact(job_of(backend(), person(), job_id), name)


def send_artifact(job: JobView, name: str) -> Response:
    """Send what `job` made under this name, called after the job. Raises NotFound."""
    found = next((entry for entry in told_artifacts(job) if entry["name"] == name), None)
    if found is None:
        raise NotFound(f"job {job.id} has no artifact {name}; its status lists those there are")
    return send(found["key"], media_type=found["media_type"], filename=named_after(title(job), name))
