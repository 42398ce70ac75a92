"""`users limit`: what a person may ask for and use."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from jobs import limits
from jobs.limits import Limits
from jobs.replies import size_in_words
from jobs.store import Store
from scripts.admin.desk import command, tell

NAMES = ("requests", "bytes", "minutes")


def add_to(users: Any, shared: argparse.ArgumentParser) -> None:
    said = "show what a user may ask for and use, or set it; admins are not limited"
    limit = command(users, shared, "limit", limit_user, said)
    limit.add_argument("name")
    limit.add_argument("--requests", type=int, metavar="N", help="requests a minute; 0: any number")
    limit.add_argument("--bytes", type=int, metavar="N", help="bytes uploaded a day (UTC); 0: any number")
    limit.add_argument("--minutes", type=float, metavar="N", help="minutes of recordings submitted a day (UTC); 0: any number")
    whole = limit.add_mutually_exclusive_group()
    whole.add_argument("--none", action="store_true", help="no limit at all")
    whole.add_argument("--usual", action="store_true", help="no limits of their own any more: those of the settings")
    limit.set_defaults(check=check_limit)


def check_limit(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    if (arguments.none or arguments.usual) and any(getattr(arguments, name) is not None for name in NAMES):
        parser.error("--none and --usual stand alone")


def limit_user(store: Store, arguments: argparse.Namespace) -> None:
    given = {name: 0 if arguments.none else getattr(arguments, name) for name in NAMES}
    if arguments.usual:
        holds = limits.give_usual(store, arguments.name)
    elif any(value is not None for value in given.values()):
        holds = limits.give(store, arguments.name, **given)
    else:
        holds = limits.of(store, arguments.name)
    tell(arguments, {"user": arguments.name, **asdict(holds)}, f"{arguments.name} may make {told(holds)}")


def told(holds: Limits) -> str:
    requests = f"{holds.requests:,} requests a minute" if holds.requests else "any number of requests"
    sent = f"upload {size_in_words(holds.bytes)} a day" if holds.bytes else "upload any number of bytes"
    minutes = f"{holds.minutes:,g} min of recordings a day" if holds.minutes else "any length of recordings"
    return f"{requests}, {sent} and submit {minutes}"
