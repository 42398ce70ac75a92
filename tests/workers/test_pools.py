"""A task with a pool of processes under a real worker: killed, deployed, cancelled, and what the next worker makes of it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from jobs import control, show, submit, uploads
from jobs.model import Submission
from jobs.states import JobStatus
from jobs.storage import Storage
from jobs.store import Store
from tests.checks.conftest import children
from tests.checks.sounds import speech, write
from tests.jobs.audit import audit
from tests.workers.conftest import Jobs, StartWorker, Worker, lives, until

SHORT, LONG = 4, 2  #: recordings of either length


@pytest.fixture
def job(store: Store, tmp_path: Path) -> str:
    """A check of short recordings, and then of some that take long enough to be in the middle of."""
    paths = [write(tmp_path / "short.wav", speech(2))] * SHORT + [write(tmp_path / "long.wav", np.tile(speech(20), (24, 1)))] * LONG
    ids = [f"{n:024x}" for n in range(len(paths))]
    for one, path in zip(ids, paths, strict=True):
        Storage.open().put_file(uploads.storage_key(one), path)
        found = uploads.Upload(one, "ann", "acme", path.name, path.stat().st_size, "audio/wav", 0.0, uploads.storage_key(one))
        uploads.add(store, found, ttl_s=600)
    params = {"uploads": ids, "filenames": [f"{n}.wav" for n in range(len(ids))]}
    return submit.submit(store, Submission("quality", params, "ann", "acme"))


def in_the_middle(store: Store, job: str, worker: Worker) -> list[int]:
    """Wait until the short recordings are checked and the long ones listened to; return the processes that do."""

    def found() -> list[int] | None:
        done = [item for item in show.partial(store, job)["items"] if item["state"] == "checked"]
        started = children(worker.horses()[-1])
        return started if len(done) >= SHORT and len(started) >= 2 * LONG else None

    return until(found, within_s=60.0)


def started(store: Store, job: str) -> list[int]:
    """Return how often each recording was begun."""
    items = [item for item in show.partial(store, job)["items"] if item["state"] == "started"]
    return [sum(item["recording"] == n for item in items) for n in range(SHORT + LONG)]


@pytest.mark.chaos
def test_a_killed_horse_takes_its_pool_along_and_the_next_one_checks_only_the_rest(
    store: Store, jobs: Jobs, job: str, start_worker: StartWorker
) -> None:
    worker = start_worker("long", QUALITY_PROCESSES="2")
    pool = in_the_middle(store, job, worker)
    os.kill(worker.horses()[-1], signal.SIGKILL)
    until(lambda: not any(lives(pid) for pid in pool))

    assert jobs.await_end(job, within_s=90.0) is JobStatus.COMPLETED
    assert started(store, job) == [1] * SHORT + [2] * LONG
    assert jobs.task(job, "quality").attempts == 2
    assert audit(store) == []


def test_a_deploy_spends_no_attempt_and_leaves_no_process_behind(store: Store, jobs: Jobs, job: str, start_worker: StartWorker) -> None:
    worker = start_worker("long", QUALITY_PROCESSES="2")
    pool = in_the_middle(store, job, worker)
    for pid in (*pool, worker.horses()[-1], worker.pid):  # a platform signals every process
        os.kill(pid, signal.SIGTERM)
    assert worker.await_end() == 0
    assert not any(lives(pid) for pid in pool)

    start_worker("long", QUALITY_PROCESSES="2")
    assert jobs.await_end(job, within_s=90.0) is JobStatus.COMPLETED
    assert started(store, job) == [1] * SHORT + [2] * LONG
    assert jobs.task(job, "quality").attempts == 1
    assert audit(store) == []


def test_a_cancel_ends_the_pool_within_2_seconds(store: Store, job: str, start_worker: StartWorker) -> None:
    worker = start_worker("long", QUALITY_PROCESSES="2")
    pool = in_the_middle(store, job, worker)
    control.cancel(store, job)
    until(lambda: not any(lives(pid) for pid in pool), within_s=2.0)
    assert lives(worker.horses()[-1])
