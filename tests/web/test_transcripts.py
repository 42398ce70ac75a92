"""Transcripts are uploaded as texts: looked into without the probe of recordings, and taken by the jobs that are made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from jobs import show, uploads
from jobs.storage import Storage
from jobs.store import Store
from tests.web.conftest import Caller, Callers, Worker, problem
from web import create_app, recordings

Nothing = Callable[[], None]
TEXT = "Ein Würfel hat sechs Flächen. A cell is small.\n".encode()


@pytest.fixture
def no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    def probe(*_: Any, **__: Any) -> None:
        raise AssertionError("a text was taken for a recording")

    monkeypatch.setattr(recordings, "probe", probe)


@pytest.mark.usefixtures("no_probe")
@pytest.mark.parametrize(
    ("name", "media_type"),
    [("a.txt", "text/plain"), ("a.SRT", "application/x-subrip"), ("week 1.vtt", "text/vtt"), ("transcript.json", "application/json")],
)
def test_a_transcript_is_an_upload_like_any_other(owner: Caller, store: Store, storage: Storage, name: str, media_type: str) -> None:
    upload = owner.upload(TEXT, name).json["id"]

    kept = uploads.find(store, upload, user="ada")
    assert (kept.filename, kept.media_type, kept.seconds, kept.bytes) == (name, media_type, 0.0, len(TEXT))
    assert storage.get_bytes(kept.key) == TEXT


@pytest.mark.usefixtures("no_probe")
def test_notes_are_made_of_an_upload_or_of_the_file_of_a_form(owner: Caller, store: Store) -> None:
    upload = owner.upload(TEXT, "week 1.txt").json["id"]

    for response in (
        owner.submit("notes", params={"upload": upload}),
        owner.submit_file(TEXT, "week 1.txt", type="notes", params='{"language": "en"}'),
    ):
        assert response.status_code == 202, response.text
        assert [task["name"] for task in response.json["tasks"]] == ["read", "notes", "merge"]
        assert (response.json["type"], response.json["title"]) == ("notes", "week 1.txt")
        params = show.job(store, response.json["id"]).params
        assert params["filename"] == "week 1.txt"
        assert "seconds" not in params
    assert params["language"] == "en"


@pytest.mark.usefixtures("no_probe")
@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (b"", "a.txt", "empty"),
        (b" \n", "a.txt", "empty"),
        (b"\xff\xfe\x00A", "a.srt", "UTF-8"),
        (b"\x00\x01\x02", "a.json", "NUL"),
    ],
)
def test_what_is_no_text_is_refused(owner: Caller, nothing_left: Nothing, data: bytes, name: str, words: str) -> None:
    for response in (owner.upload(data, name), owner.submit_file(data, name, type="notes")):
        refused = problem(response, 422, "unplayable")
        assert words in refused["detail"]
        assert refused["field"] == "file"
    nothing_left()


def test_notes_take_no_recording_and_transcriptions_no_text(owner: Caller, speech: bytes) -> None:
    refused = problem(owner.submit_file(speech, "lecture.ogg", type="notes"), 422, "unplayable")
    assert ".txt, .srt, .vtt, .json" in refused["detail"]
    assert "not a recording" in problem(owner.submit_file(TEXT, "lecture.txt"), 422, "unplayable")["detail"]

    text, sound = owner.upload(TEXT, "a.txt").json["id"], owner.upload(speech).json["id"]
    for kind, upload, words in (
        ("transcription", text, "jobs of type transcription are made of a recording"),
        ("notes", sound, "jobs of type notes are made of a transcript"),
    ):
        refused = problem(owner.submit(kind, params={"upload": upload}), 422, "invalid")
        assert refused["field"] == "params.upload"
        assert words in refused["detail"]
        told = owner("POST", "/api/jobs/batch", json=[{"type": kind, "params": {"upload": upload}}]).json
        assert (told[0]["status"], told[0]["field"]) == (422, "params.upload")


def test_a_recording_that_is_called_like_a_text_is_still_one_for_a_transcription(owner: Caller, speech: bytes) -> None:
    assert owner.submit_file(speech, "lecture.txt").status_code == 202


def test_someone_elses_transcript_is_not_there(callers: Callers, worker: Worker) -> None:
    upload = callers.owner.upload(TEXT, "a.txt").json["id"]
    job = callers.owner.submit("notes", params={"upload": upload}).json["id"]
    for _ in range(3):
        worker.complete()

    for other in (callers.colleague, callers.stranger, callers.admin):
        problem(other.submit("notes", params={"upload": upload}), 404, "not-found")
        refused = problem(other.submit("notes", params={"job": job}), 422, "invalid")
        assert (refused["field"], refused["detail"]) == ("params.job", f"there is no job {job}")
    assert callers.owner.submit("notes", params={"job": job}).status_code == 202


def test_a_form_brings_a_file_or_names_a_job_not_both(owner: Caller, nothing_left: Nothing) -> None:
    problem(owner.submit_file(TEXT, "a.txt", type="notes", params='{"job": "7f3a"}'), 422, "invalid")
    nothing_left()


def test_where_the_web_opens_no_file_no_text_is_opened_either(web_settings: Any, store: Store, storage: Storage, callers: Callers) -> None:
    app: Flask = create_app(web_settings.model_copy(update={"zones": "inspect=ingest"}), store=store, storage=storage)
    owner = Caller(app.test_client(use_cookies=False), callers.owner.token)

    response = owner.submit_file(b"\xff\xfe no text", "a.txt", type="notes")

    assert response.status_code == 202
    problem(owner.upload(b"", "a.txt"), 422, "unplayable")
