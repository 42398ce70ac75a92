"""The web app: the HTTP API and the pages. Speaks to jobs only through the verbs; knows nothing of RQ and of engines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask
from werkzeug.routing import BaseConverter

from jobs.settings import Settings
from jobs.settings import settings as read_settings
from jobs.storage import Storage
from jobs.store import Store
from web import (
    account,
    admin,
    api_admin,
    api_batch,
    api_bulk,
    api_callbacks,
    api_corrections,
    api_estimate,
    api_jobs,
    api_people,
    api_queues,
    api_uploads,
    artifacts,
    auth,
    dashboard,
    health,
    hosts,
    media,
    pages,
    problems,
    ratelimit,
    reader,
)
from web.backend import EXTENSION, Backend
from web.openai import api as openai
from web.openapi import routes as openapi

#: Nothing is loaded from, sent to or shown inside any other place.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self' blob:",  # blob: the length of a file that somebody has chosen and not sent yet
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

#: Headers of every answer that has none of the same name.
HARDENING = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cache-Control", "private, no-cache"),
)
LOWERED = tuple((one, one[0].lower()) for one in HARDENING)


#: Whose routes the app has.
ROUTED: tuple[Any, ...] = (
    health,
    api_uploads,
    api_batch,
    api_callbacks,
    api_jobs,
    api_bulk,
    api_estimate,
    api_corrections,
    api_queues,
    api_admin,
    api_people,
    openai,
    artifacts,
    media,
    pages,
    reader,
    account,
    admin,
    openapi,
)


class JobId(BaseConverter):
    """A job's id."""

    # What is done with several jobs at once stands in the same place.
    regex = "(?!(?:batch|retry|cancel)$)[A-Za-z0-9_]{1,64}"


class Node(BaseConverter):
    """A task, or a child of one: `transcribe`, `transcribe.3`."""

    regex = r"[a-z][a-z0-9_]{0,31}(?:\.[0-9]{1,4})?"


class QueueName(BaseConverter):
    """`short`, `ingest.long`; one that never had a task can be paused as well."""

    regex = r"(?:[a-z0-9_]{1,32}\.)?(?:short|long)"


class OrgName(BaseConverter):
    regex = "[a-z0-9_]{1,40}"


def create_app(settings: Settings | None = None, *, store: Store | None = None, storage: Storage | None = None) -> Flask:
    """Make the app. Store and storage are opened by each process when it first needs them, unless they are given."""
    settings = settings or read_settings()
    app = Flask(__name__)
    app.extensions[EXTENSION] = Backend(settings, store=store, storage=storage)
    app.url_map.converters.update(job=JobId, node=Node, queue=QueueName, org=OrgName)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    hosts.install(app, settings)
    auth.install(app, settings)
    problems.install(app)
    for module in ROUTED:
        app.register_blueprint(module.routes)
    openai.install(app)
    dashboard.install(app)
    app.wsgi_app = hardened(app.wsgi_app)  # type: ignore[method-assign, assignment]
    return app


def hardened(app: WSGIApplication) -> WSGIApplication:
    """Have every answer tell the browser what a page of ours never needs, and caches that answers belong to one person."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *failed: Any) -> Any:
            there = {name.lower() for name, _ in headers}
            missing = [one for one, name in LOWERED if name not in there]
            return start_response(status, [*headers, *missing, *ratelimit.headers_of(environ)], *failed)

        return app(environ, start)

    return answer
