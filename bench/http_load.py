"""Ask a server for one address over and over, on several connections at once, with as little work on this side as can be."""

from __future__ import annotations

import json
import re
import selectors
import socket
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
HEAD_END = b"\r\n\r\n"
GIVE_UP_S = 30.0


def request(path: str, headers: Mapping[str, str], *, body: Any = None) -> bytes:
    """Return a GET as it goes over the wire, or a POST of `body` as JSON."""
    sent = b"" if body is None else json.dumps(body).encode()
    about = {} if body is None else {"Content-Type": "application/json", "Content-Length": str(len(sent))}
    lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", "Host: bench"]
    lines += [f"{name}: {value}" for name, value in {**headers, **about}.items()]
    return "\r\n".join([*lines, "", ""]).encode() + sent


def per_second(port: int, asked: bytes, status: int, *, seconds: float, connections: int = 8) -> float:
    """Return answers a second. Each connection asks again as soon as it is answered. Raises RuntimeError for another status."""
    wanted = b"HTTP/1.1 %d " % status
    answers = 0
    with ExitStack() as held, selectors.DefaultSelector() as selector:
        for _ in range(connections):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=GIVE_UP_S))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ, bytearray())
            connection.sendall(asked)
        began = time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds:
            ready = selector.select(timeout=GIVE_UP_S)
            if not ready:
                raise RuntimeError(f"no answer for {GIVE_UP_S:g} s")
            for key, _ in ready:
                asker, so_far = key.fileobj, key.data
                assert isinstance(asker, socket.socket)
                so_far += asker.recv(1 << 16)
                if is_whole(so_far):
                    if not so_far.startswith(wanted):
                        raise RuntimeError(f"the answer is not {status}: {bytes(so_far[:200])!r}")
                    so_far.clear()
                    answers += 1
                    asker.sendall(asked)
    return answers / passed


def is_whole(answer: bytes | bytearray) -> bool:
    """Whether an answer is there in full. One without a length, as 304 is, ends with its head."""
    head_end = answer.find(HEAD_END)
    if head_end < 0:
        return False
    length = LENGTH.search(answer, 0, head_end)
    return len(answer) >= head_end + len(HEAD_END) + (int(length[1]) if length else 0)
