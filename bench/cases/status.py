"""GET /api/jobs/<id> against a Flask route that returns a constant, same server and same run; and its round trips to Redis."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median

import requests

from bench.bench import Bench, open_store
from bench.figures import Measured, Row, Table, median_ratio, number
from bench.fill import GRAPH, USER, completed, synthetic, wide
from bench.http_load import per_second, request
from bench.processes import Process, cpu_s, process, ready_worker, wait_for
from bench.wire import Wire
from jobs import claim, people, record, show, submit
from jobs.model import Claimed, Spawn
from jobs.store import Store

GUNICORN = (sys.executable, "-m", "gunicorn", "-c", "python:web.gunicorn", "--no-control-socket")
#: What is asked for in each round, and the status that is answered.
ASKED = {"constant": 200, "status": 200, "afresh": 200, "unchanged": 304}
LOOKS = 50  #: at each job, for what one costs Redis

note = (
    "The constant route is a Flask app of its own beside ours in the same gunicorn, with no header, no hook and nobody to be "
    "known; the status is of a finished job of six tasks, asked for with a token over 8 connections that stay open, each request "
    "counted against the limit of who asks. `status` is a job "
    "that the process has told before: Redis says who asks, and that it is still as it was. `afresh` is the same of a process that "
    "keeps nothing: all of the job is read, put together and written as JSON. `unchanged` is asked with the `ETag`. The "
    "processor time is that of the web process and of Redis; other load on the machine changes it less than the rate."
)


@dataclass(frozen=True, slots=True)
class Web:
    """The web as it runs for this case."""

    port: int
    bearer: dict[str, str]
    process: Process
    store: Store

    def tag(self, job: str) -> str:
        found = requests.get(f"http://127.0.0.1:{self.port}/api/jobs/{job}", headers=self.bearer, timeout=60)
        found.raise_for_status()
        return found.headers["ETag"]

    def request(self, what: str, job: str) -> bytes:
        paths = {"constant": "/constant/", "afresh": f"/afresh/api/jobs/{job}"}
        tag = {"If-None-Match": self.tag(job)} if what == "unchanged" else {}
        return request(paths.get(what, f"/api/jobs/{job}"), self.bearer | tag)

    def rate(self, sent: bytes, status: int, seconds: float) -> tuple[float, float, float]:
        """Return answers a second, and the processor time of one (µs): of the web, of Redis."""
        web, redis = cpu_s(self.process.pid), redis_s(self.store)
        rate = per_second(self.port, sent, status, seconds=seconds)
        spent = (cpu_s(self.process.pid) - web, redis_s(self.store) - redis)
        return rate, *(one / (rate * seconds) * 1e6 for one in spent)  # type: ignore[return-value]


def measure(bench: Bench) -> Measured:
    rates: dict[str, list[float]] = {what: [] for what in ASKED}
    spent: dict[str, list[tuple[float, float]]] = {what: [] for what in ASKED}
    with bench.store() as store:
        token = people.add(store, USER, org=USER)  # no admin: their requests are not counted
        jobs = grown(bench, store)
        six = jobs["6 tasks, ended"]
        with serving(bench, store, token) as web:
            asked = {what: web.request(what, six) for what in ASKED}
            for _ in range(bench.pick(bench.rounds, 1)):
                for what, sent in asked.items():
                    rate, *cpu = web.rate(sent, ASKED[what], bench.pick(1.2, 1.0))
                    rates[what].append(rate)
                    spent[what].append((cpu[0], cpu[1]))
            table = costs(bench, web, jobs)
        verb, whole = round_trips(bench, store, token, list(jobs.values()))
    return Measured(
        rows(rates, verb, whole),
        more={
            **{f"{what}_web_cpu_us": median(web for web, _ in spent[what]) for what in ASKED},
            **{f"{what}_redis_cpu_us": median(redis for _, redis in spent[what]) for what in ASKED},
        },
        rounds={f"{what}_per_s": rate for what, rate in rates.items()},
        tables=[table],
        notes=[note],
    )


def rows(rates: dict[str, list[float]], verb: int, whole: int) -> list[Row]:
    constant = median(rates["constant"])

    def row(what: str, told: str, key: str, against: str = "the same") -> Row:
        key, ratio = f"{key}_vs_constant_route", median_ratio(rates[what], rates["constant"])
        return Row(key, told, ratio, median(rates[what]), theirs=constant, against=against, ours_key=f"{what}_per_s")

    first = row("status", "`GET /api/jobs/<id>` a second, one web process", "status", "a Flask route that returns a constant")
    return [
        first,
        row("afresh", "the same, of a job that the process has not told before", "status_afresh"),
        row("unchanged", "the same, answered 304: nothing new", "unchanged"),
        Row("status_round_trips", "round trips to Redis of a status, whatever the job", verb, verb),
        Row("status_request_round_trips", "of the whole request, with the look at who asks", whole, whole),
    ]


def grown(bench: Bench, store: Store) -> dict[str, str]:
    """Return jobs of several sizes: one that a worker has done, and some that wait."""
    many = bench.pick(2000, 200)
    with ready_worker(store, bench.folder, "short"):
        ended = submit.submit(store, synthetic(GRAPH))
        wait_for(lambda: completed(store), 1)
    split = submit.submit(store, synthetic({"a": ()}))
    found = claim.claim(store, worker="bench", queues=["short"], run="split")
    assert isinstance(found, Claimed)
    record.record(store, claimed=found, outcome=Spawn(({},) * many), worker="bench", next_run=None, queues=["short"])
    return {
        "6 tasks, ended": ended,
        "6 tasks, waiting": submit.submit(store, synthetic(GRAPH)),
        f"1 task, {many:,} children": split,
        "1,000 tasks, waiting": submit.submit(store, synthetic(wide(1000))),
    }


@contextmanager
def serving(bench: Bench, store: Store, token: str) -> Iterator[Web]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        command = [*GUNICORN, "--bind", f"fd://{listener.fileno()}", "bench.web:application()"]
        settings = {"DATA_DIR": str(bench.room()), "SECRET_KEY": "only for this benchmark", "MAX_REQUESTS_PER_MINUTE": "1000000000"}
        with process(command, bench.folder, store.settings.redis_url, pass_fds=[listener.fileno()], settings=settings) as started:
            yield Web(listener.getsockname()[1], {"Authorization": f"Bearer {token}"}, started, store)


def costs(bench: Bench, web: Web, jobs: dict[str, str]) -> Table:
    """Return what a poll costs as jobs grow: answers a second, and Redis's own time for the script of one look."""
    lines = []
    for name, job in jobs.items():
        first, known = script_us(web.store, job)
        told = [web.rate(web.request(what, job), ASKED[what], bench.pick(0.5, 0.3)) for what in ("afresh", "status", "unchanged")]
        lines.append((name, *(number(rate) for rate, _, _ in told), number(first), number(known)))
    head = ("job", "afresh, a second", "told before", "304", "script, afresh (µs)", "script, known (µs)")
    return Table("What a poll costs as jobs grow", head, lines)


