"""The status of a job, lists of them, partial output, cancel, retry and delete."""

from __future__ import annotations

import re
from typing import Any

import pytest
from redis import Redis

from jobs import control, uploads
from jobs.model import Spawn
from jobs.storage import Storage
from jobs.store import Store
from jobs.view import Estimates
from tests.web.conftest import ONE_TASK, Caller, Callers, Worker, problem
from web.status import etag

TWO_TASKS = {"tasks": [{"name": "first"}, {"name": "second", "needs": ["first"]}]}


def submitted(caller: Caller, params: dict[str, Any]) -> str:
    return str(caller.submit("synthetic", params=params).json["id"])


# status


def test_the_status_has_every_field_of_the_interface(owner: Caller, job: str) -> None:
    status = owner("GET", f"/api/jobs/{job}").json

    fields = "id type user org priority status progress message result_path created_at started_at ended_at eta_seconds queue_position"
    assert set(f"{fields} warnings tasks artifacts".split()) <= set(status)
    fields = "name engine queue state optional attempts progress message error needs started_at ended_at worker children"
    assert set(fields.split()) <= set(status["tasks"][0])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", status["created_at"])


def test_a_status_that_has_not_changed_answers_304(admin: Caller, worker: Worker) -> None:
    job = submitted(admin, ONE_TASK)
    first = admin("GET", f"/api/jobs/{job}")

    same = admin("GET", f"/api/jobs/{job}", headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")

    worker.complete()
    changed = admin("GET", f"/api/jobs/{job}", headers={"If-None-Match": first.headers["ETag"]})
    assert (changed.status_code, changed.json["status"]) == (200, "completed")


def test_the_place_and_ten_seconds_of_the_time_left_are_part_of_the_tag() -> None:
    assert etag(7, Estimates()) == "7"

    waiting = Estimates(position=3, eta_s=120)
    assert etag(7, waiting) == etag(7, waiting._replace(eta_s=129))
    others = ({"eta_s": 119}, {"eta_s": 130}, {"position": 2}, {"held": "queue"}, {"eta_s": None}, {"eta_s": 0, "position": None})
    tags = {etag(7, waiting), etag(8, waiting), etag(7, Estimates()), *(etag(7, waiting._replace(**other)) for other in others)}
    assert len(tags) == 3 + len(others)


def test_where_an_artifact_lies_in_storage_is_not_told(owner: Caller, job: str, worker: Worker) -> None:
    worker.publish("transcript.txt", b"Good morning.")

    (artifact,) = owner("GET", f"/api/jobs/{job}").json["artifacts"]

    assert artifact == {
        "name": "transcript.txt",
        "bytes": 13,
        "media_type": "text/plain; charset=utf-8",
        "url": f"/api/jobs/{job}/artifacts/transcript.txt",
    }


@pytest.mark.parametrize("id", ["unheardof", "x" * 65, "a:b", "a-b", "..", "%00"])
def test_a_job_that_is_not_there_is_not_found(owner: Caller, id: str) -> None:
    problem(owner("GET", f"/api/jobs/{id}"), 404, "not-found")


# lists


def test_a_list_has_the_own_jobs_newest_first_in_pages(callers: Callers) -> None:
    mine = [submitted(callers.admin, ONE_TASK) for _ in range(5)]
    seen, cursor = [], ""
    while True:
        page = callers.admin("GET", f"/api/jobs?limit=2{cursor}").json
        seen += [job["id"] for job in page["jobs"]]
        if page["cursor"] is None:
            break
        cursor = f"&cursor={page['cursor']}"
    assert seen == mine[::-1]


def test_a_list_shows_only_the_own_jobs_but_an_admin_all(callers: Callers, job: str) -> None:
    def ids(caller: Caller, query: str = "") -> list[str]:
        return [found["id"] for found in caller("GET", f"/api/jobs{query}").json["jobs"]]

    assert ids(callers.owner) == ids(callers.owner, "?user=ada&org=physics") == [job]
    assert ids(callers.colleague) == ids(callers.stranger) == []
    assert ids(callers.colleague, "?user=ada") == ids(callers.colleague, "?org=physics") == ids(callers.stranger, "?org=physics") == []
    assert ids(callers.admin) == ids(callers.admin, "?user=ada") == ids(callers.admin, "?org=physics") == [job]
    assert ids(callers.admin, "?user=ben") == []


def test_a_list_is_filtered_by_status_and_type(admin: Caller, worker: Worker) -> None:
    done, waiting = submitted(admin, ONE_TASK), submitted(admin, ONE_TASK)
    worker.complete()

    def ids(query: str) -> list[str]:
        return [found["id"] for found in admin("GET", f"/api/jobs?{query}").json["jobs"]]

    assert ids("status=completed") == [done]
    assert ids("status=pending") == [waiting]
    assert ids("status=pending,running") == [waiting]
    assert ids("status=pending,completed&user=root") == [waiting, done]
    assert ids("type=transcription") == []
    assert ids("type=synthetic") == [waiting, done]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=many",
        "status=lost",
        "status=pending,",
        "colour=red",
        "cursor=%21%21",
        "user=a:b",
        "cursor=WyJuYW4iLFtdXQ",
    ],
)
def test_a_question_that_makes_no_sense_is_refused(admin: Caller, query: str) -> None:
    refused = problem(admin("GET", f"/api/jobs?{query}"), 422, "invalid")
    assert refused["field"] == query.split("=")[0]


