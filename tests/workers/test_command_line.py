"""`python -m workers`: which queues it serves, and what it refuses."""

from __future__ import annotations

import os
import signal

import pytest

from tests.workers.conftest import StartWorker
from workers.__main__ import arguments, queues


@pytest.mark.parametrize(
    ("line", "served"),
    [
        ("short", ["short"]),
        ("long short", ["long", "short"]),
        ("short --zone ingest", ["ingest.short"]),
        ("short long --zone a b", ["a.short", "b.short", "a.long", "b.long"]),
        ("short --zone a --zone b", ["a.short", "b.short"]),
        ("ingest.long short", ["ingest.long", "short"]),
        ("short short", ["short"]),
    ],
)
def test_queues_are_served_in_the_order_given(line: str, served: list[str]) -> None:
    given = arguments(line.split())
    assert queues(given.queue, given.zone) == served


@pytest.mark.parametrize("line", ["", "medium", "in-gest.long", "short --zone In", "short --zone a.b"])
def test_what_is_no_queue_is_refused(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        arguments(line.split())
    assert refused.value.code == 2
    assert "usage: python -m workers" in capsys.readouterr().err


def test_help_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        arguments(["--help"])
    assert left.value.code == 0
    assert "--zone" in capsys.readouterr().out


def test_a_redis_that_would_drop_jobs_is_refused_with_the_reason(start_worker: StartWorker, redis: object) -> None:
    redis.config_set("maxmemory-policy", "allkeys-lru")  # type: ignore[attr-defined]
    try:
        worker = start_worker()
        assert worker.await_end() == os.EX_CONFIG
        (sentence,) = worker.said("misconfigured")  # its horse says nothing
        assert "noeviction" in sentence
    finally:
        redis.config_set("maxmemory-policy", "noeviction")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LEASE_SECONDS", "soon", "setting LEASE_SECONDS: expected a number, not 'soon'"),
        ("LOG_LEVEL", "loud", "setting LOG_LEVEL"),
        ("RENEW_SECONDS", "50", "RENEW_SECONDS=50 is more than half of LEASE_SECONDS=15"),
        ("REDIS_URL", "localhost:6379", "REDIS_URL is not the address of a Redis"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(name: str, value: str, said: str, start_worker: StartWorker) -> None:
    worker = start_worker(**{name: value})
    assert worker.await_end() == os.EX_CONFIG
    (sentence,) = worker.said("misconfigured")
    assert said in sentence


def test_a_worker_started_before_redis_waits_for_it(start_worker: StartWorker) -> None:
    worker = start_worker(REDIS_URL="unix:///nowhere/redis.sock", LOG_LEVEL="DEBUG")
    worker.await_said("redis_trouble", times=6)
    assert worker.process.poll() is None
    worker.tell(signal.SIGTERM)
    assert worker.await_end() == 0
