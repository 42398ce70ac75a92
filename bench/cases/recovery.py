"""A worker is killed with SIGKILL in the middle of a task, an idle one stands beside it: seconds until the task runs again."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import ExitStack

import psutil

from bench.bench import Bench
from bench.figures import Measured, Row, median
from bench.fill import ONE, synthetic
from bench.processes import Process, ready_worker, wait_for
from jobs import control, submit
from jobs.store import Store

LASTING_S = 600.0  #: how long the task would take
IN_RQ = 808.0  #: seconds of a stock worker in the same case, by its own time-outs; longer than all of this benchmark


def measure(bench: Bench) -> Measured:
    whole, horses = [], []
    with bench.store() as store, ExitStack() as held:
        workers: list[Process] = []
        for number in range(bench.pick(3, 1)):
            while len(workers) < 2:
                workers.append(held.enter_context(ready_worker(store, bench.folder, "short")))
            horses.append(again_s(store, workers, horse_only=True, worked_s=1.0))
            whole.append(again_s(store, workers, horse_only=False, worked_s=random.uniform(1.0, 6.0)))  # at any moment between two renewals
            bench.say(f"  round {number + 1}: {whole[-1]:.1f} s after its worker was killed, {horses[-1]:.2f} s after its horse alone")
            workers = [one for one in workers if one.poll() is None]
    row = Row(
        "recovery_s",
        "worker killed, an idle one beside it: the task runs again after",
        median(whole),
        median(whole),
        unit="s",
        theirs=IN_RQ,
        against="stock RQ, measured once, not in this run",
    )
    only = Row("horse_recovery_s", "the same, its horse alone killed", median(horses), median(horses), unit="s")
    return Measured([row, only], rounds={"recovery_s": whole, "horse_recovery_s": horses})


def again_s(store: Store, workers: list[Process], *, horse_only: bool, worked_s: float) -> float:
    """Submit a task, kill the worker that runs it (or only its horse) after `worked_s`, return the seconds until its second run begins."""
    job = submit.submit(store, synthetic(ONE, seconds=LASTING_S))
    wait_for(lambda: runs(store, job), 1)
    time.sleep(worked_s)
    pid = int(store.redis.hget(store.keys.state(job), "a:k").split(b":")[1])
    killed = next(one for one in workers if one.pid == pid)
    victim = psutil.Process(pid).children()[0].pid if horse_only else pid
    at = time.time()
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: runs(store, job), 2)
    began = int(store.redis.hget(store.keys.state(job), "a:b")) / 1e6
    if not horse_only:
        killed.wait()
    control.cancel(store, job)
    wait_for(lambda: int(store.redis.zcard(store.keys.leases()) == 0), 1)
    return began - at


def runs(store: Store, job: str) -> int:
    """Return how many runs the task has had, counting one that runs now."""
    return int(store.redis.hget(store.keys.state(job), "a:n") or 0)
