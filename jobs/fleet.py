"""Know the workers that are there, as RQ's own hashes tell of them, and tell one to end or to kill what it runs.

Workers of other programs that use the same Redis with RQ are listed as well. Imports nothing of RQ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from jobs import border
from jobs.errors import NotFound
from jobs.model import PLAIN_MARK
from jobs.replies import rq_job_parts
from jobs.store import Store
from jobs.view import seconds

TASK = re.compile(r"[0-9A-Za-z_]+-[a-z][a-z0-9_]*(?:-[0-9]+)?")  #: an rq_job of ours


@dataclass(frozen=True, slots=True)
class Worker:
    name: str  #: `host:pid:random`
    queues: tuple[str, ...]
    state: str  #: idle, busy, suspended, …
    running: str  #: rq_job of the task that it runs, the first where it took several; '' none
    born_at: datetime | None
    heartbeat_at: datetime | None  #: its last sign of life
    completed: int = 0  #: since it was born
    failed: int = 0  #: runs, also those that are tried again
    busy_s: float = 0.0

    @property
    def host(self) -> str:
        return self.name.split(":")[0]


@dataclass(frozen=True, slots=True)
class Running:
    """What a worker runs: a task of ours, or a plain RQ job, of which only the id is known here."""

    rq_job: str
    job: str = ""
    task: str = ""  #: `merge`, or a child: `transcribe.3`
    type: str = ""
    user: str = ""
    org: str = ""
    began_at: float | None = None  #: seconds since the epoch


def listing(store: Store) -> list[Worker]:
    """Return every worker that lives, or whose death is a minute old at most, by name."""
    names = sorted(member.decode().removeprefix(border.worker_key("")) for member in store.redis.smembers(border.WORKERS))
    with store.redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hgetall(border.worker_key(name))
            pipe.get(store.keys.build("worker", name))
        found = pipe.execute()
    return [read(name, fields, last) for name, fields, last in zip(names, found[::2], found[1::2], strict=True) if fields]


def read(name: str, fields: Mapping[bytes, bytes], last: bytes | None) -> Worker:
    """Put a worker together from RQ's hash and from what it was told last: its run and the rq_job of that."""
    known = {field.decode(): value.decode(errors="replace") for field, value in fields.items()}
    held = last.decode().split(" ")[1].split(",")[0] if last else "-"
    return Worker(
        name=name,
        queues=tuple(queue for queue in known.get("queues", "").split(",") if queue),
        state="dead" if "death" in known else known.get("state", "unknown"),
        running=held if held != "-" else known.get("current_job", ""),
        born_at=when(known.get("birth")),
        heartbeat_at=when(known.get("last_heartbeat")),
        completed=count(known.get("successful_job_count")),
        failed=count(known.get("failed_job_count")),
        busy_s=float(known.get("total_working_time") or 0),
    )


def count(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0


def at_work(store: Store, workers: Sequence[Worker]) -> dict[str, Running]:
    """Return what these workers run, by rq_job; two round trips at most, of a few values each."""
    ours = {worker.running: rq_job_parts(worker.running.encode()) for worker in workers if TASK.fullmatch(worker.running)}
    told = {worker.running: Running(worker.running.removeprefix(PLAIN_MARK)) for worker in workers if worker.running}
    with store.redis.pipeline(transaction=False) as pipe:
        for job, task, child in ours.values():
            pipe.hmget(store.keys.job(job), "type", "user", "org")
            pipe.hget(
                store.keys.state(job) if child is None else store.keys.build("child_state", job, task),
                f"{task if child is None else child}:b",
            )
        found = pipe.execute() if ours else []
    for (rq_job, (job, task, child)), about, began in zip(ours.items(), found[::2], found[1::2], strict=True):
        kind, user, org = ((value or b"").decode() for value in about)
        named = task if child is None else f"{task}.{child}"
        told[rq_job] = Running(rq_job, job, named, kind, user, org, seconds(began.decode() if began else None))
    return told


def when(text: str | None) -> datetime | None:
    """Read a time of RQ's."""
    try:
        read = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return read.replace(tzinfo=UTC) if read and read.tzinfo is None else read


def drain(store: Store, name: str) -> None:
    """Tell a worker to hand its task back and end, as on a deploy. Raises NotFound when nobody listens."""
    command(store, name, "shutdown")


def kill(store: Store, name: str) -> None:
    """Tell a worker to kill what it runs: an attempt is spent, the worker goes on. Raises NotFound when nobody listens."""
    command(store, name, "kill-horse")


def command(store: Store, name: str, what: str) -> None:
    if not store.redis.publish(border.command_channel(name), json.dumps({"command": what})):
        raise NotFound(f"there is no worker {name!r} that listens; `workers list` shows all, by name or by the beginning of one")


def find(store: Store, name: str) -> Sequence[str]:
    """Return the names of living workers that are `name` or begin with it. Raises NotFound."""
    known = [worker.name for worker in listing(store) if worker.state != "dead"]
    found = [one for one in known if one == name] or [one for one in known if one.startswith(name)]
    if not found:
        raise NotFound(f"there is no worker {name!r}; `workers list` shows all")
    return found
