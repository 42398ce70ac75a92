"""The web that is measured: the bare route beside ours, and ours when it keeps nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from werkzeug.test import Client

from bench.web import CONSTANT, application
from jobs import people, submit
from jobs.model import Submission
from jobs.store import Store
from web.backend import EXTENSION


def test_a_constant_is_served_beside_a_status_told_before_and_one_told_afresh(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    job = submit.submit(store, Submission("synthetic", {"tasks": [{"name": "a"}]}, "ada", "acme", admin=True))
    bearer = {"Authorization": f"Bearer {people.add(store, 'ada', org='acme')}"}
    app = application()
    client = Client(app)

    assert client.get("/constant/").text == CONSTANT
    told = [client.get(f"{under}/api/jobs/{job}", headers=bearer) for under in ("", "/afresh")]
    assert [response.status_code for response in told] == [200, 200]
    assert told[0].json == told[1].json
    kept = [one.extensions[EXTENSION].recent.find(job) is not None for one in (app.app, app.mounts["/afresh"])]  # type: ignore[attr-defined]
    assert kept == [True, False]
