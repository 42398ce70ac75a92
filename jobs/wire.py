"""Send a command over a connection of redis-py's pool, with little in between.

redis-py surrounds each command with names, events, metrics and bookkeeping of the pool: some 40 µs of Python, half of what a
worker spends on a task that does nothing.
"""

from __future__ import annotations

import os
from typing import Any

import hiredis
import redis


class Pool(redis.ConnectionPool):
    """redis-py's pool, which takes back what a wire keeps before it makes a new connection: both together need no more."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.kept: list[Any] = []
        super().__init__(*args, **options)

    def make_connection(self) -> Any:
        try:
            return self.kept.pop()
        except IndexError:
            return super().make_connection()

    def reset(self) -> None:  # also in a child after a fork: the connections are the parent's
        self.kept.clear()
        super().reset()


class Wire:
    """Commands one at a time, each over a connection of its own: safe to share between threads."""

    def __init__(self, client: redis.Redis) -> None:
        self._pool: Any = client.connection_pool
        self._kept: list[Any] = getattr(self._pool, "kept", [])
        self._pid = os.getpid()

    def call(self, *args: str | bytes | int | float) -> Any:
        """Return the answer to one command. Raises what redis-py raises; a connection that broke is not used again."""
        connection = self._connection()
        try:
            connection.send_packed_command((hiredis.pack_command(args),), check_health=False)  # type: ignore[arg-type]  # its stub: a tuple of one
            answer = connection.read_response()
        except redis.exceptions.ResponseError:  # an answer as well
            self._kept.append(connection)
            raise
        except BaseException:
            connection.disconnect()
            self._pool.release(connection)
            raise
        self._kept.append(connection)
        return answer

    def _connection(self) -> Any:
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._kept.clear()
        try:
            connection = self._kept.pop()
        except IndexError:
            return self._pool.get_connection()
        try:
            stale = connection.can_read()  # nothing was asked: it was closed, or holds what somebody else waited for
        except (redis.exceptions.RedisError, OSError):
            stale = True
        if not stale:
            return connection
        connection.disconnect()
        self._pool.release(connection)
        return self._pool.get_connection()
