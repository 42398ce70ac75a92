"""What a new job may be asked with, as one model for each job type: made of the models that validate, for the document alone."""

from __future__ import annotations

from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, create_model

from jobs import types
from web.body import NewJob
from web.openapi.schemas import without_null
from web.submitting import SET_BY_SERVER

FILE = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}


class FileForm(BaseModel):
    """A form with a file."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=lambda schema: _in_fields(schema))

    file: Annotated[bytes, WithJsonSchema(FILE)] = Field(description="the recording, or the transcript: with its file name")


def new_job(model: type[NewJob] = NewJob) -> Any:
    """Return the union of the jobs that may be asked for, told apart by `type`: each as `model`, with the parameters of its type."""
    kinds = [_of_type(name, model) for name in types.open_to_all()]
    return Annotated[reduce(or_, kinds), Field(discriminator="type")]


def new_jobs(model: type[NewJob]) -> Any:
    return list[new_job(model)]  # type: ignore[misc]


def job_form() -> Any:
    """Return the form that is upload and job in one: the fields of a job, its `params` as JSON in text, and the file."""
    taking = tuple(name for name in types.open_to_all() if "upload" in types.find(name).Params.model_fields)
    as_json: dict[str, Any] = {"contentMediaType": "application/json"}
    in_text = Field("{}", description="the type's parameters but `upload`: JSON as text", json_schema_extra=as_json)
    fields: dict[str, Any] = {"type": (Literal[taking], Field(description="a job type that takes a file")), "params": (str, in_text)}
    return create_model("JobForm", __base__=(NewJob, FileForm), __doc__="An upload and a job in one.", **fields)


def with_file(fields: type[BaseModel]) -> Any:
    """Return a form of these fields and a file."""
    return create_model(f"{fields.__module__.split('.')[1].title()}Form", __base__=(fields, FileForm), __doc__=fields.__doc__)


def _in_fields(schema: dict[str, Any]) -> None:
    """A field of a form is a text: what is nothing is not sent."""
    schema["properties"] = {name: without_null(one) for name, one in schema["properties"].items()}


@cache
def _of_type(name: str, model: type[NewJob]) -> Any:
    sent = _params(name)
    needed = any(field.is_required() for field in sent.model_fields.values())
    about = Field(description="the type's parameters") if needed else Field(default_factory=sent, description="the type's parameters")
    fields: dict[str, Any] = {"type": (Literal[name], Field(description="the job type")), "params": (sent, about)}
    return create_model(f"{model.__name__.removesuffix('Job')}{_title(name)}", __base__=model, __doc__=types.find(name).__doc__, **fields)


@cache
def _params(name: str) -> type[BaseModel]:
    """Return a type's parameters as a client may send them: what comes from the uploads is left out."""
    base = types.find(name).Params
    said = base.model_config.get("json_schema_extra")

    def leave_out(schema: dict[str, Any]) -> None:
        schema.update(said if isinstance(said, dict) else {})
        for hidden in SET_BY_SERVER:
            schema["properties"].pop(hidden, None)

    members = {"model_config": ConfigDict(json_schema_extra=leave_out), "__module__": __name__, "__doc__": f"The parameters of `{name}`."}
    return type(f"{_title(name)}Params", (base,), members)


def _title(name: str) -> str:
    return name.title().replace("_", "")