def test_a_list_tells_where_a_job_stands_and_what_holds_it(admin: Caller, store: Store) -> None:
    first, second = submitted(admin, ONE_TASK), submitted(admin, ONE_TASK)

    def told() -> dict[str, Any]:
        return {job["id"]: (job["held"], job["queue_position"], job["message"]) for job in admin("GET", "/api/jobs").json["jobs"]}

    unserved = "no worker serves short; it waits until one is started"
    assert told() == {first: ("worker", 1, unserved), second: ("worker", 2, unserved)}
    control.pause(store, "short")
    assert told()[first] == ("queue", 1, "paused by an admin: the queue short waits until it is resumed")
    assert [job for job in admin("GET", "/api/jobs").json["jobs"] if job["id"] == first] == [admin("GET", f"/api/jobs/{first}").json]


def test_a_list_that_has_not_changed_answers_304(admin: Caller, store: Store, worker: Worker) -> None:
    submitted(admin, ONE_TASK)
    tag = admin("GET", "/api/jobs").headers["ETag"]

    def asked() -> int:
        nonlocal tag
        answer = admin("GET", "/api/jobs", headers={"If-None-Match": tag})
        tag = answer.headers["ETag"]
        return int(answer.status_code)

    assert (asked(), asked()) == (304, 304)
    for change in (
        lambda: submitted(admin, ONE_TASK),  # a new one
        lambda: control.pause(store, "short"),  # what holds them
        lambda: control.resume(store, "short"),
        worker.take,  # one works, and the other has moved up
        lambda: admin("DELETE", f"/api/jobs/{admin('GET', '/api/jobs').json['jobs'][0]['id']}"),
    ):
        change()
        assert (asked(), asked()) == (200, 304)


