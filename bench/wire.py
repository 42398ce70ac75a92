"""Count what goes over the wire: round trips, by passing everything on; top-level commands, by listening in."""

from __future__ import annotations

import collections
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from redis import Redis

from jobs.store import Store

READ_BYTES = 1 << 16
LAST_WORD = "bench-has-heard-enough"


@dataclass(slots=True)
class Talk:
    """A connection that is passed on."""

    asked: bool = False  #: the client has, and was not answered yet
    round_trips: int = 0


@dataclass(slots=True)
class End:
    """One end of it."""

    own: socket.socket
    other: socket.socket
    is_client: bool
    talk: Talk


class Wire:
    """A Redis address that passes everything on to another, and counts.

    A round trip is a client that speaks for the first time after it was answered, however many commands it sends. (A pipeline
    that is sent in pieces, of several kilobytes, may count as more: its first commands are answered meanwhile.)
    """

    def __init__(self, upstream: str, path: Path) -> None:
        self.url = f"unix://{quote(str(path))}"
        self._talks: list[Talk] = []
        self._upstream = unquote(urlsplit(upstream).path)
        self._selector = selectors.DefaultSelector()
        self._ended, self._end = socket.socketpair()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._selector.register(self._ended, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._pass_on, name="wire", daemon=True)

    def __enter__(self) -> Wire:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.close()
        self._thread.join()

    @property
    def round_trips(self) -> int:
        return sum(self.by_connection())

    def by_connection(self) -> list[int]:
        """Return the round trips of each connection so far, in the order in which they were opened."""
        return [talk.round_trips for talk in self._talks]

    def count(self, work: Callable[[], object]) -> int:
        """Return the round trips that were made while `work` was done."""
        before = self.round_trips
        work()
        return self.round_trips - before

    def _pass_on(self) -> None:
        with ExitStack() as held:
            for one in (self._listener, self._ended, self._selector):
                held.callback(one.close)
            while True:
                for key, _ in self._selector.select():
                    if key.fileobj is self._ended:
                        for each in list(self._selector.get_map().values()):
                            if isinstance(each.data, End):
                                each.data.own.close()
                        return
                    if key.data is None:
                        self._accept()
                    else:
                        self._hand_over(key.data)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        server = socket.socket(socket.AF_UNIX)
        server.connect(self._upstream)
        talk = Talk()
        self._talks.append(talk)
        for end in (End(client, server, True, talk), End(server, client, False, talk)):
            self._selector.register(end.own, selectors.EVENT_READ, end)

    def _hand_over(self, end: End) -> None:
        try:
            data = end.own.recv(READ_BYTES)
            if data:
                if end.is_client and not end.talk.asked:
                    end.talk.round_trips += 1
                end.talk.asked = end.is_client
                end.other.sendall(data)
        except OSError:
            data = b""
        if not data:
            for one in (end.own, end.other):
                if one.fileno() >= 0:
                    self._selector.unregister(one)
                    one.close()


@contextmanager
def commands(client: Redis, listener: Redis) -> Iterator[collections.Counter[str]]:
    """Count the commands that clients send while the block lasts, by name; not those that scripts call.

    `listener` is a client of its own: with one connection less `client` would have to open another, and that would count.
    """
    client.ping()
    counted: collections.Counter[str] = collections.Counter()
    with listener.monitor() as monitor:  # type: ignore[no-untyped-call]

        def listen() -> None:
            while LAST_WORD not in (heard := monitor.next_command())["command"]:
                if heard["client_type"] != "lua":
                    counted[heard["command"].split(" ", 1)[0].upper()] += 1

        listening = threading.Thread(target=listen, name="monitor", daemon=True)
        listening.start()
        try:
            yield counted
        finally:
            client.echo(LAST_WORD)
            listening.join(timeout=10)


def commands_in(store: Store, seconds: float) -> collections.Counter[str]:
    """Return the commands that clients sent in so many seconds from now."""
    listener = Redis.from_url(store.settings.redis_url, socket_timeout=None)  # there may be nothing to hear for long
    with commands(store.redis, listener) as counted:
        time.sleep(seconds)
    return counted
