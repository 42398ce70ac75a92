"""Many recordings in one task: a verdict and a key for each, a report of all, and what a run goes on with that another began."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest

from jobs import record, show
from jobs.errors import Misconfigured
from jobs.states import JobStatus
from tests.checks.conftest import EXPECTED, WORKER, Submit, artifact, finish, starts, take
from tests.checks.sounds import speech, write
from workers.engines import quality
from workers.kit import Kit


def test_each_recording_gets_a_verdict_a_key_of_its_own_and_a_place_in_the_report(kit: Kit, ask: Submit, some: dict[str, Path]) -> None:
    job = ask(some)
    view = finish(kit, take(kit))

    items = show.partial(kit.store, job)["items"]
    ended = {item["filename"]: item for item in items if item["state"] == "checked"}
    assert {name: item["verdict"] for name, item in ended.items()} == EXPECTED
    assert {item["child"] for item in items} == {f"quality.{n}" for n in range(6)}
    assert kit.store.redis.hget(f"app:jobs:{job}", "children:quality") == f"6 app:jobs:{job}:children:quality:*".encode()

    told = show.status(kit.store, job)
    assert view.status is JobStatus.COMPLETED
    assert told["message"] == "6 recordings checked: 1 good, 1 fair, 2 poor, 2 unusable"
    assert told["warnings"] == ["4 of 6 recordings are poor or unusable: =clipped <b>.wav, silent.wav, cut.mp3, none.mp3"]
    assert told["result_path"] == f"/api/jobs/{job}/artifacts/report.html"
    names = [one["name"] for one in told["artifacts"]]
    assert names == ["report.html", "report.json", "report.csv", "package.zip", *(f"recording-00{n}.svg" for n in range(1, 6))]


def test_the_report_is_read_by_what_reads_such_files(kit: Kit, ask: Submit, some: dict[str, Path]) -> None:
    job = ask(some)
    finish(kit, take(kit))

    told = json.loads(artifact(kit, job, "report.json"))
    assert {one["filename"]: one["verdict"] for one in told["recordings"]} == EXPECTED
    assert told["verdicts"] == {"good": 1, "fair": 1, "poor": 2, "unusable": 2}
    assert told["recordings"][5]["found"] is None

    rows = list(csv.DictReader(io.StringIO(artifact(kit, job, "report.csv").decode("utf-8-sig"))))
    assert [row["verdict"] for row in rows] == list(EXPECTED.values())
    assert rows[1]["filename"] == "'=clipped <b>.wav"  # no spreadsheet takes it for a formula
    assert float(rows[0]["loudness_lufs"]) == pytest.approx(-23, abs=2)

    page = Page()
    page.feed(artifact(kit, job, "report.html").decode())
    assert page.open == []
    assert page.tags["svg"] == 5
    assert not page.outside
    assert "=clipped <b>.wav" in page.text

    with zipfile.ZipFile(io.BytesIO(artifact(kit, job, "package.zip"))) as package:
        assert package.testzip() is None
        assert set(package.namelist()) == {one["name"] for one in show.artifacts(kit.store, job)} - {"package.zip"}
        assert package.read("report.html") == artifact(kit, job, "report.html")


class Page(HTMLParser):
    """Reads a page, and notes what is left open in it, what it shows, and what it would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: dict[str, int] = {}
        self.text = ""
        self.outside: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.outside += [(tag, value) for name, value in attrs if name in ("src", "href") and not (value or "").startswith("#")]
        self.outside += [(tag, None)] if tag in ("script", "iframe", "object", "link", "b") else []
        if tag not in ("meta", "br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_progress_goes_by_seconds_heard_and_says_how_many_are_checked() -> None:
    tally = quality.Tally([60.0, 0.0, 20.0])
    assert (tally.fraction, tally.message) == (0.0, "0 of 3 recordings checked")
    tally.done(2)
    assert (tally.fraction, tally.message) == (pytest.approx(20 / 120), "1 of 3 recordings checked")
    tally.heard(1, 30.0, 120.0)
    assert tally.fraction == pytest.approx(50 / 200)
    tally.heard(0, 90.0, 60.0)  # longer than it says
    tally.done(0)
    tally.done(1)
    assert (tally.fraction, tally.message) == (0.99, "3 of 3 recordings checked")


def test_a_run_that_was_killed_is_gone_on_with_where_it_was(kit: Kit, ask: Submit, some: dict[str, Path]) -> None:
    job = ask(some)
    first = take(kit)
    pieces = first.pieces(6)
    for n, verdict in ((0, "good"), (3, "fair")):
        named = {"filename": list(some)[n]}
        ended = {"state": "checked", "verdict": verdict, "remarks": [], "found": None}
        pieces.append(n, [{**named, "state": "started"}, {**named, **ended}])
    pieces.append(1, [{"state": "started", "filename": list(some)[1]}])  # it was at this one
    record.lost(kit.store, worker=WORKER, run="r1", reason="killed")

    view = finish(kit, take(kit, "r2"))

    assert view.status is JobStatus.COMPLETED
    assert starts(kit, job) == {"good.wav": 1, "=clipped <b>.wav": 2, "silent.wav": 1, "left only.wav": 1, "cut.mp3": 1, "none.mp3": 1}
    told = json.loads(artifact(kit, job, "report.json"))["recordings"]
    assert [one["verdict"] for one in told] == list(EXPECTED.values())


def test_more_recordings_than_keys_are_allowed_is_said_before_anything_is_done(
    kit: Kit, ask: Submit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.wav", speech(1))
    ask({"a.wav": path, "b.wav": path})
    monkeypatch.setattr(kit.settings, "max_children", 1)
    with pytest.raises(Misconfigured, match="MAX_CHILDREN=1"):
        quality.run(take(kit), {})
