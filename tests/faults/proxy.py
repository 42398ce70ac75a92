"""A Redis between a worker and its Redis: it sees each call by its verb, and does harm at the point that a test names.

A point is `before:<verb>` (the call has been sent, Redis has not got it) or `after:<verb>` (Redis has done it, nobody has
its answer). Verbs are those of `jobs.lua.VERBS`, recognised by the SHA of their scripts, and Redis's own commands (`BLPOP`).
"""

from __future__ import annotations

import hashlib
import select
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

from jobs import lua
from jobs.store import Store
from tests.faults.resp import end_of, words_of

LOOK_S = 0.2  #: how soon a connection notices that the proxy is closed


@dataclass(frozen=True, slots=True)
class Call:
    """One call that passes through."""

    verb: str
    words: list[bytes]
    pid: int  #: of the process that makes it
    answer: bytes = b""  #: once there is one


class Drop(Exception):
    """What a harm raises to cut the connection: before, Redis never gets the call; after, nobody gets the answer."""


class Answer(Exception):
    """What a harm raises to answer in Redis's place: `-LOADING …`."""

    def __init__(self, error: str) -> None:
        self.line = f"-{error}\r\n".encode()


Harm = Callable[[Call], None]


@dataclass
class Rule:
    """Harm at a point: from its `first` occurrence on, `times` times."""

    point: str
    harm: Harm
    first: int = 1
    times: int = 1
    where: Callable[[Call], bool] = lambda call: True  #: of the calls at the point, those that count
    met: int = 0
    done: threading.Event = field(default_factory=threading.Event)  #: the harm has been done as often as it should be

    def applies(self, when: str, call: Call) -> bool:
        if self.point not in (f"{when}:{call.verb}", f"{when}:*") or not self.where(call):
            return False
        self.met += 1
        return self.first <= self.met < self.first + self.times

    def await_done(self, within_s: float = 20.0) -> None:
        assert self.done.wait(within_s), f"{self.point} was met {self.met} times within {within_s:g} s, not {self.first + self.times - 1}"


class Proxy:
    """Listens on a unix socket; the clients' processes are known by it. `url` is for REDIS_URL."""

    def __init__(self, store: Store, path: Path) -> None:
        self._upstream = unquote(store.redis.connection_pool.connection_kwargs["path"])
        self._verbs = {store.scripts[verb].sha.encode(): verb for verb in lua.VERBS}
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._closed = threading.Event()
        self.calls: Counter[str] = Counter()  #: answered by Redis, by verb
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self.url = f"unix://{quote(str(path))}"
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def at(self, point: str, harm: Harm, *, first: int = 1, times: int = 1, where: Callable[[Call], bool] = lambda call: True) -> Rule:
        """Do `harm` when a call meets `point` for the `first` time from now, and at the next ones, `times` in all."""
        rule = Rule(point, harm, first, times, where)
        with self._lock:
            self._rules.append(rule)
        return rule

    def forget(self) -> None:
        """No more harm."""
        with self._lock:
            self._rules = []

    def close(self) -> None:
        self._closed.set()
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            with suppress(OSError):
                if select.select([self._listener], [], [], LOOK_S)[0]:
                    client, _ = self._listener.accept()
                    threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """One connection, a call at a time; what is subscribed to passes freely."""
        pid = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        with client, socket.socket(socket.AF_UNIX) as server, suppress(OSError, Drop):
            server.connect(self._upstream)
            pending = b""
            while not self._closed.is_set():
                while (end := end_of(pending) if pending else None) is None:
                    pending += self._more(client)
                command, pending = pending[:end], pending[end:]
                call = self._call(command, pid)
                if call.verb == "SUBSCRIBE":
                    server.sendall(command)
                    self._pass(client, server)
                else:
                    self._exchange(client, server, command, call)

    def _exchange(self, client: socket.socket, server: socket.socket, command: bytes, call: Call) -> None:
        try:
            self._meet("before", call)
            server.sendall(command)
            answer = b""
            while end_of(answer) is None:
                answer += self._more(server, client)
            if not answer.startswith(b"-NOSCRIPT"):  # else it has not run yet: the client sends its text next
                self.calls[call.verb] += 1
                self._meet("after", Call(call.verb, call.words, call.pid, answer))
        except Answer as instead:
            answer = instead.line
        client.sendall(answer)

    def _meet(self, when: str, call: Call) -> None:
        with self._lock:
            due = [rule for rule in self._rules if rule.applies(when, call)]
        for rule in due:
            try:
                rule.harm(call)
            finally:
                if rule.met >= rule.first + rule.times - 1:
                    rule.done.set()

    def _call(self, command: bytes, pid: int) -> Call:
        name, *words = words_of(command)
        match name.upper():
            case b"EVALSHA":
                verb = self._verbs.get(words[0], "EVALSHA")
            case b"EVAL":
                verb = self._verbs.get(hashlib.sha1(words[0], usedforsecurity=False).hexdigest().encode(), "EVAL")
            case other:
                return Call(other.decode(), words, pid)
        return Call(verb, words[2:], pid)

    def _more(self, source: socket.socket, gone: socket.socket | None = None) -> bytes:
        """Return more bytes of `source`. Ends the connection when it has ended, or when `gone` has: nobody waits any more."""
        while not self._closed.is_set():
            for ready in select.select([source, *([gone] if gone else [])], [], [], LOOK_S)[0]:
                if ready is source:
                    if data := source.recv(65536):
                        return data
                    raise Drop
                if not ready.recv(1, socket.MSG_PEEK):
                    raise Drop
                gone = None  # it only sent its next command
        raise Drop

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        while not self._closed.is_set():
            for ready in select.select([client, server], [], [], LOOK_S)[0]:
                data = ready.recv(65536)
                if not data:
                    raise Drop
                (server if ready is client else client).sendall(data)


def drop(call: Call) -> None:
    """Cut the connection."""
    raise Drop


def answering(error: str) -> Harm:
    """Return the harm that answers `error` in Redis's place."""

    def answer(call: Call) -> None:
        raise Answer(error)

    return answer
