"""Send a command over a connection of redis-py's pool, with little in between.

redis-py surrounds each command with checks of the connection, names, events and metrics: some 40 µs of Python, half of what a
worker spends on a task that does nothing. A connection that was used a moment ago needs none of it.
"""

from __future__ import annotations

import os
import time
from typing import Any

import hiredis
import redis

FRESH_S = 1.0  #: a connection used within so long is taken to live; an older one goes through the pool, which looks


class Wire:
    """Commands one at a time, each over a connection of its own: safe to share between threads."""

    def __init__(self, client: redis.Redis) -> None:
        self._pool: Any = client.connection_pool
        self._fresh: list[tuple[Any, float]] = []
        self._pid = os.getpid()

    def call(self, *args: str | bytes | int | float) -> Any:
        """Return the answer to one command. Raises what redis-py raises; a connection that broke is not used again."""
        connection = self._connection()
        try:
            connection.send_packed_command((hiredis.pack_command(args),), check_health=False)  # type: ignore[arg-type]  # its stub: a tuple of one
            answer = connection.read_response()
        except redis.exceptions.ResponseError:  # an answer as well
            self._fresh.append((connection, time.monotonic()))
            raise
        except BaseException:
            connection.disconnect()
            self._pool.release(connection)
            raise
        self._fresh.append((connection, time.monotonic()))
        return answer

    def _connection(self) -> Any:
        if self._pid != os.getpid():  # forked: the connections are the parent's
            self._pid, self._fresh = os.getpid(), []
        try:
            connection, used_at = self._fresh.pop()
        except IndexError:
            return self._pool.get_connection()
        if time.monotonic() - used_at < FRESH_S:
            return connection
        self._pool.release(connection)
        return self._pool.get_connection()
