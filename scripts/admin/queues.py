"""`queues list|pause|resume`."""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import asdict
from typing import Any

from jobs import control, queues, types
from jobs.control import Paused
from jobs.errors import InvalidSubmission
from jobs.model import ORG_NAME
from jobs.states import Priority
from jobs.store import Store
from scripts.admin.desk import command, counted, duration, noun, rows, tell

QUEUE_NAME = re.compile(r"(?:[a-z0-9_]{1,32}\.)?(?:short|long)")
KINDS: dict[Paused, str] = {"queue": "queue", "org": "organisation", "type": "job type"}


def add_to(things: Any, shared: argparse.ArgumentParser) -> None:
    group = noun(things, "queues", "list queues; pause and resume a queue, an organisation, a job type")
    listed = command(group, shared, "list", list_queues, "list queues: what waits and runs, how long the oldest waits, what is paused")
    listed.add_argument("--orgs", action="store_true", help="with the organisations that wait or run in each")
    for name, run, help_text in (
        ("pause", pause, "let no claim take from a queue, an organisation or a job type; what runs goes on"),
        ("resume", resume, "undo pause"),
    ):
        made = command(group, shared, name, run, help_text)
        what = made.add_mutually_exclusive_group(required=True)
        what.add_argument("queue", nargs="?", help="short, long or ZONE.short, ZONE.long")
        what.add_argument("--org", metavar="ORG", help="an organisation, in every queue")
        what.add_argument("--type", metavar="TYPE", help="a job type, in every queue")


def list_queues(store: Store, arguments: argparse.Namespace) -> None:
    found, paused = queues.listing(store), control.paused(store)
    lines = (
        (
            queue.queue,
            *(queue.priorities[priority] for priority in Priority),
            queue.running,
            queue.workers,
            duration(queue.oldest_wait_seconds),
            "paused" if queue.paused else "no worker" if queue.waiting and not queue.workers else "",
        )
        for queue in found
    )
    text = [rows(lines, "queue", *Priority, "running", "workers", "oldest wait", "")]
    if arguments.orgs:
        shares = (
            (queue.queue, share.org, share.waiting, share.running, duration(share.oldest_wait_seconds), "paused" if share.paused else "")
            for queue in found
            for share in queue.organisations
        )
        text += ["", rows(shares, "queue", "org", "waiting", "running", "oldest wait", "")]
    held = control.held(store)
    text += [f"organisation {name} is paused" for name in paused["org"]]
    text += [f"job type {name} is paused; held out of their queues: {counted(held.get(name, 0), 'ready task')}" for name in paused["type"]]
    tell(arguments, {"queues": [asdict(queue) for queue in found], "paused": paused, "held": held}, "\n".join(text))


def pause(store: Store, arguments: argparse.Namespace) -> None:
    kind, name = chosen(arguments)
    changed = control.pause(store, name, kind)
    if kind == "org" and not store.redis.exists(store.keys.org_jobs(name)):
        print(f"admin: organisation {name} has no jobs so far; it is paused all the same", file=sys.stderr)
    tell(arguments, answer(kind, name, paused=True, changed=changed), f"{KINDS[kind]} {name} is paused{'' if changed else ' already'}")


def resume(store: Store, arguments: argparse.Namespace) -> None:
    kind, name = chosen(arguments, known=False)
    changed = control.resume(store, name, kind)
    if not changed:
        chosen(arguments)  # a name that nothing can have was not meant
    text = f"{KINDS[kind]} {name} goes on" if changed else f"{KINDS[kind]} {name} was not paused"
    tell(arguments, answer(kind, name, paused=False, changed=changed), text)


def answer(kind: Paused, name: str, *, paused: bool, changed: bool) -> dict[str, Any]:
    return {"kind": kind, "name": name, "paused": paused, "changed": changed}


def chosen(arguments: argparse.Namespace, *, known: bool = True) -> tuple[Paused, str]:
    """Return what the arguments name. Raises InvalidSubmission for what there cannot be; not if it is to be resumed."""
    if arguments.org:
        if known and not ORG_NAME.fullmatch(arguments.org):
            raise InvalidSubmission(f"organisation {arguments.org!r} is not of the form {ORG_NAME.pattern}")
        return "org", arguments.org
    if arguments.type:
        if known:
            types.find(arguments.type)
        return "type", arguments.type
    if known and not QUEUE_NAME.fullmatch(arguments.queue):
        raise InvalidSubmission(f"queue {arguments.queue!r} is none: they are called short, long, ZONE.short and ZONE.long")
    return "queue", arguments.queue
