"""Schedulers as processes: one leads, the next takes over, and nothing comes twice or ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from redis import Redis
from rq_scheduler import Scheduler

from jobs.store import Store
from tests.workers.conftest import until
from workers.scheduler.ticking import JsonJob, entry_of

ROOT = Path(__file__).resolve().parents[2]
Start = Callable[[], "Process"]


class Process:
    def __init__(self, log: Path) -> None:
        self.log = log
        with log.open("wb") as file:
            self.process = subprocess.Popen([sys.executable, "-m", "workers.scheduler"], cwd=ROOT, stderr=file)

    def said(self, event: str) -> int:
        return self.log.read_text().count(f" {event}")


@pytest.fixture
def start(redis: Redis, tmp_path: Path) -> Iterator[Start]:
    started: list[Process] = []

    def one() -> Process:
        started.append(Process(tmp_path / f"scheduler-{len(started)}.log"))
        return started[-1]

    yield one
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()
    assert all("Traceback" not in each.log.read_text() for each in started)


def pushed(redis: Redis) -> list[bytes]:
    found: list[bytes] = redis.lrange("rq:queue:short", 0, -1)
    return found


def test_of_two_one_leads_and_each_entry_comes_once_however_they_die(start: Start, redis: Redis, store: Store) -> None:
    scheduler = Scheduler("short", connection=redis, job_class=JsonJob)
    now = time.time()
    for n in range(40):
        scheduler.enqueue_at(datetime.fromtimestamp(now + n * 0.3, UTC), "tests.border.functions.add", n)
    first = start()
    until(lambda: first.said("scheduler_leads"))
    second = start()
    until(lambda: len(pushed(redis)) >= 10)
    first.process.kill()
    redis.pexpire(store.keys.build("scheduler"), 200)  # as 15 s would have passed
    until(lambda: second.said("scheduler_leads"))
    third = start()
    until(lambda: len(pushed(redis)) >= 40)
    assert len(pushed(redis)) == len(set(pushed(redis))) == 40
    assert third.said("scheduler_leads") == 0
    second.process.send_signal(signal.SIGTERM)
    assert second.process.wait(10) == 0
    assert second.said("scheduler_left") == 1
    until(lambda: third.said("scheduler_leads"))  # it was let, and did not have to wait for the lease


def test_it_lives_through_trouble_with_redis_and_keeps_its_entries(start: Start, redis: Redis) -> None:
    one = start()
    until(lambda: one.said("scheduler_leads"))
    assert redis.zscore("rq:scheduler:scheduled_jobs", entry_of("retention"))
    redis.client_kill_filter(_type="normal", skipme=True)
    redis.zadd("rq:scheduler:scheduled_jobs", {entry_of("doctor"): time.time() - 1})
    until(lambda: one.said("entry_started") or one.said("entry_too_late"))
    assert one.process.poll() is None
