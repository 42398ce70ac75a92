"""Waiting for a job's end: heard of at once, with few questions, and on a connection that leaves nothing behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from redis import Redis

from jobs import control, watch
from jobs.errors import NotFound
from jobs.store import Store, connect
from tests.jobs.hands import Hands, chain


@contextmanager
def after(delay_s: float, happens: object) -> Iterator[None]:
    timer = threading.Timer(delay_s, happens)  # type: ignore[arg-type]
    timer.start()
    try:
        yield
    finally:
        timer.join()


def test_an_end_is_heard_of_at_once(hands: Hands, redis: Redis) -> None:
    job, other = hands.submit(*chain("a")), hands.submit(*chain("b"))
    cancelled_at: list[float] = []

    def cancel() -> None:
        control.cancel(hands.store, other)
        time.sleep(0.3)
        cancelled_at.append(time.monotonic())
        control.cancel(hands.store, job)

    with after(0.5, cancel):
        assert watch.until_ended(hands.store, job, 20)
        heard_at = time.monotonic()
    assert heard_at - cancelled_at[0] < 0.5
    assert redis.info("clients")["tracking_clients"] == 0


def test_who_waits_long_asks_next_to_nothing(hands: Hands) -> None:
    job = hands.submit(*chain("a"))
    with hands.store.redis.monitor() as seen:
        assert not watch.until_ended(hands.store, job, 1.5)
        hands.store.redis.ping()
        commands = []
        while not (commands and commands[-1].startswith("PING")):
            commands.append(seen.next_command()["command"])
    assert [one.split(" ")[0] for one in commands if not one.startswith("HELLO")] == ["HGET", "HGET", "PING"]


def test_what_ended_before_is_told_without_waiting(hands: Hands) -> None:
    job = hands.submit(*chain("a"))
    control.cancel(hands.store, job, now=hands.now)
    assert watch.until_ended(hands.store, job, 0)
    assert not watch.until_ended(hands.store, hands.submit(*chain("a")), 0)


def test_a_job_that_is_deleted_meanwhile_is_not_there(hands: Hands) -> None:
    job = hands.submit(*chain("a"))
    with after(0.3, lambda: control.delete(hands.store, job)), pytest.raises(NotFound):
        watch.until_ended(hands.store, job, 20)


def test_where_redis_does_not_tell_it_is_asked(hands: Hands, redis_url: str) -> None:
    job = hands.submit(*chain("a"))
    silent = Store(connect(f"{redis_url}{'&' if '?' in redis_url else '?'}protocol=2"))
    with after(0.3, lambda: control.cancel(hands.store, job)):
        assert watch.until_ended(silent, job, 20)


def test_many_may_wait_at_once(hands: Hands) -> None:
    job = hands.submit(*chain("a"))
    with ThreadPoolExecutor(8) as pool, after(0.5, lambda: control.cancel(hands.store, job)):
        assert all(pool.map(lambda _: watch.until_ended(hands.store, job, 20), range(8)))
