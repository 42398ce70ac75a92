"""Real workers of ours, RQ's own tools, and hands that audit, for the tests of what happens between the two."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from jobs.store import Store
from tests.jobs.audit import audit
from tests.jobs.hands import Hands
from tests.workers.conftest import ROOT, Jobs, StartWorker, Worker, jobs, start_worker, until

__all__ = ["Jobs", "StartWorker", "Worker", "jobs", "start_worker", "until"]

FUNCTIONS = "tests.border.functions"
LISTED = ",".join(f"{FUNCTIONS}.{name}" for name in ("add", "boom", "nap", "deaf_nap", "touch", "die", "again", "unserializable"))


@pytest.fixture
def hands(store: Store) -> Iterator[Hands]:
    yield Hands(store, "host:1:abcdef")
    assert audit(store) == []


@pytest.fixture
def sound(store: Store) -> Iterator[None]:
    """Our state is sound when the test is over."""
    yield
    assert audit(store) == []


def fetch(redis: Redis, rq_job: str) -> Job:
    return Job.fetch(rq_job, connection=redis, serializer=JSONSerializer)


@pytest.fixture
def queue(redis: Redis) -> Queue:
    """The queue `short` as another program sees it."""
    return Queue("short", connection=redis, serializer=JSONSerializer)


@pytest.fixture
def rq(redis_url: str, redis: Redis, tmp_path: Path) -> Callable[..., str]:
    """Run RQ's own command line; return what it printed."""

    def run(command: str, *arguments: str) -> str:
        program = [str(Path(sys.executable).with_name("rq")), command, "--url", redis_url, *arguments]
        done = subprocess.run(program, capture_output=True, text=True, timeout=60, env=bare_environment(), cwd=tmp_path, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def bare_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("RQ_")} | {"PYTHONPATH": str(ROOT)}


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start programs of others, which are dead when the test is over."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*command: Any) -> subprocess.Popen[bytes]:
        with (tmp_path / f"beside-{len(started)}.log").open("wb") as log:
            started.append(subprocess.Popen([*map(str, command)], env=bare_environment(), cwd=tmp_path, stdout=log, stderr=log))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
