"""Signing in on the page: the session, its cookie, and what other sites can make a browser send."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr

from jobs import people, people_tokens
from jobs.settings import Settings
from jobs.store import Store
from tests.web.conftest import Callers, problem
from web import auth
from web.auth import secret_key

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


def shown_token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return found[1]


def sign_in(browser: FlaskClient, token: str | None, *, next: str = "/", headers: dict[str, str] | None = None) -> Any:
    form = {"csrf_token": shown_token(browser.get("/signin").text), "token": token, "next": next}
    return browser.post("/signin", data=form, headers=HTML | (headers or {}))


def follow(browser: FlaskClient, code: str) -> Any:
    """Follow a sign-in link as the page's script does."""
    page = browser.get(f"/signin/{code}", headers=HTML).text
    return browser.post(f"/signin/{code}", data={"csrf_token": shown_token(page.partition("<main")[2])}, headers=HTML)


def csrf(browser: FlaskClient) -> str:
    found = re.search(r'<meta name="csrf-token" content="([^"]+)"', browser.get("/", headers=HTML).text)
    assert found
    return found[1]


def test_a_browser_is_led_to_sign_in_and_back(browser: FlaskClient, callers: Callers, job: str) -> None:
    led = browser.get(f"/jobs/{job}", headers=HTML)
    assert (led.status_code, led.headers["Location"]) == (303, f"/signin?next=/jobs/{job}")

    back = sign_in(browser, callers.owner.token, next=f"/jobs/{job}")
    assert (back.status_code, back.headers["Location"]) == (303, f"/jobs/{job}")
    assert "lecture.ogg" in browser.get(f"/jobs/{job}", headers=HTML).text


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites_and_holds_no_token(browser: FlaskClient, callers: Callers) -> None:
    assert callers.owner.token
    cookie = sign_in(browser, callers.owner.token).headers["Set-Cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert callers.owner.token not in cookie


def test_the_cookie_stays_on_https_when_it_was_set_there(app: Flask, callers: Callers) -> None:
    with app.test_client() as browser:
        page = browser.get("/signin", base_url="https://lectern.test").text
        form = {"csrf_token": shown_token(page), "token": callers.owner.token}
        assert "Secure" in browser.post("/signin", data=form, base_url="https://lectern.test").headers["Set-Cookie"]


def test_a_cookie_is_written_once_a_day_and_when_something_changed(
    browser: FlaskClient, callers: Callers, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(browser, callers.owner.token)
    csrf(browser)
    asked = [("GET", "/api/jobs"), ("GET", f"/api/jobs/{job}"), ("GET", "/"), ("GET", "/account")]
    assert [browser.open(path, method=method).headers.get("Set-Cookie") for method, path in asked] == [None] * len(asked)
    assert "Cookie" in browser.get("/api/jobs").headers["Vary"]

    now = time.time()
    monkeypatch.setattr(auth.time, "time", lambda: now + auth.REWRITE_S + 1)

    written = browser.get(f"/api/jobs/{job}").headers["Set-Cookie"]
    assert "Max-Age" in written or "Expires" in written, "it lasts on from here"
    assert browser.get(f"/api/jobs/{job}").headers.get("Set-Cookie") is None


def test_a_wrong_token_opens_nothing(browser: FlaskClient) -> None:
    response = sign_in(browser, "lec_wrong")

    assert response.status_code == 401
    assert "not valid" in response.text
    assert browser.get("/", headers=HTML).status_code == 303


def test_a_session_ends_when_its_token_is_replaced(browser: FlaskClient, callers: Callers, store: Store) -> None:
    sign_in(browser, callers.owner.token)
    assert browser.get("/api/jobs").status_code == 200

    people.new_token(store, "ada")

    assert browser.get("/api/jobs").status_code == 401


def test_signing_out_ends_the_session(browser: FlaskClient, callers: Callers) -> None:
    sign_in(browser, callers.owner.token)

    browser.post("/signout", data={"csrf_token": csrf(browser)})

    assert browser.get("/api/jobs").status_code == 401


def test_signing_out_ends_what_a_link_made_and_nothing_that_was_given(browser: FlaskClient, callers: Callers, store: Store) -> None:
    sign_in(browser, callers.owner.token)
    browser.post("/signout", data={"csrf_token": csrf(browser)})
    assert callers.owner("GET", "/api/jobs").status_code == 200

    follow(browser, people_tokens.invite(store, "ada"))
    assert browser.get("/api/me").json["user"] == "ada"
    kept = browser.get_cookie("lectern")
    browser.post("/signout", data={"csrf_token": csrf(browser)})

    assert kept
    browser.set_cookie("lectern", kept.value)
    assert browser.get("/api/jobs").status_code == 401, "a cookie that somebody kept is worth nothing"
    assert [token["label"] for token in callers.owner("GET", "/api/me/tokens").json["tokens"]] == ["first"]


def test_what_only_looks_at_a_link_does_not_use_it_up(browser: FlaskClient, callers: Callers, store: Store) -> None:
    code = people_tokens.invite(store, "ada")
    for method in ("GET", "HEAD", "GET"):
        assert browser.open(f"/signin/{code}", method=method, headers=HTML).status_code == 200

    opened = follow(browser, code)

    assert (opened.status_code, opened.headers["Location"]) == (303, "/")
    assert browser.get("/api/me").json["user"] == "ada"
    assert any(token["label"] == "browser" and token["current"] for token in browser.get("/api/me/tokens").json["tokens"])


def test_a_link_that_was_used_says_so_and_what_to_do(app: Flask, browser: FlaskClient, callers: Callers, store: Store) -> None:
    code = people_tokens.invite(store, "ada")
    other = app.test_client()
    shown = other.get(f"/signin/{code}", headers=HTML).text
    follow(browser, code)

    late = other.post(f"/signin/{code}", data={"csrf_token": shown_token(shown)}, headers=HTML)
    for answer in (late, other.get(f"/signin/{code}", headers=HTML)):
        assert answer.status_code == 410
        assert "does not work any more" in answer.text
        assert "users link admin" in answer.text
    assert "users link" not in other.get(f"/signin/{code}", headers=HTML, base_url="https://lectern.test").text
    assert other.get("/api/me").status_code == 401
    assert browser.get(f"/signin/{code}", headers=HTML).headers["Location"] == "/", "who is signed in already is not bothered"


def test_a_link_asks_before_it_signs_somebody_else_out(browser: FlaskClient, callers: Callers, store: Store) -> None:
    sign_in(browser, callers.owner.token)
    mine, theirs = (people_tokens.invite(store, name) for name in ("ada", "root"))

    assert browser.get(f"/signin/{mine}", headers=HTML).headers["Location"] == "/"
    assert people_tokens.invited(store, mine) == "ada", "there was no need for it"
    page = browser.get(f"/signin/{theirs}", headers=HTML).text
    assert "ada is signed in" in page
    assert "data-at-once" not in page
    follow(browser, theirs)
    assert browser.get("/api/me").json["user"] == "root"


def test_another_site_cannot_sign_anybody_in_by_a_link(browser: FlaskClient, callers: Callers, store: Store) -> None:
    code = people_tokens.invite(store, "ada")
    right = shown_token(browser.get(f"/signin/{code}", headers=HTML).text)
    for form, headers in (
        ({}, {}),
        ({"csrf_token": "guessed"}, {}),
        ({"csrf_token": right}, {"Origin": "https://evil.test"}),
        ({"csrf_token": right}, {"Sec-Fetch-Site": "cross-site"}),
    ):
        problem(browser.post(f"/signin/{code}", data=form, headers=headers), 403, "cross-site")
    assert people_tokens.invited(store, code) == "ada"
    assert browser.get("/api/me").status_code == 401


@pytest.mark.parametrize(
    "next", ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)", "/\t/evil.test", "", "/\n//evil.test"]
)
def test_nobody_is_led_away_after_signing_in(browser: FlaskClient, callers: Callers, next: str) -> None:
    assert sign_in(browser, callers.owner.token, next=next).headers["Location"] == "/"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"X-CSRF-Token": "guessed"},
        {"X-CSRF-Token": "<right>", "Sec-Fetch-Site": "cross-site"},
        {"X-CSRF-Token": "<right>", "Sec-Fetch-Site": "same-site"},
        {"X-CSRF-Token": "<right>", "Origin": "https://evil.test"},
        {"X-CSRF-Token": "<right>", "Origin": "null"},
    ],
)
@pytest.mark.parametrize(("method", "tail"), [("POST", "/cancel"), ("DELETE", "")])
def test_another_site_cannot_make_a_browser_change_anything(
    browser: FlaskClient, callers: Callers, job: str, headers: dict[str, str], method: str, tail: str
) -> None:
    sign_in(browser, callers.owner.token)
    right = csrf(browser)

    response = browser.open(
        f"/api/jobs/{job}{tail}", method=method, headers={name: value.replace("<right>", right) for name, value in headers.items()}
    )

    problem(response, 403, "cross-site")
    assert callers.owner("GET", f"/api/jobs/{job}").json["status"] == "pending"


