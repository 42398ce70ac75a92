"""Files are inspected in a zone of their own before any worker of the default zone touches them: real workers, real files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts import embedded
from tests.e2e.test_recordings import LECTURE, QUICK, Guest
from tests.served import Served, served

BOUND = {**QUICK, "ZONES": "inspect=ingest"}


@contextmanager
def worker(lectern: Served, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    env = {**os.environ, **BOUND, "REDIS_URL": embedded.address(lectern.data), "STORAGE_URL": f"file://{lectern.data / 'storage'}"}
    process = subprocess.Popen([sys.executable, "-m", "workers", *arguments], env=env, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def test_nothing_of_the_default_zone_touches_a_file_before_its_zone_has_looked(tmp_path: Path) -> None:
    with served(tmp_path / "data", "--short", "0", "--long", "0", **BOUND) as lectern, worker(lectern, "short", "long"):
        guest = Guest(lectern)
        text = guest.upload("lecture.ogg", b"this is a text, not a recording\n" * 100)
        job = guest.upload("lecture.ogg", LECTURE.read_bytes())
        synthetic = guest.session.post(
            f"{lectern.address}/api/jobs", json={"type": "synthetic", "params": {"tasks": [{"name": "a"}]}}, timeout=30
        ).json()["id"]
        assert guest.ended(synthetic)["status"] == "completed"  # the default zone's worker is there, and has had its chance
        for waiting in (text, job):
            told = guest.status(waiting)
            assert {task["state"] for task in told["tasks"]} == {"ready", "pending"}
            assert (told["status"], told["held"]) == ("pending", "worker")

        with worker(lectern, "short", "--zone", "ingest") as ingest:
            refused, done = guest.ended(text), guest.ended(job)

    assert refused["status"] == "failed"
    assert refused["message"].startswith("inspect failed: ")
    assert done["status"] == "completed"
    ran = {task["name"]: task["worker"].split(":")[1] for task in done["tasks"] if task["worker"]}
    assert ran.pop("inspect") == str(ingest.pid)
    assert str(ingest.pid) not in ran.values()
