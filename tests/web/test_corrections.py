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

SAID = ["won", "too", "the leave"]


def work(worker: Worker, count: int, segments: list[dict[str, Any]] | None = None) -> list[str]:
    """Complete so many tasks, the children's parent as if there were none, merge with these segments; return their names."""
    if segments is None:
        segments = [{"start": n + 0.5, "end": n + 1.5, "text": text} for n, text in enumerate(SAID)]
    done = []
    for _ in range(count):
        claimed = worker.take()
        output = None
        if claimed.task == "merge":
            key = f"jobs/{claimed.job}/merge/{claimed.run}/transcript.json"
            data = json.dumps({"segments": segments}).encode()
            worker.storage.put_bytes(key, data)
            made = {"name": "transcript.json", "bytes": len(data), "media_type": "application/json", "key": key}
            output = {"segments": len(segments), "artifacts": [made]}
        if claimed.task == "export":
            key = f"jobs/{claimed.job}/export/{claimed.run}/package.zip"
            worker.storage.put_bytes(key, json.dumps({"packed": segments}).encode())
            output = {"artifacts": [{"name": "package.zip", "bytes": 1, "media_type": "application/zip", "key": key}]}
        worker.record(claimed, Completed(output))
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
    leaf = {"text": "The leaf.", "start": 2.5, "end": 3.5, "was": "the leave"}
    assert kept(store, storage, finished) == {"version": 1, "segments": {"2": leaf}, "speakers": {}}
    assert owner("GET", url).json == {"segments": {"2": {"text": "The leaf.", "was": "the leave"}}, "speakers": {}}
    assert work(worker, 3) == ["notes", "merge", "export"]
    assert owner("GET", f"/api/jobs/{finished}").json["status"] == "completed"


def test_the_files_of_before_are_there_until_they_are_made_again(owner: Caller, worker: Worker, speech: bytes) -> None:
    old, new = ([{"start": 0.5, "end": 1.5, "text": text}] for text in ("old", "new"))

    def told() -> tuple[Any, ...]:
        status = owner("GET", f"/api/jobs/{job}").json
        files = (json.loads(owner("GET", one["url"]).data) for one in status["artifacts"])
        return status["status"], status["result_path"], *(file.get("segments") or file["packed"] for file in files)

    job = owner.submit_file(speech, params=json.dumps({"notes": True})).json["id"]
    package = f"/api/jobs/{job}/artifacts/package.zip"
    assert work(worker, 4) == ["inspect", "prepare", "transcribe", "notes"]
    assert told() == ("running", None)  # none of a task that has not run yet
    work(worker, 2, old)
    assert told() == ("completed", package, old, old)

    changed = owner("PATCH", f"/api/jobs/{job}/corrections", json={"segments": {"0": {"text": "The leaf."}}}).json
    assert [one["name"] for one in changed["artifacts"]] == ["transcript.json", "package.zip"]
    assert told() == ("running", package, old, old)
    assert work(worker, 2, new) == ["notes", "merge"]
    assert told() == ("running", package, new, old)
    assert work(worker, 1, new) == ["export"]
    assert told() == ("completed", package, new, new)


def test_a_speakers_name_makes_the_files_again_alone_and_corrections_add_up(owner: Caller, worker: Worker, finished: str) -> None:
    url = f"/api/jobs/{finished}/corrections"
    owner("PATCH", url, json={"segments": {"0": {"text": "One."}, "1": {"text": "Two."}}})
    work(worker, 3)

    assert owner("PATCH", url, json={"segments": {}, "speakers": {"S1": "Dr Ada"}}).status_code == 202
    assert work(worker, 2) == ["merge", "export"]
    assert owner("PATCH", url, json={"segments": {"0": None}}).status_code == 202
    assert owner("GET", url).json == {"segments": {"1": {"text": "Two.", "was": "too"}}, "speakers": {"S1": "Dr Ada"}}


def segment(start: float, text: str, **more: Any) -> dict[str, Any]:
    return {"start": start, "end": start + 1, "text": text, **more}


def test_a_correction_remembers_what_was_transcribed_and_follows_its_segment(
    owner: Caller, worker: Worker, store: Store, storage: Storage, finished: str
) -> None:
    url = f"/api/jobs/{finished}/corrections"
    owner("PATCH", url, json={"segments": {"1": {"text": "Two."}, "2": {"text": "The leaf."}}})
    # A task that was retried has put one more before them, and has cut the last one anew.
    cut = [segment(0, "ah"), segment(0.5, "won"), segment(1.5, "Two.", corrected=True), segment(2.5, "the"), segment(3.5, "leave")]
    cut[3]["end"] = 3.0
    work(worker, 3, cut)
    told = {"2": {"text": "Two.", "was": "too"}}  # by its place now; what fits nothing any more stands where it stood, unless that is taken
    assert owner("GET", url).json["segments"] == told

    owner("PATCH", url, json={"segments": {"2": {"text": "Two!"}}})
    two = {"text": "Two!", "start": 1.5, "end": 2.5, "was": "too"}
    assert kept(store, storage, finished)["segments"] == {"2": two}

    work(worker, 3, cut)
    owner("PATCH", url, json={"segments": {"4": {"text": "Leaf."}, "2": None}})
    assert kept(store, storage, finished)["segments"] == {"4": {"text": "Leaf.", "start": 3.5, "end": 4.5, "was": "leave"}}


def test_a_correction_that_remembers_nothing_stays_so_until_it_is_changed(
    owner: Caller, worker: Worker, store: Store, storage: Storage, finished: str
) -> None:
    url = f"/api/jobs/{finished}/corrections"
    owner("PATCH", url, json={"segments": {"0": {"text": "One."}, "1": {"text": "Two."}}})
    key = control.corrections(store, finished)
    assert key is not None
    former = {"version": 1, "segments": {"0": {"text": "One."}, "1": {"text": "Two."}}, "speakers": {}}
    storage.put_bytes(key, json.dumps(former).encode())
    work(worker, 3, [segment(0.5, "One.", corrected=True), segment(1.5, "Two.", corrected=True), segment(2.5, "the leave")])

    owner("PATCH", url, json={"segments": {"0": {"text": "Won."}}})
    assert kept(store, storage, finished)["segments"] == {"0": {"text": "Won.", "start": 0.5, "end": 1.5}, "1": {"text": "Two."}}


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
