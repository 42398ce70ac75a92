"""POST /api/uploads: what is taken, what is refused, and that a refusal leaves nothing behind."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from jobs import show, uploads
from jobs.settings import Settings
from jobs.storage import Storage
from jobs.store import Store
from tests.web.conftest import Caller, Callers, problem, tone
from web.receive import STALE_S, sweep

Nothing = Callable[[], None]


def test_an_upload_is_stored_under_its_id_with_its_name(owner: Caller, speech: bytes, store: Store, storage: Storage) -> None:
    response = owner.upload(speech, "Vorlesung Nr. 1 – Größen.ogg")

    assert response.status_code == 201
    assert response.json == {"id": response.json["id"], "filename": "Vorlesung Nr. 1 – Größen.ogg", "bytes": len(speech)}
    kept = uploads.find(store, response.json["id"], user="ada")
    assert (kept.org, kept.media_type, round(kept.seconds)) == ("physics", "audio/ogg", 6)
    assert storage.get_bytes(kept.key) == speech


def test_a_job_knows_how_long_its_recording_is(owner: Caller, speech: bytes, store: Store) -> None:
    by_form = owner.submit_file(speech).json["id"]
    by_upload = owner.submit(params={"upload": owner.upload(speech).json["id"]}).json["id"]
    for job in (by_form, by_upload):
        assert round(show.job(store, job).params["seconds"]) == 6


def test_an_upload_that_no_job_uses_expires(owner: Caller, speech: bytes, redis: Redis, web_settings: Settings) -> None:
    upload = owner.upload(speech).json["id"]

    assert 0 < redis.ttl(f"app:uploads:{upload}") <= web_settings.upload_ttl_seconds


def test_no_temporary_file_stays_after_an_upload(owner: Caller, speech: bytes, web_settings: Settings) -> None:
    owner.upload(speech)

    assert list((Path(web_settings.data_dir) / "incoming").iterdir()) == []


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        pytest.param(b"this is a text, not a recording\n" * 100, "not a recording", id="not audio"),
        pytest.param(b"", "empty", id="empty"),
        pytest.param(tone(0), "zero seconds|empty|sound|recording", id="zero seconds"),
        pytest.param(tone(31), "MAX_AUDIO_SECONDS=30", id="too long"),
    ],
)
def test_what_is_no_recording_is_refused(owner: Caller, nothing_left: Nothing, data: bytes, sentence: str) -> None:
    refused = problem(owner.upload(data), 422, "unplayable")

    assert any(part in refused["detail"] for part in sentence.split("|")), refused
    assert refused["field"] == "file"
    nothing_left()


def test_a_video_without_sound_is_refused(owner: Caller, nothing_left: Nothing, silent_video: bytes) -> None:
    refused = problem(owner.upload(silent_video, "screen.mp4"), 422, "unplayable")

    assert "sound" in refused["detail"]
    nothing_left()


def test_the_limit_of_length_is_named_as_a_number(owner: Caller) -> None:
    assert problem(owner.upload(tone(31)), 422, "unplayable")["limit"] == 30


def test_a_file_of_just_the_largest_size_is_taken_and_one_byte_more_is_not(owner: Caller, nothing_left: Nothing) -> None:
    largest = tone(2)[:44] + bytes(300_000 - 44)  # nothing a player minds: the header says where the sound ends

    refused = problem(owner.upload(largest + b"\0"), 413, "too-large")
    assert refused["limit"] == 300_000
    assert "MAX_UPLOAD_BYTES=300000" in refused["detail"]
    nothing_left()
    assert owner.upload(largest).status_code == 201


@pytest.mark.parametrize(
    "name",
    [
        "../lecture.ogg",
        "a/b.ogg",
        "/etc/passwd",
        "..",
        ".",
        r"..\lecture.ogg",
        r"C:\talks\lecture.ogg",
        "nul\0.ogg",
        "a\u202egpj.ogg",
        "a\u2028b.ogg",
        "a\x85b.ogg",
        "a\ufeffb.ogg",
        "ö" * 126 + ".ogg",
    ],
)
def test_a_file_name_with_a_path_or_too_long_is_refused(owner: Caller, nothing_left: Nothing, speech: bytes, name: str) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="' + name.encode() + b'"\r\n\r\n' + speech + b"\r\n--b--\r\n"
    response = owner("POST", "/api/uploads", data=body, content_type="multipart/form-data; boundary=b")

    assert problem(response, 422, "invalid")["field"] == "file"
    nothing_left()


@pytest.mark.parametrize("name", ["نیم\u200cسال.ogg", "\U0001f468\u200d\U0001f393.ogg", "e\u0301tude.ogg"])
def test_a_file_name_may_be_in_any_writing(owner: Caller, speech: bytes, name: str) -> None:
    assert owner.upload(speech, name).json["filename"] == name


def test_a_file_sent_as_a_plain_field_is_told_what_it_lacks(owner: Caller) -> None:
    response = owner("POST", "/api/uploads", data={"file": "not a file"}, content_type="multipart/form-data")

    assert "with a file name" in problem(response, 422, "invalid")["detail"]
    assert "plain field" in response.json["detail"]


@pytest.mark.parametrize("encoded", ["UTF-8''..%2Flecture.ogg", "UTF-8''a%5Cb.ogg", "UTF-8''a%00b.ogg"])
def test_a_path_in_an_encoded_file_name_is_refused(owner: Caller, nothing_left: Nothing, speech: bytes, encoded: str) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename*=' + encoded.encode() + b"\r\n\r\n" + speech + b"\r\n--b--\r\n"
    response = owner("POST", "/api/uploads", data=body, content_type="multipart/form-data; boundary=b")

    assert problem(response, 422, "invalid")["field"] == "file"
    nothing_left()


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({}, "file"),
        ({"file": "a field, not a file"}, "file"),
        ({"file": (io.BytesIO(b"x"), "")}, "file"),
        ({"recording": (io.BytesIO(b"x"), "a.ogg")}, "recording"),
        ({"file": [(io.BytesIO(b"x"), "a.ogg"), (io.BytesIO(b"x"), "b.ogg")]}, "file"),
        ({"file": (io.BytesIO(b"x"), "a.ogg"), "colour": "red"}, "colour"),
    ],
    ids=["nothing", "a field", "no name", "another part", "two files", "unknown field"],
)
def test_a_form_without_exactly_one_file_is_refused(owner: Caller, nothing_left: Nothing, form: dict[str, Any], field: str) -> None:
    response = owner("POST", "/api/uploads", data=form, content_type="multipart/form-data")

    assert problem(response, 422, "invalid")["field"] == field
    nothing_left()


@pytest.mark.parametrize(
    "body",
    [
        b"no boundary at all",
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.ogg"\r\n\r\nOggS cut off here',
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="\xff\xfe.ogg"\r\n\r\nx\r\n--b--\r\n',
        b"--b\r\nX-Header: without a disposition\r\n\r\nx\r\n--b--\r\n",
    ],
)
def test_a_broken_body_is_refused(owner: Caller, nothing_left: Nothing, body: bytes) -> None:
    problem(owner("POST", "/api/uploads", data=body, content_type="multipart/form-data; boundary=b"), 400, "malformed")
    nothing_left()


def test_a_body_that_is_no_form_is_refused(owner: Caller, speech: bytes) -> None:
    problem(owner("POST", "/api/uploads", data=speech, content_type="audio/ogg"), 415, "unsupported-media-type")


def test_a_part_header_without_end_cannot_fill_the_memory(owner: Caller, nothing_left: Nothing) -> None:
    problem(
        owner("POST", "/api/uploads", data=b"--b\r\nX: " + b"x" * 2_000_000, content_type="multipart/form-data; boundary=b"),
        413,
        "too-large",
    )
    nothing_left()


def test_a_storage_that_fails_leaves_nothing_behind(
    owner: Caller, nothing_left: Nothing, speech: bytes, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Storage, key: str, path: Path) -> None:
        self.put_bytes(key, b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Storage, "put_file", full)

    assert problem(owner.upload(speech), 503, "overloaded")
    nothing_left()


def test_nobody_else_can_use_an_upload(callers: Callers, speech: bytes) -> None:
    upload = callers.owner.upload(speech).json["id"]

    for other in (callers.colleague, callers.stranger, callers.admin):
        problem(other.submit(params={"upload": upload}), 404, "not-found")


def test_files_left_by_a_killed_process_are_swept_once_they_are_old(tmp_path: Path) -> None:
    left = tmp_path / "upload-left"
    left.write_bytes(b"half a file")
    written = left.stat().st_mtime

    assert sweep(tmp_path, now=written + STALE_S - 1) == 0
    assert sweep(tmp_path, now=written + STALE_S + 1) == 1
    assert not left.exists()


def test_a_file_that_another_sweep_removes_meanwhile_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "glob", lambda folder, _: iter([folder / "upload-gone"]))

    assert sweep(tmp_path) == 0


def test_a_job_can_be_deleted_with_its_upload_in_a_full_redis(store: Store) -> None:
    upload = "0" * 24
    store.redis.hset(store.keys.upload(upload), mapping={"user": "ada"})
    uploads.use(store, upload, "job1")
    uploads.use(store, upload, "job2")
    try:
        store.redis.config_set("maxmemory", 1)
        assert uploads.release(store, upload, "job1") == ()
        assert uploads.release(store, upload, "job2") == (f"uploads/{upload}/",)
    finally:
        store.redis.config_set("maxmemory", 0)
    assert not store.redis.exists(store.keys.upload(upload), store.keys.upload_jobs(upload))
