"""What goes to an adapter and what comes of it, the same for both of Google's libraries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    model: str
    prompt: str
    instructions: str  #: the system's; "" for none
    schema: Mapping[str, Any]  #: of the JSON asked for, in the API's own form
    temperature: float
    timeout_s: float
    api_key: str = field(repr=False)
    endpoint: str  #: "" is Google's own


@dataclass(frozen=True, slots=True)
class Answer:
    text: str  #: "" when there is none
    finish_reason: str  #: STOP, MAX_TOKENS, SAFETY …; "" when there is no candidate, a number where the library does not know it
    block_reason: str = ""  #: why the question was not taken; "" when it was


class Failure(Exception):
    """The API answered with an error."""

    def __init__(self, code: int, payload: Any) -> None:
        """`payload` is the body of the answer, read as JSON if it is that."""
        error = payload[0] if isinstance(payload, list) and payload else payload
        error = error.get("error", error) if isinstance(error, Mapping) else {}
        error = error if isinstance(error, Mapping) else {}
        self.code = code
        self.message = str(error.get("message") or "")
        details = error.get("details")
        self.details = [detail for detail in details if isinstance(detail, Mapping)] if isinstance(details, list) else []
        super().__init__(code)

    def detail(self, kind: str) -> list[Mapping[str, Any]]:
        """Return the details of one kind, as in `RetryInfo`."""
        return [detail for detail in self.details if str(detail.get("@type", "")).endswith(f".{kind}")]


class Unreached(Exception):
    """No answer came that could be made out: no connection, a timeout, a body that is not the API's."""

    def __init__(self, error: BaseException) -> None:
        """`error` is of whichever HTTP library was used: only its type is told, for its message may hold anything."""
        self.kind = type(error).__name__
        self.timed_out = "timeout" in self.kind.lower()
        super().__init__(self.kind)
