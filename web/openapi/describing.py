"""Say beside a view what it takes and what it answers. What follows from its route and from who may ask need not be said.

    @routes.get("/api/me")
    @describes("Who I am", answers={200: Me})
    def me() -> Response:
        \"\"\"Answer what is known of the person who asks.\"\"\"

`Me` is any type that pydantic knows: a model, a dataclass, a list of either. The docstring is the description. Nothing is checked here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

from web.problems import Kind

View = TypeVar("View", bound=Callable[..., Any])

JSON = "application/json"
FORM = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Header:
    """A header that a request may have, or an answer has."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


IDEMPOTENCY_KEY = Header(
    "Idempotency-Key",
    "any text of the client's own: the same request with the same key is carried out once, however often it is sent",
    {"type": "string", "pattern": '^("[!#-~]{1,128}"|[!#-~]{1,128})$'},
)
IF_NONE_MATCH = Header("If-None-Match", "the ETag of what the client has; 304 if that is still so")
ETAG = Header("ETag", "stands for what is told; send it as If-None-Match when asking again")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with more to it than a type: by media type what comes (None: any bytes), and the headers."""

    description: str
    content: Mapping[str, Any] = field(default_factory=dict)
    headers: Sequence[Header] = ()
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  #: operation → its parameters by runtime expressions


#: Of what is sent as a file, in ranges if asked for.
FILE_HEADERS = (
    Header("Range", "one range of bytes: `bytes=0-99`; several at once get the whole"),
    Header("If-Range", "the ETag of what the client has a part of; else it gets the whole"),
    IF_NONE_MATCH,
)
SENT = (ETAG, Header("Content-Disposition", "whether it is an attachment, and the file's name"))
FILE_ANSWERS = {
    200: Answer("The file", {"*/*": None}, SENT),
    206: Answer("A part of it", {"*/*": None}, [*SENT, Header("Content-Range", "which part, and of how many bytes")]),
    304: Answer("It is as it was", headers=[ETAG]),
}


@dataclass(frozen=True, slots=True)
class Operation:
    summary: str
    answers: Mapping[int, Any]
    query: type[BaseModel] | None
    headers: Sequence[Header]
    body: Mapping[str, Any]
    refuses: Sequence[Kind]
    admins: bool


def describes(
    summary: str,
    *,
    answers: Mapping[int, Any],
    query: type[BaseModel] | None = None,
    headers: Sequence[Header] = (),
    body: Any = None,
    refuses: Sequence[Kind] = (),
    admins: bool = False,
) -> Callable[[View], View]:
    """Describe a view: `answers` and `body` are types (JSON), Answers, or None; a body may be a mapping of media types to types.

    `refuses` are the problems that do not follow from the rest: whoever is not signed in, a path that leads to nothing, a query or
    a body that does not fit and errors of the server's own are told of without it; `admins` says that others get a 403.
    """

    def mark(view: View) -> View:
        bodies = body if isinstance(body, Mapping) else {JSON: body} if body is not None else {}
        view.operation = Operation(summary, answers, query, headers, bodies, refuses, admins)  # type: ignore[attr-defined]
        return view

    return mark


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """Return how a view is described; None for one that is not, as a page."""
    found: Operation | None = getattr(view, "operation", None)
    return found
