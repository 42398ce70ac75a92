"""/api/me/callback-secret: what a receiver checks callbacks with, and a new one."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from jobs import callbacks
from jobs.view import iso
from web.auth import person
from web.backend import backend
from web.openapi import answers
from web.openapi.describing import describes
from web.problems import Kind

routes = Blueprint("api_callbacks", __name__, url_prefix="/api/me/callback-secret")


@routes.get("")
@describes("My callbacks' secret", answers={200: answers.CallbackSecret})
def show() -> Response:
    """Answer the secret that signs the asker's callbacks, made now if there was none → {secret, former: [{secret, until}]}."""
    return told(callbacks.secrets_of(backend().store, person().user))


@routes.post("")
@describes("Replace my callbacks' secret", answers={200: answers.CallbackSecret}, refuses=[Kind.CONFLICT])
def rotate() -> Response:
    """Replace the secret; the former one signs as well for a day. The answer is that of GET."""
    return told(callbacks.rotate(backend().store, person().user))


def told(known: callbacks.Secrets) -> Response:
    answer = jsonify(secret=known.current, former=[{"secret": one, "until": iso(until)} for one, until in known.former.items()])
    answer.headers["Cache-Control"] = "no-store"
    return answer
