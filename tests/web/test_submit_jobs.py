"""POST /api/jobs: what becomes a job, who may ask for what, and what a refusal names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis import Redis

from jobs import show
from jobs.errors import Overloaded
from jobs.store import Store
from tests.web.conftest import ONE_TASK, Caller, Callers, Worker, problem
from web import submitting

Nothing = Callable[[], None]


def test_a_job_of_an_upload_answers_202_with_its_place_and_status(owner: Caller, speech: bytes, store: Store) -> None:
    upload = owner.upload(speech, "week 1.ogg").json["id"]

    response = owner.submit(params={"upload": upload, "word_timestamps": True})

    assert response.status_code == 202
    status = response.json
    assert response.headers["Location"] == f"/api/jobs/{status['id']}"
    assert (status["type"], status["status"], status["user"], status["org"], status["priority"]) == (
        "transcription",
        "pending",
        "ada",
        "physics",
        "normal",
    )
    assert [task["name"] for task in status["tasks"]] == ["inspect", "prepare", "transcribe", "align", "merge", "export"]
    assert status["title"] == "week 1.ogg"
    params = {"upload": upload, "word_timestamps": True, "filename": "week 1.ogg", "seconds": pytest.approx(6.5, abs=0.1)}
    assert show.job(store, status["id"]).params == params


def test_a_form_with_a_file_is_upload_and_job_in_one(owner: Caller, speech: bytes, store: Store) -> None:
    response = owner.submit_file(speech, "week 2.ogg", params='{"language": "en", "export": false}', priority="low")

    assert response.status_code == 202
    params = show.job(store, response.json["id"]).params
    assert (params["language"], params["export"], params["filename"]) == ("en", False, "week 2.ogg")
    assert response.json["priority"] == "low"
    assert "export" not in [task["name"] for task in response.json["tasks"]]


def test_fields_may_come_after_the_file(owner: Caller, speech: bytes) -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.ogg"\r\n\r\n' + speech + b"\r\n"
        b'--b\r\nContent-Disposition: form-data; name="type"\r\n\r\ntranscription\r\n--b--\r\n'
    )
    assert owner("POST", "/api/jobs", data=body, content_type="multipart/form-data; boundary=b").status_code == 202


def test_an_upload_that_a_job_uses_no_longer_expires(owner: Caller, speech: bytes, redis: Redis) -> None:
    upload = owner.upload(speech).json["id"]

    owner.submit(params={"upload": upload})

    assert redis.ttl(f"app:uploads:{upload}") == -1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "unheard_of"}, "type"),
        ({}, "type"),
        ({"type": "transcription", "params": {"upload": "0" * 24, "colour": "red"}}, None),
        ({"type": "transcription", "params": {}}, "params.upload"),
        ({"type": "transcription", "params": {"upload": 7}}, "params.upload"),
        ({"type": "transcription", "params": []}, "params"),
        ({"type": "transcription", "priority": "urgent"}, "priority"),
        ({"type": "transcription", "priority": 3}, "priority"),
        ({"type": "transcription", "user": "root"}, "user"),
        ({"type": "transcription", "zone": "No Zone!"}, "zone"),
        ({"type": "../types"}, "type"),
        ([], None),
        ("text", None),
    ],
)
def test_what_cannot_be_a_job_is_refused(owner: Caller, nothing_left: Nothing, body: Any, field: str | None) -> None:
    response = owner("POST", "/api/jobs", json=body)

    assert response.status_code in (404, 422)
    assert response.mimetype == "application/problem+json"
    assert response.json.get("field") == field
    nothing_left()


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"colour": "red"}, "params.colour"),
        ({"language": "english"}, "params.language"),
        ({"word_timestamps": "perhaps"}, "params.word_timestamps"),
        ({"vocabulary": ["entropy", 5]}, "params.vocabulary.1"),
        ({"notes": "yes"}, "params.notes"),
        ({"speaker_detection": "all"}, "params.speaker_detection"),
        ({"emotions": True}, "params.emotions"),
        ({"filename": "mine.ogg"}, "params.filename"),
        ({"seconds": 5.0}, "params.seconds"),
    ],
)
def test_a_parameter_that_is_not_known_or_not_right_is_named(owner: Caller, speech: bytes, params: dict[str, Any], field: str) -> None:
    upload = owner.upload(speech).json["id"]

    refused = problem(owner.submit(params={"upload": upload, **params}), 422, "invalid")

    assert refused["field"] == field


@pytest.mark.parametrize("raw", [b"{", b"", b"{'type': 1}", b'{"type": NaN}', b'{"type": "\\ud800"}', b"\xff\xfe", b"[" * 100_000])
def test_wrong_json_is_refused(owner: Caller, raw: bytes) -> None:
    problem(owner("POST", "/api/jobs", data=raw, content_type="application/json"), 400, "malformed")


def test_json_past_its_limit_is_refused(owner: Caller) -> None:
    refused = problem(owner("POST", "/api/jobs", data=b" " * 2_000_001, content_type="application/json"), 413, "too-large")
    assert refused["limit"] == 2_000_000


def test_another_content_type_is_refused(owner: Caller) -> None:
    problem(
        owner("POST", "/api/jobs", data=b"type=transcription", content_type="application/x-www-form-urlencoded"),
        415,
        "unsupported-media-type",
    )


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ([{"name": "a", "needs": ["b"]}, {"name": "b", "needs": ["a"]}], "circle"),
        ([{"name": "a", "needs": ["nowhere"]}], "nowhere"),
        ([{"name": "a"}, {"name": "a"}], "two tasks"),
        ([{"name": "Not A Name"}], "name"),
        ([], "tasks"),
    ],
)
def test_a_graph_that_cannot_run_is_refused(admin: Caller, nothing_left: Nothing, tasks: list[Any], words: str) -> None:
    refused = problem(admin.submit("synthetic", params={"tasks": tasks}), 422, "invalid")

    assert refused["field"].startswith("params.tasks")
    assert words in refused["detail"]
    nothing_left()


@pytest.mark.parametrize(
    ("fields", "status", "field"),
    [
        ({"params": "{"}, 400, "params"),
        ({"params": '{"colour": "red"}'}, 422, "params.colour"),
        ({"params": '{"upload": "000000000000000000000000"}'}, 422, "params.upload"),
        ({"params": '{"filename": "mine.ogg"}'}, 422, "params.filename"),
        ({"params": "[1]"}, 422, "params"),
        ({"priority": "urgent"}, 422, "priority"),
        ({"priority": "high"}, 403, "priority"),
        ({"zone": "ingest"}, 403, "zone"),
        ({"type": "unheard_of"}, 422, "type"),
        ({"type": "synthetic"}, 403, "type"),
        ({"type": ""}, 422, "type"),
        ({"colour": "red"}, 422, "colour"),
    ],
)
def test_a_refused_form_leaves_nothing_behind(
    owner: Caller, nothing_left: Nothing, speech: bytes, fields: dict[str, Any], status: int, field: str
) -> None:
    response = owner.submit_file(speech, **fields)

    assert response.status_code == status, response.text
    assert response.json["field"] == field
    nothing_left()


def test_a_form_without_its_file_is_refused(owner: Caller, nothing_left: Nothing) -> None:
    response = owner("POST", "/api/jobs", data={"type": "transcription"}, content_type="multipart/form-data")

    assert problem(response, 422, "invalid")["field"] == "file"
    nothing_left()


def test_a_type_that_takes_no_file_refuses_one(admin: Caller, nothing_left: Nothing, speech: bytes) -> None:
    assert problem(admin.submit_file(speech, type="synthetic"), 422, "invalid")["field"] == "file"
    nothing_left()


def test_a_full_redis_refuses_with_a_time_to_come_back_and_leaves_nothing(
    owner: Caller, nothing_left: Nothing, speech: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> str:
        raise Overloaded("Redis is nearly full", retry_after_s=30)

    monkeypatch.setattr(submitting, "submit", full)

    response = owner.submit_file(speech)

    problem(response, 503, "overloaded")
    assert response.headers["Retry-After"] == "30"
    nothing_left()


@pytest.mark.parametrize(
    ("fields", "status"), [({"params": '{"colour": "red"}'}, 422), ({"params": "{}", "priority": "high"}, 403), ({"params": "{"}, 400)]
)
def test_fields_before_the_file_are_checked_before_it_is_received(owner: Caller, fields: dict[str, str], status: int) -> None:
    part = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    parts = "".join(part.format(*field) for field in ({"type": "transcription"} | fields).items())
    file = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.ogg"\r\n\r\n'
    broken_off = (parts + file + "OggS" * 100).encode()  # refused for its fields, so nobody asked how it goes on

    response = owner("POST", "/api/jobs", data=broken_off, content_type="multipart/form-data; boundary=b")

    assert response.status_code == status
    assert response.json["field"].split(".")[0] in ("params", "priority")


@pytest.mark.parametrize("params", ['{"colour": "red"}', '{"language": "english"}'])
def test_wrong_parameters_are_refused_before_the_file_is_probed(
    owner: Caller, speech: bytes, params: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.recordings.probe", lambda *_, **__: pytest.fail("it was probed"))
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.ogg"\r\n\r\n' + speech
    body += b'\r\n--b\r\nContent-Disposition: form-data; name="type"\r\n\r\ntranscription'
    body += b'\r\n--b\r\nContent-Disposition: form-data; name="params"\r\n\r\n' + params.encode() + b"\r\n--b--\r\n"

    problem(owner("POST", "/api/jobs", data=body, content_type="multipart/form-data; boundary=b"), 422, "invalid")


@pytest.mark.parametrize("path", ["/api/jobs", "/api/uploads"])
def test_no_file_is_received_when_redis_is_nearly_full(owner: Caller, path: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "pressure", lambda _: 0.9)

    response = owner("POST", path, data=b"never read", content_type="multipart/form-data; boundary=b")

    problem(response, 503, "overloaded")
    assert response.headers["Retry-After"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"type": "transcription", "params": []}, "params: expected an object"),
        ({"type": "transcription", "priority": "urgent"}, "priority: expected 'high', 'normal', 'low' or 'background'"),
        ({"params": {}}, "type: is missing"),
        ({"type": "transcription", "colour": "red"}, "colour: is not known here"),
        ({"type": "transcription", "params": {"upload": 7}}, "params.upload: expected text"),
    ],
)
def test_a_refusal_says_what_was_expected(owner: Caller, body: dict[str, Any], words: str) -> None:
    assert problem(owner("POST", "/api/jobs", json=body), 422, "invalid")["detail"].startswith(words)


def test_anybody_may_lower_a_priority_and_only_an_admin_raise_it(callers: Callers, speech: bytes) -> None:
    upload = callers.owner.upload(speech).json["id"]
    for priority in ("normal", "low", "background"):
        assert callers.owner.submit(params={"upload": upload}, priority=priority).json["priority"] == priority
    assert problem(callers.owner.submit(params={"upload": upload}, priority="high"), 403, "forbidden")["field"] == "priority"

    assert callers.admin.submit("synthetic", params=ONE_TASK, priority="high").json["priority"] == "high"


def test_only_an_admin_may_submit_synthetic_jobs_and_choose_a_zone(callers: Callers, speech: bytes) -> None:
    upload = callers.owner.upload(speech).json["id"]

    assert problem(callers.owner.submit("synthetic", params=ONE_TASK), 403, "forbidden")["field"] == "type"
    assert problem(callers.owner.submit(params={"upload": upload}, zone="ingest"), 403, "forbidden")["field"] == "zone"
    queued = callers.admin.submit("synthetic", params=ONE_TASK, zone="ingest").json["tasks"][0]["queue"]
    assert queued == "ingest.short"


@pytest.mark.parametrize("upload", ["0" * 24, "x:jobs", "../../etc", "a" * 64])
def test_an_upload_that_is_not_there_is_not_found(owner: Caller, upload: str) -> None:
    assert owner.submit(params={"upload": upload}).status_code == 404


def test_a_worker_finds_the_upload_in_the_parameters(job: str, worker: Worker) -> None:
    claimed = worker.take()

    assert (claimed.job, claimed.engine) == (job, "inspect")
    assert worker.storage.exists(f"uploads/{claimed.params['upload']}/recording")


def test_a_job_may_be_put_off(owner: Caller, speech: bytes) -> None:
    upload, tomorrow = owner.upload(speech, "x.ogg").json["id"], datetime.now(UTC) + timedelta(days=1)

    made = owner.submit(params={"upload": upload}, run_at=tomorrow.isoformat())

    assert made.status_code == 202
    assert datetime.fromisoformat(made.json["run_at"]) == tomorrow
    assert made.json["message"] == f"begins at {tomorrow:%Y-%m-%d %H:%M} UTC"
    assert owner.submit_file(speech, "y.ogg", run_at=tomorrow.isoformat()).json["run_at"] == made.json["run_at"]


@pytest.mark.parametrize("run_at", ["2099-01-01T00:00:00Z", "2027-01-01T00:00:00", "soon"])
def test_a_time_too_far_away_without_zone_or_none_at_all_is_refused(
    owner: Caller, speech: bytes, run_at: str, nothing_left: Nothing
) -> None:
    assert problem(owner.submit_file(speech, "x.ogg", run_at=run_at), 422, "invalid")["field"] == "run_at"
    nothing_left()
