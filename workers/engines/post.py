"""Post to an address that a user has named, and to no other place: the name is looked up once, and what was checked is connected to.

Follows nothing, reads a little of the answer, and takes no longer than it says, however slowly the other side speaks.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from jobs.receivers import NOT_PUBLIC, Address, check_url, is_public

CONNECT_S = 5.0
READ_S = 10.0  #: for each piece of the answer
WHOLE_S = 20.0
ANSWER_BYTES = 2048

#: AttributeError is http.client's, of a socket that was hung up while it looked away.
TROUBLE = (HTTPError, HTTPException, OSError, ValueError, AttributeError)

DEFAULT_PORTS = {"http": 80, "https": 443}


class NotSent(Exception):
    """Nothing was answered; the message is a sentence. Another try may do better."""


class NotAllowed(Exception):
    """The address may not be posted to."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]  #: names in small letters
    text: str  #: its beginning


def post(url: str, body: bytes, headers: Mapping[str, str], *, private_allowed: bool) -> Answer:
    """Post `body` and return what was answered. Raises NotAllowed, NotSent, and InvalidSubmission for what is no address."""
    parts = check_url(url, private_allowed=private_allowed)
    host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
    found = lookup(host, port)
    if not private_allowed and not all(map(is_public, found)):
        raise NotAllowed(NOT_PUBLIC)  # without the address: what names mean inside is nobody's business
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    named = parts.netloc if parts.port != DEFAULT_PORTS[parts.scheme] else parts.netloc.rpartition(":")[0]
    with Deadline(WHOLE_S) as deadline:
        try:
            connection = connect(parts.scheme, host, port, found, deadline)
            connection.request("POST", target, body, {"Host": named, **headers}, preload_content=False)
            response = connection.getresponse()
            if deadline.passed:  # what was hung up on looks like headers that end
                raise TimeoutError
            text = b""
            with suppress(*TROUBLE):  # the status was told: what becomes of the rest changes nothing
                text = response.read(ANSWER_BYTES, decode_content=False)
            headers_in = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, headers_in, text.decode(errors="replace"))
        except TROUBLE as error:
            raise NotSent(f"gave no whole answer within {WHOLE_S:g} s" if deadline.passed else in_words(error)) from error


class Deadline:
    """Hangs up on whoever is spoken to when its time is over: time limits of a socket are for each piece alone."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._connection: HTTPConnection | None = None
        self._timer = threading.Timer(seconds, self._pass)
        self._timer.daemon = True

    def __enter__(self) -> Deadline:
        self._timer.start()
        return self

    def holds_for(self, connection: HTTPConnection) -> None:
        self._connection = connection

    def _pass(self) -> None:
        self.passed = True
        with suppress(OSError, AttributeError):
            self._connection.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()
        if self._connection is not None:
            self._connection.close()


def lookup(host: str, port: int) -> list[Address]:
    """Return the addresses of a host. Raises NotSent."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotSent("has no address: its host is not known") from None
    return list(dict.fromkeys(ipaddress.ip_address(str(place[0])) for *_, place in found))


def connect(scheme: str, host: str, port: int, found: list[Address], deadline: Deadline) -> HTTPConnection:
    """Connect to the first of the addresses that answers. Raises what keeps the last from it."""
    last: Exception = OSError("there is none")
    for address in found[:2]:  # with more of them it would take too long to find out that none answers
        connection = HTTPConnection(str(address), port, timeout=CONNECT_S)
        if scheme == "https":
            its_own = ssl.create_default_context()  # heeds SSL_CERT_FILE and SSL_CERT_DIR
            connection = HTTPSConnection(str(address), port, timeout=CONNECT_S, ssl_context=its_own, server_hostname=host)
        deadline.holds_for(connection)
        try:
            connection.connect()
        except (HTTPError, OSError) as error:
            last = error
            connection.close()
        else:
            connection.sock.settimeout(READ_S)
            return connection
    raise last


def in_words(error: Exception) -> str:
    cause = error.args[-1] if error.args and isinstance(error.args[-1], Exception) else error
    if isinstance(cause, ssl.SSLError) or isinstance(error, ssl.SSLError):
        return f"has a certificate that does not hold: {getattr(cause, 'verify_message', '') or getattr(cause, 'reason', '') or cause}"
    if isinstance(cause, TimeoutError) or "timed out" in str(error):
        return f"did not answer in time ({CONNECT_S:g} s to connect, {READ_S:g} s for each piece of the answer)"
    if isinstance(cause, ConnectionRefusedError) or "refused" in str(error):
        return "refuses connections"
    return f"broke off: {type(cause).__name__}"
