"""What reaches a horse over its pipe, and when."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.workers.conftest import until
from workers.interrupted import Cancelled, HandBack, Interrupted, Superseded, TimedOut
from workers.orders import DRAIN, Orders, Why, stop


class Line:
    """Both ends of a pipe of orders."""

    def __init__(self) -> None:
        read_end, self.write_end = os.pipe()
        self.ended = threading.Event()
        self.orders = Orders(read_end, self.ended.set)
        self.orders.follow()

    def say(self, line: bytes) -> None:
        os.write(self.write_end, line)

    def later(self, line: bytes) -> None:
        threading.Timer(0.1, self.say, [line]).start()


@pytest.fixture
def line() -> Iterator[Line]:
    before = signal.getsignal(signal.SIGUSR1)
    line = Line()
    yield line
    if not line.ended.is_set():
        os.close(line.write_end)
        assert line.ended.wait(5)
    signal.signal(signal.SIGUSR1, before)


def told(line: Line, run: str) -> type[Interrupted] | None:
    try:
        line.orders.check(run)
    except Interrupted as interrupted:
        return type(interrupted)
    return None


@pytest.mark.parametrize(("why", "raised"), [(Why.CANCELLED, Cancelled), (Why.STALE, Superseded), (Why.TIMEOUT, TimedOut)])
def test_a_stop_is_raised_at_the_next_check_of_that_run_only(line: Line, why: Why, raised: type[Interrupted]) -> None:
    assert told(line, "r1") is None
    line.say(stop("r1", why))
    until(lambda: told(line, "r1") is raised)
    assert told(line, "r2") is None
    line.orders.forget()
    assert told(line, "r1") is None


def test_a_drain_hands_back_every_run_and_is_not_forgotten(line: Line) -> None:
    line.say(DRAIN)
    until(lambda: told(line, "r1") is HandBack)
    line.orders.forget()
    assert told(line, "r2") is HandBack
    assert line.orders.draining


def test_what_is_no_order_is_not_obeyed(line: Line) -> None:
    line.say(b"dance\nstop r1 boredom\nstop\n\n" + stop("r2", Why.STALE))
    until(lambda: told(line, "r2") is Superseded)
    assert told(line, "r1") is None
    assert not line.orders.draining


def test_the_end_of_the_pipe_is_the_end(line: Line) -> None:
    os.close(line.write_end)
    assert line.ended.wait(5)


def test_a_timeout_cuts_an_engine_short(line: Line) -> None:
    line.later(stop("r1", Why.TIMEOUT))
    begun = time.monotonic()
    with pytest.raises(TimedOut):
        line.orders.engage("r1", lambda: time.sleep(20))
    assert time.monotonic() - begun < 10


def test_a_cancel_waits_for_a_checkpoint(line: Line) -> None:
    line.later(stop("r1", Why.CANCELLED))
    assert line.orders.engage("r1", until_told(line, "r1")) == "done"


def until_told(line: Line, run: str) -> Callable[[], str]:
    def work() -> str:
        until(lambda: told(line, run) is Cancelled)
        time.sleep(0.05)
        return "done"

    return work


def test_a_timeout_of_a_run_that_is_over_cuts_nothing_short(line: Line) -> None:
    line.say(stop("r1", Why.TIMEOUT))
    until(lambda: told(line, "r1") is TimedOut)
    assert line.orders.engage("r2", lambda: "done") == "done"
    os.kill(os.getpid(), signal.SIGUSR1)
    assert told(line, "r2") is None


def test_a_drain_ends_the_wait_for_work_at_once(line: Line) -> None:
    line.later(DRAIN)
    begun = time.monotonic()
    assert line.orders.wait(lambda: time.sleep(20)) is False
    assert time.monotonic() - begun < 10


def test_a_drain_that_came_before_the_wait_is_seen(line: Line) -> None:
    line.say(DRAIN)
    until(lambda: line.orders.draining)
    assert line.orders.wait(lambda: pytest.fail("must not wait any more")) is False


def test_an_undisturbed_wait_is_whole(line: Line) -> None:
    assert line.orders.wait(lambda: None) is True
