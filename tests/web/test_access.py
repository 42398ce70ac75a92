"""Who may do what: each endpoint asked by nobody, the owner, a colleague, a stranger and an admin."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.web.conftest import Caller, Callers, Worker, problem
from web.openapi.routes import RELEASE

JOB, FILE = "/api/jobs/{job}", "/api/jobs/{job}/artifacts/transcript.txt"

#: endpoint, what the owner and an admin get; others get 404 for what is the owner's
OF_A_JOB = [
    ("GET", JOB, 200),
    ("GET", f"{JOB}/partial", 200),
    ("GET", FILE, 200),
    ("HEAD", FILE, 200),
    ("GET", f"{JOB}/corrections", 200),
    ("PATCH", f"{JOB}/corrections", 415),
    ("POST", f"{JOB}/cancel", 202),
    ("POST", f"{JOB}/retry", 409),
    ("POST", f"{JOB}/tasks/inspect/retry", 409),
    ("GET", "/jobs/{job}", 200),
    ("DELETE", JOB, 204),
]
OF_ANYBODY = [("GET", "/api/jobs", 200), ("GET", "/", 200), ("POST", "/api/uploads", 415), ("POST", "/api/jobs", 415)]
OF_ANYBODY += [("POST", "/api/jobs/batch", 415)]
#: 403 for everybody else
OF_ADMINS = [("GET", "/api/queues", 200), ("POST", "/api/queues/long/pause", 200), ("POST", "/api/queues/long/resume", 200)]
OPEN = [("GET", "/api/openapi.json", 200), ("GET", "/api/docs", 200), ("GET", f"/api/docs/{RELEASE}/swagger-ui.css", 200)]
OPEN += [("GET", "/healthz", 200), ("GET", "/readyz", 200), ("GET", "/signin", 200), ("GET", "/static/page.css", 200)]
#: asked with a CSRF token only: tests/web/test_sessions.py
FORMS = {("POST", "/signin"), ("POST", "/signout")}


@pytest.fixture
def told(job: str, worker: Worker) -> str:
    """The owner's job, with one artifact."""
    worker.publish("transcript.txt", b"Good morning.")
    return job


@pytest.mark.parametrize(("method", "path", "status"), OF_A_JOB)
def test_a_job_is_its_owners_and_an_admins_and_not_there_for_others(
    callers: Callers, told: str, method: str, path: str, status: int
) -> None:
    asked = path.format(job=told)
    assert callers.anonymous(method, asked).status_code == 401
    for other in (callers.colleague, callers.stranger):
        assert other(method, asked).status_code == 404
    assert callers.owner("GET", f"/api/jobs/{told}").json["status"] == "running", "what was refused changed nothing"
    assert callers.owner(method, asked).status_code == status


@pytest.mark.parametrize(("method", "path", "status"), [*OF_A_JOB, *OF_ANYBODY, *OF_ADMINS])
def test_a_token_that_is_nobodys_opens_nothing(callers: Callers, told: str, method: str, path: str, status: int) -> None:
    callers.admin("GET", f"/api/jobs/{told}")  # this process knows it now
    for header in ("Bearer lec_wrong", f"Basic {callers.admin.token}"):
        response = callers.anonymous(method, path.format(job=told), headers={"Authorization": header})
        assert (response.status_code, told in response.text.replace(path.format(job=told), "")) == (401, False)


@pytest.mark.parametrize(("method", "path", "status"), OF_A_JOB)
def test_an_admin_may_do_what_the_owner_may(admin: Caller, told: str, method: str, path: str, status: int) -> None:
    assert admin(method, path.format(job=told)).status_code == status


@pytest.mark.parametrize(("method", "path", "status"), OF_ANYBODY)
def test_everybody_with_a_token_may_begin(callers: Callers, method: str, path: str, status: int) -> None:
    assert callers.anonymous(method, path).status_code == 401
    for caller in (callers.owner, callers.colleague, callers.stranger, callers.admin):
        assert caller(method, path).status_code == status


@pytest.mark.parametrize(("method", "path", "status"), OF_ADMINS)
def test_only_an_admin_may_look_at_the_queues_and_steer_them(callers: Callers, method: str, path: str, status: int) -> None:
    assert callers.anonymous(method, path).status_code == 401
    for caller in (callers.owner, callers.colleague, callers.stranger):
        assert caller(method, path).status_code == 403
    assert callers.admin(method, path).status_code == status


@pytest.mark.parametrize(("method", "path", "status"), OPEN)
def test_what_is_open_is_open(callers: Callers, method: str, path: str, status: int) -> None:
    assert callers.anonymous(method, path).status_code == status
    assert callers.owner(method, path).status_code == status


def test_every_endpoint_is_in_this_matrix(app: Flask) -> None:
    asked = {(method, path.format(job="x")) for method, path, _ in OF_A_JOB + OF_ANYBODY + OF_ADMINS + OPEN} | FORMS
    adapter = app.url_map.bind("localhost")
    covered = {(method, adapter.match(path, method)[0]) for method, path in asked}
    there = {(method, rule.endpoint) for rule in app.url_map.iter_rules() for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}

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
