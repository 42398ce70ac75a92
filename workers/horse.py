"""The process that does tasks: `python -m workers.horse`, started by a supervisor, and dead when its supervisor is.

It ignores SIGTERM and SIGINT, which a platform sends to every process on a deploy: its supervisor tells it what to do.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import signal
import sys
import time
from pathlib import Path

from jobs.errors import Misconfigured
from jobs.settings import settings
from jobs.store import Store, check, connect
from workers import log
from workers.kit import Kit, Leave
from workers.orders import Orders
from workers.pulse import Pulse
from workers.shift import Shift

SEEN_STEP_S = 0.005
_PR_SET_PDEATHSIG = 1


def main(argv: list[str] | None = None) -> int:
    given = _arguments(argv)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))  # blocked while it was being started
    die_with_parent(given.supervisor)
    log.configure("INFO")
    pulse = Pulse.attach(given.pulse)
    try:
        return work(given, pulse)
    except Misconfigured as error:
        if pulse.seen:  # else its supervisor has not got further itself, and says the same
            log.misconfigured(error)
        return os.EX_CONFIG


def work(given: argparse.Namespace, pulse: Pulse) -> int:
    """Do tasks until it is time to leave. Raises Misconfigured."""
    config = settings()
    log.configure(config.log_level)
    orders = Orders(given.orders)
    orders.follow()
    store = Store(connect())
    kit = Kit(store, config, pulse, orders, given.worker, given.scratch)
    shift = Shift(kit, given.queue, given.supervisor)
    await_supervisor(pulse, orders)
    try:
        kit.patiently(lambda: check(store.redis), kit.give_up)
        gc.collect()
        gc.freeze()  # what is loaded by now stays: later collections need not look at it
        why = shift.work()
    except Leave as leave:
        why = str(leave)
    log.horse_leaves(why, shift.tasks)
    return os.EX_OK


def await_supervisor(pulse: Pulse, orders: Orders) -> None:
    """Wait until somebody looks at this horse: started first, it may be ready before its supervisor is."""
    while not pulse.seen and not orders.draining:
        pulse.sign()
        time.sleep(SEEN_STEP_S)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent dies; end at once if it has already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(os.EX_UNAVAILABLE)


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workers.horse", description="Started by `python -m workers`; of no use by hand.")
    parser.add_argument("--worker", required=True, help="name of the worker")
    parser.add_argument("--supervisor", type=int, required=True, help="process id of the supervisor")
    parser.add_argument("--pulse", type=int, required=True, help="file descriptor of the pulse")
    parser.add_argument("--orders", type=int, required=True, help="file descriptor to read orders from")
    parser.add_argument("--scratch", type=Path, required=True, help="folder for temporary files")
    parser.add_argument("queue", nargs="+")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
