"""What a control group tells of kills for want of memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers import memory

VERSION_1 = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"
VERSION_2 = "low 0\nhigh 0\nmax 12\noom 4\noom_kill 3\noom_group_kill 1\n"


@pytest.mark.parametrize("told", [VERSION_1, VERSION_2])
def test_kills_are_read_from_either_kind_of_control_group(told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "events").write_text(told)
    monkeypatch.setattr(memory, "_files", lambda: (tmp_path / "nowhere", tmp_path / "events"))
    assert memory.oom_kills() == 3


def test_where_nothing_is_told_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other").write_text("oom_kill_disable 0\n")
    monkeypatch.setattr(memory, "_files", lambda: (tmp_path / "nowhere", tmp_path / "other"))
    assert memory.oom_kills() is None
