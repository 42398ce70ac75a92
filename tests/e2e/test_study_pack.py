"""From a recording to the study pack over HTTP, and every file of it opened by what others open such files with."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import docx
import pysubs2
import pytest
from markdown_it import MarkdownIt

from scripts.words import words
from tests.e2e.test_recordings import QUICK, ROOT, Guest
from tests.served import Served, served


@pytest.fixture(scope="module")
def lectern(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("study"), "--long", "1", **QUICK) as running:
        yield running


class Text(HTMLParser):
    """What a web page says."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    @property
    def words(self) -> list[str]:
        return words(" ".join(self.said))


def follows(part: list[str], whole: list[str]) -> bool:
    """Whether all words of `part` are in `whole` in their order, whatever stands between."""
    rest = iter(whole)
    return all(word in rest for word in part)


def word(document: bytes) -> list[str]:
    return words("\n".join(part.text for part in docx.Document(io.BytesIO(document)).paragraphs))


def markdown(text: bytes) -> list[str]:
    return Text(MarkdownIt("commonmark").render(text.decode())).words


def opened(package: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(package)) as file:
        assert file.testzip() is None
        files = {name: file.read(name) for name in file.namelist()}
    sums = dict(reversed(line.split("  ")) for line in files["SHA256SUMS"].decode().splitlines())
    assert sums == {name: hashlib.sha256(data).hexdigest() for name, data in files.items() if name != "SHA256SUMS"}
    return files


def test_a_seminar_becomes_a_study_pack_that_opens_everywhere_and_goes_into_one_package_with_another(
    lectern: Served, tmp_path: Path
) -> None:
    guest = Guest(lectern)
    asked = {"speaker_detection": "diarize", "detect_emotions": True, "llm_cleanup": True, "notes": True}
    job = guest.upload("seminar.mp3", (ROOT / "samples" / "seminar.mp3").read_bytes(), **asked)
    told = guest.ended(job)
    assert told["status"] == "completed", told
    assert [task["name"] for task in told["tasks"] if task["state"] == "skipped"] == ["cleanup"]  # no key for Gemini
    files = opened(guest.artifact(job, "package.zip"))
    assert {artifact["name"] for artifact in told["artifacts"]} - {"package.zip"} == files.keys() - {"manifest.json", "SHA256SUMS"}

    transcript = json.loads(files["transcript.json"])
    said = words(files["transcript.txt"].decode())
    assert len(said) > 60
    spoken = words(" ".join(segment["text"] for segment in transcript["segments"]))
    assert follows(spoken, said)  # between them, who says it
    assert {segment["speaker"] for segment in transcript["segments"]} >= {"S1", "S2"}
    assert all("delivery" in segment for segment in transcript["segments"])
    for form in ("srt", "vtt"):
        cues = pysubs2.SSAFile.from_string(files[f"transcript.{form}"].decode(), form)
        assert words(" ".join(cue.plaintext for cue in cues)) == (said if form == "srt" else spoken)
        assert all(len(line) <= 42 for cue in cues for line in cue.plaintext.split("\n"))
    with io.StringIO(files["transcript.csv"].decode(), newline="") as table:
        assert words(" ".join(row["text"] for row in csv.DictReader(table, strict=True))) == spoken
    assert follows(spoken, Text(files["transcript.html"].decode()).words)
    assert follows(spoken, markdown(files["transcript.md"]))
    assert follows(spoken, word(files["transcript.docx"]))

    notes = json.loads(files["notes.json"])
    summary = words(" ".join(item["text"] for item in notes["summary"]))
    assert summary
    assert follows(summary, Text(files["notes.html"].decode()).words)
    assert follows(summary, markdown(files["notes.md"]))
    assert follows(summary, word(files["notes.docx"]))
    if notes["flashcards"]:
        (tmp_path / "deck.zip").write_bytes(files["flashcards.apkg"])
        with zipfile.ZipFile(tmp_path / "deck.zip") as deck:
            deck.extract("collection.anki2", tmp_path)
        with closing(sqlite3.connect(tmp_path / "collection.anki2")) as database:
            assert database.execute("SELECT count(*) FROM cards").fetchone() == (len(notes["flashcards"]),)

    manifest = json.loads(files["manifest.json"])
    assert {"transcribe", "diarize", "emotions", "notes"} <= manifest["steps"].keys()
    assert manifest["skipped"] == ["cleanup"]
    assert manifest["third_parties"] == []
    assert manifest["parameters"] == asked

    short = guest.upload("short.ogg", (ROOT / "samples" / "short-slt.ogg").read_bytes(), export=False)
    assert guest.ended(short)["status"] == "completed"
    packages = [packed_together(guest, job, short) for _ in range(2)]
    assert packages[0] == packages[1]
    both = opened(packages[0])
    assert {name.partition("/")[0] for name in both} == {"seminar", "short", "manifest.json", "SHA256SUMS"}
    assert both["seminar/notes.md"] == files["notes.md"]


def test_a_correction_is_in_every_form_and_the_rest_as_it_was(lectern: Served) -> None:
    guest = Guest(lectern)
    job = guest.upload("short.ogg", (ROOT / "samples" / "short-slt.ogg").read_bytes(), word_timestamps=True)
    guest.ended(job)
    before = opened(guest.artifact(job, "package.zip"))
    corrections = {"segments": {"0": {"text": "Chloroplasts, as I said."}}}
    answer = guest.session.patch(f"{lectern.address}/api/jobs/{job}/corrections", json=corrections, timeout=30)
    assert answer.status_code == 202, answer.text
    assert guest.ended(job)["status"] == "completed"

    after = opened(guest.artifact(job, "package.zip"))

    assert after.keys() == before.keys()
    for name in (f"transcript.{form}" for form in ("txt", "srt", "vtt", "json", "md", "html", "csv")):
        assert b"Chloroplasts, as I said." in after[name], name
    assert "chloroplasts" in word(after["transcript.docx"])
    said, corrected = (json.loads(files["transcript.json"])["segments"] for files in (before, after))
    assert corrected[1:] == said[1:]
    assert (corrected[0]["start"], corrected[0]["end"]) == (said[0]["start"], said[0]["end"])


def packed_together(guest: Guest, *jobs: str) -> bytes:
    asked: dict[str, Any] = {"type": "export", "params": {"jobs": list(jobs)}}
    answer = guest.session.post(f"{guest.lectern.address}/api/jobs", json=asked, timeout=30)
    assert answer.status_code == 202, answer.text
    export = str(answer.json()["id"])
    assert guest.ended(export)["message"] == "completed, 2 jobs in one package"
    return guest.artifact(export, "package.zip")
