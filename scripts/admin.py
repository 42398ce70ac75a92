"""Look after people and jobs, over all users, straight on Redis: `python -m scripts.admin users|jobs …`.

Takes REDIS_URL, or the embedded Redis of the data folder (--data) while `scripts.serve` runs. Every command takes --json.
Ends with 0, or 2 and a sentence when something was refused.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from jobs import control, people, show
from jobs.errors import LecternError
from jobs.people import Person, Role
from jobs.remove import remove
from jobs.settings import settings
from jobs.states import JobStatus
from jobs.storage import Storage
from jobs.store import Store, connect
from jobs.view import iso
from scripts import embedded

PAGE = 100


def main(argv: list[str] | None = None) -> int:
    try:
        arguments = read_arguments(argv)
        arguments.command(open_store(arguments), arguments)
    except LecternError as error:
        print(f"admin: {error}", file=sys.stderr)
        return 2
    except RedisError as error:
        print(f"admin: Redis does not answer: {error}", file=sys.stderr)
        return 2
    return 0


def open_store(arguments: argparse.Namespace) -> Store:
    """Connect to REDIS_URL, or to the embedded Redis of the data folder. Raises Misconfigured."""
    return Store(connect(settings().redis_url if has_redis_of_its_own() else embedded.url(arguments.data)))


def has_redis_of_its_own() -> bool:
    """Tell whether the installation keeps its state elsewhere than in the data folder."""
    return settings().job_backend != "embedded" and bool(settings().redis_url)


def open_storage(arguments: argparse.Namespace) -> Storage:
    return Storage.open() if settings().storage_url else Storage.folder(arguments.data / "storage")


def read_arguments(argv: list[str] | None) -> argparse.Namespace:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--data", type=Path, default=Path(settings().data_dir), metavar="DIR", help="data folder of an embedded Redis (%(default)s)"
    )
    shared.add_argument("--json", action="store_true", help="answer in JSON")
    parser = argparse.ArgumentParser(prog="python -m scripts.admin", description="Look after people and jobs.")
    things = parser.add_subparsers(metavar="users|jobs", required=True)

    users = things.add_parser("users", help="add, list and remove users; give new tokens").add_subparsers(metavar="COMMAND", required=True)
    add = command(users, shared, "add", add_user, "add a user and show the token, once")
    add.add_argument("name")
    add.add_argument("--org", required=True, help="organisation")
    add.add_argument("--role", choices=list(Role), default=Role.USER)
    command(users, shared, "list", list_users, "list users")
    command(users, shared, "token", renew_token, "give a user a new token; the old one ends").add_argument("name")
    command(users, shared, "remove", remove_user, "remove a user; the jobs stay").add_argument("name")

    jobs = things.add_parser("jobs", help="list, show, cancel, retry and purge jobs").add_subparsers(metavar="COMMAND", required=True)
    listed = command(jobs, shared, "list", list_jobs, "list jobs, newest first")
    purged = command(jobs, shared, "purge", purge_jobs, "delete ended jobs with their files")
    for each in (listed, purged):
        each.add_argument("--user")
        each.add_argument("--org")
        each.add_argument("--status", choices=list(JobStatus))
        each.add_argument("--type")
        each.add_argument("--older-than", type=read_age, metavar="AGE", help="created so long ago: 30d, 12h, 90m, 45s")
    listed.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many (%(default)s)")
    purged.add_argument("--dry-run", action="store_true", help="say what would be deleted, delete nothing")
    command(jobs, shared, "show", show_job, "show a job").add_argument("job")
    command(jobs, shared, "cancel", cancel_job, "cancel a job").add_argument("job")
    retry = command(jobs, shared, "retry", retry_job, "retry a job, or one task of it")
    retry.add_argument("job")
    retry.add_argument("task", nargs="?", help="a task (merge) or a child (transcribe.3)")
    arguments = parser.parse_args(argv)
    if arguments.command is purge_jobs and not any((arguments.user, arguments.org, arguments.status, arguments.type, arguments.older_than)):
        parser.error("say which jobs to purge: --user, --org, --status, --type or --older-than")
    return arguments


def read_age(text: str) -> float:
    """Read `30d`, `12h`, `90m` or `45s` as seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([dhms])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not an age like 30d, 12h, 90m or 45s")
    return float(found[1]) * {"d": 86_400, "h": 3600, "m": 60, "s": 1}[found[2]]


