"""/api/workers, /api/orgs, /api/health: who works and for whom, and whether all is well. For admins."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jobs import border, control, fleet, orgs, queues
from jobs.errors import Forbidden, InvalidSubmission, NotFound
from jobs.fleet import Running, Worker
from jobs.orgs import HEAVIEST, MOST_RUNNING
from jobs.view import iso
from web.auth import person
from web.backend import backend
from web.body import read_json
from web.openapi.describing import describes
from web.openapi.people import Health, Organisations, WorkerNamed, Workers
from web.problems import invalid
from web.troubles import Seen, troubles

routes = Blueprint("api_admin", __name__, url_prefix="/api")


class Tuning(BaseModel):
    """The body of POST /api/orgs/<org>; what is left out stays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weight: float | None = Field(None, ge=1 / HEAVIEST, le=HEAVIEST, description="share of worker time, relative to the others'")
    max_running: int | None = Field(
        None, ge=0, le=MOST_RUNNING, strict=True, description="tasks of it at once in all queues; 0 is no limit"
    )
    paused: bool | None = Field(None, strict=True, description="whether none of its tasks may begin")


@routes.before_request
def admins_only() -> None:
    """Raises Forbidden: what others have at work is not everybody's business."""
    if not person().admin:
        raise Forbidden("only an admin may look at workers and organisations, and steer them")


@routes.get("/workers")
@describes("All workers", answers={200: Workers}, admins=True)
def workers() -> Response:
    """List the workers by name, with what each runs → {workers: […]}."""
    found = fleet.listing(backend().store)
    running = fleet.at_work(backend().store, found)
    return jsonify(workers=[described(worker, running.get(worker.running)) for worker in found])


@routes.post("/workers/<name>/drain")
@describes("Drain a worker", answers={202: WorkerNamed}, admins=True)
def drain(name: str) -> tuple[Response, int]:
    """Have a worker hand its task back and end, as on a deploy: no attempt is spent."""
    known(name)
    fleet.drain(backend().store, name)
    return jsonify(worker=name), 202


@routes.post("/workers/<name>/kill")
@describes("Kill what a worker runs", answers={202: WorkerNamed}, admins=True)
def kill(name: str) -> tuple[Response, int]:
    """Have a worker kill what it runs: an attempt is spent, the worker goes on."""
    known(name)
    fleet.kill(backend().store, name)
    return jsonify(worker=name), 202


@routes.get("/orgs")
@describes("All organisations", answers={200: Organisations}, admins=True)
def organisations() -> Response:
    """List organisations that people belong to, that were set or are paused → {organisations: […]}."""
    return jsonify(organisations=[asdict(org) for org in orgs.listing(backend().store)])


@routes.post("/orgs/<org:org>")
@describes("Set an organisation's share and limit", body=Tuning, answers={200: orgs.Org}, admins=True)
def tune(org: str) -> Response:
    """Set an organisation's weight and limit, pause and resume it; effective before the next claim. Answers all of it."""
    try:
        asked = Tuning.model_validate(read_json(request, accepted="application/json"))
    except ValidationError as error:
        raise invalid(error) from error
    if not asked.model_fields_set:
        raise InvalidSubmission("say what to set: weight, max_running or paused")
    store = backend().store
    if asked.weight is not None or asked.max_running is not None:
        orgs.set(store, org, weight=asked.weight, max_running=asked.max_running)
    if asked.paused is not None:
        (control.pause if asked.paused else control.resume)(store, org, "org")
    return jsonify(asdict(orgs.get(store, org)))


@routes.get("/health")
@describes("What stands in the way of the work", answers={200: Health}, admins=True)
def health() -> Response:
    """Tell what stands in the way of the work, and how full Redis is → {troubles: […], redis: {used_bytes, max_bytes}, suspended}."""
    store = backend().store
    used, most = store.memory()
    paused, suspended = control.paused(store), bool(store.redis.exists(border.SUSPENDED))
    seen = Seen(
        queues=queues.listing(store),
        organisations=paused["org"],
        types=control.held(store),
        suspended=suspended,
        redis_share=used / most if most else 0.0,
    )
    return jsonify(
        troubles=[asdict(trouble) for trouble in troubles(seen)],
        redis={"used_bytes": used, "max_bytes": most or None},
        suspended=suspended,
    )


def known(name: str) -> None:
    """Raises NotFound for a worker that is not listed: nobody publishes to channels that an asker makes up."""
    if name not in {worker.name for worker in fleet.listing(backend().store)}:
        raise NotFound(f"there is no worker {name}; GET /api/workers lists all")


def described(worker: Worker, running: Running | None) -> dict[str, Any]:
    return {
        "name": worker.name,
        "host": worker.host,
        "queues": list(worker.queues),
        "state": worker.state,
        "running": asdict(running) | {"began_at": iso(running.began_at)} if running else None,
        "born_at": iso(worker.born_at.timestamp()) if worker.born_at else None,
        "heartbeat_at": iso(worker.heartbeat_at.timestamp()) if worker.heartbeat_at else None,
        "completed": worker.completed,
        "failed": worker.failed,
        "busy_seconds": round(worker.busy_s, 3),
    }
