"""The page of quality has a section for each file that measures, and is written only when all of them did."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bench import quality
from bench.quality import Section
from bench.quality.__main__ import main, render


def measuring(monkeypatch: pytest.MonkeyPatch, **measures: Any) -> None:
    """Put modules in the place of the files, each with a title and its function; None is a file that measures nothing."""
    made = {}
    for name, measure in measures.items():
        made[name] = ModuleType(name)
        if measure is not None:
            vars(made[name]).update(TITLE=f"All about {name}", measure=measure, NOTES=["As told."])
    monkeypatch.setattr(quality, "files", lambda: list(made))
    monkeypatch.setattr(quality, "find", made.__getitem__)


def broken() -> list[tuple[str, str, str]]:
    raise ValueError("no such recording")


def test_a_file_is_a_section_with_a_row_for_each_figure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    measuring(monkeypatch, words=lambda: [("wrong words", "1.0 %", "of 100 | all")], sound=None)

    assert main(["--doc", str(tmp_path / "quality.md")]) == 0

    page = (tmp_path / "quality.md").read_text()
    assert (
        "## All about words\n\nAs told.\n\n|  | figure | how measured |\n| --- | --- | --- |\n| wrong words | 1.0 % | of 100 / all |\n"
        in page
    )
    assert page.count("\n## ") == 1


def test_nothing_is_written_when_one_of_them_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measuring(monkeypatch, words=broken, speakers=lambda: [("errors", "2 %", "by hand")])

    assert main(["--doc", str(tmp_path / "quality.md")]) == 1

    said = capsys.readouterr()
    assert "errors: 2 % (by hand)" in said.out
    assert "words failed: ValueError: no such recording" in said.err
    assert not (tmp_path / "quality.md").exists()


def test_only_measures_what_it_names_and_writes_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    measuring(monkeypatch, words=broken, speakers=lambda: [("errors", "2 %", "by hand")])
    monkeypatch.setattr("bench.quality.__main__.write", broken)

    assert main(["--only", "speakers"]) == 0
    with pytest.raises(SystemExit):
        main(["--only", "emotions"])

    assert "there is no emotions; there are words, speakers" in capsys.readouterr().err


def test_the_page_says_on_what_it_was_measured() -> None:
    page = render([Section("Words", [])], "2026-11-22 16:00 UTC")

    assert "`models/demo`" in page
    assert "`samples`" in page
    assert "2026-11-22 16:00 UTC" in page
