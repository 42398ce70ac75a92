"""/api/me and /api/users: one's own tokens, and the users that an admin looks after."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.web.conftest import Caller, Callers, problem


def soon(**later: float) -> str:
    return (datetime.now(UTC) + timedelta(**later)).isoformat()


def test_i_am_told_who_i_am(callers: Callers) -> None:
    told = callers.owner("GET", "/api/me").json
    assert told.items() >= {"user": "ada", "org": "physics", "role": "user"}.items()
    assert told["created_at"].endswith("Z")
    assert callers.admin("GET", "/api/me").json["role"] == "admin"


def test_a_token_of_mine_is_made_shown_once_listed_used_and_revoked(owner: Caller) -> None:
    made = owner("POST", "/api/me/tokens", json={"label": "nightly import", "expires_at": soon(days=30)})
    assert made.status_code == 201
    token = made.json["token"]
    assert token.startswith("lec_")
    assert (made.json["label"], made.json["last_used_at"], made.json["current"]) == ("nightly import", None, False)
    assert made.json["expires_at"].endswith("Z")

    other = Caller(owner.client, token)
    assert other("GET", "/api/me").json["user"] == "ada"
    listed = other("GET", "/api/me/tokens")
    assert token not in listed.text
    assert [(one["label"], one["current"]) for one in listed.json["tokens"]] == [("nightly import", True), ("first", False)]
    assert listed.json["tokens"][0]["last_used_at"]

    assert owner("DELETE", f"/api/me/tokens/{made.json['id']}").status_code == 204
    problem(other("GET", "/api/me"), 401, "unauthenticated")
    problem(owner("DELETE", f"/api/me/tokens/{made.json['id']}"), 404, "not-found")


def test_a_token_may_end_itself(owner: Caller) -> None:
    mine = owner("GET", "/api/me/tokens").json["tokens"][0]
    assert owner("DELETE", f"/api/me/tokens/{mine['id']}").status_code == 204
    assert owner("GET", "/api/me").status_code == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "label"),
        ({"label": ""}, "label"),
        ({"label": "x" * 81}, "label"),
        ({"label": "two\nlines"}, "label"),
        ({"label": "x", "expires_at": "soon"}, "expires_at"),
        ({"label": "x", "expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ({"label": "x", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"label": "x", "expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at"),
        ({"label": "x", "expires_at": "0001-01-01T00:00:00+14:00"}, "expires_at"),
        ({"label": "x", "user": "ben"}, "user"),
        ([], None),
    ],
)
def test_a_token_that_cannot_be_is_refused_by_field(owner: Caller, body: Any, field: str | None) -> None:
    told = problem(owner("POST", "/api/me/tokens", json=body), 422, "invalid")
    assert told.get("field") == field
    assert len(owner("GET", "/api/me/tokens").json["tokens"]) == 1


def test_a_user_is_added_listed_promoted_and_removed(admin: Caller, callers: Callers, job: str) -> None:
    made = admin("POST", "/api/users", json={"user": "grace", "org": "maths"})
    assert made.status_code == 201
    grace = Caller(admin.client, made.json["token"])
    assert {key: value for key, value in made.json.items() if key != "token"}.items() <= grace("GET", "/api/me").json.items()

    told = {one["user"]: one for one in admin("GET", "/api/users").json["users"]}
    assert list(told) == ["ada", "ben", "cleo", "grace", "root"]
    assert (told["grace"]["org"], told["grace"]["role"], told["grace"]["tokens"]) == ("maths", "user", 1)
    assert told["grace"]["last_used_at"]
    assert told["ben"]["last_used_at"] is None
    assert [one["user"] for one in admin("GET", "/api/users?org=physics").json["users"]] == ["ada", "ben"]
    problem(admin("GET", "/api/users?organisation=physics"), 422, "invalid")

    assert grace("GET", "/api/users").status_code == 403
    assert admin("PATCH", "/api/users/grace", json={"role": "admin"}).json["role"] == "admin"
    assert grace("GET", "/api/users").status_code == 200, "with the next request"

    assert grace("DELETE", "/api/users/ada").json == {"user": "ada", "jobs_left": 1}
    assert callers.owner("GET", "/api/me").status_code == 401
    assert admin("GET", f"/api/jobs/{job}").json["status"] == "pending", "the job goes on"


def test_an_admin_gives_a_user_tokens_and_takes_them_back(admin: Caller, owner: Caller) -> None:
    made = admin("POST", "/api/users/ada/tokens", json={"label": "lost the old one"})
    assert made.status_code == 201
    ada = Caller(owner.client, made.json["token"])
    assert ada("GET", "/api/me").json["user"] == "ada"
    tokens = admin("GET", "/api/users/ada/tokens").json["tokens"]
    assert [(one["label"], one["current"]) for one in tokens] == [("lost the old one", False), ("first", False)]

    assert admin("DELETE", f"/api/users/ada/tokens/{tokens[1]['id']}").status_code == 204

    assert owner("GET", "/api/me").status_code == 401
    assert ada("GET", "/api/me").status_code == 200


def test_nobody_takes_the_own_or_the_last_admins_place(admin: Caller) -> None:
    for method, given in (("PATCH", {"json": {"role": "user"}}), ("DELETE", {})):
        told = problem(admin(method, "/api/users/root", **given), 409, "conflict")
        assert "your" in told["detail"]
    assert admin("PATCH", "/api/users/root", json={"role": "admin"}).status_code == 200, "nothing of it changes"
    assert admin("GET", "/api/users").status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "kind", "field"),
    [
        ({"user": "ada", "org": "physics"}, 409, "conflict", None),
        ({"user": "Grace", "org": "maths"}, 422, "invalid", "user"),
        ({"user": "grace", "org": "Maths"}, 422, "invalid", "org"),
        ({"user": "grace", "org": "rq"}, 422, "invalid", "org"),
        ({"user": "grace", "org": "maths", "role": "owner"}, 422, "invalid", "role"),
        ({"user": "grace", "org": "maths", "label": " "}, 422, "invalid", "label"),
        ({"user": "grace"}, 422, "invalid", "org"),
        ({"user": "grace\n", "org": "maths"}, 422, "invalid", "user"),
    ],
)
def test_a_user_that_cannot_be_is_refused_by_field(admin: Caller, body: dict[str, str], status: int, kind: str, field: str | None) -> None:
    told = problem(admin("POST", "/api/users", json=body), status, kind)
    assert told.get("field") == field
    assert len(admin("GET", "/api/users").json["users"]) == 4


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/api/users/nobody", {"role": "user"}),
        ("DELETE", "/api/users/nobody", None),
        ("GET", "/api/users/nobody/tokens", None),
        ("POST", "/api/users/nobody/tokens", {"label": "x"}),
        ("DELETE", "/api/users/nobody/tokens/abc", None),
        ("DELETE", "/api/users/ada/tokens/abc", None),
        ("DELETE", "/api/users/a%00b/tokens/%F0%9F%98%80", None),
    ],
)
def test_who_is_not_there_is_not_found(admin: Caller, callers: Callers, method: str, path: str, body: Any) -> None:
    problem(admin(method, path, json=body), 404, "not-found")
