"""Files come in where they may not be opened: ZONES binds `inspect` to machines of its own."""

from __future__ import annotations

import pytest

from jobs import show, uploads
from jobs.claim import claim
from jobs.model import Claimed
from jobs.settings import Settings, settings
from jobs.storage import Storage
from jobs.store import Store
from tests.web.conftest import Caller, Callers, Worker, problem

TEXT = b"this is a text, not a recording\n" * 100


@pytest.fixture
def web_settings(web_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ZONES", "inspect=ingest")
    settings.cache_clear()
    return settings()


def test_a_file_is_taken_unopened_and_its_zone_looks_first(callers: Callers, worker: Worker, store: Store, storage: Storage) -> None:
    response = callers.owner.submit_file(TEXT, "lecture.ogg")
    assert response.status_code == 202, response.text

    params = show.job(store, response.json["id"]).params
    assert (params["filename"], "seconds" in params) == ("lecture.ogg", False)
    upload = uploads.find(store, params["upload"])
    assert (upload.media_type, upload.seconds, storage.get_bytes(upload.key)) == ("application/octet-stream", 0.0, TEXT)
    assert {task["name"]: task["queue"] for task in response.json["tasks"]}["inspect"] == "ingest.short"

    with pytest.raises(AssertionError, match="nothing was ready"):
        worker.take()
    taken = claim(store, worker="ingest:1:aa", queues=("ingest.short",), run="run")
    assert isinstance(taken, Claimed)
    assert taken.engine == "inspect"


def test_the_page_names_a_zone_that_no_worker_serves(owner: Caller) -> None:
    told = owner.submit_file(TEXT).json
    assert (told["held"], told["message"]) == ("worker", "no worker serves ingest.short; it waits until one is started")


def test_nothing_is_guessed_of_a_file_that_nobody_has_opened(owner: Caller) -> None:
    told = owner.submit_file(TEXT).json
    assert (told["eta_seconds"], told["queue_position"]) == (None, 1)


def test_an_upload_and_a_job_of_it_go_the_same_way(owner: Caller, store: Store) -> None:
    upload = owner.upload(TEXT).json["id"]
    job = owner.submit(params={"upload": upload}).json["id"]
    assert "seconds" not in show.job(store, job).params


def test_what_can_be_told_from_outside_is_refused_all_the_same(owner: Caller) -> None:
    assert "empty" in problem(owner.upload(b""), 422, "unplayable")["detail"]
    problem(owner.upload(bytes(300_001)), 413, "too-large")
    problem(owner.upload(TEXT, "../etc/passwd"), 422, "invalid")
