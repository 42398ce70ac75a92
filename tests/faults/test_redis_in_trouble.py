"""Redis answers with errors, is full, loses answers, is killed and starts anew: nobody gives up, nothing is charged, all goes on."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from redis import Redis

from jobs import lua, submit
from jobs.errors import Overloaded
from jobs.model import Submission
from jobs.settings import settings
from jobs.states import JobStatus
from jobs.store import NEARLY_FULL, Store, connect
from scripts import embedded
from tests.faults.conftest import LONG, charged, long_run
from tests.faults.proxy import Harm, Proxy, answering, drop
from tests.faults.test_kill_points import NODES, sound_and_once
from tests.faults.test_kill_points import submit as submit_scribe
from tests.jobs.audit import audit
from tests.jobs.hands import Hands
from tests.workers.conftest import Jobs, StartWorker, until

#: What a Redis says that cannot serve just now.
ERRORS = {
    "LOADING": "LOADING Redis is loading the dataset in memory",
    "READONLY": "READONLY You can't write against a read only replica.",
    "OOM": "OOM command not allowed when used memory > 'maxmemory'.",
    "MASTERDOWN": "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "NOREPLICAS": "NOREPLICAS Not enough good replicas to write.",
    "MISCONF": "MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist on disk.",
    "BUSY": "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
}
HARMS: dict[str, Harm] = {"cut": drop} | {name: answering(error) for name, error in ERRORS.items()}


@pytest.mark.chaos
@pytest.mark.parametrize("how", HARMS if LONG else ["cut", "LOADING"])
def test_a_worker_lives_through_whatever_redis_answers_in_its_trouble(
    how: str, proxy: Proxy, store: Store, jobs: Jobs, start_worker: StartWorker, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    job = submit_scribe(jobs, notes, slow=False)
    worker = start_worker("short", strange=True, REDIS_URL=proxy.url)
    until(lambda: proxy.calls["append"])
    trouble = proxy.at("before:*", HARMS[how], times=6)
    trouble.await_done()

    assert jobs.await_end(job) is JobStatus.COMPLETED
    assert worker.said("redis_trouble")
    assert len(worker.horses()) == 1
    assert charged(jobs, store, job) == NODES
    sound_and_once(store, jobs, job, notes)


def test_a_worker_lives_through_the_loss_of_every_third_answer(
    proxy: Proxy, store: Store, jobs: Jobs, start_worker: StartWorker, tmp_path: Path
) -> None:
    notes, turn = tmp_path / "notes", itertools.count(1)
    job = submit_scribe(jobs, notes, slow=False)
    lost = proxy.at("after:*", drop, times=10_000, where=lambda call: call.verb in lua.VERBS and next(turn) % 3 == 0)
    worker = start_worker("short", strange=True, REDIS_URL=proxy.url)

    assert jobs.await_end(job) is JobStatus.COMPLETED
    assert lost.met >= 5
    assert len(worker.horses()) == 1
    assert charged(jobs, store, job) == NODES
    sound_and_once(store, jobs, job, notes)


@pytest.mark.parametrize("how", ["a replica", pytest.param("too few replicas", marks=[pytest.mark.chaos, long_run])])
def test_a_redis_that_takes_no_writes_for_a_while_is_waited_for(how: str, redis: Redis, jobs: Jobs, start_worker: StartWorker) -> None:
    worker = start_worker()
    job = jobs.synthetic(seconds=0.5)
    until(lambda: jobs.task(job).attempts)
    try:
        if how == "a replica":
            redis.replicaof("127.0.0.1", "1")
        else:
            redis.config_set("min-replicas-to-write", 1)
        worker.await_said("redis_trouble")
    finally:
        redis.replicaof("no", "one")
        redis.config_set("min-replicas-to-write", 0)
    assert jobs.await_end(job) is JobStatus.COMPLETED
    assert jobs.task(job).attempts == 1


def fill(redis: Redis, share: float) -> None:
    """Give Redis so much memory that what it holds is `share` of it."""
    redis.config_set("maxmemory", int(redis.info("memory")["used_memory"] / share))


def test_beyond_85_percent_nothing_new_is_taken_while_what_was_accepted_runs_to_its_end(
    redis: Redis, jobs: Jobs, start_worker: StartWorker, tmp_path: Path, store: Store
) -> None:
    notes = tmp_path / "notes"
    start_worker("short", strange=True)
    assert jobs.await_end(jobs.synthetic()) is JobStatus.COMPLETED  # it is there, with all its connections
    job = submit_scribe(jobs, notes, slow=False)
    asked = Submission("synthetic", {"tasks": [{"name": "a"}]}, "ann", "acme", admin=True)
    try:
        fill(redis, NEARLY_FULL + 0.05)
        with pytest.raises(Overloaded) as refused:
            submit.submit(Store(redis), asked)
        assert refused.value.retry_after_s > 0
        assert jobs.await_end(job) is JobStatus.COMPLETED
    finally:
        redis.config_set("maxmemory", 0)
    sound_and_once(store, jobs, job, notes)
    submit.submit(Store(redis), asked)


def test_a_full_redis_still_takes_renewals_so_that_who_lives_keeps_its_task(hands: Hands, redis: Redis) -> None:
    """Its neighbours' claims and records go through as well, and with these they would reap."""
    hands.submit(*({"name": name} for name in "abcdefg"))
    lasting, other = hands.claim(), Hands(hands.store, "host:2:other")
    try:
        redis.config_set("maxmemory", 1)
        for _ in range(5):
            hands.now += 10
            assert hands.renew(lasting).stale == frozenset()
            other.now = hands.now
            other.work()
    finally:
        redis.config_set("maxmemory", 0)
    assert not hands.record(lasting).stale
    hands.drain()


