"""Note once a minute how the queues stand. Whatever goes wrong with it is no trouble of the worker's."""

from __future__ import annotations

from redis.exceptions import RedisError

from jobs import samples
from jobs.errors import LecternError
from jobs.store import Store
from workers import log


class Sampler:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._due_at = 0.0

    def note(self, now: float) -> None:
        """Note this minute, unless another worker did; `now` is the monotonic clock's. One command a minute."""
        if now < self._due_at:
            return
        self._due_at = now + samples.EVERY_S
        try:
            self._due_at = now + samples.note(self._store)
        except (RedisError, LecternError) as error:
            log.not_sampled(error)
