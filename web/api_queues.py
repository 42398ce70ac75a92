"""/api/queues: look at the queues and their last hour, pause and resume one. For admins."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, Response, jsonify

from jobs import control, queues, samples
from jobs.errors import Forbidden
from jobs.view import iso
from web.auth import person
from web.backend import backend
from web.openapi.answers import Queues
from web.openapi.describing import describes
from web.openapi.people import History

routes = Blueprint("api_queues", __name__, url_prefix="/api/queues")


@routes.before_request
def admins_only() -> None:
    """Raises Forbidden: what others have waiting is not everybody's business."""
    if not person().admin:
        raise Forbidden("only an admin may look at the queues, pause and resume them")


@routes.get("")
@describes("All queues", answers={200: Queues}, admins=True)
def listing() -> Response:
    """List the queues, and what is paused beside queues → {queues: […], paused: {organisations, types}}."""
    paused = control.paused(backend().store)
    return jsonify(
        queues=[asdict(queue) for queue in queues.listing(backend().store)],
        paused={"organisations": paused["org"], "types": paused["type"]},
    )


@routes.get("/history")
@describes("The last hour of the queues", answers={200: History}, admins=True)
def history() -> Response:
    """Tell how the queues stood in each minute of the last hour → {every_s, queues: {short: {at: […], waiting: […], …}}}."""
    store = backend().store
    told = samples.history(store, queues.names(store))
    return jsonify(
        every_s=samples.EVERY_S,
        queues={
            queue: {
                "at": [iso(sample.at) for sample in noted],
                "waiting": [sample.waiting for sample in noted],
                "oldest_wait_seconds": [sample.oldest_wait_s for sample in noted],
                "completed": [sample.completed for sample in noted],
                "failed": [sample.failed for sample in noted],
            }
            for queue, noted in told.items()
        },
    )


@routes.post("/<queue:queue>/pause")
@describes("Pause a queue", answers={200: queues.Queue}, admins=True)
def pause(queue: str) -> Response:
    """Let no claim take from a queue; what runs goes on. Answers the queue, also when it was paused already."""
    control.pause(backend().store, queue)
    return jsonify(asdict(queues.find(backend().store, queue)))


@routes.post("/<queue:queue>/resume")
@describes("Resume a queue", answers={200: queues.Queue}, admins=True)
def resume(queue: str) -> Response:
    """Undo pause. Answers the queue, also when it was not paused."""
    control.resume(backend().store, queue)
    return jsonify(asdict(queues.find(backend().store, queue)))
