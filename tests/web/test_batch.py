"""POST /api/jobs/batch: each job is taken or refused by itself, as POST /api/jobs would, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import redis as redis_py
from flask import Flask
from redis import Redis

from jobs import show
from jobs.errors import Overloaded
from jobs.store import Store
from tests.web.conftest import ONE_TASK, Caller, Callers, problem
from web import api_batch

Nothing = Callable[[], None]

ONE = {"type": "synthetic", "params": ONE_TASK}


def submit(caller: Caller, jobs: Any, *, headers: Mapping[str, str] | None = None) -> Any:
    return caller("POST", "/api/jobs/batch", json=jobs, headers=headers)


def told(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 202, response.text
    answers: list[dict[str, Any]] = response.json
    return answers


def kinds(response: Any) -> list[tuple[int, str | None] | None]:
    """Return for each job None when it was taken, else status and field of its problem."""
    return [None if "id" in one else (one["status"], one.get("field")) for one in told(response)]


def test_a_batch_answers_each_job_with_its_id_and_place(owner: Caller, speech: bytes, store: Store) -> None:
    uploads = [owner.upload(speech, name).json["id"] for name in ("a.ogg", "b.ogg")]
    asked = [{"type": "transcription", "params": {"upload": one, "language": "en"}, "priority": "low"} for one in (*uploads, uploads[0])]

    answers = told(submit(owner, asked))

    assert [show.job(store, one["id"]).params["filename"] for one in answers] == ["a.ogg", "b.ogg", "a.ogg"]
    for one in answers:
        status = owner("GET", one["url"]).json
        assert (status["id"], status["user"], status["org"], status["priority"]) == (one["id"], "ada", "physics", "low")


def test_one_wrong_job_keeps_no_other_from_being_taken(callers: Callers, speech: bytes) -> None:
    upload = callers.owner.upload(speech).json["id"]
    others = callers.stranger.upload(speech).json["id"]
    good = {"type": "transcription", "params": {"upload": upload}}

    response = submit(
        callers.owner,
        [
            good,
            {"type": "transcription", "params": {"upload": upload, "colour": "red"}},
            {"type": "unheard_of"},
            {"type": "transcription", "params": {"upload": others}},
            {"type": "transcription", "params": {"upload": "../../etc"}},
            {"type": "transcription", "params": {"upload": upload, "filename": "mine.ogg"}},
            good | {"priority": "high"},
            good | {"zone": "ingest"},
            ONE,
            good | {"colour": "red"},
            good | {"user": "root"},
            "text",
            None,
            good,
        ],
    )

    assert kinds(response) == [
        None,
        (422, "params.colour"),
        (422, "type"),
        (404, None),
        (404, None),
        (422, "params.filename"),
        (403, "priority"),
        (403, "zone"),
        (403, "type"),
        (422, "colour"),
        (422, "user"),
        (422, None),
        (422, None),
        None,
    ]
    assert {one["type"] for one in told(response) if "id" not in one} == {
        f"urn:lectern:problem:{kind}" for kind in ("invalid", "not-found", "forbidden")
    }
    assert len(callers.owner("GET", "/api/jobs").json["jobs"]) == 2


def test_what_is_an_admins_is_an_admins_in_a_batch_too(admin: Caller) -> None:
    (one,) = told(submit(admin, [ONE | {"priority": "high", "zone": "ingest"}]))

    assert admin("GET", one["url"]).json["tasks"][0]["queue"] == "ingest.short"


@pytest.mark.parametrize("body", [[], {}, {"jobs": [ONE]}, "text", 7])
def test_a_body_that_is_no_list_of_jobs_is_refused(admin: Caller, nothing_left: Nothing, body: Any) -> None:
    problem(submit(admin, body), 422, "invalid")
    nothing_left()


def test_a_batch_past_its_limits_is_refused_whole(admin: Caller, app: Flask, nothing_left: Nothing) -> None:
    backend = app.extensions["lectern"]
    backend.settings = backend.settings.model_copy(update={"max_batch_jobs": 3})

    refused = problem(submit(admin, [ONE] * 4), 422, "invalid")
    assert refused["limit"] == 3
    assert "MAX_BATCH_JOBS=3" in refused["detail"]
    refused = problem(admin("POST", "/api/jobs/batch", data=b" " * 2_000_001, content_type="application/json"), 413, "too-large")
    assert refused["limit"] == 2_000_000
    nothing_left()
    assert kinds(submit(admin, [ONE] * 3)) == [None] * 3


@pytest.mark.parametrize(("raw", "media_type", "status"), [(b"[{]", "application/json", 400), (b"[]", "multipart/form-data", 415)])
def test_what_cannot_be_read_is_refused(admin: Caller, raw: bytes, media_type: str, status: int) -> None:
    kind = {400: "malformed", 415: "unsupported-media-type"}[status]
    refused = problem(admin("POST", "/api/jobs/batch", data=raw, content_type=media_type), status, kind)
    assert "multipart" not in refused["detail"]  # which a single job may be


def test_there_is_no_job_called_batch(admin: Caller) -> None:
    response = admin("GET", "/api/jobs/batch")

    problem(response, 405, "method-not-allowed")
    assert set(response.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


# sent again


def test_a_batch_sent_again_under_its_key_is_the_same_jobs(owner: Caller, speech: bytes, redis: Redis) -> None:
    uploads = [owner.upload(speech, f"{n}.ogg").json["id"] for n in range(3)]
    asked = [{"type": "transcription", "params": {"upload": one}} for one in uploads]
    first = told(submit(owner, asked, headers={"Idempotency-Key": "k"}))

    assert told(submit(owner, asked, headers={"Idempotency-Key": '"k"'})) == first
    assert redis.zcard("app:jobs") == 3
    for upload, one in zip(uploads, first, strict=True):
        assert redis.smembers(f"app:uploads:{upload}:jobs") == {one["id"].encode()}


def test_alike_jobs_of_a_batch_are_different_jobs(admin: Caller) -> None:
    answers = told(submit(admin, [ONE] * 3, headers={"Idempotency-Key": "k"}))

    assert len({one["id"] for one in answers}) == 3


def test_another_job_in_a_place_of_the_key_is_refused_and_only_that(admin: Caller) -> None:
    first = told(submit(admin, [ONE, ONE], headers={"Idempotency-Key": "k"}))

    again = submit(admin, [ONE, ONE | {"priority": "low"}], headers={"Idempotency-Key": "k"})

    assert kinds(again) == [None, (422, "Idempotency-Key")]
    assert told(again)[0] == first[0]
    assert told(again)[1]["type"] == "urn:lectern:problem:idempotency-key-reused"


def test_a_job_may_bring_a_key_of_its_own_which_is_that_of_a_single_request(admin: Caller) -> None:
    single = admin.submit("synthetic", params=ONE_TASK, headers={"Idempotency-Key": "mine"}).json["id"]

    mine, placed = told(submit(admin, [ONE | {"idempotency_key": "mine"}, ONE], headers={"Idempotency-Key": "k"}))
    assert mine["id"] == single
    # Wherever it stands in the next batch, whatever that batch's key is.
    assert told(submit(admin, [ONE, ONE | {"idempotency_key": "mine"}]))[1] == mine
    assert told(submit(admin, [ONE, ONE], headers={"Idempotency-Key": "k"}))[1] == placed

    clash = submit(admin, [ONE | {"idempotency_key": "mine", "priority": "low"}])
    assert kinds(clash) == [(422, "idempotency_key")]


def test_no_key_of_a_single_request_is_that_of_a_place_in_a_batch(admin: Caller) -> None:
    placed = {one["id"] for one in told(submit(admin, [ONE] * 2, headers={"Idempotency-Key": "k"}))}

    for key in ("k0", "k:0", "k-0", "k.0", "k"):
        assert admin.submit("synthetic", params=ONE_TASK, headers={"Idempotency-Key": key}).json["id"] not in placed
    problem(admin.submit("synthetic", params=ONE_TASK, headers={"Idempotency-Key": "k 0"}), 422, "invalid")


@pytest.mark.parametrize("key", ["", "with space", "x" * 129, '"', "k\n", 7])
def test_a_key_that_is_none_is_refused_in_its_place(admin: Caller, key: Any) -> None:
    assert kinds(submit(admin, [ONE | {"idempotency_key": key}, ONE])) == [(422, "idempotency_key"), None]


# Redis in trouble


def test_a_nearly_full_redis_takes_no_batch(admin: Caller, nothing_left: Nothing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "pressure", lambda _: 0.9)

    response = submit(admin, [ONE])

    problem(response, 503, "overloaded")
    assert response.headers["Retry-After"] == "30"
    nothing_left()


def test_trouble_that_all_jobs_met_is_the_answer_and_what_some_met_stands_in_their_places(
    admin: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Any] = [redis_py.ConnectionError("cut"), redis_py.ConnectionError("cut")]
    monkeypatch.setattr(api_batch, "submit_many", lambda *_, **__: answers)
    response = submit(admin, [ONE, ONE])
    problem(response, 503, "unavailable")
    assert response.headers["Retry-After"] == "5"

    answers[:] = ["1234", Overloaded("Redis takes no writes", retry_after_s=29.5)]
    taken, not_now = told(submit(admin, [ONE, ONE]))
    assert taken == {"id": "1234", "url": "/api/jobs/1234"}
    assert (not_now["status"], not_now["retry_after"]) == (503, 30)

    # Wrong by itself, whatever Redis is up to: not for the server to answer for.
    answers[:] = [redis_py.ConnectionError("cut")]
    assert kinds(submit(admin, [{"type": "unheard_of"}, ONE])) == [(422, "type"), (503, None)]
