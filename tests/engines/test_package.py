"""Several jobs in one package: a folder each, whole, checkable, and the same every time."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from jobs.errors import NotFound
from jobs.model import Claimed, Failed, JobView
from jobs.settings import Settings
from jobs.states import JobStatus, Priority
from jobs.storage import Storage
from tests.engines.conftest import Appended, Run, Stopped
from workers.engines import package

STEPS = {"notes": {"engine": "notes", "method": "gemini", "version": "1", "third_party": "Google Gemini"}}


@dataclass
class Packer(Run):
    """A run of a job that is made of others."""

    jobs: dict[str, JobView] = field(default_factory=dict)

    def used(self, job: str) -> JobView:
        if job not in self.jobs:
            raise NotFound(f"there is no job {job}")
        return self.jobs[job]


@dataclass
class Desk:
    """Jobs that have ended, and a way to pack them."""

    storage: Storage
    folder: Path
    settings: Settings
    jobs: dict[str, JobView] = field(default_factory=dict)

    def add(self, id: str, filename: str | None, files: Mapping[str, bytes], status: str = "completed", **output: Any) -> None:
        artifacts = []
        for name, data in files.items():
            key = f"jobs/{id}/merge/r1/{hashlib.sha256(name.encode()).hexdigest()}"
            self.storage.put_bytes(key, data)
            artifacts.append({"name": name, "bytes": len(data), "media_type": "text/plain", "key": key})
        task: Any = type("Task", (), {"name": "merge"})()
        params = {"filename": filename} if filename else {}
        self.jobs[id] = JobView(
            id, "transcription", "ada", "maths", Priority.NORMAL, JobStatus(status), params, 1.0, 2.0, 3.0, 7, (task,),
            {"merge": {"artifacts": artifacts, **output}},
        )  # fmt: skip

    def context(self, *jobs: str, run: str = "r1", by: str = "p1") -> Packer:
        claimed = Claimed(
            run=run, job=by, task="package", child=None, engine="package", queue="long", type="export", version=1, user="ada", org="maths",
            attempt=1, attempts=3, backoff_s=5, timeout_s=3600, claimed_at=0, params={"jobs": list(jobs)}, payload={}, inputs={},
        )  # fmt: skip
        return Packer(claimed, self.settings, self.storage, self.folder, Appended(), jobs=self.jobs)

    def pack(self, *jobs: str, **more: Any) -> tuple[dict[str, Any], zipfile.ZipFile, bytes]:
        output = package.run(self.context(*jobs, **more), {})  # type: ignore[arg-type]
        assert isinstance(output, dict), output
        (artifact,) = output["artifacts"]
        data = self.storage.get_bytes(artifact["key"])
        assert artifact["bytes"] == len(data)
        packed = zipfile.ZipFile(io.BytesIO(data))
        assert packed.testzip() is None
        return output, packed, data


@pytest.fixture
def desk(storage: Storage, settings: Settings, tmp_path: Path) -> Desk:
    return Desk(storage, tmp_path, settings)


def test_each_job_has_a_folder_and_one_manifest_tells_of_all(desk: Desk) -> None:
    desk.add("a1", "week 1.ogg", {"transcript.txt": b"one", "package.zip": b"PK"}, language="en", steps=STEPS)
    desk.add("b2", "week 2.ogg", {"transcript.txt": b"two", "notes.md": b"# two"})

    output, packed, _ = desk.pack("b2", "a1")

    files = ["week 2/transcript.txt", "week 2/notes.md", "week 1/transcript.txt"]
    assert packed.namelist() == [*files, "manifest.json", "SHA256SUMS"]
    assert (output["jobs"], output["left_out"], output["files"], output["warnings"]) == (2, 0, 5, [])
    manifest = json.loads(packed.read("manifest.json"))
    assert [(job["job"], job["folder"], job["filename"]) for job in manifest["jobs"]] == [
        ("b2", "week 2", "week 2.ogg"),
        ("a1", "week 1", "week 1.ogg"),
    ]
    assert manifest["jobs"][1] | {"files": []} == {
        "job": "a1", "type": "transcription", "status": "completed", "created_at": "1970-01-01T00:00:01.000000Z", "filename": "week 1.ogg",
        "language": "en", "steps": STEPS, "folder": "week 1", "files": [],
    }  # fmt: skip
    assert manifest["third_parties"] == ["Google Gemini"]
    sums = dict(reversed(line.split("  ")) for line in packed.read("SHA256SUMS").decode().splitlines())
    assert sums == {name: hashlib.sha256(packed.read(name)).hexdigest() for name in [*files, "manifest.json"]}


def test_what_was_asked_for_is_told_of_transcripts(desk: Desk) -> None:
    desk.add("a1", "week 1.ogg", {"transcript.txt": b"one"}, skipped=[])
    desk.add("n1", None, {"notes.md": b"# one"})
    desk.jobs["a1"].params["vocabulary"] = ["хлорофилл"]  # type: ignore[index]
    manifest = json.loads(desk.pack("a1", "n1")[1].read("manifest.json"))
    assert [job.get("parameters") for job in manifest["jobs"]] == [{"vocabulary": ["хлорофилл"]}, None]


def test_the_same_jobs_give_the_same_bytes_whichever_job_packs_them(desk: Desk) -> None:
    for n in range(3):
        desk.add(f"j{n}", f"week {n}.ogg", {"transcript.txt": b"said " * n, "notes.md": b"noted"})
    jobs = [f"j{n}" for n in range(3)]
    assert desk.pack(*jobs)[2] == desk.pack(*jobs, run="r2", by="p2")[2]
    assert desk.pack(*jobs)[2] != desk.pack(*reversed(jobs))[2]


def test_folders_are_safe_and_different_on_every_system(desk: Desk) -> None:
    titles = ["Week.ogg", "week.mp3", "../../etc/passwd", "con.ogg", "a/b\\c:d*e?.ogg", " .hidden. ", None, "x" * 300 + ".ogg",
              "Übung é.m4a", "manifest.json.ogg", "e\u0301tude.ogg", "\u00e9tude.ogg", "...", "Dr. Who"]  # fmt: skip
    for n, title in enumerate(titles):
        desk.add(f"j{n}", title, {"transcript.txt": str(n).encode()})

    _, packed, _ = desk.pack(*(f"j{n}" for n in range(len(titles))))

    names = [PurePosixPath(name) for name in packed.namelist()[:-2]]
    folders = [str(name.parent) for name in names]
    assert len({folder.casefold() for folder in folders}) == len(titles)
    assert all(len(name.parts) == 2 and ".." not in name.parts and not name.is_absolute() for name in names)
    assert all(len(folder) < 100 and not set('<>:"\\|?*') & set(folder) and folder == folder.strip(" .") for folder in folders)
    assert folders[:2] == ["Week", "week (2)"]
    assert folders[3] == "_con"
    assert folders[6] == "transcription j6"
    assert folders[8] == "Übung é"
    assert folders[9] != "manifest.json"
    assert folders[13] == "Dr. Who"
    assert [packed.read(str(name)) for name in names] == [str(n).encode() for n in range(len(titles))]


def test_a_job_without_a_recording_is_called_as_what_it_made(desk: Desk) -> None:
    desk.add("n1", None, {"notes.md": b"# Leaves"}, title="Leaves: and light")
    assert desk.pack("n1")[1].namelist()[0] == "Leaves_ and light/notes.md"


def test_what_is_gone_or_has_nothing_is_left_out_with_a_warning(desk: Desk) -> None:
    desk.add("a1", "week 1.ogg", {"transcript.txt": b"one", "notes.md": b"gone"})
    desk.add("b2", "week 2.ogg", {})
    desk.add("c3", "week 3.ogg", {"transcript.txt": b"three"}, status="running")
    desk.storage.delete_prefix(desk.jobs["a1"].outputs["merge"]["artifacts"][1]["key"])

    output, packed, _ = desk.pack("a1", "b2", "c3", "d4")

    assert packed.namelist() == ["week 1/transcript.txt", "manifest.json", "SHA256SUMS"]
    assert output["warnings"] == [
        "job b2 has no files", "job c3 runs again", "job d4 is not there any more", "notes.md of job a1 is not there any more",
    ]  # fmt: skip
    assert json.loads(packed.read("manifest.json"))["left_out"] == output["warnings"]


def test_nothing_to_pack_is_a_failure_that_no_other_attempt_mends(desk: Desk) -> None:
    failed = package.run(desk.context("d4"), {})  # type: ignore[arg-type]
    assert failed == Failed("there is nothing to pack: job d4 is not there any more", final=True)
    assert list(desk.storage.list("jobs/p1")) == []


def test_a_package_of_packages_holds_them(desk: Desk) -> None:
    desk.add("p0", None, {"package.zip": b"PK"})
    assert desk.pack("p0")[1].namelist()[0] == "transcription p0/package.zip"


def test_a_run_that_is_stopped_leaves_no_half_package(desk: Desk) -> None:
    desk.add("a1", "week 1.ogg", {"transcript.txt": b"one", "notes.md": b"two"})
    context = desk.context("a1")
    context.stops_after = lambda: len(context.messages) > 2
    with pytest.raises(Stopped):
        package.run(context, {})  # type: ignore[arg-type]
    assert list(desk.storage.list("jobs/p1")) == []
