"""GET and PATCH /api/jobs/<id>/corrections."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobs import control
from jobs.model import Completed
from jobs.storage import Storage
from jobs.store import Store
from tests.web.conftest import Caller, Worker, problem

OUTPUTS: dict[str, Any] = {"merge": {"segments": 3, "artifacts": []}}


def work(worker: Worker, count: int) -> list[str]:
    """Complete so many tasks, the children's parent as if there were none; return their names."""
    done = []
    for _ in range(count):
        claimed = worker.take()
        worker.record(claimed, Completed(OUTPUTS.get(claimed.task)))
        done.append(claimed.task)
    return done


@pytest.fixture
def finished(owner: Caller, worker: Worker, speech: bytes) -> str:
    """A completed transcription with notes, of three segments."""
    response = owner.submit_file(speech, params=json.dumps({"notes": True}))
    assert work(worker, 6) == ["inspect", "prepare", "transcribe", "notes", "merge", "export"]
    job: str = response.json["id"]
    assert owner("GET", f"/api/jobs/{job}").json["status"] == "completed"
    return job


def kept(store: Store, storage: Storage, job: str) -> Any:
    key = control.corrections(store, job)
    assert key is not None
    return json.loads(storage.get_bytes(key))


def test_corrected_words_make_the_notes_and_the_files_again_and_nothing_else(
    owner: Caller, worker: Worker, store: Store, storage: Storage, finished: str
) -> None:
    url = f"/api/jobs/{finished}/corrections"
    assert owner("GET", url).json == {"segments": {}, "speakers": {}}

    response = owner("PATCH", url, json={"segments": {"2": {"text": " The leaf. "}}})

    assert (response.status_code, response.json["status"]) == (202, "running")
    states = {task["name"]: task["state"] for task in response.json["tasks"]}
    assert {name for name, state in states.items() if state != "completed"} == {"notes", "merge", "export"}
    assert kept(store, storage, finished) == {"version": 1, "segments": {"2": {"text": "The leaf."}}, "speakers": {}}
    assert work(worker, 3) == ["notes", "merge", "export"]
    assert owner("GET", f"/api/jobs/{finished}").json["status"] == "completed"


def test_the_files_of_before_are_there_until_they_are_made_again(
    owner: Caller, worker: Worker, storage: Storage, speech: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(task: str, name: str, run: str) -> dict[str, Any]:
        key = f"jobs/x/{task}/{run}/{name}"
        storage.put_bytes(key, run.encode())
        return {"segments": 3, "artifacts": [{"name": name, "bytes": len(run), "media_type": "text/plain", "key": key}]}

    def runs(run: str) -> None:
        monkeypatch.setitem(OUTPUTS, "merge", made("merge", "transcript.txt", run))
        monkeypatch.setitem(OUTPUTS, "export", made("export", "package.zip", run))

    def told() -> tuple[Any, ...]:
        status = owner("GET", f"/api/jobs/{job}").json
        return status["status"], status["result_path"], *(owner("GET", one["url"]).data.decode() for one in status["artifacts"])

    job = owner.submit_file(speech, params=json.dumps({"notes": True})).json["id"]
    package = f"/api/jobs/{job}/artifacts/package.zip"
    runs("old")
    assert work(worker, 4) == ["inspect", "prepare", "transcribe", "notes"]
    assert told() == ("running", None)  # none of a task that has not run yet
    work(worker, 2)
    assert told() == ("completed", package, "old", "old")

    runs("new")
    changed = owner("PATCH", f"/api/jobs/{job}/corrections", json={"segments": {"2": {"text": "The leaf."}}}).json
    assert [one["name"] for one in changed["artifacts"]] == ["transcript.txt", "package.zip"]
    assert told() == ("running", package, "old", "old")
    assert work(worker, 2) == ["notes", "merge"]
    assert told() == ("running", package, "new", "old")
    assert work(worker, 1) == ["export"]
    assert told() == ("completed", package, "new", "new")


def test_a_speakers_name_makes_the_files_again_alone_and_corrections_add_up(owner: Caller, worker: Worker, finished: str) -> None:
    url = f"/api/jobs/{finished}/corrections"
    owner("PATCH", url, json={"segments": {"0": {"text": "One."}, "1": {"text": "Two."}}})
    work(worker, 3)

    assert owner("PATCH", url, json={"segments": {}, "speakers": {"S1": "Dr Ada"}}).status_code == 202
    assert work(worker, 2) == ["merge", "export"]
    assert owner("PATCH", url, json={"segments": {"0": None}}).status_code == 202
    assert owner("GET", url).json == {"segments": {"1": {"text": "Two."}}, "speakers": {"S1": "Dr Ada"}}


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"segments": {"3": {"text": "x"}}}, "segments.3"),
        ({"segments": {"x": {"text": "x"}}}, "segments"),
        ({"segments": {"0": {"text": ""}}}, "segments.0"),
        ({"segments": {"0": {"words": []}}}, "segments.0"),
        ({"speakers": {"ada": "Ada"}}, "speakers"),
        ({"speakers": {"S1": "x" * 81}}, "speakers.S1"),
        ({"text": "x"}, "text"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_runs(owner: Caller, store: Store, finished: str, asked: Any, field: str) -> None:
    told = problem(owner("PATCH", f"/api/jobs/{finished}/corrections", json=asked), 422, "invalid")
    assert told["field"].startswith(field)
    assert owner("GET", f"/api/jobs/{finished}").json["status"] == "completed"
    assert control.corrections(store, finished) is None


def test_what_has_not_completed_cannot_be_corrected(owner: Caller, job: str) -> None:
    told = problem(owner("PATCH", f"/api/jobs/{job}/corrections", json={"speakers": {"S1": "Ada"}}), 409, "conflict")
    assert "completed" in told["detail"]


def test_a_job_without_a_transcript_cannot_be_corrected(admin: Caller, worker: Worker) -> None:
    job = admin.submit("synthetic", params={"tasks": [{"name": "a"}]}).json["id"]
    worker.complete()
    told = problem(admin("PATCH", f"/api/jobs/{job}/corrections", json={"speakers": {"S1": "Ada"}}), 409, "conflict")
    assert "no transcript" in told["detail"]