def test_the_page_itself_may_change_things(browser: FlaskClient, callers: Callers, job: str) -> None:
    sign_in(browser, callers.owner.token)
    headers = {"X-CSRF-Token": csrf(browser), "Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}

    assert browser.post(f"/api/jobs/{job}/cancel", headers=headers).status_code == 202


def test_another_site_can_sign_nobody_in(browser: FlaskClient, callers: Callers) -> None:
    assert browser.post("/signin", data={"token": callers.owner.token}).status_code == 403
    assert sign_in(browser, callers.owner.token, headers={"Origin": "https://evil.test"}).status_code == 403


def test_a_csrf_token_from_before_the_sign_in_is_worth_nothing_after(browser: FlaskClient, callers: Callers, job: str) -> None:
    planted = shown_token(browser.get("/signin").text)
    sign_in(browser, callers.owner.token)

    problem(browser.post(f"/api/jobs/{job}/cancel", headers={"X-CSRF-Token": planted}), 403, "cross-site")


def test_a_bearer_token_needs_no_csrf_token(callers: Callers, job: str) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.test"}
    assert callers.owner("POST", f"/api/jobs/{job}/cancel", headers=headers).status_code == 202


def test_processes_that_start_together_agree_on_one_secret_key_that_only_its_owner_reads(web_settings: Settings, tmp_path: Any) -> None:
    keys = {secret_key(web_settings) for _ in range(3)}

    kept = tmp_path / "data" / "secret.key"
    assert keys == {kept.read_text()}
    assert kept.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in kept.parent.glob(".secret*")] == []


def test_a_secret_key_that_is_set_is_used(web_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "given")
    assert secret_key(Settings()) == "given"


@pytest.mark.parametrize(
    ("url", "key", "warned"),
    [("redis://far/0", "", True), ("redis://far/0", "given", False), ("unix:///a.sock", "", False), ("", "", False)],
)
def test_a_key_of_one_machine_is_warned_of_where_there_may_be_several(
    web_settings: Settings, caplog: pytest.LogCaptureFixture, url: str, key: str, warned: bool
) -> None:
    secret_key(web_settings.model_copy(update={"redis_url": url, "secret_key": SecretStr(key)}))

    assert ("set SECRET_KEY" in caplog.text) is warned
