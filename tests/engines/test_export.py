"""The package opens, describes itself, can be checked, and is the same every time."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from tests.engines.conftest import JOB, SAMPLES, Pipeline, Stopped
from workers.engines import export

FILES = ["transcript.txt", "transcript.srt", "transcript.vtt", "transcript.json"]


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
    assert output["files"] == 6
    manifest = json.loads(package.read("manifest.json"))
    assert (manifest["job"], manifest["model"], manifest["language"]) == (JOB, "demo", "en")
    assert manifest["recording"]["filename"] == "short-en-us.wav"
    assert manifest["versions"].keys() == {"faster-whisper", "ctranslate2"}
    for file in manifest["files"]:
        data = package.read(file["name"])
        assert (file["bytes"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert data == merged.artifact(file["name"])
    sums = dict(reversed(line.split("  ")) for line in package.read("SHA256SUMS").decode().splitlines())
    assert sums == {name: hashlib.sha256(package.read(name)).hexdigest() for name in [*FILES, "manifest.json"]}


def test_packing_again_gives_the_same_bytes(merged: Pipeline) -> None:
    assert pack(merged)[1] == pack(merged)[1]


def test_a_run_that_is_stopped_leaves_no_half_package(merged: Pipeline) -> None:
    context = merged.context("export")
    context.stops_after = lambda: len(context.messages) > 2
    with pytest.raises(Stopped):
        export.run(context, merged.outputs)  # type: ignore[arg-type]
    assert list(merged.storage.list(f"jobs/{JOB}/export")) == []
