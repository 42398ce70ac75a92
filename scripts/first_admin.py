"""Give an installation its first admin, so that somebody can sign in. The token lies in a file only its owner can read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from jobs import people
from jobs.people import Person
from jobs.store import Store

NAME = "admin"
ORG = "local"


def appoint(data: Path, store: Store, say: Callable[[str], None]) -> None:
    """See to it that there is an admin, and say where the token lies. Those that exist are left as they are."""
    path = data / "admin.token"
    admin = find(store)
    if admin is None:
        write_secret(path, people.add(store, NAME, org=ORG, role=people.Role.ADMIN, label=path.name))
        say(f"User {NAME} was added; the token is in {path}")
    elif path.exists() and people.find(store, path.read_text().strip()):
        say(f"The admin's token is in {path}")
    else:
        say(f"The token of user {admin.user} is not in {path}; for a new one: python -m scripts.admin users token {admin.user}")


def find(store: Store) -> Person | None:
    """Return who has been an admin here for longest, `admin` first of all: whom a laptop's own link signs in."""
    admins = [person for person in people.listing(store) if person.admin]
    return min(admins, key=lambda person: (person.user != NAME, person.created_at), default=None)


def write_secret(path: Path, secret: str) -> None:
    """Write a file of mode 0600 whole or not at all: a crash must not leave half a token."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
