"""Know who asks: by bearer token, or by the session a person opened with one. Everything needs it unless `public`.

A session holds the digest of its token, signed, never the token; a token that is revoked or replaced ends its
sessions with the next request. One opened by a link has a token of its own, which its sign-out ends. A request that
changes something by session must show the session's CSRF token and come from a page of this server; one with a bearer
token need not, since no browser sends that by itself.
"""

from __future__ import annotations

import hmac
import logging
import os
import secrets
import time
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from flask import Flask, Request, Response, current_app, g, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin

from jobs import people, people_tokens
from jobs.people import Person
from jobs.settings import Settings
from web import ratelimit
from web.backend import backend
from web.problems import Kind, Problem

CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf_token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SESSION_S = 30 * 86_400
WRITTEN = "at"  #: in a session: when its cookie was written, in seconds
REWRITE_S = 86_400  #: how old a cookie becomes before it is written again: signing one takes as long as half a status

log = logging.getLogger(__name__)

View = TypeVar("View", bound=Callable[..., Any])


class Sessions(SecureCookieSessionInterface):
    """Flask's signed sessions, whose cookie stays on https when it was set there; what signs them is made once."""

    def __init__(self) -> None:
        self._signing: Any = None

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """As Flask's, which looks for one even where there are no cookies."""
        return super().open_session(app, request) if "Cookie" in request.headers else self.session_class()

    def get_signing_serializer(self, app: Flask) -> Any:
        if self._signing is None:
            self._signing = super().get_signing_serializer(app)
        return self._signing

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        """Not with every answer, as Flask does to move the end of a session on; once a day does as well."""
        return session.modified or (session.permanent and time.time() - session.get(WRITTEN, 0) > REWRITE_S)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if session and self.should_set_cookie(app, session):
            session[WRITTEN] = int(time.time())
        if session or session.accessed or session.modified:
            super().save_session(app, session, response)


def public(view: View) -> View:
    """Mark a view that anybody may ask: the sign-in page, health."""
    view.public = True  # type: ignore[attr-defined]
    return view


def identifies(view: View) -> View:
    """Mark a view that finds out who asks in the same round trip in which it reads what was asked for (web.status.look).

    When it changes something it is not relied upon: then that is known before.
    """

    @wraps(view)
    def asked(*args: Any, **given: Any) -> Any:
        answer = view(*args, **given)
        person()  # it fails here, and tells nobody anything, if the view has not found out
        return answer

    asked.identifies = True  # type: ignore[attr-defined]
    return cast(View, asked)


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
    safe = request.method in SAFE_METHODS
    g.digest = shown_digest()
    if safe and getattr(view, "identifies", False):
        return
    found = people.find_by_digest(backend().store, g.digest, counted=True)
    if found is None:
        raise unauthenticated()
    _note(found)
    if not safe and not request.headers.get("Authorization"):
        check_same_site(request.headers.get(CSRF_HEADER, ""))


def shown_digest() -> str:
    """Return the digest of the token that the request shows; it may be nobody's. Raises Problem UNAUTHENTICATED when it shows none."""
    header = request.headers.get("Authorization", "")
    if header:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise unauthenticated()
        return people.digest(token.strip())
    if "token" not in session:
        raise unauthenticated()
    shown: str = session["token"]
    return shown


def digest() -> str:
    """Return the digest of the asker's token, which may be nobody's. Only for views that are not public."""
    shown: str = g.digest
    return shown


def identified(who: Sequence[Any]) -> None:
    """Note who asks, as Redis told it."""
    _note(people.told(who))


def _note(found: Person) -> None:
    g.person = found
    if found.allowance is not None:
        request.environ[ratelimit.NOTED] = found.allowance


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
    if found is not None:
        _open(people.digest(token))
    return found


def sign_in_by_link(code: str) -> bool:
    """Use up a sign-in link and open a session. False when it was used, or has expired."""
    found = people_tokens.accept(backend().store, code)
    if found is not None:
        _open(found)
    return found is not None


def sign_out() -> None:
    """Close the session; the token that a link had made for it ends, one that was given to a person stays."""
    _close()


def _open(token_digest: str) -> None:
    _close()  # with it goes the CSRF token: one that was planted before the sign-in is worth nothing after it
    session["token"] = token_digest
    session.permanent = True


def _close() -> None:
    token_digest = session.get("token")
    session.clear()  # first: whatever Redis says, this browser is signed out
    if token_digest is not None:
        people_tokens.end_browser(backend().store, token_digest)


def visitor() -> Person | None:
    """Return who has signed in on this browser; for views that are public."""
    return people.find_by_digest(backend().store, session["token"]) if "token" in session else None


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


def unauthenticated() -> Problem:
    """Return the refusal of a request that shows no token, or one that is nobody's."""
    if request.headers.get("Authorization"):
        detail, challenge = (
            "the token is not valid: revoked, replaced or ended",
            'Bearer realm="lectern", error="invalid_token"',
        )
    else:
        detail, challenge = "send `Authorization: Bearer TOKEN`, or sign in at /signin", 'Bearer realm="lectern"'
    return Problem(Kind.UNAUTHENTICATED, detail, headers={"WWW-Authenticate": challenge})
