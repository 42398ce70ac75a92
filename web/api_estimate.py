"""GET /api/estimate: how long jobs would take that are not submitted yet."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jobs import types, uploads
from jobs.foresee import Foresight, foresee
from jobs.states import Priority
from web.auth import person
from web.backend import backend
from web.body import NewJob, parse_json, read_new_job
from web.openapi.describing import describes
from web.problems import Kind, invalid
from web.submitting import submission

routes = Blueprint("api_estimate", __name__)

MOST_JOBS = 200


class Asked(BaseModel):
    """What GET /api/estimate may be asked with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seconds: tuple[Annotated[float, Field(gt=0, le=1e6)], ...] = Field(
        min_length=1, max_length=MOST_JOBS, description="length of a recording; named once for each job"
    )
    type: str = Field("transcription", max_length=64, description="a job type")
    params: str = Field("{}", max_length=20_000, description="the type's parameters, as JSON; without the upload")
    priority: Priority | None = Field(None, description="instead of the type's own")


@routes.get("/api/estimate")
@describes("Estimate how long jobs would take", query=Asked, answers={200: Foresight}, refuses=[Kind.MALFORMED, Kind.FORBIDDEN])
def estimate() -> Response:
    """Say how long jobs would take, submitted now → {work_seconds, wait_seconds, held, message}; null what is not known."""
    try:
        given: dict[str, Any] = {name: request.args.getlist(name) if name == "seconds" else value for name, value in request.args.items()}
        asked = Asked.model_validate(given)
    except ValidationError as error:
        raise invalid(error) from error
    params = parse_json(asked.params, field="params")
    new = read_new_job({"type": asked.type, "params": params, "priority": asked.priority}, NewJob)
    takes = types.find(new.type).Params.model_fields
    without_file = "upload" in takes and "job" not in new.params
    imagined = {"upload": uploads.new_id()} if without_file else {}
    meant = submission(person(), new.model_copy(update={"params": new.params | imagined}))
    return jsonify(asdict(foresee(backend().store, meant, asked.seconds)))
