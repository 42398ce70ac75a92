"""The pages: home, a job, sign-in. They show what the API answers; what they change, they change through the API."""

from __future__ import annotations

import re

from flask import Blueprint, Response, current_app, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from jobs.steps import steps
from web.api_jobs import Listing, jobs_of
from web.auth import CSRF_FIELD, check_same_site, identifies, person, public, sign_in, sign_out
from web.backend import backend
from web.languages import LANGUAGES
from web.problems import asks_for_page
from web.status import look

routes = Blueprint("pages", __name__)

#: What the seed's clients poll for.
BRIEF = ("id", "status", "progress", "message", "result_path")
#: Where a finished transcript is read.
READER = "reader.page"
JOBS_SHOWN = 20
MAX_SIGNIN_BYTES = 16_384


@routes.get("/")
def home() -> str:
    """A place to drop a recording, and the newest jobs."""
    sights, cursor = jobs_of(person(), Listing(user=person().user, limit=JOBS_SHOWN))
    settings = backend().settings
    limits = {"bytes": settings.max_upload_bytes, "seconds": settings.max_audio_seconds}
    jobs = [sight.status() for sight in sights]
    initial = {"jobs": jobs, "cursor": cursor, "limits": limits, "user": person().user, "admin": person().admin}
    return render_template("home.html", initial=initial, languages=LANGUAGES, steps=steps(settings, admin=person().admin))


@routes.get("/jobs/<job:job_id>")
@identifies
def job(job_id: str) -> Response | str:
    """A job's page; a client that wants JSON gets {id, status, progress, message, result_path}."""
    sight = look(backend(), job_id)
    assert sight  # no revision was shown
    status = sight.status()
    if not asks_for_page():
        return jsonify({name: status[name] for name in BRIEF})
    reader = f"/jobs/{job_id}/transcript" if READER in current_app.view_functions else None
    return render_template("job.html", initial=status, reader=reader)


@routes.get("/signin")
@public
def signin() -> str:
    return render_template("signin.html", back=_inside(request.args.get("next")), wrong=False)


@routes.post("/signin")
@public
def signin_with_token() -> AnyResponse | tuple[str, int]:
    """Open a session and go where the person was heading."""
    request.max_content_length = MAX_SIGNIN_BYTES  # anybody may ask: nothing large is read, let alone parsed into files
    check_same_site(request.form.get(CSRF_FIELD, ""))
    back = _inside(request.form.get("next"))
    if sign_in(request.form.get("token", "").strip()) is None:
        return render_template("signin.html", back=back, wrong=True), 401
    return redirect(back, 303)


@routes.post("/signout")
@public
def signout() -> AnyResponse:
    request.max_content_length = MAX_SIGNIN_BYTES
    check_same_site(request.form.get(CSRF_FIELD, ""))
    sign_out()
    return redirect(url_for("pages.signin"), 303)


def _inside(target: str | None) -> str:
    """Return `target` if it is a path on this server, else the home page: a link must not lead elsewhere after sign-in.

    Browsers read `/\\` like `//`, and drop tabs and line ends.
    """
    return target if target and re.fullmatch(r"/(?![/\\])[^\x00-\x20\\]*", target) else "/"
