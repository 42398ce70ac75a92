"""Who may do what: what each endpoint answers to whom (asked in every way: test_matrix.py), and how a refusal is told."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.web.conftest import Caller, Callers, problem
from web.openapi.routes import RELEASE

JOB, FILE = "/api/jobs/{job}", "/api/jobs/{job}/artifacts/transcript.txt"

#: endpoint, what the owner and an admin get; others get 404 for what is the owner's
OF_A_JOB = [
    ("GET", JOB, 200),
    ("GET", f"{JOB}/partial", 200),
    ("GET", f"{JOB}/tasks/inspect/children", 200),
    ("GET", FILE, 200),
    ("HEAD", FILE, 200),
    ("GET", f"{JOB}/corrections", 200),
    ("PATCH", f"{JOB}/corrections", 415),
    ("POST", f"{JOB}/cancel", 202),
    ("POST", f"{JOB}/retry", 409),
    ("POST", f"{JOB}/tasks/inspect/retry", 409),
    ("GET", "/jobs/{job}", 200),
    ("GET", "/jobs/{job}/transcript", 303),
    ("GET", f"{JOB}/recording", 200),
    ("HEAD", f"{JOB}/recording", 200),
    ("POST", f"{JOB}/links", 415),
    ("DELETE", JOB, 204),
]
OF_ANYBODY = [("GET", "/api/jobs", 200), ("GET", "/", 200), ("POST", "/api/uploads", 415), ("POST", "/api/jobs", 415)]
OF_ANYBODY += [("GET", "/api/me/callback-secret", 200), ("POST", "/api/me/callback-secret", 200)]
OF_ANYBODY += [("POST", "/api/jobs/batch", 415), ("POST", "/api/jobs/retry", 415), ("POST", "/api/jobs/cancel", 415)]
OF_ANYBODY += [("GET", "/api/estimate?seconds=60", 200)]
#: of the own account: that of whoever asks
OF_ANYBODY += [("GET", "/account", 200), ("GET", "/api/me", 200), ("GET", "/api/me/tokens", 200), ("POST", "/api/me/tokens", 415)]
OF_ANYBODY += [("DELETE", "/api/me/tokens/none", 404)]
OF_ANYBODY += [("GET", "/v1/models", 200), ("GET", "/v1/models/whisper-1", 200), ("POST", "/v1/audio/transcriptions", 400)]
#: 403 for everybody else
OF_ADMINS = [("GET", "/api/queues", 200), ("POST", "/api/queues/long/pause", 200), ("POST", "/api/queues/long/resume", 200)]
OPEN = [("GET", "/api/openapi.json", 200), ("GET", "/api/docs", 200), ("GET", f"/api/docs/{RELEASE}/swagger-ui.css", 200)]
OF_ADMINS += [("GET", "/api/queues/history", 200), ("GET", "/api/workers", 200), ("GET", "/api/health", 200), ("GET", "/admin", 200)]
OF_ADMINS += [("POST", "/api/workers/nobody/drain", 404), ("POST", "/api/workers/nobody/kill", 404)]
OF_ADMINS += [("GET", "/api/orgs", 200), ("POST", "/api/orgs/physics", 415)]
OF_ADMINS += [("GET", "/api/users", 200), ("POST", "/api/users", 415), ("PATCH", "/api/users/ada", 415)]
OF_ADMINS += [("DELETE", "/api/users/nobody", 404), ("GET", "/api/users/ada/tokens", 200), ("POST", "/api/users/ada/tokens", 415)]
OF_ADMINS += [("DELETE", "/api/users/ada/tokens/none", 404)]
OPEN += [("GET", "/healthz", 200), ("GET", "/readyz", 200), ("GET", "/signin", 200), ("GET", "/static/page.css", 200)]
OPEN += [("GET", "/links/unheardof", 404)]  # who holds a link that is signed needs no more: tests/web/test_media.py
#: asked with a CSRF token only: tests/web/test_sessions.py
FORMS = {("POST", "/signin"), ("POST", "/signout"), ("POST", "/signin/none")}
#: leads on whoever has signed in: tests/web/test_sessions.py
LINK = ("GET", "/signin/none")


def test_every_endpoint_is_in_these_tables(app: Flask) -> None:
    tables = OF_A_JOB + OF_ANYBODY + OF_ADMINS + OPEN
    asked = {(method, path.format(job="x").partition("?")[0]) for method, path, _ in tables} | FORMS | {LINK}
    adapter = app.url_map.bind("localhost")
    covered = {(method, adapter.match(path, method)[0]) for method, path in asked}
    rules = [rule for rule in app.url_map.iter_rules() if not rule.endpoint.startswith("rq_dashboard.")]  # tests/web/test_dashboard.py
    there = {(method, rule.endpoint) for rule in rules for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}

    assert there == {(method, endpoint) for method, endpoint in covered if method != "HEAD"}


def test_someone_elses_job_looks_just_like_none(callers: Callers, job: str) -> None:
    theirs = callers.stranger("GET", f"/api/jobs/{job}")
    none = callers.stranger("GET", f"/api/jobs/{'0' * len(job)}")

    assert theirs.text.replace(job, "*") == none.text.replace("0" * len(job), "*")


def test_nobody_is_told_how_to_sign_in(callers: Callers) -> None:
    response = callers.anonymous("GET", "/api/jobs")

    problem(response, 401, "unauthenticated")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="lectern"'


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer", "Bearer lec_", "Basic YWRhOnB3", "bearer\u00fc x", "Bearer app:users"])
def test_a_wrong_token_is_told_so(callers: Callers, header: str) -> None:
    response = callers.anonymous("GET", "/api/jobs", headers={"Authorization": header})

    problem(response, 401, "unauthenticated")
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


def test_the_scheme_is_read_in_any_case(callers: Callers) -> None:
    assert callers.anonymous("GET", "/api/jobs", headers={"Authorization": f"bearer {callers.owner.token}"}).status_code == 200


def test_an_unknown_place_and_method_are_problems_too(owner: Caller) -> None:
    problem(owner("GET", "/api/nothing"), 404, "not-found")
    response = owner("PUT", "/api/jobs")
    problem(response, 405, "method-not-allowed")
    assert "POST" in response.headers["Allow"]


@pytest.mark.parametrize("path", ["/", "/api/jobs", "/healthz", "/static/page.css", "/api/nothing"])
def test_every_answer_carries_the_headers_that_keep_a_browser_safe(owner: Caller, path: str) -> None:
    headers: Any = owner("GET", path).headers

    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"]
