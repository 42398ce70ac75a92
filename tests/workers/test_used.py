"""An engine sees the jobs that its own is made of, and no others."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from jobs import remove, show, submit
from jobs.errors import NotFound
from jobs.model import Completed, Submission
from jobs.record import record
from jobs.storage import Storage
from jobs.store import Store
from tests.workers.conftest import WORKER, Jobs, StartWorker, take
from workers.context import Context
from workers.kit import Kit


@pytest.fixture
def storage() -> Storage:
    return Storage.open()


def ended(store: Store, jobs: Jobs, **output: object) -> str:
    job = jobs.submit_plain()
    record(
        store, claimed=take(store, f"of-{job}"), outcome=Completed({"made": job, **output}), worker=WORKER, next_run=None, queues=["short"]
    )
    return job


def test_a_job_that_is_named_is_seen_and_nothing_else(kit: Kit, store: Store, jobs: Jobs, storage: Storage) -> None:
    named, other = ended(store, jobs), ended(store, jobs)
    submit.submit(store, Submission("export", {"jobs": [named]}, "ann", "acme"))
    context = Context(take(store), kit)

    assert context.used(named).outputs == {"a": {"made": named}}
    with pytest.raises(NotFound, match=f"there is no job {other}"):
        context.used(other)
    taken = Context(context.claimed._replace(user="ben"), kit)  # as if it had been accepted from somebody else
    with pytest.raises(NotFound, match=f"there is no job {named}"):
        taken.used(named)
    remove.remove(store, storage, named)
    with pytest.raises(NotFound, match=f"there is no job {named}"):
        context.used(named)


def test_an_engine_of_a_job_made_of_none_sees_none(kit: Kit, store: Store, jobs: Jobs) -> None:
    named = ended(store, jobs)
    jobs.submit_plain()
    with pytest.raises(NotFound):
        Context(take(store), kit).used(named)


def test_a_worker_packs_several_jobs_into_one(start_worker: StartWorker, store: Store, jobs: Jobs, storage: Storage) -> None:
    storage.put_bytes("jobs/x/a/r/notes.md", b"# Leaves")
    artifact = {"name": "notes.md", "bytes": 8, "media_type": "text/markdown", "key": "jobs/x/a/r/notes.md"}
    full, empty = ended(store, jobs, artifacts=[artifact]), ended(store, jobs)
    asked = submit.submit(store, Submission("export", {"jobs": [full, empty]}, "ann", "acme"))
    start_worker("long")

    jobs.await_end(asked)

    told = show.status(store, asked)
    assert (told["status"], told["message"]) == ("completed", "completed, 1 job in one package, 1 left out")
    assert told["warnings"] == [f"job {empty} has no files"]
    assert told["result_path"] == f"/api/jobs/{asked}/artifacts/package.zip"
    (packed,) = show.artifacts(store, asked)
    package = zipfile.ZipFile(io.BytesIO(storage.get_bytes(packed["key"])))
    assert package.read(f"synthetic {full}/notes.md") == b"# Leaves"
    assert [job["job"] for job in json.loads(package.read("manifest.json"))["jobs"]] == [full]
