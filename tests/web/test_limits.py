"""Limits as whoever asks meets them: the headers of each answer, the 429 in words, and nothing received in vain."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from jobs import limits, people
from jobs.settings import settings
from jobs.storage import Storage
from jobs.store import Store
from scripts import admin as command_line
from tests.web.conftest import Callers, problem, tone
from web import create_app
from web.limits import told
from web.receive import READ_BYTES

Nothing = Callable[[], None]


@pytest.fixture
def app(web_settings: Any, redis: Any, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """An app in which a person may make 5 requests a minute, upload 200 kB and submit half a minute of recordings a day."""
    monkeypatch.setenv("MAX_REQUESTS_PER_MINUTE", "5")
    monkeypatch.setenv("MAX_UPLOAD_BYTES_PER_DAY", "200000")
    monkeypatch.setenv("MAX_AUDIO_MINUTES_PER_DAY", "1")
    settings.cache_clear()
    return create_app(settings(), store=Store(redis), storage=storage)


@pytest.fixture
def many(store: Store, callers: Callers) -> Callers:
    """People whose requests nobody counts."""
    for one in (callers.owner, callers.colleague):
        limits.give(store, one.name, requests=0)
    return callers


def remaining(response: Any) -> int:
    found = re.fullmatch(r'"requests";r=(\d+);t=\d+', response.headers["RateLimit"])
    assert found, response.headers["RateLimit"]
    return int(found[1])


def test_each_answer_tells_what_is_left_and_one_too_many_when_to_come_back(callers: Callers) -> None:
    owner = callers.owner
    answers = [owner("GET", "/api/jobs"), owner("GET", "/api/jobs/none"), owner("GET", "/api/nothing"), owner("POST", "/api/jobs")]
    answers.append(owner("GET", "/api/jobs", headers={"Accept": "text/html"}))
    assert [answer.status_code for answer in answers] == [200, 404, 404, 415, 200]
    told = [remaining(answer) for answer in answers if "RateLimit" in answer.headers]
    assert told == [4, 3, 2, 1], "an address that does not exist is nobody's"
    assert {answer.headers.get("RateLimit-Policy") for answer in answers if "RateLimit" in answer.headers} == {'"requests";q=5;w=60'}
    assert remaining(owner("GET", "/api/jobs")) == 0

    for refused in (owner("GET", "/api/jobs"), owner("GET", "/api/jobs/none")):
        document = problem(refused, 429, "rate-limited")
        assert (document["limit"], document["limited"], document["used"]) == (5, "requests", 5)
        assert 1 <= int(refused.headers["Retry-After"]) <= 12
        assert 48 <= document["resets_in_seconds"] <= 60
        assert remaining(refused) == 0
    assert owner("GET", "/healthz").status_code == 200
    assert owner("GET", "/static/page.css").status_code == 200
    assert callers.colleague("GET", "/api/jobs").status_code == 200


def test_a_304_is_counted_and_tells_what_is_left(many: Callers, store: Store, speech: bytes) -> None:
    status = many.owner.submit_file(speech)
    limits.give(store, "ada", requests=100)
    first = many.owner("GET", f"/api/jobs/{status.json['id']}")
    again = many.owner("GET", f"/api/jobs/{status.json['id']}", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, remaining(again)) == (304, remaining(first) - 1)


def test_a_browser_is_told_on_a_page(callers: Callers) -> None:
    for _ in range(6):
        answer = callers.owner("GET", "/", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.mimetype) == (429, "text/html")
    assert "you may make 5 requests a minute" in answer.text.lower()


def test_an_admin_is_not_limited(callers: Callers) -> None:
    for _ in range(6):
        assert "RateLimit" not in callers.admin("GET", "/api/jobs").headers
    upload = callers.admin.upload(tone(24), "a.wav").json["id"]
    assert [callers.admin.submit(params={"upload": upload}).status_code for _ in range(4)] == [202] * 4
    assert callers.admin.upload(tone(24), "b.wav").status_code == 201


def test_an_upload_that_the_day_has_no_room_for_is_refused_while_it_comes_in(many: Callers, nothing_left: Nothing) -> None:
    sound = tone(15)
    assert many.owner.upload(sound, "a.wav").status_code == 201
    document = problem(many.owner.upload(sound, "b.wav"), 429, "rate-limited")
    assert (document["field"], document["limited"], document["limit"]) == ("file", "upload_bytes", 200_000)
    assert document["used"] == len(sound)
    assert "`users limit ada`" in document["detail"]
    problem(many.owner.submit_file(sound, "c.wav"), 429, "rate-limited")
    assert many.colleague.upload(sound, "d.wav").status_code == 201
    assert limits.used(Store(many_redis(many)), "ada").bytes == len(sound)


def many_redis(callers: Callers) -> Any:
    return callers.owner.client.application.extensions["lectern"].store.redis


def test_what_is_refused_is_not_charged(many: Callers, store: Store, nothing_left: Nothing) -> None:
    problem(many.owner.upload(b"no recording", "a.wav"), 422, "unplayable")
    problem(many.owner.submit_file(tone(1), "a.wav", params='{"colour": 1}'), 422, "invalid")
    problem(many.owner.submit_file(tone(1), "a.wav", type="export"), 422, "invalid")
    assert limits.used(store, "ada").bytes == 0
    nothing_left()


def test_minutes_are_charged_with_the_job_and_a_deleted_job_gives_nothing_back(many: Callers, store: Store) -> None:
    upload = many.owner.upload(tone(20), "a.wav").json["id"]
    for _ in range(3):
        job = many.owner.submit(params={"upload": upload}).json["id"]
    assert many.owner("DELETE", f"/api/jobs/{job}").status_code == 204
    assert limits.used(store, "ada").minutes == pytest.approx(1)
    refused = problem(many.owner.submit(params={"upload": upload}), 429, "rate-limited")
    assert refused["detail"].startswith("you may have 1 min of recordings worked on a day and have submitted 1 min today")


def test_a_recording_longer_than_what_is_left_is_refused_and_leaves_nothing(many: Callers, store: Store, nothing_left: Nothing) -> None:
    limits.give(store, "ada", minutes=0.1)
    refused = problem(many.owner.submit_file(tone(10), "a.wav"), 429, "rate-limited")
    assert (refused["field"], refused["limited"], refused["limit"], refused["used"]) == ("params.upload", "audio_minutes", 0.1, 0)
    assert limits.used(store, "ada").bytes == 0
    nothing_left()


def test_a_form_is_refused_before_its_file_when_no_minutes_are_left(many: Callers, store: Store) -> None:
    limits.give(store, "ada", minutes=0.1)
    assert many.owner.submit_file(tone(6), "a.wav").status_code == 202
    before = limits.used(store, "ada")
    body = b'--b\r\nContent-Disposition: form-data; name="type"\r\n\r\ntranscription\r\n'
    body += b'--b\r\nContent-Disposition: form-data; name="params"\r\n\r\n{}\r\n'
    body += b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    source = Source(body + b"\0" * 180_000)
    answer = many.owner("POST", "/api/jobs", input_stream=source, content_type="multipart/form-data; boundary=b")
    assert problem(answer, 429, "rate-limited")["limited"] == "audio_minutes"
    assert source.tell() <= READ_BYTES
    assert limits.used(store, "ada").bytes == before.bytes
    text = json.dumps({"segments": [{"start": 0, "end": 1, "text": "Hello there."}]}).encode()
    notes = many.owner.submit_file(text, "a.json", type="notes", params="{}")
    assert notes.status_code == 202, "a transcript has no minutes"


class Source(io.BytesIO):
    """A body that can be asked, when its request has ended, how much of it was read."""

    def close(self) -> None:
        pass


def test_a_repeated_form_is_charged_once_and_let_in_when_nothing_is_left(many: Callers, store: Store) -> None:
    sound, key = tone(20), {"Idempotency-Key": "week-1"}
    first = many.owner.submit_file(sound, "a.wav", headers=key)
    limits.give(store, "ada", bytes=1000, minutes=0.1)
    again = many.owner.submit_file(sound, "a.wav", headers=key)
    assert (again.status_code, again.json["id"]) == (202, first.json["id"])
    assert limits.used(store, "ada").bytes == len(sound)
    problem(many.owner.submit_file(sound, "a.wav", headers={"Idempotency-Key": "week-2"}), 429, "rate-limited")


def test_a_batch_takes_what_there_is_room_for(many: Callers) -> None:
    upload = many.owner.upload(tone(20), "a.wav").json["id"]
    jobs = [{"type": "transcription", "params": {"upload": upload}}] * 4
    told = many.owner("POST", "/api/jobs/batch", json=jobs).json
    assert ["id" in one for one in told] == [True, True, True, False]
    assert told[3]["limited"] == "audio_minutes"
    assert told[3]["retry_after"] > 0


def test_what_is_left_can_be_told(app: Flask, many: Callers, store: Store) -> None:
    many.owner.submit_file(tone(15), "a.wav")
    limits.give(store, "ada", requests=10)
    with app.test_request_context():
        of_ada, of_root = (told(next(one for one in people.listing(store) if one.user == name)) for name in ("ada", "root"))
    assert of_ada["requests"] == {"limit": 10, "remaining": 10, "resets_in_seconds": 0}
    assert of_ada["upload_bytes"]["remaining"] == 200_000 - len(tone(15))
    assert (of_ada["audio_minutes"]["limit"], of_ada["audio_minutes"]["remaining"]) == (1, 0.8)
    assert 0 < of_ada["audio_minutes"]["resets_in_seconds"] <= 86_400
    assert {name: one["limit"] for name, one in of_root.items()} == {"requests": None, "upload_bytes": None, "audio_minutes": None}


def test_an_admin_gives_a_person_other_limits_on_the_command_line(callers: Callers, capsys: pytest.CaptureFixture[str]) -> None:
    def say(*arguments: str) -> str:
        assert command_line.main(["users", "limit", "ada", *arguments]) == 0
        return capsys.readouterr().out.strip()

    assert say() == "ada may make 5 requests a minute, upload 200 kB a day and submit 1 min of recordings a day"
    assert '"requests": 2' in say("--requests", "2", "--bytes", "0", "--json")
    assert [callers.owner("GET", "/api/jobs").status_code for _ in range(3)] == [200, 200, 429]
    assert say("--none") == "ada may make any number of requests, upload any number of bytes and submit any length of recordings"
    assert callers.owner("GET", "/api/jobs").status_code == 200
    assert "5 requests" in say("--usual")
    assert command_line.main(["users", "limit", "nobody", "--none"]) == 2
    assert "there is no user 'nobody'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command_line.main(["users", "limit", "ada", "--none", "--bytes", "1"])


def test_two_processes_count_together(store: Store, callers: Callers, app: Flask, storage: Storage) -> None:
    other = create_app(settings(), store=Store(many_redis(callers)), storage=storage)
    bearer = {"Authorization": f"Bearer {callers.owner.token}"}
    answers = [one.test_client().get("/api/jobs", headers=bearer).status_code for one in (app, other) * 4]
    assert answers == [200] * 5 + [429] * 3
