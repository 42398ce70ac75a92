"""Speak to Lectern's HTTP API: submit a file as a stream, ask for a status, download. What is refused is said in a sentence."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urljoin

import requests
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema

CONNECT_S, ANSWER_S = 10.0, 120.0
PATIENCE_S = 60.0  #: how long a server that does not answer is asked again
PIECE_BYTES = 1 << 20


class Refused(Exception):
    """The server said no, or cannot be reached; the message is a sentence."""


class FormBody:
    """A multipart form with one file, read as it is sent: a recording of any size takes no memory."""

    def __init__(self, file: IO[bytes], size: int, filename: str, fields: dict[str, str], on_sent: Callable[[int], Any]) -> None:
        self.boundary = secrets.token_hex(16)
        parts = [f'--{self.boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
        quoted = filename.translate({ord('"'): "%22", ord("\r"): "%0D", ord("\n"): "%0A"})  # as browsers do
        parts.append(f'--{self.boundary}\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\n\r\n')
        self._head, self._tail = "".join(parts).encode(), f"\r\n--{self.boundary}--\r\n".encode()
        self._file, self._on_sent = file, on_sent
        self._size = len(self._head) + size + len(self._tail)
        self._pieces = self._read_pieces()

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def read(self, _: int = -1) -> bytes:
        return next(self._pieces, b"")

    def _read_pieces(self) -> Iterator[bytes]:
        yield self._head
        while piece := self._file.read(PIECE_BYTES):
            yield piece
            self._on_sent(len(piece))
        yield self._tail


class Client:
    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"
        self._session.headers["Accept"] = "application/json"
        self._session.trust_env = False  # a proxy or a .netrc of the machine must not take the token's place

    def reach(self) -> None:
        """Ask once whether anybody is there, before being patient with a wrong address. Raises Refused."""
        self._send("GET", "/healthz", timeout=(CONNECT_S, CONNECT_S))

    def submit(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Submit a job without a file; return its status. Sent again if the server does not answer: the key makes it one job."""
        key = secrets.token_hex(16)
        found: dict[str, Any] = self._patiently(lambda: self._ask("POST", "/api/jobs", json=asked, headers={"Idempotency-Key": key}))
        return found

    def submit_file(self, path: Path, asked: dict[str, Any], *, on_sent: Callable[[int], Any]) -> dict[str, Any]:
        """Submit a job with its recording; return its status. Sent again, from its start, if the server does not answer.

        `on_sent` is told how many bytes more have left; less than none when they have to be sent again.
        """
        fields = {name: value if isinstance(value, str) else json.dumps(value) for name, value in asked.items()}
        return self._send_file("/api/jobs", path, fields, on_sent)

    def upload(self, path: Path, *, on_sent: Callable[[int], Any]) -> str:
        """Upload a recording and return its id. Sent again as a job's is; what the server had of it before expires."""
        return str(self._send_file("/api/uploads", path, {}, on_sent)["id"])

    def _send_file(self, address: str, path: Path, fields: dict[str, str], on_sent: Callable[[int], Any]) -> dict[str, Any]:
        key = secrets.token_hex(16)
        sent = 0

        def count(bytes_more: int) -> None:
            nonlocal sent
            sent += bytes_more
            on_sent(bytes_more)

        def send() -> dict[str, Any]:
            if sent:
                count(-sent)
            with path.open("rb") as file:
                body = FormBody(file, path.stat().st_size, path.name, fields, count)
                headers = {"Idempotency-Key": key, "Content-Type": f"multipart/form-data; boundary={body.boundary}"}
                return self._ask("POST", address, data=body, headers=headers)

        found: dict[str, Any] = self._patiently(send)
        return found

    def status(self, job: str, *, etag: str | None = None) -> tuple[dict[str, Any], str | None] | None:
        """Return a job's status and its tag, or None while it is the one that `etag` stands for."""
        headers = {"If-None-Match": etag} if etag else {}
        response = self._patiently(lambda: self._send("GET", f"/api/jobs/{job}", headers=headers))
        return None if response.status_code == 304 else (response.json(), response.headers.get("ETag"))

    def download(self, url: str, target: Path) -> None:
        """Write an artifact to `target`, whole or not at all."""
        unfinished = target.with_name(f".{target.name}.part")
        with self._send("GET", url, stream=True) as response, unfinished.open("wb") as file, _reachable(self.url):
            for piece in response.iter_content(PIECE_BYTES):
                file.write(piece)
        unfinished.replace(target)

    def _ask(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._send(method, path, **given).json()
        return found

    def _send(self, method: str, path: str, **given: Any) -> requests.Response:
        given.setdefault("timeout", (CONNECT_S, ANSWER_S))
        with _reachable(self.url):
            response = self._session.request(method, urljoin(self.url, path), **given)
        if response.status_code >= 500:
            raise Unreachable(_sentence(response))
        if response.status_code >= 400:
            raise Refused(_sentence(response))
        return response

    def _patiently(self, ask: Callable[[], Any]) -> Any:
        """Ask again for a minute while the server does not answer: it may be starting anew."""
        until = time.monotonic() + PATIENCE_S
        pause_s = 1.0
        while True:
            try:
                return ask()
            except Unreachable:
                if time.monotonic() + pause_s > until:
                    raise
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, 10.0)


class Unreachable(Refused):
    """Nobody answered, or only an error that may pass."""


@contextmanager
def _reachable(url: str) -> Iterator[None]:
    try:
        yield
    except (MissingSchema, InvalidSchema, InvalidURL) as error:
        raise Refused(f"{url} is no address; it looks like http://host:8000") from error
    except requests.RequestException as error:
        raise Unreachable(f"{url} does not answer ({type(error).__name__}); is Lectern running there?") from error


def _sentence(response: requests.Response) -> str:
    try:
        document = response.json()
        return str(document.get("detail") or document.get("title"))
    except ValueError:
        return f"the server answered {response.status_code} {response.reason}"
