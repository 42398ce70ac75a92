"""Stopped with SIGSTOP for longer than the lease and continued: what comes late counts nowhere, and who hangs takes no task along."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from jobs import show
from jobs.states import JobStatus
from jobs.storage import Storage
from jobs.store import Store
from tests.faults.conftest import LONG, charged, end_leases, kill, long_run
from tests.faults.proxy import Call, Proxy
from tests.faults.test_kill_points import NODES, sound_and_once, submit
from tests.jobs.audit import audit
from tests.workers.conftest import PATIENCE_S, Jobs, StartWorker, lives, until
from workers.minder import UNSEEN_S
from workers.supervisor import TICK_S

LATE = ["record", *(["append", "hand_back", "progress", "reap", "renew"] if LONG else [])]
#: A lease that a test can wait for.
QUICK = {"LEASE_SECONDS": "2", "RENEW_SECONDS": "0.5"}


def freeze(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)


def thaw(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.chaos
@pytest.mark.parametrize("verb", LATE)
def test_a_call_made_before_a_worker_was_stopped_and_received_after_its_lease_is_stale(
    verb: str, proxy: Proxy, store: Store, jobs: Jobs, start_worker: StartWorker, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    job = submit(jobs, notes, slow=verb in ("hand_back", "reap", "renew"))
    worker = start_worker("short", strange=True, REDIS_URL=proxy.url)
    stopped, done, answers = threading.Event(), threading.Event(), []

    def stop(call: Call) -> None:
        alive = [pid for pid in (worker.pid, worker.horses()[-1]) if lives(pid)]
        freeze(*alive)
        stopped.set()
        done.wait(PATIENCE_S)
        thaw(*alive)

    # Of a child: the first record is that of the parent, which splits.
    proxy.at(f"before:{verb}", stop, first=2 if verb == "record" else 1, where=lambda call: verb != "renew" or len(call.words) > 3)
    if verb in ("hand_back", "reap"):
        until(lambda: proxy.calls["append"])
        if verb == "hand_back":
            worker.tell(signal.SIGTERM)
        kill("horse", worker)
    assert stopped.wait(PATIENCE_S)
    proxy.at(f"after:{verb}", lambda call: answers.append(call.answer))
    end_leases(store)
    start_worker("short", strange=True)

    assert jobs.await_end(job) is JobStatus.COMPLETED
    outcome = store.redis.hgetall(store.keys.state(job))
    done.set()
    until(lambda: answers)

    assert b"held" not in answers[0]
    assert verb == "renew" or (b"~completed" if verb == "record" else b"STALE") in answers[0]
    assert store.redis.hgetall(store.keys.state(job)) == outcome
    assert charged(jobs, store, job) == NODES + 1
    sound_and_once(store, jobs, job, notes)


@pytest.mark.chaos
def test_what_a_late_run_puts_into_storage_is_seen_nowhere(store: Store, jobs: Jobs, start_worker: StartWorker, tmp_path: Path) -> None:
    go = tmp_path / "go"
    first = start_worker("short", strange=True, **QUICK)
    job = jobs.synthetic("publisher", go=str(go))
    jobs.await_message(job)
    late = first.horses()[-1]
    freeze(first.pid, late)
    second = start_worker("short", strange=True, **QUICK)
    assert jobs.await_end(job) is JobStatus.COMPLETED
    go.touch()
    thaw(first.pid, late)
    first.await_said("run_gone")

    storage = Storage.open()
    (artifact,) = show.artifacts(store, job)
    committed = store.redis.hget(store.keys.state(job), "a:r").decode()
    assert jobs.task(job).worker == second.name
    assert storage.get_bytes(artifact["key"]) == committed.encode()
    runs = {key.split("/")[3] for key in storage.list(f"jobs/{job}")}
    assert committed in runs
    assert len(runs) == 2  # what the late run wrote lies in a folder of its own, to which nothing points
    assert audit(store) == []
    assert first.horses() == [late]  # it was late, not broken: it works on
    kill("both", second)
    assert jobs.await_end(jobs.synthetic()) is JobStatus.COMPLETED


@pytest.mark.chaos
def test_a_horse_whose_supervisor_hangs_commits_nothing_late_and_claims_no_more_until_it_is_back(
    store: Store, jobs: Jobs, start_worker: StartWorker, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    first = start_worker("short", strange=True, **QUICK)
    job = jobs.synthetic("publisher", go=str(go))
    jobs.await_message(job)
    freeze(first.pid)
    second = start_worker("short", strange=True, **QUICK)
    assert jobs.await_end(job) is JobStatus.COMPLETED
    assert jobs.task(job).attempts == 2

    go.touch()
    first.await_said("run_gone")
    first.await_said("supervisor_hangs")
    kill("both", second)
    next_job = jobs.synthetic()  # only a horse that nobody looks at could take it
    with pytest.raises(AssertionError, match="not within"):
        jobs.await_end(next_job, within_s=1.0)
    thaw(first.pid)

    assert jobs.await_end(next_job) is JobStatus.COMPLETED
    assert (jobs.task(next_job).attempts, jobs.task(next_job).worker) == (1, first.name)
    (artifact,) = show.artifacts(store, job)
    assert Storage.open().get_bytes(artifact["key"]) == store.redis.hget(store.keys.state(job), "a:r")
    assert audit(store) == []


@pytest.mark.chaos
def test_a_horse_that_hangs_at_work_is_killed_by_its_supervisor_and_its_task_runs_again(
    store: Store, jobs: Jobs, start_worker: StartWorker
) -> None:
    worker = start_worker("short", strange=True)
    job = jobs.synthetic("mute", seconds=2, signs=True)
    jobs.await_message(job)
    hung = worker.horses()[-1]
    freeze(hung)

    assert jobs.await_end(job) is JobStatus.COMPLETED
    assert not lives(hung)
    assert jobs.task(job).attempts == 2
    assert "engine mute gave no sign of life for 1.5 s" in worker.said("run_lost")[0]
    assert audit(store) == []


@pytest.mark.chaos
@long_run
def test_a_horse_that_hangs_while_it_idles_is_replaced(jobs: Jobs, start_worker: StartWorker) -> None:
    worker = start_worker("short", "--silence", "7", strange=True)  # an idle horse gives a sign every 5 s
    assert jobs.await_end(jobs.synthetic()) is JobStatus.COMPLETED
    freeze(worker.horses()[-1])
    worker.await_said("horse_spawned", times=2)
    assert jobs.await_end(jobs.synthetic()) is JobStatus.COMPLETED


@pytest.mark.chaos
@long_run
def test_a_worker_that_was_stopped_as_a_whole_does_not_kill_its_horse_for_being_silent_meanwhile(
    jobs: Jobs, start_worker: StartWorker, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    worker = start_worker("short", strange=True, LEASE_SECONDS="60", RENEW_SECONDS="20")
    job = jobs.synthetic("mute", seconds=UNSEEN_S + 3, until=str(go))
    jobs.await_message(job)
    horse = worker.horses()[-1]
    time.sleep(2 * TICK_S)  # its supervisor has seen the sign, and sees no more until it is stopped
    freeze(horse, worker.pid)
    time.sleep(UNSEEN_S + 0.5)  # longer than its engine may be silent
    go.touch()
    thaw(worker.pid, horse)

    assert jobs.await_end(job) is JobStatus.COMPLETED
    assert (jobs.task(job).attempts, worker.horses()) == (1, [horse])
