"""A worker starts in less than a second: its horse first, nothing imported before it is needed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from jobs.states import JobStatus, TaskState
from tests.workers.conftest import ROOT, Jobs, lives, until
from workers.stable import Stable

#: What engines stand on, and Flask: a worker that runs none of them does without.
LARGE = {"av", "ctranslate2", "docx", "faster_whisper", "flask", "genanki", "google.api_core", "google.genai", "google.generativeai"}
LARGE |= {"google.protobuf", "lxml", "numpy", "obstore", "onnxruntime", "sherpa_onnx"}


@pytest.fixture
def stable(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stable]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    stable = Stable(["short"])
    yield stable
    stable.close()


def imported_by(module: str) -> set[str]:
    """Return the top-level modules that are there once `module` is imported in a new process; of `google`, which is none, those in it."""
    code = f"import sys, {module}; print(*{{'.'.join(name.split('.')[: 1 + name.startswith('google.')]) for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split())


def test_the_horse_is_started_before_anything_large_is_imported() -> None:
    assert not imported_by("workers.__main__") & (LARGE | {"asyncio", "pydantic", "redis", "rq"})


def test_a_horse_waits_for_work_without_the_libraries_of_any_engine() -> None:
    assert not imported_by("workers.horse") & (LARGE | {"rq"})


def test_a_supervisor_does_without_the_libraries_of_any_engine() -> None:
    assert not imported_by("workers.supervisor") & LARGE


def test_a_horse_that_was_started_first_claims_nothing_until_it_is_looked_at(stable: Stable, jobs: Jobs) -> None:
    stable.start_ahead()
    job = jobs.synthetic()
    horse = stable.horse()
    signs = until(horse.pulse.signs)  # it is ready, and waits
    until(lambda: horse.pulse.signs() > signs + 20)
    assert jobs.task(job).state is TaskState.READY
    until(lambda: horse.pulse.look() or jobs.show(job).status is JobStatus.COMPLETED)  # type: ignore[func-returns-value]
    horse.kill("the test is over")
    until(horse.ended)
    horse.close()


def test_a_horse_that_was_started_first_leaves_when_it_is_told_to(stable: Stable) -> None:
    stable.start_ahead()
    horse = stable.horse()
    until(horse.pulse.signs)
    horse.drain()
    until(horse.ended)
    assert horse.left_well
    horse.close()


def test_the_horses_that_follow_need_not_wait(stable: Stable) -> None:
    stable.start_ahead()
    first, second = stable.horse(), stable.horse()
    assert (first.pulse.seen, second.pulse.seen) == (False, True)
    assert first.pid != second.pid
    for horse in (first, second):
        horse.kill("the test is over")
        until(horse.ended)
        horse.close()


def test_a_stable_leaves_nothing_behind(stable: Stable) -> None:
    stable.start_ahead()
    ahead = stable._ahead
    assert ahead is not None
    stable.close()
    until(lambda: not lives(ahead.pid))
    assert not stable.scratch.exists()
