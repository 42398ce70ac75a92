"""A job made of several uploads: what it may name, and how long they are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from jobs import people, show, uploads
from jobs.errors import Overloaded
from jobs.storage import Storage
from jobs.store import Store
from scripts import submit
from tests.web.conftest import Caller, Callers, Worker, problem, tone


@pytest.fixture
def two(owner: Caller, speech: bytes) -> list[str]:
    return [owner.upload(speech, "a.ogg").json["id"], owner.upload(tone(2), "b.wav").json["id"]]


def expires(redis: Redis, upload: str) -> bool:
    return int(redis.ttl(f"app:uploads:{upload}")) > 0  # type: ignore[arg-type]


def test_it_is_told_their_names_and_lengths_and_keeps_all_of_them(owner: Caller, two: list[str], store: Store, redis: Redis) -> None:
    response = owner.submit("quality", params={"uploads": two})

    assert response.status_code == 202, response.text
    assert (response.json["title"], response.json["priority"]) == ("a.ogg and 1 more", "low")
    params = show.job(store, response.json["id"]).params
    assert params["filenames"] == ["a.ogg", "b.wav"]
    assert params["lengths"] == [pytest.approx(6.5, abs=0.1), pytest.approx(2, abs=0.1)]
    assert redis.hget(f"app:jobs:{response.json['id']}", "size") == f"{sum(params['lengths']):g}".encode()
    assert not any(expires(redis, one) for one in two)
    assert all(redis.smembers(f"app:uploads:{one}:jobs") == {response.json["id"].encode()} for one in two)


def test_the_last_job_that_uses_an_upload_takes_it_along(owner: Caller, two: list[str], redis: Redis, storage: Storage) -> None:
    both = owner.submit("quality", params={"uploads": two}).json["id"]
    first = owner.submit("transcription", params={"upload": two[0]}).json["id"]

    owner("DELETE", f"/api/jobs/{both}")
    assert [storage.exists(uploads.storage_key(one)) for one in two] == [True, False]

    owner("DELETE", f"/api/jobs/{first}")
    assert not redis.keys("app:uploads:*")
    assert not list(storage.list("uploads"))


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "params.uploads"),
        ({"uploads": []}, "params.uploads"),
        ({"uploads": "0" * 24}, "params.uploads"),
        ({"uploads": [7]}, "params.uploads.0"),
        ({"uploads": ["../../etc"]}, "params.uploads.0"),
        ({"uploads": [f"{n:024x}" for n in range(201)]}, "params.uploads"),
        ({"uploads": ["0" * 24], "filenames": ["a"]}, "params.filenames"),
        ({"uploads": ["0" * 24], "lengths": [1.0]}, "params.lengths"),
        ({"uploads": ["0" * 24], "colour": "red"}, "params.colour"),
    ],
)
def test_what_is_wrong_is_named_and_leaves_nothing(
    owner: Caller, params: dict[str, Any], field: str, nothing_left: Callable[[], None]
) -> None:
    assert problem(owner.submit("quality", params=params), 422, "invalid")["field"] == field
    nothing_left()


def test_an_upload_is_named_once(owner: Caller, two: list[str]) -> None:
    told = problem(owner.submit("quality", params={"uploads": [two[0], two[0]]}), 422, "invalid")
    assert "named twice" in told["detail"]


def test_someone_elses_upload_is_not_there_and_the_own_ones_go_on_expiring(callers: Callers, two: list[str], redis: Redis) -> None:
    own = callers.stranger.upload(tone(1), "c.wav").json["id"]
    refused = problem(callers.stranger.submit("quality", params={"uploads": [own, two[0]]}), 404, "not-found")
    assert two[0] in refused["detail"]
    assert expires(redis, own)


def test_what_is_no_recording_is_refused_by_its_name(owner: Caller, two: list[str], store: Store, redis: Redis) -> None:
    text = uploads.Upload(uploads.new_id(), "ada", "physics", "said.txt", 9, "text/plain", 0.0, "uploads/x/recording")
    uploads.add(store, text, ttl_s=60)
    refused = problem(owner.submit("quality", params={"uploads": [*two, text.id]}), 422, "invalid")
    assert (refused["field"], refused["detail"]) == ("params.uploads.2", "said.txt is not a recording")
    assert all(expires(redis, one) for one in two)


def test_a_refusal_after_they_were_kept_lets_them_expire_again(
    owner: Caller, two: list[str], redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Store) -> None:
        raise Overloaded("Redis is nearly full")

    monkeypatch.setattr(Store, "require_room", full)
    assert owner.submit("quality", params={"uploads": two}).status_code == 503
    assert all(expires(redis, one) and not redis.exists(f"app:uploads:{one}:jobs") for one in two)


def test_a_request_made_twice_is_one_job_and_one_use(owner: Caller, two: list[str], redis: Redis) -> None:
    key = {"Idempotency-Key": "week-7"}
    made = [owner.submit("quality", params={"uploads": two}, headers=key).json["id"] for _ in range(2)]
    assert made[0] == made[1]
    assert [redis.scard(f"app:uploads:{one}:jobs") for one in two] == [1, 1]
    assert owner.submit("quality", params={"uploads": two[:1]}, headers=key).status_code == 422
    assert redis.scard(f"app:uploads:{two[0]}:jobs") == 1
    assert not expires(redis, two[0])


def test_a_batch_takes_such_jobs_and_refuses_each_by_itself(owner: Caller, two: list[str], redis: Redis) -> None:
    asked = [
        {"type": "quality", "params": {"uploads": two}},
        {"type": "quality", "params": {"uploads": ["0" * 24]}},
        {"type": "transcription", "params": {"upload": two[0]}},
    ]
    told = owner("POST", "/api/jobs/batch", json=asked, headers={"Idempotency-Key": "k"}).json
    again = owner("POST", "/api/jobs/batch", json=asked, headers={"Idempotency-Key": "k"}).json
    assert [one.get("status") for one in told] == [None, 404, None]
    assert [one.get("id") for one in told] == [one.get("id") for one in again]
    assert redis.scard(f"app:uploads:{two[0]}:jobs") == 2


def test_its_form_takes_no_file(owner: Caller, speech: bytes) -> None:
    assert problem(owner.submit_file(speech, type="quality"), 422, "invalid")["field"] == "file"


def test_a_job_without_uploads_of_its_own_is_deleted_as_before(owner: Caller, worker: Worker, job: str) -> None:
    worker.complete({})
    assert owner("DELETE", f"/api/jobs/{job}").status_code == 204


def test_the_command_line_makes_one_job_of_all_files_that_are_recordings(
    served: str, store: Store, speech: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LECTERN_URL", served)
    monkeypatch.setenv("LECTERN_TOKEN", people.add(store, "ada", org="physics"))
    for name, data in (("a.ogg", speech), ("noise.mp3", b"no sound"), ("b.wav", tone(1))):
        (tmp_path / name).write_bytes(data)
    files = [str(tmp_path / name) for name in ("a.ogg", "noise.mp3", "b.wav")]

    assert submit.main([*files, "--type", "quality", "--quiet"]) == 2  # one was refused

    told = capsys.readouterr()
    assert show.job(store, told.out.strip()).params["filenames"] == ["a.ogg", "b.wav"]
    assert "noise.mp3: the file is not a recording" in told.err
    assert submit.main([files[1], "--type", "quality", "--quiet"]) == 2
    assert capsys.readouterr().out == ""