def script_us(store: Store, job: str) -> tuple[float, float]:
    """Return what a look at a job takes in Redis: at all of it, and when the asker has it."""
    known = show.see(store, job).known
    taken = []
    for given in (None, known):
        store.redis.config_resetstat()
        for _ in range(LOOKS):
            show.see(store, job, known=given)
        taken.append(float(store.redis.info("commandstats")["cmdstat_evalsha"]["usec_per_call"]))
    return taken[0], taken[1]


def redis_s(store: Store) -> float:
    used = store.redis.info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


def round_trips(bench: Bench, store: Store, token: str, jobs: list[str]) -> tuple[int, int]:
    """Return the most round trips of the verb, and of the whole request, afresh, told before and unchanged."""
    from web import create_app  # in this process only for its round trips

    with Wire(store.settings.redis_url, bench.room() / "wire.sock") as wire:
        wired = open_store(wire.url)
        settings = wired.settings.model_copy(update={"data_dir": str(bench.room())})
        client = create_app(settings, store=wired).test_client()
        tags: dict[str, str] = {}

        def ask(job: str) -> None:
            headers = {"Authorization": f"Bearer {token}"} | ({"If-None-Match": tags[job]} if job in tags else {})
            with client.get(f"/api/jobs/{job}", headers=headers) as response:
                assert response.status_code == (304 if job in tags else 200)
                tags[job] = response.headers["ETag"]

        show.status(wired, jobs[0])  # connected, and the script is known
        verb = max(wire.count(partial(show.status, wired, job)) for job in jobs)
        whole = 0
        for job in jobs:
            whole = max(whole, *(wire.count(partial(ask, job)) for _ in range(2)))
            tags.pop(job)
            whole = max(whole, wire.count(partial(ask, job)))
    return verb, whole
