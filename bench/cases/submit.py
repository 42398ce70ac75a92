"""Submitting: many jobs at once against one after the other, in Python and over HTTP; and the round trips of a request to Redis."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from bench.bench import Bench, open_store
from bench.figures import Measured, Row, median, median_ratio
from bench.fill import ONE, USER, synthetic
from bench.http_load import per_second, request
from bench.processes import process
from bench.wire import Wire
from jobs import people, uploads
from jobs.store import Store
from jobs.submit import submit, submit_many
from jobs.uploads import Upload

GUNICORN = (sys.executable, "-m", "gunicorn", "-c", "python:web.gunicorn", "--no-control-socket")
BATCH = 100  #: jobs of a batch
CONNECTIONS = 4
SUBMISSION = synthetic(ONE)
BODY = {"type": "synthetic", "params": {"tasks": [{"name": "a"}]}}


def measure(bench: Bench) -> Measured:
    jobs, seconds = bench.pick(2000, 1000), bench.pick(2.0, 1.0)
    rates: dict[str, list[float]] = {"submit": [], "submit_many": [], "http_submit": [], "http_batch": []}
    with bench.store() as store, closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        settings = {"DATA_DIR": str(bench.room()), "SECRET_KEY": "only for this benchmark"}
        command = [*GUNICORN, "--bind", f"fd://{listener.fileno()}"]
        with process(command, bench.folder, store.settings.redis_url, pass_fds=[listener.fileno()], settings=settings):
            for number in range(bench.rounds):
                store.redis.flushdb()  # and the user with it: each round begins with the same little memory
                bearer = {"Authorization": f"Bearer {people.add(store, USER, org=USER, role='admin')}"}
                one, batch = request("/api/jobs", bearer, body=BODY), request("/api/jobs/batch", bearer, body=[BODY] * BATCH)
                if number == 0:
                    per_second(port, one, 202, seconds=0.1, connections=1)  # the server is up, and connected
                rates["submit"].append(a_second(jobs, lambda: [submit(store, SUBMISSION) for _ in range(jobs)]))
                rates["submit_many"].append(a_second(jobs, lambda: submit_many(store, [SUBMISSION] * jobs)))
                rates["http_submit"].append(per_second(port, one, 202, seconds=seconds, connections=CONNECTIONS))
                rates["http_batch"].append(BATCH * per_second(port, batch, 202, seconds=seconds, connections=CONNECTIONS))
                bench.say(f"  round {number + 1}: " + ", ".join(f"{name} {rate[-1]:.0f}" for name, rate in rates.items()) + " jobs/s")
        trips = round_trips(bench, store)
    rows = [
        Row(
            "submit_many_ratio",
            "jobs submitted a second in Python, many at once",
            median_ratio(rates["submit_many"], rates["submit"]),
            median(rates["submit_many"]),
            theirs=median(rates["submit"]),
            against="Lectern, one after the other",
            ours_key="submit_many_per_s",
            theirs_key="submit_per_s",
        ),
        Row(
            "batch_http_ratio",
            f"jobs submitted a second over HTTP, in batches of {BATCH}",
            median_ratio(rates["http_batch"], rates["http_submit"]),
            median(rates["http_batch"]),
            theirs=median(rates["http_submit"]),
            against="Lectern, a request each",
            ours_key="http_batch_per_s",
            theirs_key="http_submit_per_s",
        ),
    ]
    note = (
        f"Jobs of one task that wait. In Python {jobs:,} from one process; over HTTP for {seconds:g} s from {CONNECTIONS} connections to "
        f"one web process. `POST /api/jobs` takes {trips['post_round_trips']:.0f} round trips to Redis, to know who asks and to answer the "
        f"status included, {trips['post_with_upload_round_trips']:.0f} when it names an upload; a batch of {BATCH} that do takes "
        f"{trips['batch_round_trips']:.0f}."
    )
    return Measured(rows, more=trips, rounds={f"{name}_per_s": rate for name, rate in rates.items()}, notes=[note])


def a_second(jobs: int, work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return jobs / (time.perf_counter() - began)


def round_trips(bench: Bench, store: Store) -> dict[str, float]:
    """Return the round trips to Redis of a request: for a job, for one that names an upload, for a batch of these."""
    from web import create_app  # in this process only for its round trips

    store.redis.flushdb()
    bearer = {"Authorization": f"Bearer {people.add(store, USER, org=USER, role='admin')}"}
    upload = uploads.new_id()
    uploads.add(store, Upload(upload, USER, USER, "a.ogg", 1, "audio/ogg", 5.0, uploads.storage_key(upload)), ttl_s=3600)
    transcription = {"type": "transcription", "params": {"upload": upload}}
    with Wire(store.settings.redis_url, bench.room() / "wire.sock") as wire:
        wired = open_store(wire.url)
        client = create_app(wired.settings.model_copy(update={"data_dir": str(bench.room())}), store=wired).test_client()

        def post(path: str, body: Any) -> float:
            def ask() -> None:
                response = client.post(path, json=body, headers=bearer)
                if response.status_code != 202:
                    raise RuntimeError(response.text)

            ask()  # connected, the script is known, and the memory was looked at
            return float(wire.count(ask))

        return {
            "post_round_trips": post("/api/jobs", BODY),
            "post_with_upload_round_trips": post("/api/jobs", transcription),
            "batch_round_trips": post("/api/jobs/batch", [transcription] * BATCH),
        }
