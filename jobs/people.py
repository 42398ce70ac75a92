"""Know who may ask for what: users, their organisation and role, and the token that proves them.

A token is shown once and stored as its SHA-256; whoever reads Redis cannot sign in. One token a person: a new one
ends the old one at once, and with it every session that was opened by it. Knows nothing of HTTP and of passwords.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis.client import Pipeline

from jobs.errors import Conflict, InvalidSubmission, Nobody, NotFound
from jobs.model import ORG_NAME, PLAIN_ORG, USER_NAME
from jobs.store import Store

TOKEN_PREFIX = "lec_"  #: makes a token easy to recognise where it should not be


class Role(StrEnum):
    USER = "user"  #: sees and steers the own jobs
    ADMIN = "admin"  #: sees and steers every job


@dataclass(frozen=True, slots=True)
class Person:
    user: str
    org: str
    role: Role
    created_at: float = 0.0  #: seconds since the epoch

    @property
    def admin(self) -> bool:
        return self.role is Role.ADMIN


def digest(token: str) -> str:
    """Return what a token is stored as. A token has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def add(store: Store, name: str, *, org: str, role: Role | str = Role.USER, now: float | None = None) -> str:
    """Add a user and return the token. Raises InvalidSubmission for a bad name, Conflict when the name is taken."""
    if not USER_NAME.fullmatch(name):
        raise InvalidSubmission(f"user name {name!r} is not of the form {USER_NAME.pattern}", field="name")
    if not ORG_NAME.fullmatch(org):
        raise InvalidSubmission(f"organisation {org!r} is not of the form {ORG_NAME.pattern}", field="org")
    if org == PLAIN_ORG:
        raise InvalidSubmission(f"organisation {org!r} is that of plain RQ jobs, and nobody else's; choose another name", field="org")
    if role not in list(Role):
        raise InvalidSubmission(f"role {role!r} is not one of {', '.join(Role)}", field="role")
    created = time.time() if now is None else now
    token = _new_secret()

    def write(pipe: Pipeline) -> None:
        if pipe.exists(store.keys.user(name)):
            raise Conflict(f"there is a user {name!r} already; `users token {name}` makes a new token")
        left = _org_of_jobs_left(store, name)
        if left not in (None, org):  # whoever had this name before must not hand their jobs on to another organisation
            raise Conflict(f"jobs of an earlier {name!r} of {left} are left; `jobs purge --user {name}` first, or choose another name")
        pipe.multi()
        fields: dict[Any, Any] = {"org": org, "role": str(role), "created": f"{created:.6f}", "token": digest(token)}
        pipe.hset(store.keys.user(name), mapping=fields)
        pipe.sadd(store.keys.users(), name)
        _grant(pipe, store, name, token, created)

    store.redis.transaction(write, store.keys.user(name))
    return token


def new_token(store: Store, name: str, *, now: float | None = None) -> str:
    """Give a user a new token and end the old one; return the new one. Raises NotFound."""
    created = time.time() if now is None else now
    token = _new_secret()

    def write(pipe: Pipeline) -> None:
        old = _text(pipe.hget(store.keys.user(name), "token"))
        if old is None:
            raise _no_user(name)
        pipe.multi()
        pipe.delete(store.keys.token(old))
        pipe.hset(store.keys.user(name), "token", digest(token))
        _grant(pipe, store, name, token, created)

    store.redis.transaction(write, store.keys.user(name))
    return token


def remove(store: Store, name: str) -> None:
    """Remove a user and the token; the jobs stay, for an admin to purge. Raises NotFound, and Conflict for the last admin."""

    last_of: list[str] = []

    def write(pipe: Pipeline) -> None:
        last_of.clear()
        token, org = map(_text, pipe.hmget(store.keys.user(name), "token", "org"))
        if token is None or org is None:
            raise _no_user(name)
        people = listing(store)
        admins = [person.user for person in people if person.admin]
        if admins == [name]:
            raise Conflict(f"{name} is the last admin; add another one first")
        others = [person for person in people if person.user != name and person.org == org]
        pipe.multi()
        pipe.delete(store.keys.user(name), store.keys.token(token))
        pipe.delete(store.keys.callback_secret(name))
        pipe.srem(store.keys.users(), name)
        if not others:
            pipe.delete(store.keys.org(org))
            pipe.srem(store.keys.build("orgs"), org)
            last_of.append(org)

    # Watching the set of names: a member added to the organisation meanwhile must keep its weight.
    store.redis.transaction(write, store.keys.user(name), store.keys.users())
    for org in last_of:
        store.run("tune", "", org, "", "0")  # with its limit gone, what that kept waiting may run


def find(store: Store, token: str) -> Person | None:
    """Return whose token this is, or None."""
    return find_by_digest(store, digest(token))


def find_by_digest(store: Store, token_digest: str) -> Person | None:
    """Return whose token has this digest, or None; what a session holds instead of the token. One round trip."""
    try:
        return told(store.run("who", token_digest))
    except Nobody:
        return None


def told(who: Sequence[bytes]) -> Person:
    """Return a person as people.lua tells of one: user, organisation, role, created."""
    user, org, role, created = (part.decode() for part in who)
    return Person(user, org, Role(role), float(created))


def _org_of_jobs_left(store: Store, name: str) -> str | None:
    newest = store.redis.zrevrange(store.keys.user_jobs(name), 0, 0)
    return _text(store.redis.hget(store.keys.job(newest[0].decode()), "org")) if newest else None


def listing(store: Store) -> list[Person]:
    """Return every user by name, in one round trip after that for the names."""
    names = sorted(name for name in map(_text, store.redis.smembers(store.keys.users())) if name is not None)
    pipe = store.redis.pipeline(transaction=False)
    for name in names:
        pipe.hmget(store.keys.user(name), *FIELDS)
    found = [_read(name, fields) for name, fields in zip(names, pipe.execute(), strict=True)]
    return [person for person in found if person is not None]


FIELDS = ("org", "role", "created")


def _read(name: str, fields: Iterable[Any]) -> Person | None:
    org, role, created = map(_text, fields)
    if org is None or role is None:
        return None
    return Person(name, org, Role(role), float(created or 0))


def _text(value: Any) -> str | None:
    return value.decode() if isinstance(value, bytes) else None


def _grant(pipe: Pipeline, store: Store, name: str, token: str, created: float) -> None:
    pipe.hset(store.keys.token(digest(token)), mapping={"user": name, "created": f"{created:.6f}"})


def _new_secret() -> str:
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def _no_user(name: str) -> NotFound:
    return NotFound(f"there is no user {name!r}; `users list` shows all")
