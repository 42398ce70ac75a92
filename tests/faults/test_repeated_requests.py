"""A submission over HTTP whose answer was lost on the way, to the web or from it: sent again under its key it is the same job."""

from __future__ import annotations

import json
import socket
import struct
from contextlib import closing
from urllib.parse import urlsplit

import pytest
import requests
from redis import Redis

from jobs import people, submit
from jobs.settings import Settings
from jobs.storage import Storage
from jobs.store import NEARLY_FULL, Store, connect
from tests.faults.proxy import Proxy, drop
from tests.web.conftest import ONE_TASK, Caller, problem
from tests.workers.conftest import until
from web import create_app

KEY = {"Idempotency-Key": "k1"}


def jobs_of(redis: Redis) -> list[str]:
    return [job.decode() for job in redis.zrange("app:jobs", 0, -1)]


@pytest.mark.parametrize("how", ["a form with its file", "an upload by name"])
def test_a_job_whose_making_redis_told_nobody_is_found_by_its_key_with_its_recording(
    how: str, web_settings: Settings, store: Store, storage: Storage, proxy: Proxy, speech: bytes, redis: Redis
) -> None:
    app = create_app(web_settings, store=Store(connect(proxy.url)), storage=storage)
    ada = Caller(app.test_client(use_cookies=False), people.add(store, "ada", org="physics", role="user"), "ada")
    upload = ada.upload(speech).json["id"] if how == "an upload by name" else ""

    def submit() -> requests.Response:
        return ada.submit(params={"upload": upload}, headers=KEY) if upload else ada.submit_file(speech, headers=KEY)  # type: ignore[no-any-return]

    lost = proxy.at("after:submit", drop)
    assert submit().status_code == 503
    assert lost.done.is_set()
    (made,) = jobs_of(redis)

    again = submit()
    assert (again.status_code, again.json["id"]) == (202, made)  # type: ignore[index]
    assert jobs_of(redis) == [made]
    (recording,) = list(storage.list("uploads"))
    kept = recording.split("/")[1]
    assert redis.smembers(f"app:uploads:{kept}:jobs") == {made.encode()}  # and nobody else, so that it goes with the job
    assert redis.ttl(f"app:uploads:{kept}") == -1


@pytest.mark.parametrize("chunk", [2, 100])
def test_a_batch_of_which_redis_told_only_a_part_is_whole_when_it_is_sent_again_and_nothing_is_made_twice(
    chunk: int,
    web_settings: Settings,
    store: Store,
    storage: Storage,
    proxy: Proxy,
    speech: bytes,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The third job is made and the connection cut: of its chunk nobody knows what was made, and what is behind it was not sent."""
    monkeypatch.setattr(submit, "CHUNK_JOBS", chunk)
    app = create_app(web_settings, store=Store(connect(proxy.url)), storage=storage)
    ada = Caller(app.test_client(use_cookies=False), people.add(store, "ada", org="physics", role="user"), "ada")
    upload = ada.upload(speech).json["id"]
    asked = [{"type": "transcription", "params": {"upload": upload}}] * 5

    redis.script_load(store.scripts["submit"].text)  # so that the third answer is that of the third job
    lost = proxy.at("after:submit", drop, first=3)
    response = ada("POST", "/api/jobs/batch", json=asked, headers=KEY)
    assert lost.done.is_set()
    made = jobs_of(redis)
    assert len(made) == 3
    if chunk == 2:
        assert [one.get("id") for one in response.json] == [*made[:2], None, None, None]
        assert [(one["status"], one["retry_after"]) for one in response.json[2:]] == [(503, 5)] * 3
    else:
        problem(response, 503, "unavailable")

    again = [one["id"] for one in ada("POST", "/api/jobs/batch", json=asked, headers=KEY).json]
    assert again[:3] == made
    assert again == jobs_of(redis)
    assert redis.smembers(f"app:uploads:{upload}:jobs") == {job.encode() for job in again}


@pytest.mark.parametrize(("path", "jobs"), [("/api/jobs", 1), ("/api/jobs/batch", 30)])
@pytest.mark.parametrize("patient", [True, False])
def test_a_client_that_was_cut_off_before_its_answer_makes_one_job_by_asking_again(
    patient: bool, path: str, jobs: int, served: str, store: Store, redis: Redis
) -> None:
    """Whether it asks again when the first request is done, or while that is under way; of a batch as many as it has."""
    token = people.add(store, "root", org="local", role="admin")
    asked = {"type": "synthetic", "params": ONE_TASK}
    body = json.dumps([asked] * jobs if jobs > 1 else asked).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **KEY}
    head = "".join(f"{name}: {value}\r\n" for name, value in {**headers, "Host": "localhost", "Content-Length": str(len(body))}.items())
    where = urlsplit(served)
    with closing(socket.create_connection((where.hostname, where.port))) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closed by a reset, as a cut is
        connection.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        if patient:
            until(lambda: len(jobs_of(redis)) == jobs)

    answers = [requests.post(f"{served}{path}", data=body, headers=headers, timeout=20) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202] * 3
    assert len(jobs_of(redis)) == jobs
    for answer in answers:
        told = answer.json()
        assert {one["id"] for one in (told if jobs > 1 else [told])} == set(jobs_of(redis))


def test_a_nearly_full_redis_answers_503_with_a_time_to_come_back_and_takes_jobs_again_when_it_has_room(
    web_settings: Settings, store: Store, storage: Storage, speech: bytes, redis: Redis
) -> None:
    token = people.add(store, "ada", org="physics", role="user")

    def submit() -> requests.Response:
        app = create_app(web_settings, store=Store(redis), storage=storage)  # anew: a reading of the memory is good for two seconds
        return Caller(app.test_client(use_cookies=False), token).submit_file(speech, headers=KEY)  # type: ignore[no-any-return]

    redis.config_set("maxmemory", int(redis.info("memory")["used_memory"] / (NEARLY_FULL + 0.05)))
    try:
        refused = submit()
    finally:
        redis.config_set("maxmemory", 0)
    problem(refused, 503, "overloaded")
    assert int(refused.headers["Retry-After"]) > 0
    assert jobs_of(redis) == []
    assert list(storage.list()) == []
    assert submit().status_code == 202
