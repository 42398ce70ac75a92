"""What a supervisor tells its horse, over a pipe: to drain, and to stop a run. The end of the pipe is the end of the horse.

A thread of the horse reads the pipe. The horse's own thread looks at flags, so that a task costs nothing here; only two
things reach it out of turn, by a signal to itself: that it should leave its wait for work, and that a run timed out.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from workers.interrupted import Cancelled, HandBack, Interrupted, Superseded, TimedOut

T = TypeVar("T")

DRAIN = b"drain\n"


class Why(StrEnum):
    """Why a run is to stop."""

    CANCELLED = "cancelled"
    STALE = "stale"
    TIMEOUT = "timeout"


_RAISES: dict[str, type[Interrupted]] = {Why.CANCELLED: Cancelled, Why.STALE: Superseded, Why.TIMEOUT: TimedOut}


def stop(run: str, why: Why) -> bytes:
    """The line that stops `run`."""
    return f"stop {run} {why}\n".encode()


class Woken(BaseException):
    """There is no more use in waiting for work."""


class Orders:
    """The horse's end. `follow` starts the thread; everything else is for the thread that works."""

    def __init__(self, fd: int, at_end: Callable[[], None] = lambda: os.killpg(0, signal.SIGKILL)) -> None:
        self._fd = fd
        self._at_end = at_end
        self._came = threading.Event()
        self._stops: dict[str, str] = {}
        self._engaged: str | None = None  # the run whose engine may be interrupted
        self._waiting = False
        self.draining = False

    def follow(self) -> None:
        """Begin to listen. Must be called in the main thread, the one that signals reach."""
        signal.signal(signal.SIGUSR1, self._on_signal)
        threading.Thread(target=self._listen, name="orders", daemon=True).start()

    def check(self, run: str) -> None:
        """Raise Interrupted if `run` has been told to stop, or the horse to drain."""
        if self._stops and (why := self._stops.get(run)):
            raise _RAISES[why]()
        if self.draining:
            raise HandBack()

    def forget(self) -> None:
        """Drop the orders for runs that are over."""
        if self._stops:
            self._stops = {}
        if self._came.is_set() and not self.draining:
            self._came.clear()

    def rest(self, seconds: float) -> None:
        """Do nothing for so long, or until a first order comes."""
        if self._came.is_set():
            time.sleep(seconds)
        else:
            self._came.wait(seconds)

    def engage(self, run: str, work: Callable[[], T]) -> T:
        """Return `work()`, which may be cut short anywhere with TimedOut."""
        try:
            self._engaged = run
            return work()
        finally:
            self._engaged = None

    def wait(self, listen: Callable[[], None]) -> bool:
        """Call `listen`, which may block. False when it was cut short because there is nothing to wait for any more."""
        try:
            self._wait(listen)
        except Woken:
            return False
        return not self.draining

    def _wait(self, listen: Callable[[], None]) -> None:
        try:
            self._waiting = True
            if not self.draining:  # an order that came before is seen here, one that comes after finds `_waiting`
                listen()
        finally:
            self._waiting = False

    def _on_signal(self, signum: int, frame: object) -> None:
        if self._waiting and self.draining:
            self._waiting = False
            raise Woken()
        if self._engaged and self._stops.get(self._engaged) == Why.TIMEOUT:
            self._engaged = None
            raise TimedOut()

    def _listen(self) -> None:
        with open(self._fd, "rb") as pipe:
            for line in pipe:
                self._obey(line)
        self._at_end()  # the supervisor is gone: so is this horse, and whatever its engine started

    def _obey(self, line: bytes) -> None:
        match line.decode().split():
            case ["drain"]:
                self.draining = True
            case ["stop", run, why] if why in _RAISES:
                self._stops = {**self._stops, run: why}
        self._came.set()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
