"""The web under a real gunicorn: uploads that are too large are stopped while they stream in."""

from __future__ import annotations

import json
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from jobs import people
from jobs.cursor import pack
from jobs.settings import Settings
from jobs.store import Store

HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="endless.ogg"\r\n\r\n'


@pytest.fixture
def bearer(store: Store) -> str:
    return f"Bearer {people.add(store, 'ada', org='physics')}"


def converse(url: str, request_head: bytes, body: Iterator[bytes]) -> tuple[int, dict[str, Any], int]:
    """Send a request piece by piece until the server has had enough; return status, document and how many bytes it took."""
    host, port = url.removeprefix("http://").split(":")
    sent = 0
    with closing(socket.create_connection((host, int(port)), timeout=30)) as connection:
        connection.sendall(request_head)
        try:
            for piece in body:
                connection.sendall(piece)
                sent += len(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
                head, _, rest = answer.partition(b"\r\n\r\n")
                if rest.endswith(b"}"):
                    break
        except ConnectionResetError:
            pass
    return int(head.split(b" ")[1]), json.loads(rest), sent


def chunked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield b"%x\r\n%s\r\n" % (len(piece), piece)


def endless(at_most: int) -> Iterator[bytes]:
    yield HEAD
    for _ in range(at_most // 65_536):
        yield b"\0" * 65_536


def test_an_endless_upload_without_a_length_is_stopped(served: str, bearer: str, nothing_left: Callable[[], None]) -> None:
    head = f"POST /api/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nTransfer-Encoding: chunked\r\n"
    head += "Content-Type: multipart/form-data; boundary=b\r\n\r\n"

    status, document, sent = converse(served, head.encode(), chunked(endless(200_000_000)))

    assert (status, document["type"], document["limit"]) == (413, "urn:lectern:problem:too-large", 300_000)
    assert sent < 20_000_000, "it was stopped, not read to the end"
    nothing_left()


def test_an_upload_that_is_announced_too_large_is_refused_unread(served: str, bearer: str, nothing_left: Callable[[], None]) -> None:
    head = f"POST /api/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nContent-Length: 200000000\r\n"
    head += "Content-Type: multipart/form-data; boundary=b\r\n\r\n"

    status, document, _ = converse(served, head.encode(), iter(()))

    assert (status, document["field"]) == (413, "file")
    nothing_left()


def test_chunks_that_are_none_are_refused(served: str, bearer: str, nothing_left: Callable[[], None]) -> None:
    head = f"POST /api/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nTransfer-Encoding: chunked\r\n"
    head += "Content-Type: multipart/form-data; boundary=b\r\n\r\n"

    status, document, _ = converse(served, head.encode(), iter([b"5\r\n--b\r\n\r\n", b"no number\r\n"]))

    assert (status, document["type"]) == (400, "urn:lectern:problem:malformed")
    nothing_left()


def test_an_upload_that_breaks_off_leaves_nothing(
    served: str, bearer: str, nothing_left: Callable[[], None], web_settings: Settings
) -> None:
    def received() -> list[Path]:
        return list((Path(web_settings.data_dir) / "incoming").glob("*"))

    host, port = served.removeprefix("http://").split(":")
    head = f"POST /api/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nContent-Length: 250000\r\n"
    head += "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    with closing(socket.create_connection((host, int(port)), timeout=30)) as connection:
        connection.sendall(head.encode() + HEAD + b"\0" * 100_000)
        until_true(lambda: len(received()) == 1)

    until_true(lambda: not received())
    nothing_left()


def test_a_recording_goes_up_and_its_job_comes_back_in_full(served: str, bearer: str, speech: bytes) -> None:
    response = requests.post(
        f"{served}/api/jobs",
        files={"file": ("lecture.ogg", speech)},
        data={"type": "transcription"},
        headers={"Authorization": bearer},
        timeout=30,
    )

    assert response.status_code == 202
    again = requests.get(served + response.headers["Location"], headers={"Authorization": bearer}, timeout=30)
    assert again.json()["id"] == response.json()["id"]
    assert again.headers["ETag"]


def test_an_address_without_end_is_refused_early(served: str) -> None:
    host, port = served.removeprefix("http://").split(":")
    sent = 0
    with closing(socket.create_connection((host, int(port)), timeout=30)) as connection:
        try:
            connection.sendall(b"GET /healthz?")
            for _ in range(1000):
                connection.sendall(b"x" * 65_536)
                sent += 65_536
        except (BrokenPipeError, ConnectionResetError):
            pass

    assert sent < 20_000_000, "it was refused, not collected"


def test_the_cursor_of_a_job_with_two_thousand_children_fits_an_address(served: str, bearer: str) -> None:
    cursor = pack({"transcribe": [random.Random(n).randrange(1000) for n in range(2000)]})

    answer = requests.get(f"{served}/api/jobs/{'x' * 64}/partial?cursor={cursor}", headers={"Authorization": bearer}, timeout=30)

    assert (answer.status_code, answer.json()["type"]) == (404, "urn:lectern:problem:not-found")


@pytest.mark.parametrize("path", ["/signin", "/signout"])
def test_nobody_can_fill_the_disk_by_signing_in(served: str, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\nTransfer-Encoding: chunked\r\n"
    head += "Content-Type: multipart/form-data; boundary=b\r\n\r\n"

    status, document, sent = converse(served, head.encode(), chunked(endless(200_000_000)))

    assert (status, document["type"]) == (413, "urn:lectern:problem:too-large")
    assert sent < 20_000_000, "it was stopped, not read to the end"


@pytest.mark.parametrize(
    ("headers", "secure"), [({"X-Forwarded-Proto": "https"}, True), ({"X-Forwarded-Proto": "http"}, False), ({}, False)]
)
def test_behind_a_proxy_that_speaks_https_the_cookie_stays_on_it(served: str, headers: dict[str, str], secure: bool) -> None:
    page = requests.get(f"{served}/signin", headers=headers, timeout=30)

    assert ("Secure" in page.headers["Set-Cookie"].split("; ")) is secure


def until_true(look: Callable[[], bool], *, timeout_s: float = 20) -> None:
    until = time.monotonic() + timeout_s
    while not look():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)
