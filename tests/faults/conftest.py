"""Real workers between which and their real Redis stands a proxy that does harm where a test says."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from jobs.store import Store
from tests.faults.proxy import Proxy
from tests.jobs.conftest import hands
from tests.web.conftest import app, callers, owner, served, speech, storage, web_settings
from tests.workers.conftest import Jobs, Worker, jobs, lives, start_worker, until

__all__ = ["app", "callers", "hands", "jobs", "owner", "served", "speech", "start_worker", "storage", "web_settings"]

#: The long cartesian products, which `make chaos` runs and a plain run leaves out.
LONG = bool(os.environ.get("LECTERN_LONG"))
long_run = pytest.mark.skipif(not LONG, reason="LECTERN_LONG=1 (make chaos) runs it")


@pytest.fixture
def proxy(store: Store) -> Iterator[Proxy]:
    with tempfile.TemporaryDirectory(prefix="lectern-proxy-") as folder:  # a short path: it is a socket's
        proxy = Proxy(store, Path(folder) / "redis.sock")
        yield proxy
        proxy.close()


def kill(victim: str, worker: Worker) -> None:
    """SIGKILL the worker's `horse`, its `supervisor` or `both`, and wait until they are gone."""
    horse = worker.horses()[-1]
    for pid in {"horse": [horse], "supervisor": [worker.pid], "both": [worker.pid, horse]}[victim]:
        with suppress(ProcessLookupError):  # the one died of the other's death
            os.kill(pid, signal.SIGKILL)
    until(lambda: not lives(horse))


def end_leases(store: Store) -> None:
    """Move the time on for every lease: who is not there to renew his has lost it."""
    for member in store.redis.zrange(store.keys.leases(), 0, -1):
        store.redis.zadd(store.keys.leases(), {member: 1}, xx=True)


def charged(jobs: Jobs, store: Store, job: str) -> int:
    """How many runs were charged to all tasks of a job, children included."""
    hashes = [store.keys.state(job), *(store.keys.build("child_state", job, task.name) for task in jobs.show(job).tasks)]
    return sum(int(value) for key in hashes for field, value in store.redis.hgetall(key).items() if field.endswith(b":n"))
