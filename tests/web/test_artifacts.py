"""GET /api/jobs/<id>/artifacts/<name>: whole, in ranges, as attachments."""

from __future__ import annotations

import pytest

from tests.web.conftest import Caller, Worker, problem

TEXT = bytes(range(256)) * 40


@pytest.fixture
def url(job: str, worker: Worker) -> str:
    worker.publish("transcript.txt", TEXT)
    return f"/api/jobs/{job}/artifacts/transcript.txt"


def test_an_artifact_is_an_attachment_of_its_type(owner: Caller, url: str) -> None:
    response = owner("GET", url)

    assert (response.status_code, response.data) == (200, TEXT)
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'attachment; filename="lecture transcript.txt"'
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["Content-Length"] == str(len(TEXT))


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, len(TEXT)),
        ("bytes=-5", len(TEXT) - 5, len(TEXT)),
        ("bytes=10000-99999999", 10000, len(TEXT)),
    ],
)
def test_a_range_answers_206_with_just_that(owner: Caller, url: str, asked: str, start: int, end: int) -> None:
    response = owner("GET", url, headers={"Range": asked})

    assert (response.status_code, response.data) == (206, TEXT[start:end])
    assert response.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(TEXT)}"
    assert response.headers["Content-Length"] == str(end - start)


@pytest.mark.parametrize("asked", [f"bytes={len(TEXT)}-", "bytes=99999999-"])
def test_a_range_past_the_end_answers_416_with_the_size(owner: Caller, url: str, asked: str) -> None:
    response = owner("GET", url, headers={"Range": asked})

    problem(response, 416, "range-not-satisfiable")
    assert response.headers["Content-Range"] == f"bytes */{len(TEXT)}"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-9", "lines=1-2", "bytes=9-1", "nonsense"])
def test_a_range_that_is_not_understood_gets_the_whole(owner: Caller, url: str, asked: str) -> None:
    response = owner("GET", url, headers={"Range": asked})

    assert (response.status_code, response.data) == (200, TEXT)


def test_head_tells_the_size_and_sends_nothing(owner: Caller, url: str) -> None:
    response = owner("HEAD", url)

    assert (response.status_code, response.data, response.headers["Content-Length"]) == (200, b"", str(len(TEXT)))


def test_an_artifact_that_the_client_has_answers_304(owner: Caller, url: str) -> None:
    tag = owner("GET", url).headers["ETag"]

    assert owner("GET", url, headers={"If-None-Match": tag}).status_code == 304


def test_a_range_of_another_version_gets_the_whole(owner: Caller, url: str) -> None:
    tag = owner("GET", url).headers["ETag"]

    assert owner("GET", url, headers={"Range": "bytes=0-9", "If-Range": tag}).status_code == 206
    assert owner("GET", url, headers={"Range": "bytes=0-9", "If-Range": '"older"'}).status_code == 200


@pytest.mark.parametrize("name", ["transcript.srt", "..%2f..%2fsecret.key", "%2e%2e", "recording"])
def test_only_what_the_job_lists_is_served(owner: Caller, url: str, name: str) -> None:
    problem(owner("GET", url.replace("transcript.txt", name)), 404, "not-found")


def test_an_empty_artifact_is_served(owner: Caller, job: str, worker: Worker) -> None:
    worker.publish("transcript.txt", b"")

    response = owner("GET", f"/api/jobs/{job}/artifacts/transcript.txt")

    assert (response.status_code, response.data, response.headers["Content-Length"]) == (200, b"", "0")
