"""What Redis tells a supervisor unasked: commands of RQ's tools, and that these tools may want something of its queues.

The commands are published. For the rest RQ's tools push to a queue's inbox, or set one key, and ring no bell. Redis remembers
that this connection has asked for those keys, and says so, once, when one of them changes: then they are asked for again
(docs/decisions/0054-redis-tells.md). A Redis that refuses to is asked every second.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError, TimeoutError

AT_MOST_EVERY_S = 1.0  #: keys that change all the time are not asked for all the time
ANYWAY_EVERY_S = 10.0  #: shows that the connection lives, and catches what nobody told
_RESP3 = 3
_CHANGED = object()


class Notices:
    """One connection. Any error of it ends its use: a new one asks anew."""

    def __init__(self, client: Redis, channel: str, keys: Sequence[str]) -> None:
        self._client: Any = client
        self._keys = tuple(keys)
        self._asked_at = -inf
        self._unanswered = False
        self._changed = False
        self._found: int | None = None
        self._pubsub: Any = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._pubsub.subscribe(channel)
        self._told = int(self._pubsub.connection.get_protocol()) == _RESP3
        if self._told:
            self._pubsub.connection._parser.set_invalidation_push_handler(lambda _: _CHANGED)
            self._pubsub.execute_command("CLIENT", "TRACKING", "ON")

    def fileno(self) -> int:
        """The socket, to wait for the next notice."""
        return int(self._pubsub.connection._sock.fileno())

    def read(self, now: float) -> list[bytes]:
        """Return what was published since the last look. Never waits; `now` is monotonic. Raises RedisError."""
        published = []
        while (notice := self._next()) is not None:
            if notice is _CHANGED:
                self._changed = True
            elif isinstance(notice, int):
                self._found, self._unanswered = notice, False
            elif isinstance(notice, list) and notice[0] == b"message":
                published.append(notice[2])
        self._ask_if_due(now)
        return published

    def found(self) -> int | None:
        """Return how many of the keys are there, once after each answer; else None."""
        found, self._found = self._found, None
        return found

    def close(self) -> None:
        self._pubsub.close()

    def _next(self) -> Any:
        try:
            return self._pubsub.parse_response(block=False, timeout=0.0)
        except ResponseError:  # it does not know CLIENT TRACKING, or this user may not
            self._told = self._unanswered = False
            return ()

    def _ask_if_due(self, now: float) -> None:
        every_s = ANYWAY_EVERY_S if self._unanswered or (self._told and not self._changed) else AT_MOST_EVERY_S
        if now < self._asked_at + every_s:
            return
        self._asked_at, self._changed = now, False
        if not self._told:
            self._found = int(self._client.exists(*self._keys))
        elif self._unanswered:
            raise TimeoutError(f"no answer for {ANYWAY_EVERY_S:g} s on the connection that notices come by")
        else:
            self._pubsub.execute_command("EXISTS", *self._keys)
            self._unanswered = True
