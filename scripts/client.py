"""Speak to Lectern's HTTP API: submit a file as a stream, ask for a status, download. What is refused is said in a sentence.

A server that does not answer, or asks to wait, is asked again: with the same Idempotency-Key, so that what it took
already is not made twice, and of a download only what is missing.
"""

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
PATIENCE_S = 180.0  #: how long a server that does not answer, or asks to wait, is asked again
LONGEST_PAUSE_S = 10.0
PIECE_BYTES = 1 << 20
KEPT_BYTES = 1 << 16  #: a download that breaks off has lost less than so much


class Refused(Exception):
    """The server said no, or cannot be reached; the message is a sentence."""


class Unreachable(Refused):
    """Nobody answered, or only an error that may pass."""

    def __init__(self, sentence: str, after_s: float | None = None) -> None:
        super().__init__(sentence)
        self.after_s = after_s  #: when to ask again, as far as the server said


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
    def __init__(self, url: str, token: str, *, on_wait: Callable[[str], Any] = lambda _: None) -> None:
        """`on_wait` is told, once for each trouble, why it is taking longer."""
        self.url = url.rstrip("/")
        self._on_wait = on_wait
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
        """Write an artifact to `target`, whole or not at all. What breaks off goes on where it was."""
        unfinished = target.with_name(f".{target.name}.part")
        tag: str | None = None

        def fetch() -> None:
            nonlocal tag
            there = unfinished.stat().st_size if tag else 0
            headers = {"Range": f"bytes={there}-", "If-Range": tag} if tag and there else {}
            with self._send("GET", url, stream=True, headers=headers) as response, _reachable(self.url):
                tag = response.headers.get("ETag")
                with unfinished.open("ab" if response.status_code == 206 else "wb") as file:
                    for piece in response.iter_content(KEPT_BYTES):
                        file.write(piece)

        try:
            self._patiently(fetch)
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)

    def _ask(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._send(method, path, **given).json()
        return found

    def _send(self, method: str, path: str, **given: Any) -> requests.Response:
        given.setdefault("timeout", (CONNECT_S, ANSWER_S))
        with _reachable(self.url):
            response = self._session.request(method, urljoin(self.url, path), **given)
        if response.status_code >= 500 or response.status_code == 429:
            raise Unreachable(_sentence(response), _seconds(response.headers.get("Retry-After")))
        if response.status_code == 401:
            raise Refused(f"{_sentence(response)}; make a token on {self.url}/account, or ask an admin for one")
        if response.status_code >= 400:
            raise Refused(_sentence(response))
        return response

    def _patiently(self, ask: Callable[[], Any]) -> Any:
        """Ask again while the server does not answer, since it may be starting anew, and when it asks to wait, as long as it says."""
        until = time.monotonic() + PATIENCE_S
        pause_s = 1.0
        told = False
        while True:
            try:
                return ask()
            except Unreachable as error:
                wait_s = pause_s if error.after_s is None else error.after_s
                if time.monotonic() + wait_s > until:
                    raise
                if not told:
                    self._on_wait(f"{error}; trying again")
                    told = True
            time.sleep(wait_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after and retry_after.isdigit() else None


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
