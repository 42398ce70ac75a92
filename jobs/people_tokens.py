"""What proves who somebody is: tokens, several a person, and the links that sign in once.

A token is shown once and stored as its SHA-256; whoever reads Redis cannot sign in. Each has a label, when it was used
last, an end perhaps, and is revoked by an id that gives nothing away. Revoking one ends the sessions it opened.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis.client import Pipeline

from jobs.errors import Conflict, InvalidSubmission, NotFound
from jobs.store import SECOND, Store

TOKEN_PREFIX = "lec_"  #: makes a token easy to recognise where it should not be
MAX_TOKENS = 50  #: of a person
MAX_LABEL = 80  #: characters
MAX_LIFE_S = 3650 * 86_400  #: of a token that has an end
LINK_S = 900  #: in which a sign-in link can be used
BROWSER = "browser"  #: label of the tokens that sign-in links make
BROWSER_IDLE_S = 30 * 86_400  #: without use, after which such a token ends
FIELDS = ("user", "label", "created", "used", "expires", "idle")


@dataclass(frozen=True, slots=True)
class Token:
    """What may be told of a token. Times in seconds since the epoch."""

    id: str
    label: str
    created_at: float
    last_used_at: float | None  #: to the minute; None: never
    expires_at: float | None  #: None: never
    idle_s: int | None  #: ends when it was not used for so long, which `expires_at` tells; a browser's
    digest: str = field(repr=False)


def digest(token: str) -> str:
    """Return what a token is stored as. A token has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def id_of(token_digest: str) -> str:
    """Return the name by which a token is listed and revoked: made of the digest, which it does not tell."""
    return hashlib.sha256(token_digest.encode()).hexdigest()[:12]


def new(store: Store, user: str, *, label: str, expires_at: float | None = None, now: float | None = None) -> tuple[str, Token]:
    """Give a user one more token; return it, and what may be told of it.

    Raises NotFound for the user, InvalidSubmission for a label or an end that cannot be, Conflict when there are MAX_TOKENS.
    """
    made_at = time.time() if now is None else now
    if expires_at is not None and not made_at < expires_at <= made_at + MAX_LIFE_S:
        raise InvalidSubmission("expires_at must be within the ten years to come; left out, the token has no end", field="expires_at")
    secret = new_secret()

    def write(pipe: Pipeline) -> None:
        ended, living = _sort(pipe, store, user)
        if len(living) >= MAX_TOKENS:
            raise Conflict(f"{user} has {len(living)} tokens, which is the most; revoke one that is not needed any more")
        pipe.multi()
        if ended:
            pipe.srem(store.keys.user_tokens(user), *ended)
        put(pipe, store, user, secret, label=label, expires_at=expires_at, now=made_at)

    checked(label)
    store.redis.transaction(write, store.keys.user(user), store.keys.user_tokens(user))
    return secret, Token(id_of(digest(secret)), label, made_at, None, expires_at, None, digest(secret))


def renew(store: Store, user: str, *, label: str = "new", now: float | None = None) -> str:
    """Give a user a new token and end all others, the sessions of browsers included; return it. Raises NotFound."""
    made_at = time.time() if now is None else now
    secret = new_secret()

    def write(pipe: Pipeline) -> None:
        every = digests(pipe, store, user)
        pipe.multi()
        erase(pipe, store, user, every)
        pipe.hdel(store.keys.user(user), "token")
        put(pipe, store, user, secret, label=label, now=made_at)

    checked(label)
    store.redis.transaction(write, store.keys.user(user), store.keys.user_tokens(user))
    return secret


def listing(store: Store, user: str) -> list[Token]:
    """Return the tokens of a user, the newest first. Raises NotFound for the user."""
    if not store.redis.hexists(store.keys.user(user), "org"):
        raise no_user(user)
    return of_all(store, [user])[user]


def of_all(store: Store, users: Sequence[str]) -> dict[str, list[Token]]:
    """Return the tokens of each of these users, the newest first, in two round trips."""
    pipe = store.redis.pipeline(transaction=False)
    for user in users:
        pipe.smembers(store.keys.user_tokens(user))
        pipe.hget(store.keys.user(user), "token")
    found = iter(pipe.execute())
    digests = {user: _told(next(found), next(found)) for user in users}
    for one in (one for of_user in digests.values() for one in of_user):
        pipe.hmget(store.keys.token(one), *FIELDS)
    fields = iter(pipe.execute())
    told = {user: [_read(user, one, next(fields)) for one in of_user] for user, of_user in digests.items()}
    return {user: sorted((t for t in tokens if t), key=lambda t: (-t.created_at, t.id)) for user, tokens in told.items()}


def revoke(store: Store, user: str, token_id: str) -> None:
    """End one token of a user, and the sessions it opened. Raises NotFound, also for a token that has ended."""
    found = next((token for token in listing(store, user) if token.id == token_id), None)
    if found is None:
        raise NotFound(f"{user} has no token {token_id}; it may have been revoked, or have ended")
    with store.redis.pipeline(transaction=True) as pipe:
        erase(pipe, store, user, [found.digest])
        pipe.execute()


