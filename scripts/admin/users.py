"""`users add|list|token|limit|remove`."""

from __future__ import annotations

import argparse
from typing import Any

from jobs import people
from jobs.people import Person, Role
from jobs.store import Store
from jobs.view import iso
from scripts.admin import limits
from scripts.admin.desk import command, noun, rows, tell


def add_to(things: Any, shared: argparse.ArgumentParser) -> None:
    users = noun(things, "users", "add, list and remove users; give new tokens")
    add = command(users, shared, "add", add_user, "add a user and show the token, once")
    add.add_argument("name")
    add.add_argument("--org", required=True, help="organisation")
    add.add_argument("--role", choices=list(Role), default=Role.USER)
    command(users, shared, "list", list_users, "list users")
    command(users, shared, "token", renew_token, "give a user a new token; the old one ends").add_argument("name")
    limits.add_to(users, shared)
    command(users, shared, "remove", remove_user, "remove a user; the jobs stay").add_argument("name")


def add_user(store: Store, arguments: argparse.Namespace) -> None:
    token = people.add(store, arguments.name, org=arguments.org, role=arguments.role)
    tell(arguments, {"user": arguments.name, "org": arguments.org, "token": token}, token)


def list_users(store: Store, arguments: argparse.Namespace) -> None:
    found = people.listing(store)
    tell(arguments, [described(person) for person in found], rows(((p.user, p.org, p.role) for p in found), "user", "org", "role"))


def renew_token(store: Store, arguments: argparse.Namespace) -> None:
    token = people.new_token(store, arguments.name)
    tell(arguments, {"user": arguments.name, "token": token}, token)


def remove_user(store: Store, arguments: argparse.Namespace) -> None:
    people.remove(store, arguments.name)
    tell(arguments, {"user": arguments.name, "removed": True}, f"{arguments.name} was removed; the token is void")


def described(person: Person) -> dict[str, Any]:
    return {"user": person.user, "org": person.org, "role": str(person.role), "created_at": iso(person.created_at)}
