"""Disk and memory run out under an engine: the task fails in words after its attempts, and the worker lives on."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobs import people, show
from jobs.settings import Settings
from jobs.states import JobStatus
from jobs.storage import Storage
from jobs.store import Store
from tests.faults.conftest import charged
from tests.jobs.audit import audit
from tests.web.conftest import Caller, problem, tone
from tests.workers.conftest import Jobs, StartWorker, until
from web import create_app

SMALL_DISK_BYTES = 512 << 10
MEMORY_GROUPS = (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup"))


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of half a megabyte, in memory."""
    with tempfile.TemporaryDirectory(prefix="lectern-disk-") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_BYTES}", "tmpfs", folder]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            pytest.skip("a disk of its own takes root, and the right to mount")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("to", ["put", "writer", "scratch"])
def test_a_full_disk_fails_the_task_in_words_after_its_attempts_and_leaves_nothing_half_written(
    to: str, small_disk: Path, store: Store, jobs: Jobs, start_worker: StartWorker
) -> None:
    worker = start_worker("short", strange=True, STORAGE_URL=f"file://{small_disk}/storage", TMPDIR=str(small_disk))
    job = jobs.synthetic("hoarder", attempts=2, to=to, bytes=4 * SMALL_DISK_BYTES)

    assert jobs.await_end(job) is JobStatus.FAILED
    task = jobs.task(job)
    assert task.attempts == 2
    assert task.error.startswith("the disk of the worker is full: " if to == "scratch" else "the disk under the storage is full: ")
    assert "\n" not in task.error  # a sentence, no traceback
    assert show.artifacts(store, job) == []
    assert [path for path in small_disk.rglob("*") if path.is_file()] == []

    after = jobs.synthetic("hoarder", attempts=1, to=to, bytes=SMALL_DISK_BYTES // 4)  # room for that
    assert jobs.await_end(after) is JobStatus.COMPLETED
    if to != "scratch":
        (artifact,) = show.artifacts(store, after)
        assert Storage.folder(small_disk / "storage").size(artifact["key"]) == SMALL_DISK_BYTES // 4
    assert len(worker.horses()) == 1
    assert audit(store) == []


def test_an_upload_that_the_storage_has_no_room_for_is_refused_with_a_time_to_come_back(
    small_disk: Path, web_settings: Settings, store: Store
) -> None:
    storage = Storage.folder(small_disk / "storage")
    app = create_app(web_settings, store=store, storage=storage)
    ada = Caller(app.test_client(use_cookies=False), people.add(store, "ada", org="physics", role="user"), "ada")
    storage.put_bytes("filled", bytes(SMALL_DISK_BYTES - 16_384))

    refused = ada.upload(tone(6))
    problem(refused, 503, "overloaded")
    assert refused.headers["Retry-After"]
    assert list(storage.list()) == ["filled"]
    storage.delete_prefix("filled")
    assert ada.upload(tone(6)).status_code == 201


def test_an_engine_that_asks_for_more_memory_than_it_may_have_fails_in_words_and_its_horse_lives_on(
    store: Store, jobs: Jobs, start_worker: StartWorker
) -> None:
    worker = start_worker("short", strange=True)
    job = jobs.synthetic("glutton", attempts=2, beyond="limit")

    assert jobs.await_end(job) is JobStatus.FAILED
    assert jobs.task(job).error == "out of memory: engine glutton asked for more than its worker may have"
    assert charged(jobs, store, job) == 2
    assert jobs.await_end(jobs.synthetic()) is JobStatus.COMPLETED
    assert len(worker.horses()) == 1
    assert audit(store) == []


@contextmanager
def memory_group(limit_bytes: int) -> Iterator[Path]:
    """A control group whose processes have so much memory in all. Skips the test where none can be made."""
    for root in MEMORY_GROUPS:
        group = root / f"lectern-test-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        limits = [group / name for name in ("memory.limit_in_bytes", "memory.max") if (group / name).exists()]
        try:
            if limits:
                limits[0].write_text(str(limit_bytes))
                yield group
                return
        finally:
            until(lambda procs=group / "cgroup.procs": not procs.read_text())  # type: ignore[misc]
            group.rmdir()
    pytest.skip("a control group for memory takes root, and the right to make one")


def test_a_horse_that_the_kernel_kills_for_want_of_memory_is_told_so_and_another_works_on(
    store: Store, jobs: Jobs, start_worker: StartWorker
) -> None:
    with memory_group(400 << 20) as group:
        worker = start_worker("short", strange=True)
        (group / "cgroup.procs").write_text(str(worker.pid))  # long before it starts a horse, which is born into it
        job = jobs.synthetic("glutton", attempts=1, megabytes=600)

        assert jobs.await_end(job) is JobStatus.FAILED
        assert jobs.task(job).error == "worker was killed by SIGKILL (signal 9), for memory ran out (attempt 1 of 1)"
        assert jobs.await_end(jobs.synthetic()) is JobStatus.COMPLETED
        assert len(worker.horses()) == 2
        worker.process.kill()
        worker.await_end()
    assert audit(store) == []
