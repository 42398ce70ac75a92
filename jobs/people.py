"""Know who may ask for what: users, their organisation and role, and whom a token proves (jobs/people_tokens.py).

There is always an admin: the last one can neither be removed nor become a user. Knows nothing of HTTP and of passwords.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from redis.client import Pipeline

from jobs import people_tokens
from jobs.errors import Conflict, InvalidSubmission, Nobody
from jobs.model import ORG_NAME, PLAIN_ORG, SYSTEM, USER_NAME, Allowance
from jobs.people_tokens import digest as digest
from jobs.people_tokens import new_secret, no_user
from jobs.people_tokens import renew as new_token
from jobs.store import Store, stamp

__all__ = ("Person", "Role", "add", "digest", "find", "find_by_digest", "get", "listing", "new_token", "remove", "set_role", "told")


class Role(StrEnum):
    USER = "user"  #: sees and steers the own jobs
    ADMIN = "admin"  #: sees and steers every job


@dataclass(frozen=True, slots=True)
class Person:
    user: str
    org: str
    role: Role
    created_at: float = 0.0  #: seconds since the epoch
    allowance: Allowance | None = field(default=None, compare=False)  #: what was left after the request that they were found by

    @property
    def admin(self) -> bool:
        return self.role is Role.ADMIN


def add(store: Store, name: str, *, org: str, role: Role | str = Role.USER, label: str = "first", now: float | None = None) -> str:
    """Add a user and return the token. Raises InvalidSubmission for a bad name, Conflict when the name is taken."""
    if not USER_NAME.fullmatch(name):
        raise InvalidSubmission(f"user name {name!r} is not of the form {USER_NAME.pattern}", field="name")
    if name == SYSTEM:
        raise InvalidSubmission(f"user {name!r} is Lectern itself; choose another name", field="name")
    if not ORG_NAME.fullmatch(org):
        raise InvalidSubmission(f"organisation {org!r} is not of the form {ORG_NAME.pattern}", field="org")
    if org == PLAIN_ORG:
        raise InvalidSubmission(f"organisation {org!r} is that of plain RQ jobs, and nobody else's; choose another name", field="org")
    _check_role(role)
    people_tokens.checked(label)
    created = time.time() if now is None else now
    token = new_secret()

    def write(pipe: Pipeline) -> None:
        if pipe.exists(store.keys.user(name)):
            raise Conflict(f"there is a user {name!r} already; `users token {name}` makes a new token")
        left = _org_of_jobs_left(store, name)
        if left not in (None, org):  # whoever had this name before must not hand their jobs on to another organisation
            raise Conflict(f"jobs of an earlier {name!r} of {left} are left; `jobs purge --user {name}` first, or choose another name")
        pipe.multi()
        fields: dict[Any, Any] = {"org": org, "role": str(role), "created": f"{created:.6f}"}
        pipe.hset(store.keys.user(name), mapping=fields)
        pipe.sadd(store.keys.users(), name)
        people_tokens.put(pipe, store, name, token, label=label, now=created)

    store.redis.transaction(write, store.keys.user(name))
    return token


def set_role(store: Store, name: str, role: Role | str) -> Person:
    """Make a user an admin, or an admin a user; return who that is now. Raises NotFound, and Conflict for the last admin."""
    _check_role(role)

    def write(pipe: Pipeline) -> None:
        if not pipe.hexists(store.keys.user(name), "org"):
            raise no_user(name)
        if role != Role.ADMIN:
            _spare(pipe, store, name)
        pipe.multi()
        pipe.hset(store.keys.user(name), "role", str(role))

    store.redis.transaction(write, store.keys.user(name), store.keys.users())
    return get(store, name)


def remove(store: Store, name: str) -> int:
    """Remove a user and the tokens; return how many jobs stay, for an admin to purge.

    Raises NotFound, and Conflict for the last admin.
    """
    last_of: list[str] = []

    def write(pipe: Pipeline) -> None:
        last_of.clear()
        org = _text(pipe.hget(store.keys.user(name), "org"))
        if org is None:
            raise no_user(name)
        _spare(pipe, store, name)
        others = [person for person in listing(store) if person.user != name and person.org == org]
        tokens = people_tokens.digests(pipe, store, name)
        pipe.multi()
        people_tokens.erase(pipe, store, name, tokens)
        pipe.delete(store.keys.user(name))
        pipe.delete(store.keys.callback_secret(name))
        pipe.srem(store.keys.users(), name)
        if not others:
            pipe.delete(store.keys.org(org))
            pipe.srem(store.keys.build("orgs"), org)
            last_of.append(org)

    # Watching the set of names: a member added to the organisation meanwhile must keep its weight.
    store.redis.transaction(write, store.keys.user(name), store.keys.user_tokens(name), store.keys.users())
    for org in last_of:
        store.run("tune", "", org, "", "0")  # with its limit gone, what that kept waiting may run
    return int(store.redis.zcard(store.keys.user_jobs(name)))


def get(store: Store, name: str) -> Person:
    """Return the user of a name. Raises NotFound."""
    found = _read(name, store.redis.hmget(store.keys.user(name), *FIELDS))
    if found is None:
        raise no_user(name)
    return found


def find(store: Store, token: str, *, now: float | None = None) -> Person | None:
    """Return whose token this is, or None."""
    return find_by_digest(store, digest(token), now=now)


def find_by_digest(store: Store, token_digest: str, *, counted: bool = False, now: float | None = None) -> Person | None:
    """Return whose token has this digest, or None; what a session holds instead of the token. One round trip.

    `counted` is a request of theirs. Raises Limited when it is one too many.
    """
    most = store.settings.max_requests_per_minute if counted else ""
    try:
        return told(store.run("who", token_digest, stamp(now), most))
    except Nobody:
        return None


def told(who: Sequence[Any]) -> Person:
    """Return a person as who.lua tells of one: user, organisation, role, created and, if a request was counted, what is left."""
    user, org, role, created = (part.decode() for part in who[:4])
    counted = [int(part) for part in who[4]] if len(who) > 4 else None
    allowance = Allowance(counted[0], counted[1], counted[2] / 1e6) if counted else None
    return Person(user, org, Role(role), float(created), allowance)


def _spare(pipe: Any, store: Store, name: str) -> None:
    """Raise Conflict when `name` is the only admin; watched, so that two admins cannot take each other's leave at once."""
    admins = [person.user for person in listing(store) if person.admin]
    if admins:
        pipe.watch(*map(store.keys.user, admins))
    if [one for one in admins if _text(pipe.hget(store.keys.user(one), "role")) == Role.ADMIN] == [name]:
        raise Conflict(f"{name} is the last admin; add another one first")


def _check_role(role: Role | str) -> None:
    if role not in list(Role):
        raise InvalidSubmission(f"role {role!r} is not one of {', '.join(Role)}", field="role")


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
