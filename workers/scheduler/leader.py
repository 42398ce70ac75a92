"""Which of several schedulers works: the one that holds a lease in Redis, by a token that nobody else has.

Whoever was taken for dead and is not finds the token of another, and every write of a tick is made under a watch of it
(workers/scheduler/ticking.py): it can do nothing any more, however long it slept.
"""

from __future__ import annotations

import secrets

from redis.client import Pipeline
from redis.exceptions import WatchError

from jobs.store import Store

LEASE_S = 15.0  #: how long the others wait for a leader that was killed


class Deposed(Exception):
    """Another scheduler leads by now."""


class Leader:
    def __init__(self, store: Store, *, lease_s: float = LEASE_S) -> None:
        self.key = store.keys.build("scheduler")
        self.token = secrets.token_hex(16)
        self._redis = store.redis
        self._lease_ms = round(lease_s * 1000)

    def lead(self) -> bool:
        """Take or renew the lease. Return whether this scheduler leads."""
        if self._redis.set(self.key, self.token, nx=True, px=self._lease_ms):
            return True
        try:
            with self._redis.pipeline() as pipe:
                self.require(pipe)
                pipe.multi()
                pipe.pexpire(self.key, self._lease_ms)
                return bool(pipe.execute()[0])
        except (Deposed, WatchError):
            return False

    def require(self, pipe: Pipeline) -> None:
        """Watch the lease in `pipe`: what it executes is done while this scheduler leads, or not at all. Raises Deposed."""
        pipe.watch(self.key)  # type: ignore[no-untyped-call]
        held: object = pipe.get(self.key)  # at once, as it is watched
        if held != self.token.encode():
            raise Deposed

    def resign(self) -> None:
        """Let the next one lead at once."""
        try:
            with self._redis.pipeline() as pipe:
                self.require(pipe)
                pipe.multi()
                pipe.delete(self.key)
                pipe.execute()
        except (Deposed, WatchError):
            pass