def test_a_list_of_own_jobs_takes_three_round_trips(admin: Caller, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        submitted(admin, ONE_TASK)
    admin("GET", "/api/jobs?user=root")
    asked: list[str] = []
    call, read, pipe = store.wire.call, store.redis.zrevrangebyscore, store.redis.pipeline
    monkeypatch.setattr(store.wire, "call", lambda *given: asked.append("who") or call(*given))
    monkeypatch.setattr(store.redis, "zrevrangebyscore", lambda *given, **more: asked.append("which") or read(*given, **more))
    monkeypatch.setattr(store.redis, "pipeline", lambda **more: asked.append("where each stands") or pipe(**more))

    assert len(admin("GET", "/api/jobs?user=root").json["jobs"]) == 3

    assert asked == ["who", "which", "where each stands"]


# partial output


def test_partial_output_is_told_once_by_cursor(owner: Caller, job: str, worker: Worker) -> None:
    for _ in range(2):
        worker.complete()
    parent = worker.take()
    worker.record(parent, Spawn(({"n": 0}, {"n": 1})))
    child = worker.take()
    worker.append(child, [{"seek": 3000, "segments": [{"start": 0.0, "end": 2.5, "text": "Good morning"}]}])

    first = owner("GET", f"/api/jobs/{job}/partial").json
    assert [(item["child"], item["segments"][0]["text"]) for item in first["items"]] == [(child.node, "Good morning")]
    assert first["reset"] is False
    assert owner("GET", f"/api/jobs/{job}/partial?cursor={first['cursor']}").json["items"] == []


def test_a_cursor_of_somewhere_else_is_refused(owner: Caller, job: str) -> None:
    assert problem(owner("GET", f"/api/jobs/{job}/partial?cursor=%21"), 422, "invalid")["field"] == "cursor"


# cancel, retry, delete


def test_cancel_answers_with_the_cancelled_job(owner: Caller, job: str) -> None:
    response = owner("POST", f"/api/jobs/{job}/cancel")

    assert (response.status_code, response.json["status"]) == (202, "cancelled")


def test_a_job_that_has_ended_cannot_be_cancelled(admin: Caller, worker: Worker) -> None:
    job = submitted(admin, ONE_TASK)
    worker.complete()

    assert "completed" in problem(admin("POST", f"/api/jobs/{job}/cancel"), 409, "conflict")["detail"]


def test_a_failed_job_is_retried_whole_or_by_its_task(owner: Caller, job: str, worker: Worker) -> None:
    for path in ("retry", "tasks/inspect/retry"):
        worker.fail("no microphone")
        assert owner("GET", f"/api/jobs/{job}").json["status"] == "failed"

        response = owner("POST", f"/api/jobs/{job}/{path}")

        assert (response.status_code, response.json["status"], response.json["tasks"][0]["state"]) == (202, "running", "ready")


def test_what_has_not_failed_cannot_be_retried(owner: Caller, job: str) -> None:
    problem(owner("POST", f"/api/jobs/{job}/retry"), 409, "conflict")
    problem(owner("POST", f"/api/jobs/{job}/tasks/inspect/retry"), 409, "conflict")
    problem(owner("POST", f"/api/jobs/{job}/tasks/nowhere/retry"), 404, "not-found")
    problem(owner("POST", f"/api/jobs/{job}/tasks/transcribe.3/retry"), 404, "not-found")
    problem(owner("POST", f"/api/jobs/{job}/tasks/*/retry"), 404, "not-found")


def test_a_deleted_job_is_gone_with_its_files_and_its_upload(
    owner: Caller, job: str, worker: Worker, storage: Storage, redis: Redis
) -> None:
    worker.publish("transcript.txt", b"Good morning.")
    owner("POST", f"/api/jobs/{job}/cancel")

    assert owner("DELETE", f"/api/jobs/{job}").status_code == 204

    problem(owner("GET", f"/api/jobs/{job}"), 404, "not-found")
    problem(owner("DELETE", f"/api/jobs/{job}"), 404, "not-found")
    assert list(storage.list()) == []
    assert redis.keys("app:uploads:*") == []


def test_files_that_storage_does_not_delete_are_named_in_the_log(
    owner: Caller, job: str, worker: Worker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    worker.publish("transcript.txt", b"Good morning.")

    def fail(self: Storage, prefix: str) -> int:
        raise OSError("the bucket does not answer")

    monkeypatch.setattr(Storage, "delete_prefix", fail)

    assert owner("DELETE", f"/api/jobs/{job}").status_code == 204
    assert f"files_left job={job} prefix=jobs/{job}/" in caplog.text
    assert f"files_left job={job} prefix=uploads/" in caplog.text
    problem(owner("GET", f"/api/jobs/{job}"), 404, "not-found")


def test_an_upload_goes_with_the_last_job_that_uses_it(owner: Caller, speech: bytes, store: Store, storage: Storage) -> None:
    upload = owner.upload(speech).json["id"]
    first, second = (owner.submit(params={"upload": upload}).json["id"] for _ in range(2))

    owner("DELETE", f"/api/jobs/{first}")
    assert storage.exists(uploads.find(store, upload).key)

    owner("DELETE", f"/api/jobs/{second}")
    assert list(storage.list()) == []


def test_a_form_that_would_be_put_off_too_far_is_refused_before_its_file(owner: Caller, nothing_left: Any) -> None:
    response = owner.submit_file(bytes(300_001), params="{}", run_at="2999-01-01T00:00:00Z")
    assert problem(response, 422, "invalid")["field"] == "run_at"
    nothing_left()
