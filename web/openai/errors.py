"""Problems in the shape that OpenAI's client libraries make their exceptions of: {"error": {message, type, param, code}}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PREFIX = "/v1/"

#: Statuses that those libraries have no exception of their own for, and what they have instead.
STATUSES = {415: 400, 422: 400}

TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 409: "conflict_error", 429: "rate_limit_error"}

#: By the last part of a problem's `type`, where a client may know the word; else it is that part.
CODES = {"unauthenticated": "invalid_api_key", "too-large": "file_too_large", "unplayable": "invalid_file"}


def status_of(status: int) -> int:
    return STATUSES.get(status, status)


def body(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a problem document says, as OpenAI would say it; `param` is a parameter of theirs."""
    status = status_of(document["status"])
    kind = document["type"].rpartition(":")[2]
    field = document.get("field")
    param = field.removeprefix("params.").replace("upload", "file") if field else None
    code = "rate_limit_exceeded" if document.get("limited") == "requests" else "insufficient_quota" if "limited" in document else None
    return {
        "error": {
            "message": document["detail"],
            "type": TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error"),
            "param": param,
            "code": code or document.get("code") or CODES.get(kind, kind.replace("-", "_")),
        }
        | {name: document[name] for name in ("job", "status_url") if name in document}
    }


def headers(document: Mapping[str, Any]) -> dict[str, str]:
    """Tell those libraries, which repeat some requests by themselves, when that is of no use: until tomorrow, or ever."""
    until_tomorrow = document.get("limited") not in (None, "requests")
    has_ended = "job" in document and document["status"] != 503
    return {"x-should-retry": "false"} if until_tomorrow or has_ended else {}
