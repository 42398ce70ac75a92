"""Know who asks: by bearer token, or by the session a person opened with one. Everything needs it unless `public`.

A session holds the digest of its token, signed, never the token; a token that is replaced or removed ends its
sessions with the next request. A request that changes something by session must show the session's CSRF token and
come from a page of this server; one with a bearer token need not, since no browser sends that by itself.
"""

from __future__ import annotations

import hmac
import logging
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, current_app, g, request, session
from flask.sessions import SecureCookieSessionInterface

from jobs import people
from jobs.people import Person
from jobs.settings import Settings
from web.backend import backend
from web.problems import Kind, Problem

CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf_token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SESSION_S = 30 * 86_400

log = logging.getLogger(__name__)

View = TypeVar("View", bound=Callable[..., Any])


class Sessions(SecureCookieSessionInterface):
    """Flask's signed sessions, whose cookie stays on https when it was set there."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


def public(view: View) -> View:
    """Mark a view that anybody may ask: the sign-in page, health."""
    view.public = True  # type: ignore[attr-defined]
    return view


def install(app: Flask, settings: Settings) -> None:
    """Sign sessions, and let nobody but a known person past, whatever is added later."""
    app.secret_key = secret_key(settings)
    app.session_interface = Sessions()
    app.config.update(
        SESSION_COOKIE_NAME="lectern",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=SESSION_S,
    )
    app.before_request(authenticate)
    app.jinja_env.globals.update(csrf_token=csrf_token, CSRF_FIELD=CSRF_FIELD, signed_in=signed_in)


def authenticate() -> None:
    """Find out who asks, before any view. Raises Problem: UNAUTHENTICATED, CROSS_SITE."""
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or request.endpoint == "static" or getattr(view, "public", False):
        return
    header = request.headers.get("Authorization", "")
    if header:
        scheme, _, token = header.partition(" ")
        found = people.find(backend().store, token.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            raise _unauthenticated("the token is not valid, or was replaced", 'error="invalid_token"')
        g.person = found
        return
    found = people.find_by_digest(backend().store, session["token"]) if "token" in session else None
    if found is None:
        raise _unauthenticated("send `Authorization: Bearer TOKEN`, or sign in at /signin")
    g.person = found
    if request.method not in SAFE_METHODS:
        check_same_site(request.headers.get(CSRF_HEADER, ""))


def person() -> Person:
    """Return who asks. Only for views that are not public."""
    found: Person = g.person
    return found


def signed_in() -> Person | None:
    found: Person | None = g.get("person")
    return found


def sign_in(token: str) -> Person | None:
    """Open a session with a token. None when it is nobody's."""
    found = people.find(backend().store, token)
    if found is None:
        return None
    session.clear()  # a new CSRF token too: one that was planted before the sign-in is worth nothing after it
    session["token"] = people.digest(token)
    session.permanent = True
    return found


def sign_out() -> None:
    session.clear()


def csrf_token() -> str:
    """Return the session's CSRF token; made when first asked for."""
    if "csrf" not in session:
        session["csrf"] = secrets.token_urlsafe(24)
    token: str = session["csrf"]
    return token


def check_same_site(shown: str) -> None:
    """Refuse a request that another site made a browser send. Raises Problem CROSS_SITE."""
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get("Origin")
    elsewhere = site not in ("same-origin", "none") or (origin is not None and urlsplit(origin).netloc != request.host)
    if elsewhere or not hmac.compare_digest(shown.encode(), csrf_token().encode()):
        raise Problem(Kind.CROSS_SITE, f"reload the page and try again; a program sends a bearer token, or {CSRF_HEADER} with its cookie")


def secret_key(settings: Settings) -> str:
    """Return SECRET_KEY, or the one kept in the data folder; made by whichever process comes first."""
    given = settings.secret_key.get_secret_value()
    if given:
        return given
    if settings.redis_url and not settings.redis_url.startswith("unix:"):
        log.warning(
            "secret_key_local folder=%s: with web processes on several machines set SECRET_KEY, the same on each", settings.data_dir
        )
    kept = Path(settings.data_dir) / "secret.key"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = kept.with_name(f".secret.key.{os.getpid()}.{secrets.token_hex(4)}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            os.link(draft, kept)  # all of it or nothing, and only the first: processes that start together agree on one key
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return kept.read_text().strip()


def _unauthenticated(detail: str, parameter: str = "") -> Problem:
    challenge = f'Bearer realm="lectern"{", " if parameter else ""}{parameter}'
    return Problem(Kind.UNAUTHENTICATED, detail, headers={"WWW-Authenticate": challenge})
