"""A server on the loopback that answers as the Gemini API does, with whatever a test tells it to: Google's own libraries speak to it.

api.answers(said({"n": 1}))                  every request gets this
api.answers(rate_limited("2s"), said(...))   the first gets one, all others the last
api.answers(lambda asked: said(...))         an answer made from the request; `asked.prompt` is what was asked
api.asked                                    the requests that came
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TYPE = "type.googleapis.com/google.rpc."
#: google-generativeai asks for these as numbers, which the API then gives. One that nobody knows yet is among them.
NUMBERS = {
    "finishReason": {"STOP": 1, "MAX_TOKENS": 2, "SAFETY": 3, "RECITATION": 4, "OTHER": 5, "PROHIBITED_CONTENT": 8, "NOT_KNOWN_YET": 99},
    "blockReason": {"SAFETY": 1, "OTHER": 2, "PROHIBITED_CONTENT": 4, "NOT_KNOWN_YET": 99},
}


@dataclass(frozen=True)
class Asked:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def prompt(self) -> str:
        return "".join(part["text"] for part in self.body["contents"][-1]["parts"])

    @property
    def config(self) -> dict[str, Any]:
        found: dict[str, Any] = self.body["generationConfig"]
        return found


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: Any = None  #: JSON, or bytes as they are
    hangs: bool = False  #: takes the request and says nothing more
    hangs_up: bool = False  #: closes the connection instead
    drips: bool = False  #: sends a byte now and then, for ever


Scripted = Reply | Callable[[Asked], Reply]


def said(answer: Any, finish: str = "STOP") -> Reply:
    """What was asked for, as JSON; a string is sent as it is."""
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": finish, "index": 0}
    return Reply(body={"candidates": [candidate], "usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 20}, "modelVersion": "m"})


def fenced(answer: Any) -> Reply:
    return said(f"```json\n{json.dumps(answer, indent=1)}\n```\n")


def kept_back(finish: str) -> Reply:
    """A candidate without content, as with SAFETY and RECITATION."""
    return Reply(body={"candidates": [{"finishReason": finish, "index": 0}], "modelVersion": "m"})


def not_taken(reason: str) -> Reply:
    """The prompt was blocked: no candidates at all."""
    return Reply(body={"promptFeedback": {"blockReason": reason}})


def nothing() -> Reply:
    return Reply(body={"usageMetadata": {"promptTokenCount": 9}})


def failed(status: int, code: str, message: str, *details: dict[str, Any]) -> Reply:
    return Reply(status, {"error": {"code": status, "message": message, "status": code, "details": list(details)}})


def rate_limited(retry_delay: str = "") -> Reply:
    return exhausted("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", retry_delay)


def day_spent(retry_delay: str = "23s") -> Reply:
    return exhausted("GenerateRequestsPerDayPerProjectPerModel-FreeTier", retry_delay)


def exhausted(quota: str, retry_delay: str) -> Reply:
    details: list[dict[str, Any]] = [{"@type": f"{TYPE}QuotaFailure", "violations": [{"quotaId": quota, "quotaValue": "15"}]}]
    if retry_delay:
        details.append({"@type": f"{TYPE}RetryInfo", "retryDelay": retry_delay})
    return failed(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details.", *details)


def key_refused() -> Reply:
    why = {"@type": f"{TYPE}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
    return failed(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", why)


def in_numbers(found: re.Match[bytes]) -> bytes:
    name, reason = (part.decode() for part in found.groups())
    return f'"{name}": {NUMBERS[name][reason]}'.encode()


@dataclass
class Api:
    url: str
    asked: list[Asked] = field(default_factory=list)
    _script: list[Scripted] = field(default_factory=lambda: [failed(500, "INTERNAL", "the test has told no answer")])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answers(self, *script: Scripted) -> None:
        self._script = list(script)

    def reply(self, asked: Asked) -> Reply:
        with self._lock:
            self.asked.append(asked)
            scripted = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        return scripted if isinstance(scripted, Reply) else scripted(asked)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: Api
    over: threading.Event  #: the test has ended

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        reply = self.api.reply(Asked(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        if reply.hangs:
            self.over.wait()
        if reply.hangs or reply.hangs_up:
            self.close_connection = True
            return
        data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        if "enum-encoding%3Dint" in self.path:
            data = re.sub(rb'"(finishReason|blockReason)": "(\w+)"', in_numbers, data)
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # nobody wants the answer any more
            if reply.drips:
                self.drip(data)
            else:
                self.wfile.write(data)

    def drip(self, data: bytes) -> None:
        self.close_connection = True
        for letter in data:
            if self.over.wait(0.1):
                return
            self.wfile.write(bytes([letter]))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving() -> Iterator[Api]:
    """Run a server on a port of its own until the end of the block."""
    over = threading.Event()
    handler = type("Handler", (Handler,), {"over": over})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    api = handler.api = Api(f"http://127.0.0.1:{server.server_address[1]}")  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield api
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()
