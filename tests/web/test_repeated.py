"""Idempotency-Key: the same request again, another one under the same key, and whose the recording is meanwhile."""

from __future__ import annotations

import io
from typing import Any

import pytest
from redis import Redis

from jobs.errors import Overloaded
from jobs.settings import Settings
from tests.web.conftest import Caller, Callers, problem
from web import submitting


def test_the_same_key_and_request_give_the_same_job(owner: Caller, speech: bytes) -> None:
    upload = owner.upload(speech).json["id"]
    first = owner.submit(params={"upload": upload}, headers={"Idempotency-Key": "k1"})

    again = owner.submit(params={"upload": upload}, headers={"Idempotency-Key": '"k1"'})

    assert (again.status_code, again.json["id"]) == (202, first.json["id"])


def test_the_same_key_for_another_request_is_refused(owner: Caller, speech: bytes) -> None:
    upload = owner.upload(speech).json["id"]
    owner.submit(params={"upload": upload}, headers={"Idempotency-Key": "k1"})

    again = owner.submit(params={"upload": upload, "export": False}, headers={"Idempotency-Key": "k1"})

    assert problem(again, 422, "idempotency-key-reused")["field"] == "Idempotency-Key"


def test_a_form_sent_again_with_its_key_is_the_same_job_and_stores_nothing(owner: Caller, speech: bytes, storage: Any) -> None:
    first = owner.submit_file(speech, headers={"Idempotency-Key": "k2"})
    stored = set(storage.list())

    again = owner.submit_file(speech, headers={"Idempotency-Key": "k2"})

    assert again.json["id"] == first.json["id"]
    assert set(storage.list()) == stored


def test_a_file_uploaded_again_with_its_key_is_the_same_upload_and_kept_as_long_anew(
    owner: Caller, speech: bytes, storage: Any, redis: Redis, web_settings: Settings
) -> None:
    def upload(data: bytes) -> Any:
        form = {"file": (io.BytesIO(data), "lecture.ogg")}
        return owner("POST", "/api/uploads", data=form, content_type="multipart/form-data", headers={"Idempotency-Key": "k5"})

    first = upload(speech).json["id"]
    stored = set(storage.list())
    redis.expire(f"app:uploads:{first}", 5)

    assert (upload(speech).status_code, upload(speech).json["id"]) == (201, first)
    assert set(storage.list()) == stored
    assert redis.ttl(f"app:uploads:{first}") > web_settings.upload_ttl_seconds - 60
    owner.submit(params={"upload": first})
    assert upload(speech).json["id"] == first
    assert redis.ttl(f"app:uploads:{first}") == -1, "a job uses it"
    assert upload(speech + b"\0").json["id"] != first


def test_a_form_with_another_file_under_the_same_key_is_refused_and_forgotten(
    owner: Caller, speech: bytes, storage: Any, redis: Redis
) -> None:
    owner.submit_file(speech, headers={"Idempotency-Key": "k3"})
    before = set(storage.list()), set(redis.keys())

    again = owner.submit_file(speech + b"\0", headers={"Idempotency-Key": "k3"})

    problem(again, 422, "idempotency-key-reused")
    assert (set(storage.list()), set(redis.keys())) == before


def test_a_refused_repetition_does_not_take_the_file_from_the_first_job(owner: Caller, speech: bytes, storage: Any) -> None:
    owner.submit_file(speech, headers={"Idempotency-Key": "k4"})
    stored = set(storage.list())

    again = owner.submit_file(speech, headers={"Idempotency-Key": "k4"}, params='{"export": false}')

    problem(again, 422, "idempotency-key-reused")
    assert set(storage.list()) == stored


def test_a_refusal_while_the_first_request_is_under_way_leaves_its_file(
    owner: Caller, speech: bytes, storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second request comes, and is refused, when the first has stored its file and not made its job."""
    make = submitting.submit

    def meanwhile(*given: Any, **named: Any) -> str:
        monkeypatch.setattr(submitting, "submit", full)
        problem(owner.submit_file(speech, headers={"Idempotency-Key": "k6"}), 503, "overloaded")
        return make(*given, **named)

    def full(*_: object, **__: object) -> str:
        raise Overloaded("Redis is nearly full", retry_after_s=30)

    monkeypatch.setattr(submitting, "submit", meanwhile)

    accepted = owner.submit_file(speech, headers={"Idempotency-Key": "k6"})

    assert accepted.status_code == 202
    assert len([key for key in storage.list() if key.startswith("uploads/")]) == 1


def test_a_refused_job_gives_its_upload_back_to_expire(owner: Caller, speech: bytes, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = owner.upload(speech).json["id"]

    def full(*_: object, **__: object) -> str:
        raise Overloaded("Redis is nearly full", retry_after_s=30)

    monkeypatch.setattr(submitting, "submit", full)
    problem(owner.submit(params={"upload": upload}), 503, "overloaded")

    assert redis.ttl(f"app:uploads:{upload}") > 0
    assert not redis.exists(f"app:uploads:{upload}:jobs")


def test_a_repeated_request_leaves_one_job_to_use_the_upload(owner: Caller, speech: bytes, redis: Redis) -> None:
    upload = owner.upload(speech).json["id"]
    for _ in range(2):
        job = owner.submit(params={"upload": upload}, headers={"Idempotency-Key": "k7"}).json["id"]

    assert redis.smembers(f"app:uploads:{upload}:jobs") == {job.encode()}
    assert redis.ttl(f"app:uploads:{upload}") == -1


def test_an_upload_is_in_use_before_its_job_is_there(owner: Caller, speech: bytes, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object, job: str, **__: object) -> str:
        (uses,) = redis.keys("app:uploads:*:jobs")
        assert redis.smembers(uses) == {job.encode()}
        raise Overloaded("seen")

    monkeypatch.setattr(submitting, "submit", die)

    problem(owner.submit_file(speech), 503, "overloaded")


def test_a_key_whose_job_was_deleted_makes_a_new_one(owner: Caller, speech: bytes) -> None:
    first = owner.submit_file(speech, headers={"Idempotency-Key": "k8"}).json["id"]
    owner("DELETE", f"/api/jobs/{first}")

    again = owner.submit_file(speech, headers={"Idempotency-Key": "k8"})

    assert again.status_code == 202
    assert again.json["id"] != first
    assert owner("GET", f"/api/jobs/{again.json['id']}").status_code == 200


def test_two_people_may_use_the_same_key(callers: Callers, speech: bytes) -> None:
    ids = {caller.submit_file(speech, headers={"Idempotency-Key": "k5"}).json["id"] for caller in (callers.owner, callers.colleague)}
    assert len(ids) == 2


@pytest.mark.parametrize("key", ["", "with space", "x" * 129, '"'])
def test_a_key_that_is_none_is_refused(owner: Caller, key: str) -> None:
    assert problem(owner.submit(headers={"Idempotency-Key": key}), 422, "invalid")["field"] == "Idempotency-Key"
