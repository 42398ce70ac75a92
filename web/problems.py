"""Turn every error into a problem document (RFC 9457), or into a page for a browser. The one place that does."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from enum import Enum
from typing import Any

import redis
from flask import Flask, Response, json, redirect, render_template, request, url_for
from pydantic import ValidationError
from redis.exceptions import ExecAbortError, OutOfMemoryError, ReadOnlyError
from werkzeug.exceptions import HTTPException
from werkzeug.sansio.response import Response as AnyResponse

from jobs import faults
from jobs.errors import (
    Conflict,
    Forbidden,
    InvalidSubmission,
    LecternError,
    Limited,
    Misconfigured,
    NotFound,
    Overloaded,
    Stale,
    Unplayable,
)
from jobs.model import MINUTE_S
from jobs.store import NO_WRITES
from web import ratelimit
from web.openai import errors as openai

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
UNFORESEEN = "the error was logged; try again, and tell the operator if it stays"


class Kind(Enum):
    """What can go wrong: HTTP status and title. The name, in kebab case, ends the problem's `type`."""

    MALFORMED = (400, "The request cannot be read")
    UNAUTHENTICATED = (401, "Sign in first")
    FORBIDDEN = (403, "Not allowed")
    CROSS_SITE = (403, "The request did not come from a page of this server")
    NOT_FOUND = (404, "Not found")
    METHOD_NOT_ALLOWED = (405, "Method not allowed")
    CONFLICT = (409, "The state does not allow it")
    TOO_LARGE = (413, "Too large")
    UNSUPPORTED_MEDIA_TYPE = (415, "Unsupported media type")
    RANGE_NOT_SATISFIABLE = (416, "Range not satisfiable")
    MISDIRECTED = (421, "Not an address of this server")
    INVALID = (422, "Something in the request is not acceptable")
    UNPLAYABLE = (422, "Not a recording that can be transcribed")
    IDEMPOTENCY_KEY_REUSED = (422, "The Idempotency-Key was used for another request")
    INTERNAL = (500, "Something went wrong here")
    MISCONFIGURED = (500, "A setting stands in the way")
    RATE_LIMITED = (429, "A limit is reached")
    OVERLOADED = (503, "Not now")
    UNAVAILABLE = (503, "A part of Lectern cannot be reached")

    @property
    def status(self) -> int:
        return self.value[0]

    @property
    def title(self) -> str:
        return self.value[1]

    @property
    def type(self) -> str:
        return f"urn:lectern:problem:{self.name.lower().replace('_', '-')}"


class Problem(Exception):
    """An answer that is not a success. `detail` is a sentence for the person who asked.

    `field` is the dotted path of what is wrong (`params.language`, `file`), `limit` the number that was exceeded,
    `extra` further members of the document.
    """

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        field: str | None = None,
        limit: float | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.field = field
        self.limit = limit
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    def document(self) -> dict[str, Any]:
        kind = self.kind
        members = {"type": kind.type, "title": kind.title, "status": kind.status, "detail": self.detail}
        optional = {"field": self.field, "limit": self.limit}
        return members | {name: value for name, value in optional.items() if value is not None} | self.extra


def install(app: Flask) -> None:
    """Answer every error of `app` from here."""
    app.register_error_handler(Exception, answer)


def answer(error: Exception) -> AnyResponse:
    """Return the response for `error`: a page for a browser on a page, else a problem document."""
    if isinstance(error, HTTPException) and (error.code or 500) < 400:
        return error.get_response(request.environ)  # the router's way to say where a path leads
    problem = describe(error)
    if problem.kind.status >= 500:
        log.error("request_failed method=%s path=%r type=%s", request.method, request.path, problem.kind.name.lower(), exc_info=error)
    if asks_for_page():
        if problem.kind is Kind.UNAUTHENTICATED:
            back = request.full_path.rstrip("?") if request.method == "GET" else "/"
            return redirect(url_for("pages.signin", next=back), 303)
        response = Response(render_template("problem.html", problem=problem), problem.kind.status, mimetype="text/html")
    else:
        response = document(problem)
    response.headers.update(problem.headers)
    return response


def document(problem: Problem) -> Response:
    """Return a problem as a document, of the shape that clients of its address know."""
    told = problem.document()
    if request.path.startswith(openai.PREFIX):
        body, status = json.dumps(openai.body(told), ensure_ascii=False), openai.status_of(problem.kind.status)
        return Response(body, status, openai.headers(told), mimetype="application/json")
    return Response(json.dumps(told, ensure_ascii=False), problem.kind.status, mimetype=MEDIA_TYPE)


