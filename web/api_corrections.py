"""/api/jobs/<id>/corrections: what its owner has put right in a transcript. What depends on it is made again, nothing else."""

from __future__ import annotations

import json
import secrets
from typing import Annotated, Any

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from jobs import control, show, types
from jobs.errors import Conflict
from jobs.model import JobView
from jobs.states import JobStatus
from web.auth import person
from web.backend import backend
from web.body import read_json
from web.problems import Kind, Problem, invalid
from web.status import status_of

routes = Blueprint("api_corrections", __name__, url_prefix="/api/jobs/<job:job_id>/corrections")

Place = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,6})$")]  #: of a segment in transcript.json, from 0
Speaker = Annotated[str, StringConstraints(pattern=r"^S[1-9][0-9]{0,2}$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


class Correction(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=5000)] = Field(description="what was said")


class Corrections(BaseModel):
    """The body of PATCH: what it names is changed, what it sets to null is as it was transcribed, the rest stays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    segments: dict[Place, Correction | None] = Field(default_factory=dict, description="by the segment's place in transcript.json")
    speakers: dict[Speaker, Name | None] = Field(default_factory=dict, description="what a speaker is called")


@routes.get("")
def corrections(job_id: str) -> Response:
    """Answer what was corrected so far → {segments, speakers}."""
    status_of(backend(), person(), job_id)
    return jsonify(so_far(job_id))


@routes.patch("")
def correct(job_id: str) -> tuple[Response, int]:
    """Correct a transcript → 202 and the status. 409 unless the job has completed: it has what there is to correct."""
    status_of(backend(), person(), job_id)
    try:
        asked = Corrections.model_validate(read_json(request, accepted="application/json"))
    except ValidationError as error:
        raise invalid(error) from error
    view = show.job(backend().store, job_id)
    tasks = types.revised(view, text=bool(asked.segments))
    if view.status is not JobStatus.COMPLETED:  # asked again by the script, when the file is written
        raise Conflict(f"job {job_id} is {view.status}; only what has completed can be corrected")
    check_places(asked, view)
    known = so_far(job_id)
    for what, changed in asked.model_dump().items():
        known[what] = {name: value for name, value in {**known[what], **changed}.items() if value is not None}
    key = f"jobs/{job_id}/corrections/{secrets.token_hex(8)}.json"
    backend().storage.put_bytes(key, json.dumps({"version": 1, **known}, ensure_ascii=False).encode())
    control.revise(backend().store, job_id, key, tasks)
    return jsonify(status_of(backend(), person(), job_id)), 202


def so_far(job_id: str) -> dict[str, Any]:
    key = control.corrections(backend().store, job_id)
    if key is None:
        return {"segments": {}, "speakers": {}}
    found = json.loads(backend().storage.get_bytes(key))
    return {"segments": found["segments"], "speakers": found["speakers"]}


def check_places(asked: Corrections, view: JobView) -> None:
    """Raise Problem INVALID for a segment that the transcript does not have."""
    merged = view.outputs.get("merge")
    count = merged["segments"] if isinstance(merged, dict) else 0
    for place in asked.segments:
        if int(place) >= count:
            raise Problem(Kind.INVALID, f"there is no segment {place}: the transcript has {count}", field=f"segments.{place}", limit=count)