@pytest.mark.chaos
@long_run
def test_a_run_outlasts_a_redis_that_was_full_for_longer_than_its_lease(redis: Redis, jobs: Jobs, start_worker: StartWorker) -> None:
    quick = {"LEASE_SECONDS": "3", "RENEW_SECONDS": "0.5"}
    workers = [start_worker(**quick) for _ in range(2)]
    job = jobs.synthetic(seconds=12)
    until(lambda: jobs.task(job).attempts)
    for worker in workers:
        worker.await_said("horse_spawned")
    try:
        redis.config_set("maxmemory", 1)
        time.sleep(7.0)  # the lease has ended twice over, had nobody renewed it
    finally:
        redis.config_set("maxmemory", 0)
    assert jobs.await_end(job) is JobStatus.COMPLETED
    assert jobs.task(job).attempts == 1


@pytest.mark.chaos
@pytest.mark.parametrize("restarts", [1, pytest.param(4, marks=long_run)])
def test_redis_killed_in_mid_job_goes_on_from_its_append_only_file(
    restarts: int, start_worker: StartWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis: Redis
) -> None:
    data, notes = tmp_path / "own", tmp_path / "notes"
    monkeypatch.setenv("REDIS_URL", embedded.address(data))
    settings.cache_clear()
    client = connect(embedded.address(data))
    store = Store(client)
    jobs = Jobs(store, monkeypatch)
    job = ""
    for restart in range(restarts + 1):
        with embedded.running(data):
            if not job:
                job = submit_scribe(jobs, notes, slow=True)
                workers = [start_worker("short", strange=True) for _ in range(2)]
            if restart == restarts:
                assert jobs.await_end(job) is JobStatus.COMPLETED
                assert charged(jobs, store, job) == NODES
                sound_and_once(store, jobs, job, notes)
                assert audit(store) == []
                break
            appended = store.keys.child(job, "a", restart % 2)
            until(lambda key=appended: client.exists(key))  # type: ignore[misc]
            os.kill(client.info("server")["process_id"], signal.SIGKILL)
            threading.Event().wait(0.5)
    assert all(len(worker.horses()) == 1 for worker in workers)


@pytest.mark.chaos
@long_run
@pytest.mark.parametrize("verb", ["reap", "hand_back"])
def test_a_worker_that_is_not_answered_when_it_says_what_became_of_a_run_says_it_again(
    verb: str, proxy: Proxy, store: Store, jobs: Jobs, start_worker: StartWorker, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    job = submit_scribe(jobs, notes, slow=True)
    worker = start_worker("short", strange=True, REDIS_URL=proxy.url)
    until(lambda: proxy.calls["append"])
    lost = proxy.at(f"after:{verb}", drop)
    if verb == "hand_back":
        worker.tell(signal.SIGTERM)
    os.kill(worker.horses()[-1], signal.SIGKILL)
    if verb == "hand_back":
        assert worker.await_end() == 0
        start_worker("short", strange=True)
    lost.await_done()

    assert jobs.await_end(job) is JobStatus.COMPLETED
    assert charged(jobs, store, job) == NODES + (verb == "reap")
    sound_and_once(store, jobs, job, notes)


@pytest.mark.chaos
@long_run
def test_a_redis_that_was_stopped_for_longer_than_a_lease_takes_no_task_from_those_that_live(
    start_worker: StartWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis: Redis
) -> None:
    with embedded.running(tmp_path / "own", durable=False) as url:
        monkeypatch.setenv("REDIS_URL", url)
        settings.cache_clear()
        client = connect(url)
        jobs = Jobs(Store(client), monkeypatch)
        workers = [start_worker(LEASE_SECONDS="3", RENEW_SECONDS="0.5") for _ in range(2)]
        job = jobs.synthetic(seconds=12)
        until(lambda: jobs.task(job).attempts)
        for worker in workers:
            worker.await_said("horse_spawned")
        server = client.info("server")["process_id"]
        os.kill(server, signal.SIGSTOP)
        threading.Event().wait(6.0)  # two leases long
        os.kill(server, signal.SIGCONT)
        assert jobs.await_end(job) is JobStatus.COMPLETED
        assert jobs.task(job).attempts == 1


def test_a_redis_that_has_lost_everything_is_worked_for_as_any_other(
    redis: Redis, store: Store, jobs: Jobs, start_worker: StartWorker
) -> None:
    worker = start_worker(RENEW_SECONDS="0.5")
    jobs.synthetic(seconds=60)
    until(lambda: store.redis.zcard(store.keys.leases()))
    redis.flushall()
    worker.await_said("run_gone")
    assert jobs.await_end(jobs.synthetic()) is JobStatus.COMPLETED
    assert len(worker.horses()) == 1
    assert audit(store) == []
