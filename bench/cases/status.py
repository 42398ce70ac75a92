"""GET /api/jobs/<id> against a Flask route that returns a constant, same server and same run; and its round trips to Redis."""

from __future__ import annotations

import socket
import sys
from contextlib import closing
from functools import partial

import requests

from bench.bench import Bench, open_store
from bench.figures import Measured, Row, median, median_ratio
from bench.fill import GRAPH, completed, synthetic, wide
from bench.http_load import per_second, request
from bench.processes import process, ready_worker, wait_for
from bench.wire import Wire
from jobs import people, show, submit
from jobs.store import Store

GUNICORN = (sys.executable, "-m", "gunicorn", "-c", "python:web.gunicorn", "--no-control-socket")


def measure(bench: Bench) -> Measured:
    rates: dict[str, list[float]] = {"constant": [], "status": [], "unchanged": []}
    with bench.store() as store:
        token = people.add(store, "bench", org="bench", role="admin")
        with ready_worker(store, bench.folder, "short"):
            job = submit.submit(store, synthetic(GRAPH))
            wait_for(lambda: completed(store), 1)
        with closing(socket.create_server(("127.0.0.1", 0))) as listener:
            port = listener.getsockname()[1]
            command = [*GUNICORN, "--bind", f"fd://{listener.fileno()}", "bench.web:application()"]
            settings = {"DATA_DIR": str(bench.room()), "SECRET_KEY": "only for this benchmark"}
            with process(command, bench.folder, store.settings.redis_url, pass_fds=[listener.fileno()], settings=settings):
                bearer = {"Authorization": f"Bearer {token}"}
                first = requests.get(f"http://127.0.0.1:{port}/api/jobs/{job}", headers=bearer, timeout=60)
                first.raise_for_status()
                tag = {"If-None-Match": first.headers["ETag"]}
                asked = {
                    "constant": (request("/constant/", bearer), 200),
                    "status": (request(f"/api/jobs/{job}", bearer), 200),
                    "unchanged": (request(f"/api/jobs/{job}", bearer | tag), 304),
                }
                for _ in range(bench.pick(min(bench.rounds, 5), 1)):
                    for name, (sent, status) in asked.items():
                        rates[name].append(per_second(port, sent, status, seconds=bench.pick(2.0, 1.0)))
        verb, whole = round_trips(bench, store, token, job)
    constant = median(rates["constant"])
    rows = [
        Row(
            "status_vs_constant_route",
            "`GET /api/jobs/<id>` a second, one web process",
            median_ratio(rates["status"], rates["constant"]),
            median(rates["status"]),
            theirs=constant,
            against="a Flask route that returns a constant",
            ours_key="status_per_s",
            theirs_key="constant_route_per_s",
        ),
        Row(
            "unchanged_vs_constant_route",
            "the same, answered 304: nothing new",
            median_ratio(rates["unchanged"], rates["constant"]),
            median(rates["unchanged"]),
            theirs=constant,
            against="the same",
            ours_key="unchanged_per_s",
        ),
        Row("status_round_trips", "round trips to Redis of a status, with 6 tasks or 1,000", max(verb), max(verb)),
        Row("status_request_round_trips", "of the whole request, with the look at who asks", max(whole), max(whole)),
    ]
    more = {
        "status_round_trips_6_tasks": verb[0],
        "status_round_trips_1000_tasks": verb[1],
        "status_request_round_trips_6_tasks": whole[0],
        "status_request_round_trips_1000_tasks": whole[1],
    }
    note = (
        "The constant route is a Flask app of its own beside ours in the same gunicorn, with no header, no hook and nobody to be "
        "known; the status is of a finished job of six tasks, asked for with a token over 8 connections that stay open."
    )
    return Measured(
        rows,
        more={name: float(value) for name, value in more.items()},
        rounds={f"{name}_per_s": rate for name, rate in rates.items()},
        notes=[note],
    )


def round_trips(bench: Bench, store: Store, token: str, six: str) -> tuple[list[int], list[int]]:
    """Return the round trips of the verb, and of the whole request, for a job of six tasks and for one of 1,000."""
    from web import create_app  # in this process only for its round trips

    thousand = submit.submit(store, synthetic(wide(1000)))
    with Wire(store.settings.redis_url, bench.room() / "wire.sock") as wire:
        wired = open_store(wire.url)
        settings = wired.settings.model_copy(update={"data_dir": str(bench.room())})
        client = create_app(settings, store=wired).test_client()

        def ask(job: str) -> None:
            client.get(f"/api/jobs/{job}", headers={"Authorization": f"Bearer {token}"}).close()

        verb, whole = [], []
        for job in (six, thousand):
            show.status(wired, job)  # connected, and the script is known
            ask(job)
            verb.append(wire.count(partial(show.status, wired, job)))
            whole.append(wire.count(partial(ask, job)))
    return verb, whole
