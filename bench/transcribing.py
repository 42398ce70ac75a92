"""A recording goes through our workers: submitted, awaited, and what it took."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.fill import USER
from bench.processes import Process, wait_for
from bench.recordings import MODEL, SHORT
from jobs import show, submit, uploads
from jobs.model import Submission
from jobs.states import JobStatus
from jobs.storage import Storage
from jobs.store import Store

WARM_TRIES = 12


def settings(data: Path, **more: str) -> dict[str, str]:
    """Return what the workers are told: the demo model, one thread each, files in `data`."""
    return {"DATA_DIR": str(data), "WHISPER_MODEL": str(MODEL), "WHISPER_COMPUTE_TYPE": "int8", "WHISPER_THREADS": "1", **more}


def transcribe(store: Store, data: Path, recording: Path, *workers: Process, **more: Any) -> str:
    """Submit a recording, with `more` parameters, wait for its transcript and package, return the job."""
    storage, upload = Storage.folder(data / "storage"), uploads.new_id()
    storage.put_file(uploads.storage_key(upload), recording)
    params = {"upload": upload, "filename": recording.name, "language": "en", **more}
    job = submit.submit(store, Submission("transcription", params, USER, USER))
    wait_for(lambda: ended(store, job), 1, alive=workers[0], poll_s=0.1)
    seen = show.job(store, job)
    if seen.status is not JobStatus.COMPLETED:
        raise RuntimeError(f"the transcription {seen.status}: {[task.error for task in seen.tasks if task.error]}")
    return job


def warm(store: Store, data: Path, *workers: Process) -> None:
    """Transcribe something short until each of the workers has loaded the model. Raises RuntimeError if one never does."""
    loaded: set[str] = set()
    for _ in range(WARM_TRIES):
        seen = show.job(store, transcribe(store, data, SHORT, *workers))
        loaded |= {task.worker for task in seen.tasks if task.name == "transcribe"}
        if len(loaded) == len(workers):
            return
    raise RuntimeError(f"only {len(loaded)} of {len(workers)} workers have loaded the model")


def ended(store: Store, job: str) -> bool:
    return show.job(store, job).status.ended


def took_s(store: Store, job: str) -> float:
    seen = show.job(store, job)
    return (seen.ended_at or 0.0) - (seen.started_at or 0.0)


def words(store: Store, data: Path, job: str) -> int:
    """Return how many words the transcript has."""
    return sum(len(segment["text"].split()) for segment in transcript(store, data, job)["segments"])


def transcript(store: Store, data: Path, job: str) -> dict[str, Any]:
    (key,) = (one["key"] for one in show.artifacts(store, job) if one["name"] == "transcript.json")
    document: dict[str, Any] = json.loads(Storage.folder(data / "storage").get_bytes(key))
    return document
