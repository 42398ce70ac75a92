"""`python -m bench` runs, writes what it measured, and leaves nothing running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from bench import __main__ as bench_main
from bench.__main__ import arguments
from bench.bench import Bench
from bench.cases import NAMES, find
from bench.figures import Measured, Row

ROOT = Path(__file__).resolve().parents[2]


def test_one_case_is_measured_and_written(tmp_path: Path) -> None:
    out, doc = tmp_path / "made" / "benchmarks.json", tmp_path / "benchmarks.md"
    command = [sys.executable, "-m", "bench", "--quick", "--only", "noop", "--rounds", "1", "--out", str(out), "--doc", str(doc)]

    told = subprocess.run(command, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, text=True, timeout=110)

    assert told.returncode == 0, told.stderr
    made = json.loads(out.read_text())
    assert made["noop_per_s"] > made["noop_stock_per_s"] > 1
    assert made["noop_ratio"] == pytest.approx(made["noop_per_s"] / made["noop_stock_per_s"], rel=0.01)
    assert made["about"]["quick"] is True
    assert "(`noop_ratio`)" in doc.read_text()
    assert [process for process in psutil.process_iter() if of_this_run(process, tmp_path)] == []
    assert list(tmp_path.glob("lectern-bench-*")) == []


def of_this_run(process: psutil.Process, folder: Path) -> bool:
    try:
        return str(folder) in " ".join(process.cmdline()) + " ".join(process.environ().values()) and process.pid != os.getpid()
    except psutil.Error:
        return False


def test_a_case_that_fails_is_told_and_does_not_keep_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(name: str) -> Callable[[Bench], Measured]:
        def measure(bench: Bench) -> Measured:
            if name == "idle":
                raise TimeoutError("it never was")
            return Measured([Row("wakeup_ms", "wakes up", 2.0, 2.0, unit="ms")])

        return measure

    monkeypatch.setattr(bench_main, "find", found)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    out, doc = tmp_path / "benchmarks.json", tmp_path / "benchmarks.md"

    code = bench_main.main(["--only", "idle", "wakeup", "--out", str(out), "--doc", str(doc)])

    made = json.loads(out.read_text())
    assert code == 1
    assert made["failed"] == {"idle": "TimeoutError: it never was"}
    assert made["wakeup_ms"] == 2.0
    assert not doc.exists(), "a page without it would pass for a whole one"


def test_the_page_is_written_by_a_full_run_only() -> None:
    assert arguments([]).doc == Path("docs/benchmarks.md")
    assert arguments(["--quick"]).doc is None
    assert arguments(["--only", "noop"]).doc is None
    assert arguments(["--quick", "--doc", "x.md"]).doc == Path("x.md")


@pytest.mark.parametrize("wrong", [["--only", "noo"], ["--rounds", "0"]])
def test_what_cannot_be_measured_is_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(wrong)


@pytest.mark.parametrize("name", NAMES)
def test_each_case_is_there_and_says_what_it_compares(name: str) -> None:
    assert callable(find(name))
    assert sys.modules[f"bench.cases.{name}"].__doc__


def test_every_file_of_cases_is_a_case() -> None:
    assert {path.stem for path in (ROOT / "bench" / "cases").glob("*.py")} - {"__init__"} == set(NAMES)
