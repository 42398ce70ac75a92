"""Each endpoint of test_access.py's tables × nobody, owner, colleague, stranger, admin × token, session, forged session."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from flask import Flask

from jobs import people
from jobs.store import Store
from tests.web.conftest import Caller, Callers, Worker, problem
from tests.web.test_access import FORMS, OF_A_JOB, OF_ADMINS, OF_ANYBODY, OPEN
from web.auth import CSRF_HEADER, SAFE_METHODS

#: how somebody shows who it is; a browser that another site has made ask shows no CSRF token
HOW = ("bearer", "session", "session without CSRF")
UNKNOWN = {"anonymous": 401, "wrong": 401}


class Crowd:
    """Everybody who may ask, in every way: by token, by session, and as the holder of a token that is nobody's."""

    def __init__(self, app: Flask, callers: Callers) -> None:
        self.app = app
        self.callers = {
            "anonymous": callers.anonymous,
            "wrong": Caller(callers.anonymous.client, "lec_wrong"),
            "owner": callers.owner,
            "colleague": callers.colleague,
            "stranger": callers.stranger,
            "admin": callers.admin,
        }
        self.sessions = {who: self.session(caller.token) for who, caller in self.callers.items()}

    def session(self, token: str | None) -> Caller:
        client = self.app.test_client()
        with client.session_transaction() as session:
            session["csrf"] = "shown"
            if token:
                session["token"] = people.digest(token)
        return Caller(client)

    def ask(self, who: str, how: str, method: str, path: str) -> Any:
        if how == "bearer":
            return self.callers[who](method, path)
        return self.sessions[who](method, path, headers={CSRF_HEADER: "shown"} if how == "session" else {})


@pytest.fixture
def crowd(app: Flask, callers: Callers) -> Crowd:
    return Crowd(app, callers)


@pytest.fixture
def jobs_told(callers: Callers, worker: Worker, speech: bytes) -> Callable[[], str]:
    """Make jobs of the owner, each with one artifact."""
    upload = callers.owner.upload(speech).json["id"]

    def make() -> str:
        job = str(callers.owner.submit(params={"upload": upload}).json["id"])
        assert worker.publish("transcript.txt", b"Good morning.").job == job
        return job

    return make


def hold(crowd: Crowd, method: str, path: Callable[[bool], str], wanted: dict[str, int]) -> None:
    """Ask as everybody in every way, those first who are refused; `path` is told whether the answer may change what is there."""
    for how, (who, status) in product(HOW, sorted(wanted.items(), key=lambda item: item[1] < 400)):
        forged = how == "session without CSRF" and method not in SAFE_METHODS
        due = 403 if forged and status != 401 else status
        asked = path(due < 400 and method not in SAFE_METHODS)
        response = crowd.ask(who, how, method, asked)
        assert response.status_code == due, f"{who} by {how}: {response.text}"
        if forged and status != 401:
            assert CSRF_HEADER in response.text, "it says what was missing"


@pytest.mark.parametrize(("method", "path", "status"), OF_A_JOB)
def test_a_job_is_its_owners_and_an_admins_and_not_there_for_others(
    crowd: Crowd, jobs_told: Callable[[], str], method: str, path: str, status: int
) -> None:
    job = jobs_told()
    before = crowd.ask("owner", "bearer", "GET", f"/api/jobs/{job}")

    hold(
        crowd,
        method,
        lambda changes: path.format(job=jobs_told() if changes else job),
        UNKNOWN | {"colleague": 404, "stranger": 404, "owner": status, "admin": status},
    )

    after = crowd.ask("owner", "bearer", "GET", f"/api/jobs/{job}").json
    assert after["revision"] == before.json["revision"], "what was refused changed nothing"


@pytest.mark.parametrize(("method", "path", "status"), OF_ANYBODY)
def test_everybody_who_is_known_may_begin(crowd: Crowd, method: str, path: str, status: int) -> None:
    hold(crowd, method, lambda _: path, UNKNOWN | dict.fromkeys(("owner", "colleague", "stranger", "admin"), status))


@pytest.mark.parametrize(("method", "path", "status"), OF_ADMINS)
def test_only_an_admin_may_look_after_all(crowd: Crowd, method: str, path: str, status: int) -> None:
    hold(crowd, method, lambda _: path, UNKNOWN | dict.fromkeys(("owner", "colleague", "stranger"), 403) | {"admin": status})


@pytest.mark.parametrize(("method", "path", "status"), OPEN)
def test_what_is_open_is_open(crowd: Crowd, method: str, path: str, status: int) -> None:
    hold(crowd, method, lambda _: path, dict.fromkeys(crowd.callers, status))


@pytest.mark.parametrize(("method", "path"), sorted(FORMS))
def test_a_form_that_shows_no_csrf_token_is_refused_whoever_sends_it(crowd: Crowd, store: Store, method: str, path: str) -> None:
    for who in crowd.callers:
        problem(crowd.ask(who, "session without CSRF", method, path), 403, "cross-site")
    assert crowd.ask("owner", "session", "GET", "/api/me").status_code == 200, "nobody was signed out"


def test_a_token_that_is_nobodys_is_told_nothing_of_what_others_were(crowd: Crowd, jobs_told: Callable[[], str]) -> None:
    job = jobs_told()
    for method, path, _ in OF_A_JOB:
        asked = path.format(job=job)
        crowd.ask("admin", "bearer", "GET", f"/api/jobs/{job}")  # this process knows it now
        for header in ("Bearer lec_wrong", f"Basic {crowd.callers['admin'].token}"):
            response = crowd.callers["anonymous"](method, asked, headers={"Authorization": header})
            assert (response.status_code, job in response.text.replace(asked, "")) == (401, False)
