"""A job's status as the web answers it: only to who may see it, with the addresses of its artifacts."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from jobs import show
from jobs.errors import NotFound
from jobs.people import Person
from web.backend import Backend

ESTIMATE_S = 10  #: a client that asks with If-None-Match is told of changes of the time left in steps of this


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


def etag(status: dict[str, Any]) -> str:
    """Return the tag of a status: the job's revision and, while it is alive, where it stands, with ten seconds of the time left.

    A weak one: within those ten seconds the number differs, and nobody needs to be told.
    """
    eta = status["eta_seconds"]
    standing = (status["queue_position"], eta if eta is None else eta // ESTIMATE_S, status["held"])
    told = ["" if part is None else str(part) for part in standing]
    return "-".join([str(status["revision"]), *told]) if any(told) else str(status["revision"])
