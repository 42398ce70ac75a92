"""Read JSON from a request, strictly, and check it against its model."""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeVar

from flask import Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from jobs.receivers import MOST_CHARS
from jobs.states import Priority
from web.problems import Kind, Problem, invalid

MAX_JSON_BYTES = 2_000_000


class NewJob(BaseModel):
    """The body of POST /api/jobs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str = Field(max_length=64, description="a job type: transcription")
    params: dict[str, Any] = Field(default_factory=dict, description="the type's parameters")
    priority: Priority | None = Field(None, description="instead of the type's own; an admin may raise it, anybody lower it")
    run_at: AwareDatetime | None = Field(None, description="time before which nothing of it begins, ISO 8601 with its zone; within a year")
    zone: str = Field("", pattern=r"^([a-z0-9_]{1,32})?$", description="workers of this zone only; admins only")
    callback_url: str = Field("", max_length=MOST_CHARS, description="where to tell each end of the job, by a signed POST")


Asked = TypeVar("Asked", bound=NewJob)
Query = TypeVar("Query", bound=BaseModel)


def read_json(request: Request, *, accepted: str = "application/json, or multipart/form-data with a part named `file`") -> Any:
    """Return the body as JSON. Raises Problem: UNSUPPORTED_MEDIA_TYPE, TOO_LARGE, MALFORMED."""
    if request.mimetype != "application/json":
        raise Problem(Kind.UNSUPPORTED_MEDIA_TYPE, f"send {accepted}")
    raw = request.stream.read(MAX_JSON_BYTES + 1)
    if len(raw) > MAX_JSON_BYTES:
        raise Problem(
            Kind.TOO_LARGE, f"the JSON is larger than {MAX_JSON_BYTES} bytes", limit=MAX_JSON_BYTES, headers={"Connection": "close"}
        )
    return parse_json(raw)


def parse_json(raw: bytes | str, *, field: str | None = None) -> Any:
    """Return `raw` as JSON: no NaN, no Infinity, nothing that cannot be written again as UTF-8."""
    try:
        value = json.loads(raw, parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate would fail later, in Redis
    except (ValueError, RecursionError) as error:
        raise Problem(Kind.MALFORMED, f"wrong JSON: {_sentence(error)}", field=field) from error
    return value


def read_new_job(value: Any, model: type[Asked]) -> Asked:
    """Return what `value` asks for, as `model` has it. Raises Problem INVALID."""
    if not isinstance(value, dict):
        raise Problem(Kind.INVALID, "a job must be a JSON object with `type` and `params`")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid(error) from error


def read_query(request: Request, model: type[Query]) -> Query:
    """Return what the address asks with, as `model` has it. Raises Problem INVALID, also for what is there twice."""
    for name, values in request.args.lists():
        if len(values) > 1:
            raise Problem(Kind.INVALID, f"{name} is there {len(values)} times; name it once", field=name)
    try:
        return model.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise invalid(error) from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _sentence(error: Exception) -> str:
    match error:
        case RecursionError():
            return "it is nested too deeply"
        case UnicodeError():
            return "it is not UTF-8"
    return str(error)
