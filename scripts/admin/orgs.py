"""`orgs list|set`: what organisations get of the workers."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from jobs import orgs
from jobs.errors import InvalidSubmission
from jobs.orgs import Org
from jobs.store import Store
from scripts.admin.desk import command, noun, rows, tell


def add_to(things: Any, shared: argparse.ArgumentParser) -> None:
    group = noun(things, "orgs", "list organisations; set what they get of the workers")
    command(group, shared, "list", list_orgs, "list organisations with their weights and limits, and which are paused")
    tune = command(
        group, shared, "set", set_org, "set an organisation's weight or limit; effective before the next claim, what runs goes on"
    )
    tune.add_argument("org")
    tune.add_argument("--weight", type=float, metavar="W", help="share of worker time relative to the others'; everybody has 1")
    tune.add_argument("--max-running", type=int, metavar="N", help="tasks of it that may run at once in all queues; 0: no limit")
    tune.set_defaults(check=check_set)


def check_set(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    if arguments.weight is None and arguments.max_running is None:
        parser.error("say what to set: --weight or --max-running")


def list_orgs(store: Store, arguments: argparse.Namespace) -> None:
    found = orgs.listing(store)
    lines = ((org.org, f"{org.weight:g}", org.max_running or "no limit", "paused" if org.paused else "") for org in found)
    tell(arguments, [asdict(org) for org in found], rows(lines, "org", "weight", "max running", ""))


def set_org(store: Store, arguments: argparse.Namespace) -> None:
    try:
        made = orgs.set(store, arguments.org, weight=arguments.weight, max_running=arguments.max_running)
    except InvalidSubmission as error:
        raise InvalidSubmission(str(error).replace("max_running", "--max-running")) from None
    tell(arguments, asdict(made), told(made))


def told(org: Org) -> str:
    limit = f"at most {org.max_running} of its tasks run at once" if org.max_running else "as many of its tasks run at once as workers take"
    paused = f"; it is paused: `queues resume --org {org.org}`" if org.paused else ""
    return f"{org.org} has weight {org.weight:g}; {limit}{paused}"
