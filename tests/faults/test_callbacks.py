"""Each end of a job is told whoever is killed, at least once and under one id; and once where nobody is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from jobs import control, show
from jobs.model import Submission
from jobs.settings import settings
from jobs.store import Store
from jobs.submit import submit
from tests.faults.conftest import LONG, end_leases, kill
from tests.faults.proxy import Call, Drop, Proxy
from tests.jobs.audit import audit
from tests.receiver import Receiver, receiving
from tests.workers.conftest import StartWorker, Worker, lives, until


@pytest.fixture
def receiver(redis: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("CALLBACK_PRIVATE_ADDRESSES", "true")
    settings.cache_clear()
    with receiving() as its:
        yield its


def asked(store: Store, receiver: Receiver, **task: object) -> str:
    params = {"tasks": [{"name": "a", "backoff_seconds": 0, **task}]}
    store.settings = settings()
    return submit(store, Submission("synthetic", params, user="ada", org="acme", admin=True, callback_url=receiver.url))


def delivered(store: Store, job: str) -> bool:
    return bool(show.status(store, job)["callback"]["state"] == "delivered")


#: Where a worker is killed, and how often the receiver is told then.
POINTS = [
    ("before:record", 1, 1),  # the end is not known to anybody: the task runs again
    ("after:record", 1, 1),  # the job has ended, and with the same call its callback was claimed
    ("before:record", 2, 2),  # it was told, and nobody knows
    ("after:record", 2, 1),  # it was told, and that is recorded
]


@pytest.mark.chaos
@pytest.mark.parametrize(("at", "nth", "times"), POINTS if LONG else POINTS[1:3])
def test_a_worker_killed_at_any_point_between_the_end_of_a_job_and_its_telling_leaves_it_told(
    store: Store, proxy: Proxy, receiver: Receiver, start_worker: StartWorker, at: str, nth: int, times: int
) -> None:
    workers: list[Worker] = []

    def die(call: Call) -> None:
        kill("both", workers[0])
        raise Drop

    rule = proxy.at(at, die, first=nth)
    job = asked(store, receiver)
    workers.append(start_worker("short", REDIS_URL=proxy.url))
    rule.await_done()
    until(lambda: not lives(workers[0].pid))
    end_leases(store)
    start_worker("short")

    until(lambda: delivered(store, job))
    assert [told.headers["webhook-id"] for told in receiver.told] == [f"{job}.1"] * times
    assert receiver.types == ["job.completed"] * times
    until(lambda: audit(store) == [])


def test_two_workers_tell_each_end_once_in_whatever_way_jobs_end(store: Store, receiver: Receiver, start_worker: StartWorker) -> None:
    completed = [asked(store, receiver) for _ in range(6)]
    failed = [asked(store, receiver, attempts=1, fail_attempts=1) for _ in range(3)]
    cancelled = [asked(store, receiver) for _ in range(3)]
    for job in cancelled:
        control.cancel(store, job)
    for _ in range(2):
        start_worker("short")
    for job in (*completed, *failed, *cancelled):
        until(lambda job=job: delivered(store, job))  # type: ignore[misc]
    for job in failed:
        control.retry(store, job)
    until(lambda: all(show.status(store, job)["status"] == "completed" and delivered(store, job) for job in failed))

    told = Counter((one.json["data"]["id"], one.json["type"]) for one in receiver.told)
    assert told == Counter(
        [(job, "job.completed") for job in (*completed, *failed)]
        + [(job, "job.failed") for job in failed]
        + [(job, "job.cancelled") for job in cancelled]
    )
    assert len({one.headers["webhook-id"] for one in receiver.told}) == len(receiver.told)
    until(lambda: audit(store) == [])
