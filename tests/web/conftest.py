"""An app on a real Redis and a real folder, people who may ask it, and a hand that plays the worker."""

from __future__ import annotations

import io
import json
import os
import secrets
import socket
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient

from jobs import people
from jobs.claim import claim
from jobs.model import Claimed, Completed, Failed, Outcome
from jobs.record import append, record
from jobs.settings import Settings, settings
from jobs.storage import Storage
from jobs.store import Store
from tests.web import chromium
from tests.web.browsing import PICTURES, says
from tests.web.chromium import Page
from tests.web.conforming import Conforming
from web import create_app

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "samples"
QUEUES = ("short", "long")


@pytest.fixture
def web_settings(redis: Any, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Small limits, so that tests need no large files."""
    monkeypatch.setenv("MAX_UPLOAD_BYTES", "300000")
    monkeypatch.setenv("MAX_AUDIO_SECONDS", "30")
    settings.cache_clear()
    return settings()


@pytest.fixture
def storage(web_settings: Settings) -> Storage:
    return Storage.open()


@pytest.fixture
def app(web_settings: Settings, store: Store, storage: Storage) -> Iterator[Flask]:
    """The app, whose every answer is held against its OpenAPI document."""
    app = create_app(web_settings, store=store, storage=storage)
    conforming = Conforming(app)
    conforming.watch()
    yield app
    assert conforming.wrong == []


@pytest.fixture
def served(web_settings: Settings, store: Store) -> Iterator[str]:
    """Run gunicorn with the project's own configuration on a free port and yield its URL."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "python:web.gunicorn", "--bind", f"fd://{listener.fileno()}"],
            cwd=ROOT,
            env=os.environ | {"LOG_LEVEL": "WARNING"},
            pass_fds=[listener.fileno()],
        )
        url = f"http://127.0.0.1:{port}"
        try:
            assert requests.get(f"{url}/readyz", timeout=30).status_code == 200  # the socket listens already; this waits for the worker
            yield url
        finally:
            process.terminate()
            assert process.wait(timeout=30) == 0


@pytest.fixture
def page(served: str, store: Store) -> Iterator[Page]:
    """A browser in which ada has signed in; at the end it must have had nothing to complain of. Skipped where there is none."""
    token = people.add(store, "ada", org="physics")
    found = chromium.find()
    if found is None:
        pytest.skip("there is no Chromium on this machine")
    with chromium.page(found) as page:
        page.look()
        page.open(f"{served}/")
        page.until("document.getElementById('token')")
        page.picture(PICTURES / "signin.png")
        page.run(f"document.getElementById('token').value = '{token}'")
        page.click("form.stack button")
        page.until("document.readyState === 'complete' && " + says("#file-hint", "up to"))
        yield page
        assert page.complaints == []
        assert {address.split("/")[2] for address in page.requested if address.startswith("http")} == {served.split("/")[2]}


@dataclass
class Caller:
    """Somebody who asks the API, with a bearer token or without."""

    client: FlaskClient
    token: str | None = None
    name: str = ""

    def __call__(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **given: Any) -> Any:
        bearer = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return self.client.open(path, method=method, headers={**bearer, **(headers or {})}, **given)

    def upload(self, data: bytes, filename: str = "lecture.ogg") -> Any:
        return self("POST", "/api/uploads", data={"file": (io.BytesIO(data), filename)}, content_type="multipart/form-data")

    def submit(self, type: str = "transcription", *, headers: Mapping[str, str] | None = None, **given: Any) -> Any:
        return self("POST", "/api/jobs", json={"type": type, **given}, headers=headers)

    def submit_file(self, data: bytes, filename: str = "lecture.ogg", *, headers: Mapping[str, str] | None = None, **fields: Any) -> Any:
        form = {"type": "transcription", **fields, "file": (io.BytesIO(data), filename)}
        return self("POST", "/api/jobs", data=form, content_type="multipart/form-data", headers=headers)


@dataclass
class Callers:
    owner: Caller
    colleague: Caller  #: of the owner's organisation
    stranger: Caller  #: of another one
    admin: Caller
    anonymous: Caller