def invite(store: Store, user: str) -> str:
    """Return the code of a link that signs a user in, once, within LINK_S. Raises NotFound."""
    if not store.redis.hexists(store.keys.user(user), "org"):
        raise no_user(user)
    code = secrets.token_urlsafe(24)
    store.redis.set(store.keys.link(digest(code)), user, ex=LINK_S)
    return code


def invited(store: Store, code: str) -> str | None:
    """Return whom a link would sign in, without using it up. None: it was used, has expired, or never was."""
    return _text(store.redis.get(store.keys.link(digest(code))))


def accept(store: Store, code: str, *, now: float | None = None) -> str | None:
    """Use up a link: return the digest of a token of the browser's own, or None as `invited` does.

    The token ends when it is not used for BROWSER_IDLE_S, at sign-out, or when it is revoked. Of browsers that were left
    without signing out the one that was away longest makes room. Raises Conflict as `new` does when there is none to.
    """
    user = _text(store.redis.getdel(store.keys.link(digest(code))))
    if user is None:
        return None
    made_at = time.time() if now is None else now
    secret = new_secret()

    def write(pipe: Pipeline) -> None:
        ended, living = _sort(pipe, store, user)
        if len(living) >= MAX_TOKENS:
            idle = sorted((token for token in living if token.idle_s), key=lambda token: token.last_used_at or token.created_at)
            if not idle:
                raise Conflict(f"{user} has {len(living)} tokens, which is the most; revoke one that is not needed any more")
            ended.append(idle[0].digest)
        pipe.multi()
        if ended:
            erase(pipe, store, user, ended)
        put(pipe, store, user, secret, label=BROWSER, idle_s=BROWSER_IDLE_S, now=made_at)

    try:
        store.redis.transaction(write, store.keys.user(user), store.keys.user_tokens(user))
    except NotFound:  # removed since the link was made
        return None
    return digest(secret)


def end_browser(store: Store, token_digest: str) -> None:
    """End a token that a link made for a browser, at its sign-out; one that a person was given stays."""
    user, idle = map(_text, store.redis.hmget(store.keys.token(token_digest), "user", "idle"))
    if user is not None and idle is not None:
        with store.redis.pipeline(transaction=True) as pipe:
            erase(pipe, store, user, [token_digest])
            pipe.execute()


# What people.py shares: writes into a transaction of the caller's.


def checked(label: str) -> str:
    """Return the label. Raises InvalidSubmission for one that a list could not show."""
    if not label.strip() or len(label) > MAX_LABEL or not label.isprintable():
        raise InvalidSubmission(f"a label is a line of 1 to {MAX_LABEL} characters that says where the token is used", field="label")
    return label


def digests(pipe: Pipeline, store: Store, user: str) -> list[str]:
    """Return the digests of a user's tokens. Raises NotFound for the user."""
    org, first = pipe.hmget(store.keys.user(user), "org", "token")
    if org is None:
        raise no_user(user)
    return _told(pipe.smembers(store.keys.user_tokens(user)), first)


def put(
    pipe: Pipeline,
    store: Store,
    user: str,
    secret: str,
    *,
    label: str,
    expires_at: float | None = None,
    idle_s: int | None = None,
    now: float,
) -> None:
    key = store.keys.token(digest(secret))
    fields: dict[Any, Any] = {"user": user, "label": label, "created": f"{now:.6f}"}
    if expires_at is not None:
        fields["expires"] = f"{expires_at:.6f}"
    if idle_s is not None:
        fields["idle"] = idle_s
    pipe.hset(key, mapping=fields)
    if expires_at is not None:
        pipe.pexpireat(key, round(expires_at * 1000))
    if idle_s is not None:
        pipe.expire(key, idle_s)
    pipe.sadd(store.keys.user_tokens(user), digest(secret))


def erase(pipe: Pipeline, store: Store, user: str, digests: Iterable[str]) -> None:
    for one in digests:
        pipe.delete(store.keys.token(one))
        pipe.srem(store.keys.user_tokens(user), one)


def new_secret() -> str:
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def no_user(name: str) -> NotFound:
    return NotFound(f"there is no user {name!r}; `users list` shows all")


def _sort(pipe: Pipeline, store: Store, user: str) -> tuple[list[str], list[Token]]:
    """Return the digests that have ended, which Redis has forgotten by itself, and the tokens that have not."""
    read = {one: _read(user, one, pipe.hmget(store.keys.token(one), *FIELDS)) for one in digests(pipe, store, user)}
    return [one for one, token in read.items() if token is None], [token for token in read.values() if token is not None]


def _told(several: Any, first: Any) -> list[str]:
    """Return the digests of a set; and the one that a user was given before people had several, which is in no set."""
    found = {one.decode() for one in (*several, *([first] if first else ()))}
    return sorted(found)


def _read(user: str, token_digest: str, fields: Any) -> Token | None:
    whose, label, created, used, expires, idle = map(_text, fields)
    if whose != user:
        return None
    last_used_at = int(used) / SECOND if used else None
    ends_at = float(expires) if expires else (last_used_at or float(created or 0)) + int(idle) if idle else None
    return Token(id_of(token_digest), label or "", float(created or 0), last_used_at, ends_at, int(idle) if idle else None, token_digest)


def _text(value: Any) -> str | None:
    return value.decode() if isinstance(value, bytes) else None
