"""Notes over HTTP, in a whole installation, with an API on the loopback that answers as Gemini does."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bench import lectures
from bench.lectures import spoken
from tests.e2e.test_recordings import QUICK, ROOT, Guest
from tests.gemini.api import Api, kept_back, rate_limited, said, serving
from tests.notes.test_draft import GOOD
from tests.served import served
from workers.notes.shape import Notes

PLANTS = spoken(lectures.PLANTS)


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with no_proxy(), serving() as api:
        yield api


@contextmanager
def no_proxy() -> Iterator[None]:
    before = os.environ.get("NO_PROXY")
    os.environ["NO_PROXY"] = "127.0.0.1"
    yield
    os.environ.pop("NO_PROXY") if before is None else os.environ.update(NO_PROXY=before)


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory, api: Api) -> Iterator[Guest]:
    asks = {"GEMINI_API_KEY": "AIzaSy-test", "GEMINI_ENDPOINT": api.url, "THIRD_PARTIES": "gemini"}
    with served(tmp_path_factory.mktemp("notes"), "--long", "1", **QUICK, **asks) as running:
        yield Guest(running)


def submitted(guest: Guest, **given: Any) -> str:
    answer = guest.session.post(f"{guest.lectern.address}/api/jobs", timeout=30, **given)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def test_an_uploaded_transcript_becomes_notes_by_gemini_after_a_wait_for_its_rate(guest: Guest, api: Api) -> None:
    api.answers(rate_limited("1s"), said(GOOD))
    transcript = json.dumps({"language": "en", "segments": PLANTS})

    job = submitted(guest, files={"file": ("week 1.json", transcript)}, data={"type": "notes"})

    told = guest.ended(job)
    assert (told["status"], told["message"]) == ("completed", f"completed, notes of {len(PLANTS)} segments")
    assert told["result_path"] == f"/api/jobs/{job}/artifacts/notes.md"
    assert told["warnings"] == []
    notes = json.loads(guest.artifact(job, "notes.json"))
    Notes.model_validate(notes).checked(len(PLANTS))
    assert (notes["engine"], notes["dropped"], notes["summary"]) == ("gemini", 0, GOOD["summary"])
    assert GOOD["terms"][0]["definition"] in guest.artifact(job, "notes.md").decode()
    assert {"notes.json", "notes.md", "flashcards.apkg"} <= {artifact["name"] for artifact in told["artifacts"]}
    assert not [artifact for artifact in told["artifacts"] if artifact["name"].startswith("transcript")]


def test_notes_of_a_finished_transcription_are_made_offline_when_gemini_keeps_its_answer_back(guest: Guest, api: Api) -> None:
    api.answers(kept_back("SAFETY"))
    recording = guest.upload("short.ogg", (ROOT / "samples" / "short-slt.ogg").read_bytes(), export=False)
    assert guest.ended(recording)["status"] == "completed"

    job = submitted(guest, json={"type": "notes", "params": {"job": recording}})

    told = guest.ended(job)
    assert told["status"] == "completed", told
    assert [warning.partition(": ")[0] for warning in told["warnings"]] == ["the notes were made offline, not by Gemini"]
    notes = json.loads(guest.artifact(job, "notes.json"))
    transcript = json.loads(guest.artifact(recording, "transcript.json"))
    Notes.model_validate(notes).checked(len(transcript["segments"]))
    assert notes["engine"] == "offline extractive"
    assert notes["warnings"] == told["warnings"]
    heard = " ".join(segment["text"] for segment in transcript["segments"])
    assert all(point["text"] in heard for point in notes["summary"])


def test_a_job_without_a_transcript_is_said_to_have_none(guest: Guest, api: Api) -> None:
    empty = submitted(guest, json={"type": "synthetic", "params": {"tasks": [{"name": "a"}]}})
    assert guest.ended(empty)["status"] == "completed"

    told = guest.ended(submitted(guest, json={"type": "notes", "params": {"job": empty}}))

    assert (told["status"], told["message"]) == ("failed", f"read failed: job {empty} has no transcript: it is a synthetic job, completed")
