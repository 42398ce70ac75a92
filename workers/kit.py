"""What a horse keeps from task to task and every run shares: its store, settings, pulse, orders, storage."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from jobs.settings import Settings
from jobs.store import Store
from workers import log
from workers.orders import Orders
from workers.patience import Patience, passes
from workers.pulse import Pulse

if TYPE_CHECKING:
    from jobs.storage import Storage

T = TypeVar("T")


class Leave(Exception):
    """The horse is to end; what it may hold it does not know."""


class Kit:
    def __init__(self, store: Store, settings: Settings, pulse: Pulse, orders: Orders, worker: str, scratch_root: Path) -> None:
        self.store = store
        self.settings = settings
        self.pulse = pulse
        self.orders = orders
        self.worker = worker
        self.scratch_root = scratch_root
        self.patience = Patience()

    @cached_property
    def storage(self) -> Storage:
        from jobs.storage import Storage  # only now: many engines never need it

        return Storage.open(self.settings.storage_url or None)

    def patiently(self, call: Callable[[], T], between: Callable[[], None] | None = None) -> T:
        """Return `call()`, made again while Redis is in trouble. `between` runs before each repetition and may raise to give up.

        Every call that is passed here may be made twice: it carries the id of its run.
        """
        while True:
            try:
                answer = call()
            except Exception as error:
                if not passes(error):
                    raise
                self.endure(error)
            else:
                if self.patience.failures and self.patience.regain():
                    log.redis_back(log.horse)
                return answer
            if between is not None:
                between()

    def endure(self, error: Exception) -> None:
        """Wait for a while because of trouble with Redis, longer each time until a call succeeds."""
        delay_s = self.patience.lose()
        log.redis_trouble(log.horse, error, self.patience.failures, delay_s)
        self.pulse.sign()
        self.orders.rest(delay_s)

    def give_up(self) -> None:
        """Not to wait for Redis on a deploy: the supervisor gives back what a claim may have got."""
        if self.orders.draining:
            raise Leave("drains while Redis is in trouble")

    def hang_up(self) -> None:
        """Drop the connections to Redis: one may hold half a reply after a call was cut short."""
        self.store.redis.connection_pool.disconnect()
