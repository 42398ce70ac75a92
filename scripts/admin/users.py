"""`users add|list|role|remove`, and what proves who they are: `users token|tokens|revoke|link`; `users limit`."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from jobs import people, people_tokens
from jobs.people import Person, Role
from jobs.people_tokens import Token
from jobs.settings import settings
from jobs.store import Store
from jobs.view import iso
from scripts import welcome
from scripts.admin import limits
from scripts.admin.desk import command, noun, rows, tell


def add_to(things: Any, shared: argparse.ArgumentParser) -> None:
    users = noun(things, "users", "add, list and remove users; their tokens")
    add = command(users, shared, "add", add_user, "add a user; the token is printed on standard output, once")
    add.add_argument("name")
    add.add_argument("--org", required=True, help="organisation")
    add.add_argument("--role", choices=list(Role), default=Role.USER)
    add.add_argument("--label", default="first", help="what the token is for (%(default)s)")
    command(users, shared, "list", list_users, "list users")
    role = command(users, shared, "role", change_role, "make a user an admin, or an admin a user")
    role.add_argument("name")
    role.add_argument("role", choices=list(Role))
    token = command(users, shared, "token", renew_token, "give a user a new token; ALL others of theirs end, and their sessions")
    token.add_argument("name")
    token.add_argument("--label", default="new", help="what it is for (%(default)s)")
    command(users, shared, "tokens", list_tokens, "list the tokens of a user: labels and times, never the token").add_argument("name")
    revoke = command(users, shared, "revoke", revoke_token, "end one token of a user, and its sessions")
    revoke.add_argument("name")
    revoke.add_argument("id", help="as `users tokens` and the account's page show it")
    link = command(users, shared, "link", make_link, "print a link that signs a user in once, within 15 minutes")
    link.add_argument("name")
    link.add_argument("--url", help="where Lectern is (LECTERN_URL; else where the one that runs on --data listens)")
    limits.add_to(users, shared)
    command(users, shared, "remove", remove_user, "remove a user; the jobs stay").add_argument("name")


def add_user(store: Store, arguments: argparse.Namespace) -> None:
    token = people.add(store, arguments.name, org=arguments.org, role=arguments.role, label=arguments.label)
    tell(arguments, {"user": arguments.name, "org": arguments.org, "token": token}, token)
    explain(arguments, f"{arguments.name} of {arguments.org} was added ({arguments.role}). The line above is the token, shown this once.")


def list_users(store: Store, arguments: argparse.Namespace) -> None:
    found = people.listing(store)
    tell(arguments, [described(person) for person in found], rows(((p.user, p.org, p.role) for p in found), "user", "org", "role"))


def change_role(store: Store, arguments: argparse.Namespace) -> None:
    person = people.set_role(store, arguments.name, arguments.role)
    tell(arguments, described(person), f"{person.user} is {'an admin' if person.admin else 'a user'} now")


def renew_token(store: Store, arguments: argparse.Namespace) -> None:
    token = people.new_token(store, arguments.name, label=arguments.label)
    tell(arguments, {"user": arguments.name, "token": token}, token)
    explain(arguments, f"The line above is {arguments.name}'s new token, shown this once; all others have ended, and their sessions.")


def list_tokens(store: Store, arguments: argparse.Namespace) -> None:
    found = people_tokens.listing(store, arguments.name)
    lines = ((t.id, t.label or "–", day(t.created_at), minute(t.last_used_at), day(t.expires_at)) for t in found)
    tell(arguments, [described_token(token) for token in found], rows(lines, "id", "label", "made", "last used (UTC)", "ends"))


def revoke_token(store: Store, arguments: argparse.Namespace) -> None:
    people_tokens.revoke(store, arguments.name, arguments.id)
    tell(arguments, {"user": arguments.name, "id": arguments.id, "revoked": True}, f"{arguments.id} of {arguments.name} has ended")


def make_link(store: Store, arguments: argparse.Namespace) -> None:
    link = welcome.link(store, arguments.name, arguments.url or welcome.url_of(arguments.data, settings().port))
    tell(arguments, {"user": arguments.name, "link": link, "seconds": people_tokens.LINK_S}, link)
    if not arguments.json:
        print(f"Opened in a browser it signs {arguments.name} in, once, within 15 minutes.", file=sys.stderr)


def remove_user(store: Store, arguments: argparse.Namespace) -> None:
    left = people.remove(store, arguments.name)
    said = f"{arguments.name} was removed; the tokens are void" + (
        f", {left} jobs stay: jobs purge --user {arguments.name}" if left else ""
    )
    tell(arguments, {"user": arguments.name, "removed": True, "jobs_left": left}, said)


def explain(arguments: argparse.Namespace, what: str) -> None:
    """Say to a person what the token is and where it goes; a script reads standard output alone."""
    if not arguments.json:
        url = welcome.url_of(arguments.data, settings().port)
        print(f"{what}\nTo sign in on a page: {url}/signin. For programs: Authorization: Bearer TOKEN, or LECTERN_TOKEN=…", file=sys.stderr)


def day(at: float | None) -> str:
    return (iso(at) or "–")[:10]


def minute(at: float | None) -> str:
    return "never" if at is None else (iso(at) or "")[:16].replace("T", " ")


def described(person: Person) -> dict[str, Any]:
    return {"user": person.user, "org": person.org, "role": str(person.role), "created_at": iso(person.created_at)}


def described_token(token: Token) -> dict[str, Any]:
    times = {"created_at": token.created_at, "last_used_at": token.last_used_at, "expires_at": token.expires_at}
    return {"id": token.id, "label": token.label} | {name: iso(at) for name, at in times.items()}
