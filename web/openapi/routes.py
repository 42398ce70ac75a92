"""GET /api/openapi.json: the document. GET /api/docs: a page to read it and to try it, Swagger UI from this server."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import flask_swagger_ui
from flask import Blueprint, Response, current_app, g, json, render_template, request, send_from_directory

from web.auth import public, visitor
from web.openapi.describing import ETAG, IF_NONE_MATCH, JSON, Answer, describes
from web.openapi.document import document
from web.problems import Kind, Problem

routes = Blueprint("openapi", __name__)

EXTENSION = "lectern-openapi"
DIST = Path(flask_swagger_ui.__file__).parent / "dist"
FILES = frozenset({"swagger-ui.css", "swagger-ui-bundle.js"})  #: of the package; the page needs no others
RELEASE = version("flask-swagger-ui")
FILES_S = 365 * 86_400  #: a file's address names its release, so it never changes
#: As everywhere, but that Swagger UI's style sheet has its icons inside.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@routes.get("/api/openapi.json")
@public
@describes(
    "This document",
    headers=[IF_NONE_MATCH],
    answers={200: Answer("The document", {JSON: dict[str, Any]}, [ETAG]), 304: Answer("It is as it was", headers=[ETAG])},
)
def openapi() -> Response:
    """Answer the OpenAPI document of this API, or 304 when If-None-Match shows that the asker has it."""
    body, tag = _document()
    response = Response(body, mimetype=JSON)
    response.set_etag(tag)
    response.make_conditional(request)
    return response


@routes.get("/api/docs")
@public
def docs() -> Response:
    """The document as a page. Whoever is signed in can try everything right there."""
    g.person = visitor()
    return Response(render_template("docs.html", release=RELEASE), headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY})


@routes.get("/api/docs/<release>/<name>")
@public
def file(release: str, name: str) -> Response:
    """One of the files of Swagger UI."""
    if name not in FILES or release != RELEASE:
        raise Problem(Kind.NOT_FOUND, f"there is nothing at {request.path}")
    return send_from_directory(DIST, name, max_age=FILES_S)


def _document() -> tuple[bytes, str]:
    """Return the document and its tag, made when first asked for."""
    made: tuple[bytes, str] | None = current_app.extensions.get(EXTENSION)
    if made is None:
        body = json.dumps(document(current_app), ensure_ascii=False, separators=(",", ":")).encode()
        made = current_app.extensions[EXTENSION] = body, hashlib.sha256(body).hexdigest()[:16]
    return made
