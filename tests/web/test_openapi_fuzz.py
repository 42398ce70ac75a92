"""Ask everything that the OpenAPI document tells of, rightly and wrongly: nothing breaks, and every answer is one that it tells of."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import schemathesis
from flask import Flask
from schemathesis.engine import events, from_schema
from werkzeug.serving import WSGIRequestHandler, make_server

from jobs import people
from jobs.store import Store
from tests.web.conftest import Caller, Worker

LONG = bool(os.environ.get("LECTERN_LONG"))
EXAMPLES = 60 if LONG else 2  #: of each operation, beside those that cover its schema


class Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """A thousand lines would hide the one that matters."""


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """Serve an app in a thread, so that its answers can be watched."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def wishes(token: str, jobs: list[str], uploads: list[str], coverage: bool) -> dict[str, Any]:
    """Return how schemathesis is to ask: with ids that are there among those that are not; `coverage`: all that a schema tells apart."""
    known = {"jobs": {"values": jobs}, "uploads": {"values": uploads}, "tasks": {"values": ["only", "inspect"]}}
    names = {"path.id": "jobs", "path.task": "tasks", "body.params.upload": "uploads"}
    return {
        "seed": 1,
        "continue-on-failure": True,
        "headers": {"Authorization": f"Bearer {token}"},
        "dictionaries": known,
        "parameters": {place: {"dictionary": name, "probability": 0.8} for place, name in names.items()},
        "generation": {"max-examples": EXAMPLES, "database": "none", "deterministic": not LONG},
        "phases": {"coverage": {"enabled": coverage}, "stateful": {"enabled": LONG or not coverage}},
        # That a body fits the document does not say that what it names is there.
        "checks": {"positive_data_acceptance": {"enabled": False}},
        "operations": [
            {
                # Each of its jobs is refused by itself. Its schema is that of one job, which is covered there.
                "include-path": "/api/jobs/batch",
                "checks": {"negative_data_rejection": {"enabled": False}},
                "phases": {"coverage": {"enabled": False}},
            },
            # In a form everything is text, and a list of nothing is no field at all: what is wrong as JSON may be right there.
            {"include-path": "/v1/audio/transcriptions", "checks": {"negative_data_rejection": {"enabled": False}}},
        ],
    }


def faults(url: str, config: dict[str, Any]) -> tuple[set[str], list[str]]:
    """Ask everything; return the operations that were asked, and what went wrong."""
    schema = schemathesis.openapi.from_url(f"{url}/api/openapi.json", config=schemathesis.Config.from_dict(config))
    asked, wrong = set(), []
    for event in from_schema(schema).execute():
        match event:
            case events.NonFatalError():
                wrong.append(f"{event.label}: {event.value!r}")
            case events.FatalError():
                wrong.append(repr(event.exception))
            case events.ScenarioFinished():
                asked.add(event.label)
                failed = [check for checks in event.recorder.checks.values() for check in checks if check.failure_info]
                wrong += [f"{event.label} {one.name}: {one.failure_info.failure}\n{one.failure_info.code_sample}" for one in failed]
    return asked, wrong


@pytest.mark.parametrize("role", ["admin", "user"])
@pytest.mark.timeout(900)
def test_whatever_is_asked_is_answered_as_told(app: Flask, store: Store, worker: Worker, speech: bytes, role: str) -> None:
    token = people.add(store, "ada", org="physics", role=role)
    ada = Caller(app.test_client(use_cookies=False), token)
    uploads = [ada.upload(speech).json["id"], ada.upload(b"Good morning.", "talk.txt").json["id"]]
    jobs = [ada.submit(params={"upload": uploads[0]}).json["id"] for _ in range(12)]
    worker.publish("transcript.txt", b"Good morning.")
    worker.fail("it was not to be")

    with serving(app) as url:
        asked, wrong = faults(url, wishes(token, jobs, uploads, coverage=LONG or role == "user"))

    assert wrong == []
    assert len(asked) > 15
