"""/healthz and /readyz: alive, ready, and what is wrong when not."""

from __future__ import annotations

import pytest
from flask import Flask
from redis import Redis, exceptions

from jobs.settings import Settings
from jobs.storage import Storage
from jobs.store import Store, connect
from tests.web.conftest import Caller, problem
from web import create_app


def test_a_process_that_can_reach_everything_is_ready(app: Flask) -> None:
    client = app.test_client()

    assert client.get("/healthz").json == {"status": "ok"}
    assert client.get("/readyz").json == {"status": "ok", "checks": {"redis": "ok", "storage": "ok"}}


def test_without_redis_it_is_alive_and_says_what_is_wrong(web_settings: Settings, storage: Storage) -> None:
    unreachable = Store(connect("redis://127.0.0.1:1/0"), web_settings)
    client = create_app(web_settings, store=unreachable, storage=storage).test_client()

    assert client.get("/healthz").status_code == 200
    refused = problem(client.get("/readyz"), 503, "unavailable")
    assert refused["checks"]["storage"] == "ok"
    assert "redis: cannot be reached" in refused["detail"]
    asked = client.get("/api/jobs", headers={"Authorization": "Bearer x"})
    problem(asked, 503, "unavailable")
    assert asked.headers["Retry-After"]


def test_without_storage_it_says_so(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(self: Storage, key: str) -> bool:
        raise OSError("the bucket secret-name cannot be reached")

    monkeypatch.setattr(Storage, "exists", gone)

    refused = problem(app.test_client().get("/readyz"), 503, "unavailable")
    assert refused["checks"]["redis"] == "ok"
    assert "storage: cannot be reached" in refused["detail"]
    assert "secret-name" not in str(refused)


def test_an_error_that_nobody_foresaw_says_nothing_of_its_insides(app: Flask, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.auth.people.find_by_digest", lambda *_, **__: 1 / 0)

    response = app.test_client().get("/api/jobs", headers={"Authorization": "Bearer x"})

    refused = problem(response, 500, "internal")
    assert "division" not in str(refused)


@pytest.mark.parametrize(
    "error",
    [
        exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
        exceptions.ReadOnlyError("You can't write against a read only replica."),
        exceptions.ResponseError("Error running script (call to f_a7): @user_script:84: -NOREPLICAS Not enough good replicas to write."),
        exceptions.ResponseError("Command # 1 (HSETNX a b c) of pipeline caused error: NOREPLICAS Not enough good replicas to write."),
        exceptions.ExecAbortError("Transaction discarded because of previous errors."),
        exceptions.BusyLoadingError("Redis is loading the dataset in memory"),
        exceptions.ResponseError("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk."),
        exceptions.ConnectionError("Connection reset"),
        exceptions.TimeoutError("Timeout reading from socket"),
    ],
    ids=lambda error: f"{type(error).__name__} {str(error)[:12]}",
)
def test_a_redis_that_cannot_do_it_now_is_unavailable(app: Flask, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("web.auth.people.find_by_digest", fail)

    response = app.test_client().get("/api/jobs", headers={"Authorization": "Bearer x"})

    problem(response, 503, "unavailable")
    assert response.headers["Retry-After"]


def test_an_upload_that_a_full_redis_cannot_note_is_503_and_leaves_no_file(
    owner: Caller, speech: bytes, redis: Redis, store: Store, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "pressure", lambda _: 0.0)  # as when it fills up while the file comes in
    redis.config_set("maxmemory", 1)
    try:
        response = owner.upload(speech)
    finally:
        redis.config_set("maxmemory", 0)

    problem(response, 503, "overloaded")
    assert list(storage.list()) == []


def test_a_path_cannot_forge_a_line_of_the_log(app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("web.pages.render_template", lambda *_, **__: 1 / 0)

    app.test_client().get("/signin")
    assert "path='/signin'" in caplog.text
    monkeypatch.setattr("web.auth.people.find_by_digest", lambda *_, **__: 1 / 0)
    app.test_client().get("/api/jobs/x/artifacts/a%0Aforged", headers={"Authorization": "Bearer x"})
    assert "\nforged" not in caplog.text
