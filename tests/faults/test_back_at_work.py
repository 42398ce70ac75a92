"""A neighbour dies, a task kills whoever takes it, a new version is deployed: how soon the work goes on, and what it costs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs import show, submit, uploads
from jobs.model import Submission
from jobs.states import JobStatus, TaskState
from jobs.storage import Storage
from jobs.store import Store
from tests.faults.conftest import charged, kill, long_run
from tests.faults.proxy import Proxy
from tests.jobs.audit import audit
from tests.workers.conftest import ROOT, Jobs, StartWorker, Worker, lives, until

RECOVERY_S = 20.0  #: after the death of a neighbour, with leases as they are by default
KILLED_AFTER_S = 30.0  #: by a platform, after its SIGTERM
LECTURE = ROOT / "samples" / "lecture.ogg"


@pytest.mark.chaos
def test_what_a_killed_neighbour_held_runs_again_within_20_seconds(
    store: Store, jobs: Jobs, start_worker: StartWorker, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    first = start_worker("short", strange=True)
    job = jobs.synthetic("publisher", go=str(tmp_path / "never"))
    jobs.await_message(job)
    idle = start_worker("short", strange=True)
    idle.await_said("horse_spawned")
    time.sleep(1.5)  # it idles, and the first one's lease has just been renewed
    kill("both", first)
    dead_at = time.monotonic()

    until(lambda: jobs.task(job).attempts == 2, within_s=RECOVERY_S)
    record_property("back at work after s", round(time.monotonic() - dead_at, 1))
    assert jobs.await_end(job) is JobStatus.COMPLETED
    assert jobs.task(job).worker == idle.name
    assert audit(store) == []


@pytest.mark.chaos
def test_a_task_that_kills_each_horse_does_not_keep_two_workers_from_the_others(
    store: Store, jobs: Jobs, start_worker: StartWorker
) -> None:
    start_worker(), start_worker()
    poison = jobs.synthetic(attempts=3, crash_attempts=99)
    others = [jobs.synthetic(seconds=0.1) for _ in range(20)]

    assert jobs.await_end(poison) is JobStatus.FAILED
    assert jobs.task(poison).error == "worker was killed by SIGKILL (signal 9) (attempt 3 of 3)"
    for job in others:
        assert jobs.await_end(job) is JobStatus.COMPLETED
        assert jobs.task(job).attempts == 1
    assert audit(store) == []


@pytest.mark.chaos
@long_run
def test_a_task_that_takes_supervisors_along_fails_after_its_attempts_while_a_platform_starts_new_ones(
    store: Store, jobs: Jobs, start_worker: StartWorker
) -> None:
    quick = {"LEASE_SECONDS": "2", "RENEW_SECONDS": "0.5"}
    workers = [start_worker("short", strange=True, **quick) for _ in range(2)]
    poison = jobs.synthetic("assassin", attempts=3)
    others = [jobs.synthetic(seconds=0.2) for _ in range(20)]

    def keep_up() -> bool:
        """What a platform does: start anew what has died."""
        for n, worker in enumerate(workers):
            if worker.process.poll() is not None:
                workers[n] = start_worker("short", strange=True, **quick)
        return jobs.show(poison).status.ended

    until(keep_up, within_s=60.0)
    task = jobs.task(poison)
    assert (task.state, task.attempts) == (TaskState.FAILED, 3)
    assert "gave no sign of life until its lease ended (attempt 3 of 3)" in task.error
    for job in others:
        assert jobs.await_end(job) is JobStatus.COMPLETED
        assert jobs.task(job).attempts == 1
    assert audit(store) == []


def deploy(worker: Worker) -> None:
    """SIGTERM to every process of a worker, as a platform does."""
    os.killpg(worker.horses()[-1], signal.SIGTERM)
    os.killpg(worker.pid, signal.SIGTERM)


@pytest.mark.chaos
@pytest.mark.parametrize("drain_s", ["20", pytest.param("0.1", marks=long_run)])
def test_a_deploy_in_mid_chunk_spends_no_attempt_and_keeps_each_window(
    drain_s: str, proxy: Proxy, store: Store, jobs: Jobs, start_worker: StartWorker, tmp_path: Path
) -> None:
    config = {"WHISPER_MODEL": str(ROOT / "models" / "demo"), "DRAIN_SECONDS": drain_s, "REDIS_URL": proxy.url}
    Storage.open().put_file(uploads.storage_key("0" * 24), LECTURE)
    upload = uploads.Upload("0" * 24, "ann", "acme", "lecture.ogg", LECTURE.stat().st_size, "audio/ogg", 0.0, uploads.storage_key("0" * 24))
    uploads.add(store, upload, ttl_s=600)
    asked = Submission("transcription", {"upload": upload.id, "filename": upload.filename}, "ann", "acme")
    job = submit.submit(store, asked)
    first = start_worker("long", "short", **config)
    until(lambda: len(show.partial(store, job)["items"]) >= 2, within_s=40.0)

    deploy(first)
    assert first.await_end() == 0
    kept = show.partial(store, job)["items"]
    appended = proxy.calls["append"]
    assert len(kept) == appended
    start_worker("long", "short", **config)

    assert jobs.await_end(job, within_s=60.0) is JobStatus.COMPLETED
    windows = show.partial(store, job)["items"]
    assert len(windows) > len(kept)  # it was in the middle
    assert windows[: len(kept)] == kept
    assert proxy.calls["append"] == len(windows)  # none was decoded to its end twice
    assert charged(jobs, store, job) == len(jobs.show(job).tasks) + jobs.task(job, "transcribe").children_total
    assert audit(store) == []


@pytest.mark.chaos
@long_run
def test_a_deploy_is_over_before_the_platform_kills_also_with_an_engine_that_never_stops(
    store: Store, jobs: Jobs, start_worker: StartWorker
) -> None:
    worker = start_worker("short", strange=True)
    job = jobs.synthetic("stone")
    jobs.await_message(job)
    horse = worker.horses()[-1]

    deploy(worker)
    assert worker.await_end(within_s=KILLED_AFTER_S) == 0
    assert not lives(horse)
    task = jobs.task(job)
    assert (task.state, task.attempts) == (TaskState.READY, 0)
    assert audit(store) == []
