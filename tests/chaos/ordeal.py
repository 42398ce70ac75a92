"""The run itself: load, harm, drain, and everything that is known of it afterwards."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from jobs.settings import Settings
from jobs.store import Store, connect
from tests.chaos import aof, ledger, load
from tests.chaos.clients import Accepted, Clients
from tests.chaos.fleet import Fleet, Server, running
from tests.chaos.harm import Blow, Harm
from tests.jobs.audit import audit

TICK_S = 0.05
TELL_S = 10.0


@dataclass(frozen=True, slots=True)
class Form:
    """How long, how much, how hard."""

    seconds: float = 600.0
    jobs: int = 2000
    workers: int = 4
    seed: int = 1
    lease_s: float = 15.0  #: the default, as the renewals are
    renew_s: float = 5.0
    redis_restarts: int = 3

    @property
    def longest_s(self) -> float:
        return 1.5 * self.seconds

    @property
    def settings(self) -> dict[str, str]:
        return {"LEASE_SECONDS": f"{self.lease_s:g}", "RENEW_SECONDS": f"{self.renew_s:g}", "LOG_LEVEL": "INFO"}


@dataclass
class Evidence:
    """What is known after the run. Times are seconds since the epoch."""

    form: Form
    begun: float
    submitted_at: float | None  #: when the last of all was accepted
    settled_at: float | None  #: when everything had ended; None if it did not
    accepted: list[Accepted]
    clients: Clients
    blows: list[Blow]
    outages: list[tuple[float, float]]
    ledger: ledger.Ledger
    statuses: dict[str, str]  #: of all jobs, as Redis has them at the end
    states: dict[str, dict[str, str]]  #: by job and, for children, `job:task`: the state hashes at the end
    outputs: dict[str, dict[str, str]]  #: by job: the committed outputs at the end, as JSON
    audit: list[str]
    said: str  #: the workers' logs
    tracebacks: list[str]
    left: list[int]  #: exit codes of the workers that were told to leave
    unasked: list[int]
    overdue: int
    redis: str
    loads: list[float] = field(default_factory=list)  #: the machine's one-minute load average, every TELL_S


def run(form: Form, folder: Path, tell: Callable[[str], None]) -> Evidence:
    """Run it in `folder` and return what is known then. What goes wrong in a client is raised; what in the fleet, told."""
    loads: list[float] = []
    with running(folder, form.workers, form.settings, form.seed) as (server, fleet):
        store = Store(connect(server.url), Settings(_env_file=None, lease_seconds=form.lease_s, renew_seconds=form.renew_s))
        begun = time.time()
        clients = Clients(store, load.plans(form.seed, form.jobs), seed=form.seed, seconds=form.seconds, workers=form.workers)
        harm = Harm(server, fleet, seed=form.seed, seconds=form.seconds, lease_s=form.lease_s, redis_restarts=form.redis_restarts)
        with ThreadPoolExecutor(2) as pool:
            threads = [pool.submit(clients.submit_all), pool.submit(clients.meddle)]
            try:
                settled_at = _last(form, begun, server, fleet, clients, harm, threads, loads, tell)
            finally:
                clients.stop.set()
        for thread in threads:
            thread.result()
        tell("the workers leave")
        fleet.leave()
        tell("the audit")
        faults = audit(store)
        statuses, states = states_of(store)
        outputs = {job: _hash(store, store.keys.outputs(job)) for job in statuses}
        server.stop()
        tell("the log")
        return Evidence(
            form=form,
            begun=begun,
            submitted_at=clients.all_submitted_at,
            settled_at=settled_at,
            accepted=clients.accepted,
            clients=clients,
            blows=harm.blows,
            outages=server.outages,
            ledger=ledger.read(aof.read(server.folder)),
            statuses=statuses,
            states=states,
            outputs=outputs,
            audit=faults,
            said=fleet.said(),
            tracebacks=fleet.tracebacks(),
            left=[code for place in fleet.places for code in place.left],
            unasked=[code for place in fleet.places for code in place.unasked],
            overdue=sum(place.overdue for place in fleet.places),
            redis=str(server.version),
            loads=loads,
        )


def _last(
    form: Form,
    begun: float,
    server: Server,
    fleet: Fleet,
    clients: Clients,
    harm: Harm,
    threads: list[Future[None]],
    loads: list[float],
    tell: Callable[[str], None],
) -> float | None:
    """Do harm until all is over; return when it was, or None at the latest end."""
    tell_at = look_at = begun
    while (now := time.time()) < begun + form.longest_s:
        server.tick(now)
        fleet.tick(now)
        harm.tick(now)
        if any(thread.done() and thread.exception() for thread in threads):
            return None
        if now >= tell_at:
            tell_at += TELL_S
            loads.append(os.getloadavg()[0])
            tell(
                f"{now - begun:4.0f} s: {len(clients.accepted)} submitted, {clients.unfinished()} unfinished, {len(harm.blows)} blows, "
                f"load {loads[-1]:.1f}"
            )
        if now >= look_at:
            look_at = now + 1
            if clients.settled():
                return now
        time.sleep(TICK_S)
    return None


def states_of(store: Store) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Return the status of every job, and the state hashes by job and, for children, `job:task`."""
    keys = store.keys
    statuses: dict[str, str] = {}
    states: dict[str, dict[str, str]] = {}
    for raw in store.redis.zrange(keys.jobs(), 0, -1):
        job = raw.decode()
        own = store.redis.hmget(keys.job(job), "status", "kids")
        statuses[job] = own[0].decode()
        kids = own[1].decode().split(",") if own[1] else []
        states[job] = _hash(store, keys.state(job))
        for task in kids:
            states[f"{job}:{task}"] = _hash(store, keys.build("child_state", job, task))
    return statuses, states


def _hash(store: Store, key: str) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in store.redis.hgetall(key).items()}
