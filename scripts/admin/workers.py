"""`workers list|drain|kill`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from jobs import fleet
from jobs.store import Store
from scripts.admin.desk import command, duration, noun, rows, tell


def add_to(things: Any, shared: argparse.ArgumentParser) -> None:
    group = noun(things, "workers", "list workers; let one end, or kill what it runs")
    command(group, shared, "list", list_workers, "list workers: what they serve, what they run, when they last gave a sign of life")
    named = "its name, or the beginning of one: `host:` is every worker of that host"
    drain = "tell a worker to hand its task back and end, as on a deploy: no attempt is spent; serve starts another"
    kill = "tell a worker to kill what it runs: an attempt is spent, the worker goes on"
    command(group, shared, "drain", drain_workers, drain).add_argument("worker", help=named)
    command(group, shared, "kill", kill_workers, kill).add_argument("worker", help=named)


def list_workers(store: Store, arguments: argparse.Namespace) -> None:
    found = fleet.listing(store)
    now = datetime.now(UTC)

    def ago(at: datetime | None) -> str:
        return duration(max((now - at).total_seconds(), 0.0) if at else None)

    lines = (
        (w.name, ",".join(w.queues), w.state, w.running or "–", w.completed, w.failed, ago(w.heartbeat_at), ago(w.born_at)) for w in found
    )
    tell(
        arguments,
        [described(worker) for worker in found],
        rows(lines, "worker", "queues", "state", "runs", "done", "failed", "heard of", "born"),
    )


def described(worker: fleet.Worker) -> dict[str, Any]:
    told = asdict(worker)
    return told | {name: told[name].isoformat() if told[name] else None for name in ("born_at", "heartbeat_at")}


def drain_workers(store: Store, arguments: argparse.Namespace) -> None:
    each(store, arguments, fleet.drain, "hands its task back and ends", "ends; it runs nothing")


def kill_workers(store: Store, arguments: argparse.Namespace) -> None:
    each(store, arguments, fleet.kill, "was told to kill what it runs", "runs nothing; what it may have begun just now is killed")


def each(store: Store, arguments: argparse.Namespace, do: Callable[[Store, str], None], did: str, idle: str) -> None:
    """Do something to each worker that is meant, and say what becomes of it: `did`, or `idle` of one that runs nothing."""
    names = fleet.find(store, arguments.worker)
    running = {worker.name for worker in fleet.listing(store) if worker.running}
    for name in names:
        do(store, name)
    tell(arguments, {"workers": list(names)}, "\n".join(f"{name} {did if name in running else idle}" for name in names))
