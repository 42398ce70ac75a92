"""/api/me and /api/users: who I am, who may sign in, and the tokens that prove it. Others than oneself are for admins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, jsonify, request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from jobs import people, people_tokens
from jobs.errors import Conflict, Forbidden
from jobs.model import ORG_NAME, USER_NAME
from jobs.people import Person, Role
from jobs.people_tokens import Token
from jobs.view import iso
from web import auth, limits
from web.auth import person
from web.backend import backend
from web.body import read_json
from web.openapi import people as answers
from web.openapi.describing import describes
from web.problems import Kind, invalid

routes = Blueprint("api_people", __name__, url_prefix="/api")
JSON = "application/json"


class NewToken(BaseModel):
    """The body of POST /api/me/tokens and /api/users/<name>/tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str = Field(max_length=people_tokens.MAX_LABEL, description="where it is used: `laptop`, `nightly import`")
    expires_at: AwareDatetime | None = Field(None, description="when it ends, ISO 8601 with a zone; left out: never")


class NewUser(BaseModel):
    """The body of POST /api/users."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str = Field(pattern=f"^{USER_NAME.pattern}$", description="small letters, digits and _ . @ -")
    org: str = Field(pattern=f"^{ORG_NAME.pattern}$", description="the organisation: whose jobs wait for each other")
    role: Role = Field(Role.USER, description="user or admin")
    label: str = Field("first", max_length=people_tokens.MAX_LABEL, description="of the first token")


class NewRole(BaseModel):
    """The body of PATCH /api/users/<name>."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Role = Field(description="user or admin")


class Listing(BaseModel):
    """What GET /api/users may be asked with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    org: str | None = Field(None, pattern=f"^{ORG_NAME.pattern}$")


@routes.before_request
def others_are_for_admins() -> None:
    """Raises Forbidden: who else is here, and what proves it, is not everybody's business."""
    if request.path.startswith("/api/users") and not person().admin:
        raise Forbidden("only an admin may look at other users and change them; what is your own is under /api/me")


@routes.get("/me")
@describes("Who I am", answers={200: answers.Me})
def me() -> Response:
    """Answer who asks → {user, org, role, created_at, limits}."""
    return jsonify(who_i_am())


@routes.get("/me/tokens")
@describes("My tokens", answers={200: answers.Tokens})
def my_tokens() -> Response:
    """List the asker's tokens, the newest first → {tokens: […]}."""
    return listed(people_tokens.listing(backend().store, person().user))


@routes.post("/me/tokens")
@describes("Make a token of mine", body=NewToken, answers={201: answers.NewlyMade}, refuses=[Kind.CONFLICT])
def new_token_of_mine() -> tuple[Response, int]:
    """Make one more token {label, expires_at} → 201 and the token itself, this once."""
    return made(person().user)


@routes.delete("/me/tokens/<token_id>")
@describes("End a token of mine", answers={204: None})
def revoke_token_of_mine(token_id: str) -> tuple[str, int]:
    """End a token of the asker's, at once and with its sessions. It may be the one that asks."""
    people_tokens.revoke(backend().store, person().user, token_id)
    return "", 204


@routes.get("/users")
@describes("All users", query=Listing, answers={200: answers.Users}, admins=True)
def users() -> Response:
    """List users by name → {users: [{user, org, role, created_at, tokens, last_used_at}]}."""
    try:
        asked = Listing.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise invalid(error) from error
    found = [one for one in people.listing(backend().store) if asked.org in (None, one.org)]
    tokens = people_tokens.of_all(backend().store, [one.user for one in found])
    return jsonify(users=[described(one) | summary(tokens[one.user]) for one in found])


@routes.post("/users")
@describes("Add a user", body=NewUser, answers={201: answers.NewlyAdded}, refuses=[Kind.CONFLICT], admins=True)
def add_user() -> tuple[Response, int]:
    """Add a user {user, org, role, label} → 201 and the first token, this once."""
    new = NewUser.model_validate(read_json(request, accepted=JSON))
    token = people.add(backend().store, new.user, org=new.org, role=new.role, label=new.label)
    return jsonify(described(people.get(backend().store, new.user)) | {"token": token}), 201


@routes.patch("/users/<name>")
@describes("Change a user's role", body=NewRole, answers={200: answers.User}, refuses=[Kind.CONFLICT], admins=True)
def change_user(name: str) -> Response:
    """Change a user's role {role} → the user. Takes effect with the next request."""
    asked = NewRole.model_validate(read_json(request, accepted=JSON))
    if name == person().user and asked.role is not Role.ADMIN:
        raise Conflict("this would take your own admin's role; have another admin do it")
    return jsonify(described(people.set_role(backend().store, name, asked.role)))


@routes.delete("/users/<name>")
@describes("Remove a user", answers={200: answers.Removed}, refuses=[Kind.CONFLICT], admins=True)
def remove_user(name: str) -> Response:
    """Remove a user and all tokens → {user, jobs_left}: the jobs stay, and go on."""
    if name == person().user:
        raise Conflict("this would remove yourself; have another admin do it")
    return jsonify(user=name, jobs_left=people.remove(backend().store, name))


@routes.get("/users/<name>/tokens")
@describes("A user's tokens", answers={200: answers.Tokens}, admins=True)
def tokens_of_user(name: str) -> Response:
    """List a user's tokens, the newest first → {tokens: […]}."""
    return listed(people_tokens.listing(backend().store, name))


@routes.post("/users/<name>/tokens")
@describes("Make a token for a user", body=NewToken, answers={201: answers.NewlyMade}, refuses=[Kind.CONFLICT], admins=True)
def new_token_of_user(name: str) -> tuple[Response, int]:
    """Make one more token for a user {label, expires_at} → 201 and the token itself, this once."""
    return made(name)


@routes.delete("/users/<name>/tokens/<token_id>")
@describes("End a token of a user", answers={204: None}, admins=True)
def revoke_token_of_user(name: str, token_id: str) -> tuple[str, int]:
    """End a token of a user, at once and with its sessions."""
    people_tokens.revoke(backend().store, name, token_id)
    return "", 204


def made(user: str) -> tuple[Response, int]:
    asked = NewToken.model_validate(read_json(request, accepted=JSON))
    ends_at = asked.expires_at.timestamp() if asked.expires_at else None
    secret, token = people_tokens.new(backend().store, user, label=asked.label, expires_at=ends_at)
    return jsonify(told(token) | {"token": secret}), 201


def listed(tokens: Sequence[Token]) -> Response:
    return jsonify(tokens=[told(token) for token in tokens])


def who_i_am() -> dict[str, Any]:
    return described(person()) | {"limits": limits.told(person())}


def described(person: Person) -> dict[str, Any]:
    return {"user": person.user, "org": person.org, "role": str(person.role), "created_at": iso(person.created_at)}


def summary(tokens: Sequence[Token]) -> dict[str, Any]:
    used = [token.last_used_at for token in tokens if token.last_used_at is not None]
    return {"tokens": len(tokens), "last_used_at": iso(max(used, default=None))}


def told(token: Token) -> dict[str, Any]:
    """Return what is told of a token; `current` is the one by which is asked."""
    times = {"created_at": token.created_at, "last_used_at": token.last_used_at, "expires_at": token.expires_at}
    return {
        "id": token.id,
        "label": token.label,
        **{name: iso(at) for name, at in times.items()},
        "current": token.digest == auth.digest(),
    }
