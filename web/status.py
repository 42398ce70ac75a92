"""A job's status as the web answers it: only to who may see it, with the addresses of its artifacts."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

from jobs import show
from jobs.errors import NotFound
from jobs.people import Person
from web.backend import Backend

ESTIMATE_S = 10  #: a client that asks with If-None-Match gets new estimates this often


def status_of(backend: Backend, person: Person, job_id: str) -> dict[str, Any]:
    """Return the status of a job that `person` may see. Raises NotFound, the same for absent and someone else's."""
    status = show.status(backend.store, job_id)
    if not (person.admin or status["user"] == person.user):
        raise NotFound(f"there is no job {job_id}")
    for artifact in status["artifacts"]:
        artifact["url"] = artifact_url(job_id, artifact["name"])
        artifact.pop("key", None)  # where it lies in storage is nobody's business
    return status


def artifact_url(job_id: str, name: str) -> str:
    return f"/api/jobs/{job_id}/artifacts/{quote(name)}"


def etag(status: dict[str, Any], *, now: float | None = None) -> str:
    """Return the tag of a status: the job's revision, and while there are estimates the ten seconds they hold for."""
    tag = str(status["revision"])
    if status.get("eta_seconds") is not None or status.get("queue_position") is not None:
        tag += f"-{int((time.time() if now is None else now) // ESTIMATE_S)}"
    return tag
