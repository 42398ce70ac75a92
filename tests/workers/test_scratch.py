"""Temporary folders do not outlive those they were for."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from workers import scratch


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_each_run_has_an_empty_folder_of_its_own() -> None:
    root = scratch.make_root()
    first, second = scratch.make(root), scratch.make(root)
    assert first != second
    assert oct(first.stat().st_mode & 0o777) == "0o700"
    scratch.empty(root)
    assert list(root.iterdir()) == []


def test_what_killed_workers_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = tmp_path / f"{scratch._prefix()}{dead.pid}-abc"
    (left / "deep").mkdir(parents=True)
    others = tmp_path / f"lectern-scratch-another-host-{dead.pid}-abc"
    others.mkdir()
    own, init = scratch.make_root(), tmp_path / f"{scratch._prefix()}1-abc"
    init.mkdir()
    scratch.sweep()
    assert not left.exists()
    assert own.exists()
    assert others.exists()
    assert init.exists()
    assert os.getpid() > 1
