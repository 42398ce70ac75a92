"""GET /api/jobs/<id>/recording, POST /api/jobs/<id>/links and what a link opens; the names that downloads have."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from itsdangerous import URLSafeSerializer

from jobs import people, show
from jobs.store import Store
from tests.web.conftest import ONE_TASK, Caller, Callers, Worker, problem
from web import downloads, media
from web.downloads import disposition, named_after

MADE = b"1\n00:00:00,000 --> 00:00:01,000\nHello\n"


@pytest.fixture
def url(job: str) -> str:
    return f"/api/jobs/{job}/recording"


@pytest.fixture
def new_link(callers: Callers, job: str) -> Callable[..., str]:
    """Return a way to make a link as the owner of the job, or as somebody else."""

    def make(who: Caller = callers.owner, **asked: Any) -> str:
        response = who("POST", f"/api/jobs/{job}/links", json=asked)
        assert response.status_code == 201, response.text
        return str(response.json["url"])

    return make


def test_a_recording_is_played_in_place_and_can_do_nothing_else(owner: Caller, url: str, speech: bytes) -> None:
    response = owner("GET", url)

    assert (response.status_code, response.data) == (200, speech)
    assert response.headers["Content-Type"] == "audio/ogg"
    assert response.headers["Content-Disposition"] == "inline; filename=lecture.ogg"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Accept-Ranges"] == "bytes"
    policy = response.headers["Content-Security-Policy"].split("; ")
    assert "sandbox allow-same-origin" in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize(("asked", "start", "end"), [("bytes=0-99", 0, 100), ("bytes=100-", 100, None), ("bytes=-5", -5, None)])
def test_a_player_seeks_in_it(owner: Caller, url: str, speech: bytes, asked: str, start: int, end: int | None) -> None:
    response = owner("GET", url, headers={"Range": asked})

    assert (response.status_code, response.data) == (206, speech[start:end])
    problem(owner("GET", url, headers={"Range": f"bytes={len(speech)}-"}), 416, "range-not-satisfiable")


def test_a_player_of_a_page_gets_all_from_here_in_pieces_and_a_download_gets_all(
    owner: Caller, url: str, speech: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "PLAYER_BYTES", 1000)

    piece = owner("GET", url, headers={"Range": "bytes=10-", "Sec-Fetch-Dest": "audio"})
    assert (piece.status_code, piece.data) == (206, speech[10:1010])
    assert piece.headers["Content-Range"] == f"bytes 10-1009/{len(speech)}"
    asked = owner("GET", url, headers={"Range": "bytes=10-4999", "Sec-Fetch-Dest": "audio"})
    assert asked.data == speech[10:5000]
    assert owner("GET", url, headers={"Range": "bytes=10-"}).data == speech[10:]


def test_only_its_owner_and_admins_hear_a_recording(callers: Callers, url: str, speech: bytes) -> None:
    assert callers.admin("GET", url).data == speech
    for other in (callers.colleague, callers.stranger):
        problem(other("GET", url), 404, "not-found")
        problem(other("POST", url.replace("recording", "links"), json={}), 404, "not-found")
    for method, path in (("GET", url), ("POST", url.replace("recording", "links"))):
        problem(callers.anonymous(method, path, json={}), 401, "unauthenticated")


@pytest.mark.parametrize("media_type", ["text/html", "image/svg+xml", "application/octet-stream", "audio/x; charset=utf-8"])
def test_what_is_neither_sound_nor_picture_is_an_attachment(owner: Caller, url: str, store: Store, job: str, media_type: str) -> None:
    upload = show.job(store, job).params["upload"]
    store.redis.hset(store.keys.upload(str(upload)), "media_type", media_type)

    response = owner("GET", url)

    assert response.headers["Content-Disposition"] == "attachment; filename=lecture.ogg"
    assert "sandbox" in response.headers["Content-Security-Policy"]


def test_what_is_made_of_no_recording_has_none(admin: Caller) -> None:
    job = admin.submit("synthetic", params=ONE_TASK).json["id"]

    problem(admin("GET", f"/api/jobs/{job}/recording"), 404, "not-found")
    problem(admin("POST", f"/api/jobs/{job}/links", json={}), 404, "not-found")


def test_a_link_opens_the_recording_without_a_session_for_an_hour(
    callers: Callers, job: str, speech: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = time.time()
    made = callers.owner("POST", f"/api/jobs/{job}/links", json={}).json

    whole = callers.anonymous("GET", made["url"])
    assert (whole.status_code, whole.data, whole.headers["Content-Type"]) == (200, speech, "audio/ogg")
    part = callers.anonymous("GET", made["url"], headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.data) == (206, speech[5:10])
    assert made["expires_at"].endswith("Z")

    monkeypatch.setattr(media.time, "time", lambda: before + media.LINK_S + 1)
    ended = problem(callers.anonymous("GET", made["url"]), 404, "not-found")
    assert "ended at" in ended["detail"]
    problem(callers.owner("GET", made["url"]), 404, "not-found")


def test_a_link_opens_what_the_job_made_as_a_download(callers: Callers, worker: Worker, job: str, new_link: Callable[..., str]) -> None:
    problem(callers.owner("POST", f"/api/jobs/{job}/links", json={"name": "transcript.srt"}), 404, "not-found")
    worker.publish("transcript.srt", MADE)

    response = callers.anonymous("GET", new_link(name="transcript.srt"))

    assert response.data == MADE
    assert response.headers["Content-Disposition"] == 'attachment; filename="lecture transcript.srt"'


def test_a_link_that_was_tampered_with_opens_nothing(app: Flask, callers: Callers, job: str, new_link: Callable[..., str]) -> None:
    body, _, signature = new_link().rpartition("/")[2].rpartition(".")
    told = [job, None, callers.owner.name, int(time.time()) + 60]
    forged = URLSafeSerializer("guessed", salt="lectern.link").dumps(told)
    of_a_session = URLSafeSerializer(app.secret_key or "", salt="cookie-session").dumps(told)
    anothers = forged.rpartition(".")[0]
    for signed in (forged, of_a_session, f"{body}.{signature[:-1]}", f"{anothers}.{signature}", body, "x"):
        problem(callers.anonymous("GET", f"/links/{signed}"), 404, "not-found")


def test_a_link_opens_no_more_than_who_made_it_may_see(callers: Callers, app: Flask, store: Store, job: str, new_link: Any) -> None:
    theirs, admins = new_link(), new_link(callers.admin)
    with app.app_context():
        strangers = media.signer().dumps([job, None, callers.stranger.name, int(time.time()) + 60])
    problem(callers.anonymous("GET", f"/links/{strangers}"), 404, "not-found")

    people.add(store, "boss", org="local", role="admin")
    people.remove(store, callers.admin.name)
    problem(callers.anonymous("GET", admins), 404, "not-found")
    assert callers.anonymous("GET", theirs).status_code == 200

    people.remove(store, callers.owner.name)
    problem(callers.anonymous("GET", theirs), 404, "not-found")


def test_a_link_ends_with_its_job(callers: Callers, job: str, new_link: Callable[..., str]) -> None:
    url = new_link()
    assert callers.owner("DELETE", f"/api/jobs/{job}").status_code == 204

    problem(callers.anonymous("GET", url), 404, "not-found")


def test_a_person_who_opens_an_ended_link_gets_a_page(callers: Callers) -> None:
    response = callers.anonymous("GET", "/links/x", headers={"Accept": "text/html"})

    assert (response.status_code, response.mimetype) == (404, "text/html")
    assert "There is no such link" in response.text


@pytest.mark.parametrize("asked", [{"name": 1}, {"job": "x"}, []])
def test_a_link_that_is_asked_for_wrongly_is_refused(owner: Caller, job: str, asked: Any) -> None:
    problem(owner("POST", f"/api/jobs/{job}/links", json=asked), 422, "invalid")


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("lecture-3.ogg", "lecture-3 transcript.srt"),
        ("Week 2, part 1.2 (final).MP4", "Week 2, part 1.2 (final) transcript.srt"),
        ("Vorlesung über Zellen.m4a", "Vorlesung über Zellen transcript.srt"),
        ("transcription", "transcription transcript.srt"),
        ('a<b>:"c|d?*.mp3', "a_b___c_d__ transcript.srt"),
        ("../../etc/x\r\ny.wav", "x__y transcript.srt"),
        (".mp3", "transcript.srt"),
        ("é" * 120 + ".mp3", "é" * 75 + " transcript.srt"),
    ],
)
def test_a_download_is_called_after_its_recording(title: str, name: str) -> None:
    assert named_after(title, "transcript.srt") == name


@pytest.mark.parametrize(
    ("filename", "header"),
    [
        ("a.srt", "attachment; filename=a.srt"),
        ('a "b".srt', 'attachment; filename="a \\"b\\".srt"'),
        ("über.srt", "attachment; filename=uber.srt; filename*=UTF-8''%C3%BCber.srt"),
        ("講義.srt", "attachment; filename=.srt; filename*=UTF-8''%E8%AC%9B%E7%BE%A9.srt"),
    ],
)
def test_a_name_in_any_script_is_told_to_old_and_new_clients(filename: str, header: str) -> None:
    assert disposition("attachment", filename) == header