@pytest.fixture
def callers(app: Flask, store: Store) -> Callers:
    def caller(name: str, org: str, role: str) -> Caller:
        return Caller(app.test_client(use_cookies=False), people.add(store, name, org=org, role=role), name)

    return Callers(
        owner=caller("ada", "physics", "user"),
        colleague=caller("ben", "physics", "user"),
        stranger=caller("cleo", "history", "user"),
        admin=caller("root", "local", "admin"),
        anonymous=Caller(app.test_client(use_cookies=False)),
    )


@pytest.fixture
def owner(callers: Callers) -> Caller:
    return callers.owner


@pytest.fixture
def admin(callers: Callers) -> Caller:
    return callers.admin


@pytest.fixture
def speech() -> bytes:
    """A recording of six seconds."""
    return (SAMPLES / "short-slt.ogg").read_bytes()


def tone(seconds: float, *, rate: int = 8000) -> bytes:
    """A WAV file of so many seconds."""
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(rate)
        file.writeframes(bytes(128 + (i % 40) for i in range(int(seconds * rate))))
    return target.getvalue()


@pytest.fixture
def silent_video() -> bytes:
    """Two seconds of moving pictures without a sound track."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as container:
        track = container.add_stream("mpeg4", rate=10)
        track.width = track.height = 64
        for shade in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), shade * 10, dtype=np.uint8), format="rgb24")
            container.mux(track.encode(frame))
        container.mux(track.encode())
    return target.getvalue()


@dataclass
class Worker:
    """Plays the worker: claims for real, records for real, does no work."""

    store: Store
    storage: Storage
    name: str = "test:1:aa"

    def take(self) -> Claimed:
        taken = claim(self.store, worker=self.name, queues=QUEUES, run=secrets.token_hex(8))
        assert isinstance(taken, Claimed), "nothing was ready"
        return taken

    def record(self, claimed: Claimed, outcome: Outcome) -> None:
        record(self.store, claimed=claimed, outcome=outcome, worker=self.name, next_run=None, queues=QUEUES)

    def append(self, claimed: Claimed, items: list[dict[str, Any]]) -> None:
        append(self.store, claimed, 0, items)

    def fail(self, error: str) -> Claimed:
        claimed = self.take()
        self.record(claimed, Failed(error, final=True))
        return claimed

    def complete(self, output: Any = None) -> Claimed:
        claimed = self.take()
        self.record(claimed, Completed(output))
        return claimed

    def publish(self, name: str, data: bytes, media_type: str = "text/plain; charset=utf-8") -> Claimed:
        """Complete a task with one artifact."""
        claimed = self.take()
        key = f"jobs/{claimed.job}/{claimed.node}/{claimed.run}/{name}"
        self.storage.put_bytes(key, data)
        self.record(claimed, Completed({"artifacts": [{"name": name, "bytes": len(data), "media_type": media_type, "key": key}]}))
        return claimed


@pytest.fixture
def worker(store: Store, storage: Storage) -> Worker:
    return Worker(store, storage)


ONE_TASK = {"tasks": [{"name": "only"}]}


@pytest.fixture
def job(callers: Callers, speech: bytes) -> str:
    """A transcription that the owner submitted; nothing of it has begun."""
    response = callers.owner.submit_file(speech)
    assert response.status_code == 202, response.text
    return str(response.json["id"])


@pytest.fixture
def nothing_left(redis: Any, storage: Storage, web_settings: Settings) -> Callable[[], None]:
    """Return a check that nothing has been added to Redis, storage and the folder of incoming files since it was made.

    That somebody asked is noted for a minute.
    """

    def look() -> tuple[set[bytes], set[str], set[Path]]:
        kept = {key for key in redis.keys("*") if not key.startswith(b"app:rate:")}
        return kept, set(storage.list()), set((Path(web_settings.data_dir) / "incoming").glob("*"))

    before = look()

    def check() -> None:
        assert look() == before

    return check


def problem(response: Any, status: int, kind: str) -> dict[str, Any]:
    """Return the problem document of a refusal, which must be of this status and kind."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/problem+json"
    document: dict[str, Any] = json.loads(response.text)
    assert document["type"] == f"urn:lectern:problem:{kind}", document
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    return document
