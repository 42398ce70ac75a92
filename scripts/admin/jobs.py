"""`jobs list|show|cancel|retry|purge`, over all users."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from jobs import control, show
from jobs.remove import remove
from jobs.settings import settings
from jobs.states import JobStatus
from jobs.storage import Storage
from jobs.store import Store
from scripts.admin.desk import command, counted, has_redis_of_its_own, noun, rows, tell

PAGE = 100


def add_to(things: Any, shared: argparse.ArgumentParser) -> None:
    jobs = noun(things, "jobs", "list, show, cancel, retry and purge jobs")
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
    purged.set_defaults(check=check_purge)
    command(jobs, shared, "show", show_job, "show a job").add_argument("job")
    command(jobs, shared, "cancel", cancel_job, "cancel a job").add_argument("job")
    retry = command(jobs, shared, "retry", retry_job, "retry a job, or one task of it")
    retry.add_argument("job")
    retry.add_argument("task", nargs="?", help="a task (merge) or a child (transcribe.3)")


def check_purge(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    if not any((arguments.user, arguments.org, arguments.status, arguments.type, arguments.older_than)):
        parser.error("say which jobs to purge: --user, --org, --status, --type or --older-than")


def read_age(text: str) -> float:
    """Read `30d`, `12h`, `90m` or `45s` as seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([dhms])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not an age like 30d, 12h, 90m or 45s")
    return float(found[1]) * {"d": 86_400, "h": 3600, "m": 60, "s": 1}[found[2]]


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
    tell(arguments, {"purged": purged, "dry_run": arguments.dry_run}, "\n".join([*purged, f"{counted(len(purged), 'job')} {would}deleted"]))


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


def open_storage(arguments: argparse.Namespace) -> Storage:
    return Storage.open() if settings().storage_url else Storage.folder(arguments.data / "storage")