def command(
    group: Any, shared: argparse.ArgumentParser, name: str, run: Callable[[Store, argparse.Namespace], None], help_text: str
) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = group.add_parser(name, help=help_text, description=help_text, parents=[shared])
    made.set_defaults(command=run)
    return made


# users


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


# jobs


def list_jobs(store: Store, arguments: argparse.Namespace) -> None:
    found = list(islice(select(store, arguments), max(arguments.limit, 0)))
    lines = (
        (j["id"], j["status"], f"{j['progress']:g} %", j["type"], j["user"], j["org"], j["created_at"][:19], j["message"]) for j in found
    )
    tell(arguments, found, rows(lines, "job", "status", "done", "type", "user", "org", "created (UTC)", "message"))


def show_job(store: Store, arguments: argparse.Namespace) -> None:
    job = show.status(store, arguments.job)
    facts = [
        f"{name}: {job[name]}"
        for name in ("id", "type", "title", "user", "org", "priority", "status", "progress", "message", "created_at", "ended_at")
    ]
    tasks = (
        (t["name"], t["state"], t["queue"], t["attempts"], f"{t['progress']:g} %", (t["error"] or "").split("\n")[0]) for t in job["tasks"]
    )
    tell(arguments, job, "\n".join([*facts, "", rows(tasks, "task", "state", "queue", "attempts", "done", "error")]))


def cancel_job(store: Store, arguments: argparse.Namespace) -> None:
    control.cancel(store, arguments.job)
    tell(arguments, show.status(store, arguments.job), f"{arguments.job} is cancelled")


def retry_job(store: Store, arguments: argparse.Namespace) -> None:
    if arguments.task:
        control.retry_task(store, arguments.job, arguments.task)
    else:
        control.retry(store, arguments.job)
    tell(arguments, show.status(store, arguments.job), f"{arguments.job} runs again")


def purge_jobs(store: Store, arguments: argparse.Namespace) -> None:
    """Delete what is selected and has ended; a job that is at work is for `cancel` first."""
    storage = open_storage(arguments)
    if has_redis_of_its_own() and not settings().storage_url:
        print(
            f"admin: REDIS_URL is set and STORAGE_URL is not: files are looked for in {arguments.data / 'storage'} alone", file=sys.stderr
        )
    purged = []
    for job in select(store, arguments):
        if not JobStatus(job["status"]).ended:
            continue
        if not arguments.dry_run:
            remove(store, storage, job["id"])
        purged.append(job["id"])
    would = "would be " if arguments.dry_run else ""
    tell(arguments, {"purged": purged, "dry_run": arguments.dry_run}, "\n".join([*purged, f"{len(purged)} jobs {would}deleted"]))


def select(store: Store, arguments: argparse.Namespace) -> Iterable[dict[str, Any]]:
    """Yield the jobs that the options choose, newest first."""
    before = datetime.now(UTC).timestamp() - (arguments.older_than or 0.0)
    cursor = None
    while True:
        page, cursor = show.listing(
            store, user=arguments.user, org=arguments.org, status=arguments.status, type=arguments.type, limit=PAGE, cursor=cursor
        )
        yield from (job for job in page if datetime.fromisoformat(job["created_at"]).timestamp() <= before)
        if cursor is None:
            return


# telling


def tell(arguments: argparse.Namespace, value: Any, text: str) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2) if arguments.json else text)


def rows(lines: Iterable[Iterable[object]], *head: str) -> str:
    """Lay out a table: columns as wide as they need."""
    table = [head, *(tuple(str(cell) for cell in line) for line in lines)]
    widths = [max(len(line[column]) for line in table) for column in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table)


if __name__ == "__main__":
    sys.exit(main())
