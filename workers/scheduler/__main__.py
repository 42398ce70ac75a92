"""`python -m workers.scheduler`: one scheduler. Start as many as you like: one leads, the others wait to take over."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import sys
import threading
import time

from redis.exceptions import RedisError

from jobs.errors import Misconfigured, Overloaded
from jobs.settings import settings
from jobs.store import Store, check, connect
from workers import log
from workers.patience import Patience, passes
from workers.scheduler.leader import LEASE_S, Deposed, Leader
from workers.scheduler.ticking import Ticking

LOOK_S = LEASE_S / 3  #: between two renewals of the lease, and between two looks of those who wait


def main(argv: list[str] | None = None) -> int:
    argparse.ArgumentParser(
        prog="python -m workers.scheduler", description="Start what is due: retention, doctor, and what rq-scheduler's API has scheduled."
    ).parse_args(argv)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        log.configure(settings().log_level)
        client = connect()
        Watchman(Store(client)).watch(stopping)
    except Misconfigured as error:
        log.misconfigured(error)
        return os.EX_CONFIG
    return os.EX_OK


class Watchman:
    """Leads when it can, looks when something is due, and never ends but when it is told to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._leader = Leader(store)
        self._ticking = Ticking(store, self._leader, interval_s=LOOK_S)
        self._patience = Patience()
        self._checked = self._leads = False

    def watch(self, stopping: threading.Event) -> None:
        """Work until `stopping` is set. Raises Misconfigured for a Redis that cannot hold jobs."""
        log.scheduler_started(f"{socket.gethostname()}:{os.getpid()}")
        while not stopping.is_set():
            stopping.wait(self._look())
        with contextlib.suppress(RedisError):  # the lease ends by itself
            self._leader.resign()
        log.scheduler_left()

    def _look(self) -> float:
        """Do what is due; return how many seconds may pass before the next look."""
        try:
            if not self._checked:
                check(self._store.redis)
                self._checked = True
            wait_s = self._do_what_is_due()
            if self._patience.regain():
                log.redis_back(log.scheduler)
            return wait_s
        except Deposed:
            self._leads = False
            log.scheduler_deposed()
            return LOOK_S
        except Misconfigured:
            raise
        except (RedisError, Overloaded) as error:
            delay_s = self._patience.lose()
            if passes(error):
                log.redis_trouble(log.scheduler, error, self._patience.failures, delay_s)
            else:
                log.scheduler_failed(error)
            return delay_s
        except Exception as error:  # scheduling must not end by what goes wrong in one pass
            log.scheduler_failed(error)
            return LOOK_S

    def _do_what_is_due(self) -> float:
        leads = self._leader.lead()
        if leads and not self._leads:
            self._ticking.register()
            log.scheduler_leads()
        self._leads = leads
        if not leads:
            return LOOK_S
        self._ticking.start_due()
        due = self._ticking.next_due()
        return LOOK_S if due is None else min(max(due - time.time(), 0.05), LOOK_S)


if __name__ == "__main__":
    sys.exit(main())
