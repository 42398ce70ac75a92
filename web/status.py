"""A job's status as the web answers it: only to who may see it, with the addresses of its artifacts."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from flask import Request, Response

from jobs import show
from jobs.errors import Nobody, NotFound, Unseen
from jobs.model import JobView, Standing
from jobs.people import Person
from jobs.view import NO_ESTIMATES, Estimates, describe, estimates, with_addresses
from web import auth
from web.backend import Backend
from web.recent import Entry

ESTIMATE_S = 10  #: a client that asks with If-None-Match is told of changes of the time left in steps of this
REVISION = re.compile(r'W/"([1-9][0-9]{0,15})"')  #: a tag of nothing but a revision, as that of a job which has ended

encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Sight:
    """A job as who asks may see it now."""

    entry: Entry
    standing: Standing | None
    estimates: Estimates

    @property
    def tag(self) -> str:
        return etag(self.entry.known.view.revision, self.estimates)

    def status(self) -> dict[str, Any]:
        return with_addresses(describe(self.entry.known.view, self.standing, self.estimates))

    def body(self) -> bytes:
        """Return the status as JSON: as it was told last, when all that it is told by is still the same."""
        by = (self.estimates, self.standing and (self.standing.queue, self.standing.limit))
        told = self.entry.told
        if told is None or told[0] != by:
            told = self.entry.told = by, f"{encode(self.status())}\n".encode()
        return told[1]


def look(backend: Backend, job_id: str, shown: str = "") -> Sight | None:
    """Find out who asks and look at the job for them, in one round trip; None when it has ended at the revision `shown`.

    For views that are marked with auth.identifies. Raises Problem UNAUTHENTICATED; NotFound, the same for absent and someone else's.
    """
    entry = backend.recent.find(job_id)
    try:
        seen = show.see(backend.store, job_id, asker=auth.digest(), known=entry.known if entry else None, shown=shown)
    except Nobody:
        raise auth.unauthenticated() from None
    except Unseen as error:
        auth.identified(error.who)
        raise
    auth.identified(seen.who)
    if seen.known is None:
        return None
    if entry is None or entry.known is not seen.known:
        entry = backend.recent.keep(seen.known)
    return Sight(entry, seen.standing, estimates(seen.known.view, seen.standing, seen.at))


def look_at(backend: Backend, job_ids: list[str]) -> list[Sight]:
    """Look at jobs that the asker may see, in one round trip; those that are gone are left out."""
    recent = backend.recent
    entries = {job_id: entry for job_id in job_ids if (entry := recent.find(job_id))}
    sights = []
    for seen in show.see_many(backend.store, job_ids, known=lambda job_id: entries[job_id].known if job_id in entries else None):
        assert seen.known  # no revision was shown
        entry = entries.get(seen.known.view.id)
        if entry is None or entry.known is not seen.known:
            entry = recent.keep(seen.known)
        sights.append(Sight(entry, seen.standing, estimates(seen.known.view, seen.standing, seen.at)))
    return sights


def answer_page(sights: list[Sight], cursor: str | None, request: Request) -> Response:
    """Answer a page of a list, or 304 when If-None-Match shows that the asker has it: no job of it has changed, nor where one stands."""
    told = [f"{sight.entry.known.view.id} {sight.tag}" for sight in sights]
    tag = hashlib.sha256("\n".join([*told, cursor or ""]).encode()).hexdigest()[:24]
    headers = {"ETag": f'W/"{tag}"'}
    if request.if_none_match.contains_weak(tag):
        return Response(status=304, headers=headers)
    body = b"".join([b'{"jobs":[', b",".join(sight.body() for sight in sights), b'],"cursor":', encode(cursor).encode(), b"}\n"])
    return Response(body, headers=headers, content_type="application/json")


def answer(backend: Backend, job_id: str, request: Request) -> Response:
    """Answer a job's status, or 304 when If-None-Match shows that the asker has it. Raises as `look`."""
    shown = request.headers.get("If-None-Match", "")
    revision = REVISION.fullmatch(shown)
    sight = look(backend, job_id, revision[1] if revision else "")
    if sight is None:
        return Response(status=304, headers={"ETag": shown})
    headers = {"ETag": f'W/"{sight.tag}"'}
    if shown and (shown == headers["ETag"] or request.if_none_match.contains_weak(sight.tag)):
        return Response(status=304, headers=headers)
    return Response(sight.body(), headers=headers, content_type="application/json")


def status_of(backend: Backend, person: Person, job_id: str) -> dict[str, Any]:
    """Return the status of a job that `person` may see. Raises NotFound, the same for absent and someone else's."""
    status = show.status(backend.store, job_id)
    if not (person.admin or status["user"] == person.user):
        raise NotFound(f"there is no job {job_id}")
    return with_addresses(status)


def job_of(backend: Backend, person: Person, job_id: str) -> JobView:
    """Return a job that `person` may see, with its parameters and outputs, in one round trip. Raises NotFound as `status_of`."""
    seen = show.job(backend.store, job_id)
    if not (person.admin or seen.user == person.user):
        raise NotFound(f"there is no job {job_id}")
    return seen


def etag(revision: int, told: Estimates) -> str:
    """Return the tag of a status: the job's revision and, while it is alive, where it stands, with ten seconds of the time left.

    A weak one: within those ten seconds the number differs, and nobody needs to be told.
    """
    if told == NO_ESTIMATES:
        return str(revision)
    eta = None if told.eta_s is None else told.eta_s // ESTIMATE_S
    return "-".join(["" if part is None else str(part) for part in (revision, told.position, eta, told.held)])
