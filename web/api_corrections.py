"""/api/jobs/<id>/corrections: what its owner has put right in a transcript. What depends on it is made again, nothing else."""

from __future__ import annotations

import json
import secrets
from typing import Annotated, Any

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from jobs import control, show, types
from jobs.corrections import fitted
from jobs.errors import Conflict, LecternError
from jobs.model import JobView
from jobs.states import JobStatus
from jobs.view import told_artifacts
from web.auth import person
from web.backend import backend
from web.body import read_json
from web.openapi.answers import CorrectionsSoFar, Job
from web.openapi.describing import describes
from web.problems import Kind, Problem, invalid
from web.status import job_of, status_of

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
@describes("What was corrected", answers={200: CorrectionsSoFar})
def corrections(job_id: str) -> Response:
    """Answer what was corrected so far, by the places in transcript.json as it is now → {segments, speakers}."""
    return jsonify(so_far(job_of(backend(), person(), job_id)))


@routes.patch("")
@describes("Correct a transcript", body=Corrections, answers={202: Job}, refuses=[Kind.CONFLICT])
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
    former = control.corrections(backend().store, job_id)
    known = stored(former)
    changes = asked.model_dump()
    if asked.segments:
        segments = transcribed(view)
        known["segments"] = placed(known["segments"], segments)
        changes["segments"] = {place: change and of(place, change, known, segments) for place, change in changes["segments"].items()}
    for what, changed in changes.items():
        known[what] = {name: value for name, value in {**known[what], **changed}.items() if value is not None}
    key = f"jobs/{job_id}/corrections/{secrets.token_hex(8)}.json"
    backend().storage.put_bytes(key, json.dumps({"version": 1, **known}, ensure_ascii=False).encode())
    try:
        control.revise(backend().store, job_id, key, tasks, former=former)
    except LecternError:  # gone, or corrected by somebody else meanwhile: nothing points to the file
        backend().storage.delete_prefix(key)
        raise
    return jsonify(status_of(backend(), person(), job_id)), 202


def so_far(view: JobView) -> dict[str, Any]:
    """Return what was corrected: of a segment its text, and what it `was` as transcribed, where that is known."""
    known = stored(control.corrections(backend().store, view.id))
    segments = transcribed(view) if known["segments"] else []
    changes = placed(known["segments"], segments) if segments else known["segments"]
    told = {place: {name: change[name] for name in ("text", "was") if name in change} for place, change in changes.items()}
    return {**known, "segments": dict(sorted(told.items(), key=lambda item: int(item[0])))}


def stored(key: str | None) -> dict[str, Any]:
    """Return the corrections in a file, none without one."""
    if key is None:
        return {"segments": {}, "speakers": {}}
    found = json.loads(backend().storage.get_bytes(key))
    return {"segments": found["segments"], "speakers": found["speakers"]}


def transcribed(view: JobView) -> list[dict[str, Any]]:
    """Return the segments of the job's transcript.json, which has the corrections so far; none if there is no such file."""
    for artifact in told_artifacts(view):
        if artifact["name"] == "transcript.json":
            found: list[dict[str, Any]] = json.loads(backend().storage.get_bytes(artifact["key"]))["segments"]
            return found
    return []


def placed(changes: dict[str, Any], segments: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the corrections so far by the places that their segments have now; one that fits nowhere stays, unless its place is taken."""
    places = fitted(segments, changes)
    moved = {str(n): changes[place] for place, n in places.items() if n is not None}
    return {**{place: changes[place] for place, n in places.items() if n is None}, **moved}


def of(place: str, change: dict[str, Any], known: dict[str, Any], segments: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a correction that remembers which segment it corrects: its times, and its text as transcribed where that is known."""
    if int(place) >= len(segments):
        return change
    segment = segments[int(place)]
    times = {"start": segment["start"], "end": segment["end"]}
    before = known["segments"].get(place, {})
    if {name: before.get(name) for name in times} == times:
        was = {name: before[name] for name in ("was",) if name in before}
    else:  # the first correction of this segment, or of a former version, which did not keep what it replaced
        was = {} if segment.get("corrected") else {"was": segment["text"]}
    return {**change, **times, **was}


def check_places(asked: Corrections, view: JobView) -> None:
    """Raise Problem INVALID for a segment that the transcript does not have."""
    merged = view.outputs.get("merge")
    count = merged["segments"] if isinstance(merged, dict) else 0
    for place in asked.segments:
        if int(place) >= count:
            raise Problem(Kind.INVALID, f"there is no segment {place}: the transcript has {count}", field=f"segments.{place}", limit=count)
