"""What a horse is started with."""

from __future__ import annotations

from pathlib import Path

from jobs.states import JobStatus
from tests.workers.conftest import Jobs, StartWorker
from workers.harness import environment


def test_a_horse_asks_for_large_pages_and_counts_with_one_thread() -> None:
    assert environment({"HOME": "/root"}) == {"HOME": "/root", "OPENBLAS_NUM_THREADS": "1", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


def test_what_the_operator_says_stands() -> None:
    given = {"OPENBLAS_NUM_THREADS": "3", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=0"}
    assert environment(given) == given
    assert environment({"GLIBC_TUNABLES": "glibc.malloc.check=3"})["GLIBC_TUNABLES"] == "glibc.malloc.check=3:glibc.malloc.hugetlb=1"


def test_the_horse_itself_is_started_with_it(start_worker: StartWorker, jobs: Jobs) -> None:
    worker = start_worker()
    assert jobs.await_end(jobs.synthetic()) is JobStatus.COMPLETED
    variables = dict(line.split("=", 1) for line in Path(f"/proc/{worker.horses()[-1]}/environ").read_text().split("\0") if line)
    assert "glibc.malloc.hugetlb" in variables["GLIBC_TUNABLES"]
    assert variables["OPENBLAS_NUM_THREADS"]
    assert "PATH" in variables  # beside what everybody has
