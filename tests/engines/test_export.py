"""The package opens, describes itself, can be checked, and is the same every time."""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from tests.engines.conftest import JOB, SAMPLES, Pipeline, Stopped
from workers.engines import export

FILES = [f"transcript.{form}" for form in ("txt", "srt", "vtt", "json", "md", "html", "docx", "csv")]


@pytest.fixture
def merged(begin: Callable[..., Pipeline]) -> Pipeline:
    job = begin(SAMPLES / "short-en-us.wav")
    job.inspect()
    job.prepare()
    job.transcribe()
    job.merge()
    return job


def pack(job: Pipeline) -> tuple[dict[str, Any], bytes]:
    output = export.run(job.context("export"), job.outputs)  # type: ignore[arg-type]
    (artifact,) = output["artifacts"]
    assert (artifact["name"], artifact["media_type"]) == ("package.zip", "application/zip")
    content = job.storage.get_bytes(artifact["key"])
    assert artifact["bytes"] == len(content)
    return output, content


def test_the_package_holds_every_file_and_says_how_to_check_it(merged: Pipeline) -> None:
    output, content = pack(merged)
    package = zipfile.ZipFile(io.BytesIO(content))
    assert package.testzip() is None
    assert package.namelist() == [*FILES, "manifest.json", "SHA256SUMS"]
    assert output["files"] == len(FILES) + 2
    manifest = json.loads(package.read("manifest.json"))
    assert (manifest["job"], manifest["model"], manifest["language"]) == (JOB, "demo", "en")
    assert manifest["recording"]["filename"] == "short-en-us.wav"
    assert manifest["versions"].keys() == {"faster-whisper", "ctranslate2"}
    assert manifest["steps"]["transcribe"]["settings"] == {"device": "cpu", "compute_type": "int8"}
    assert manifest["steps"]["transcribe"] | {"settings": {}} == {
        "engine": "transcribe", "method": "faster-whisper", "model": "demo", "version": manifest["versions"]["faster-whisper"],
        "settings": {}, "third_party": None,
    }  # fmt: skip
    assert (manifest["parameters"], manifest["skipped"], manifest["third_parties"]) == ({}, [], [])
    for file in manifest["files"]:
        data = package.read(file["name"])
        assert (file["bytes"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert data == merged.artifact(file["name"])
    sums = dict(reversed(line.split("  ")) for line in package.read("SHA256SUMS").decode().splitlines())
    assert sums == {name: hashlib.sha256(package.read(name)).hexdigest() for name in [*FILES, "manifest.json"]}


def test_packing_again_gives_the_same_bytes_on_another_day_as_well(merged: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = pack(merged)[1]
    at = time.time()
    monkeypatch.setattr(time, "time", lambda: at + 400 * 86_400)
    localtime = time.localtime
    monkeypatch.setattr(time, "localtime", lambda at=None: localtime(time.time() if at is None else at))
    merged.merge()
    assert pack(merged)[1] == packed


def test_what_was_asked_for_is_told_without_which_recording(merged: Pipeline) -> None:
    merged.params |= {"vocabulary": ["хлорофилл"], "seconds": 9.0}
    manifest = json.loads(zipfile.ZipFile(io.BytesIO(pack(merged)[1])).read("manifest.json"))
    assert manifest["parameters"] == {"vocabulary": ["хлорофилл"]}


def test_who_else_saw_the_text_is_told_first(merged: Pipeline) -> None:
    merged.outputs["merge"]["steps"] |= {"cleanup": {"third_party": "Google Gemini"}, "notes": {"third_party": "Google Gemini"}}
    manifest = json.loads(zipfile.ZipFile(io.BytesIO(pack(merged)[1])).read("manifest.json"))
    assert manifest["third_parties"] == ["Google Gemini"]


def test_what_was_merged_before_there_was_a_provenance_is_packed_too(merged: Pipeline) -> None:
    for name in ("title", "steps", "skipped"):
        del merged.outputs["merge"][name]
    manifest = json.loads(zipfile.ZipFile(io.BytesIO(pack(merged)[1])).read("manifest.json"))
    assert (manifest["steps"], manifest["third_parties"]) == (None, [])


def test_a_run_that_is_stopped_leaves_no_half_package(merged: Pipeline) -> None:
    context = merged.context("export")
    context.stops_after = lambda: len(context.messages) > 2
    with pytest.raises(Stopped):
        export.run(context, merged.outputs)  # type: ignore[arg-type]
    assert list(merged.storage.list(f"jobs/{JOB}/export")) == []
