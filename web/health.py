"""GET /healthz: this process answers. GET /readyz: what it needs can be reached, or what cannot."""

from __future__ import annotations

import logging

from flask import Blueprint, Response, jsonify

from web.auth import public
from web.backend import backend
from web.openapi.answers import Alive, Ready
from web.openapi.describing import describes
from web.problems import Kind, Problem

routes = Blueprint("health", __name__)
log = logging.getLogger(__name__)


@routes.get("/healthz")
@public
@describes("Whether this process answers", answers={200: Alive})
def alive() -> Response:
    """Answer, while this process can."""
    return jsonify(status="ok")


@routes.get("/readyz")
@public
@describes("Whether all that it needs can be reached", answers={200: Ready})
def ready() -> Response:
    """Ask Redis and storage one small thing each; 503 names what does not answer."""
    checks = {"redis": _redis(), "storage": _storage()}
    wrong = [f"{name}: {state}" for name, state in checks.items() if state != "ok"]
    if wrong:
        raise Problem(Kind.UNAVAILABLE, "; ".join(wrong), headers={"Retry-After": "5"}, extra={"checks": checks})
    return jsonify(status="ok", checks=checks)


def _redis() -> str:
    try:
        backend().store.redis.ping()
    except Exception as error:  # whatever it is, it is the answer
        return _sentence("redis", error)
    return "ok"


def _storage() -> str:
    try:
        backend().storage.exists("readyz")
    except Exception as error:
        return _sentence("storage", error)
    return "ok"


def _sentence(part: str, error: Exception) -> str:
    log.warning("not_ready part=%s", part, exc_info=error)
    return f"cannot be reached ({type(error).__name__})"  # the message may name hosts and buckets: it is in the log