def describe(error: Exception) -> Problem:
    """Return the problem that `error` is. What nobody foresaw is INTERNAL, and says nothing of its insides."""
    match error:
        case Problem():
            return error
        case LecternError():
            return _lectern(error)
        case ValidationError():
            return invalid(error)
        case redis.RedisError():
            return _redis(error)
        case HTTPException():
            return _http(error)
        case OSError(errno=28):  # ENOSPC
            return Problem(Kind.OVERLOADED, "the server's disk is full; try again later", headers={"Retry-After": "60"})
    return Problem(Kind.INTERNAL, UNFORESEEN)


def invalid(error: ValidationError, prefix: str = "") -> Problem:
    """Return the problem for a body that its model refused; `field` is the first thing wrong, `errors` are all."""
    errors = []
    for found in error.errors(include_url=False, include_input=False):
        path = ".".join(str(part) for part in found["loc"])
        errors.append({"field": ".".join(part for part in (prefix, path) if part), "detail": faults.sentence(found)})
    first = errors[0]
    sentence = f"{first['field']}: {first['detail']}" if first["field"] else first["detail"]
    return Problem(Kind.INVALID, sentence, field=first["field"] or None, extra={"errors": errors})


def asks_for_page() -> bool:
    """Tell whether a browser asked for one of the pages, rather than a program for an answer."""
    if request.path.startswith(("/api/", "/static/", openai.PREFIX)):
        return False
    return request.accept_mimetypes.best_match(["application/json", MEDIA_TYPE, "text/html"]) == "text/html"


def _lectern(error: LecternError) -> Problem:
    detail = str(error)
    match error:
        case Forbidden():
            return Problem(Kind.FORBIDDEN, detail, field=error.field)
        case InvalidSubmission():
            return Problem(Kind.INVALID, detail, field=error.field)
        case Unplayable():
            return Problem(Kind.UNPLAYABLE, detail, field="file", limit=error.limit)
        case NotFound():
            return Problem(Kind.NOT_FOUND, detail)
        case Conflict() | Stale():
            return Problem(Kind.CONFLICT, detail)
        case Limited():
            return _limited(error)
        case Overloaded():
            return Problem(Kind.OVERLOADED, detail, headers={"Retry-After": str(math.ceil(error.retry_after_s))})
        case Misconfigured():
            return Problem(Kind.MISCONFIGURED, detail)
    return Problem(Kind.INTERNAL, UNFORESEEN)


def _limited(error: Limited) -> Problem:
    name, field, unit = {
        "requests": ("requests", None, 1),
        "bytes": ("upload_bytes", "file", 1),
        "seconds": ("audio_minutes", "params.upload", MINUTE_S),
    }[error.what]
    extra = {"limited": name, "used": round(error.used / unit, 1), "resets_in_seconds": math.ceil(error.reset_s)}
    headers = ratelimit.refused(request.environ, error)
    return Problem(Kind.RATE_LIMITED, str(error), field=field, limit=round(error.limit / unit, 1), headers=headers, extra=extra)


def _redis(error: redis.RedisError) -> Problem:
    """Return the problem for a Redis that does not answer or takes no writes. What was asked wrongly stays INTERNAL."""
    match error:
        case redis.BusyLoadingError():
            detail = "Redis is reading its file after a start; try again shortly"
        case redis.ConnectionError() | redis.TimeoutError():
            detail = "Redis cannot be reached; try again shortly"
        case OutOfMemoryError() | ReadOnlyError() | ExecAbortError():
            detail = "Redis takes no writes now; try again shortly"
        case _ if NO_WRITES.search(str(error)):
            detail = "Redis takes no writes now; try again shortly"
        case _:
            return Problem(Kind.INTERNAL, UNFORESEEN)
    return Problem(Kind.UNAVAILABLE, detail, headers={"Retry-After": "5"})


def _http(error: HTTPException) -> Problem:
    """Return the problem for an error that Flask or Werkzeug raised before a handler of ours ran."""
    by_status = {
        400: Kind.MALFORMED,
        404: Kind.NOT_FOUND,
        405: Kind.METHOD_NOT_ALLOWED,
        413: Kind.TOO_LARGE,
        415: Kind.UNSUPPORTED_MEDIA_TYPE,
        416: Kind.RANGE_NOT_SATISFIABLE,
    }
    status = error.code or 500
    kind = by_status.get(status, Kind.MALFORMED if status < 500 else Kind.INTERNAL)
    headers = {name: value for name, value in error.get_headers(request.environ) if name in ("Allow", "Content-Range", "Retry-After")}
    details = {
        Kind.NOT_FOUND: f"there is nothing at {request.path}",
        Kind.METHOD_NOT_ALLOWED: f"{request.method} is not possible at {request.path}; allowed: {headers.get('Allow', 'see the docs')}",
    }
    return Problem(kind, details.get(kind) or error.description or kind.title, headers=headers)
