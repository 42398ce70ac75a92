"""From an upload over HTTP to the package, in a whole installation; and what is killed on the way loses nothing."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from scripts.words import reference, word_error_rate, words
from tests.served import Served, cmdline, served, wait_until

ROOT = Path(__file__).parents[2]
LECTURE = ROOT / "samples" / "lecture.ogg"
#: A lease short enough for a test to wait for; the rest as in production.
QUICK = {"WHISPER_MODEL": str(ROOT / "models" / "demo"), "LEASE_SECONDS": "3", "RENEW_SECONDS": "1"}


class Guest:
    """A user of one installation, over HTTP alone."""

    def __init__(self, lectern: Served) -> None:
        self.lectern = lectern
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {(lectern.data / 'admin.token').read_text().strip()}"

    def get(self, path: str, **given: Any) -> requests.Response:
        return self.session.get(f"{self.lectern.address}{path}", timeout=30, **given)

    def upload(self, name: str, recording: bytes, **params: Any) -> str:
        files = {"file": (name, recording)}
        data = {"type": "transcription", "params": json.dumps(params)}
        answer = self.session.post(f"{self.lectern.address}/api/jobs", files=files, data=data, timeout=30)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def status(self, job: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/api/jobs/{job}").json()
        return found

    def ended(self, job: str, timeout_s: float = 90.0) -> dict[str, Any]:
        wait_until(lambda: self.status(job)["status"] in ("completed", "failed", "cancelled"), timeout_s)
        return self.status(job)

    def windows(self, job: str) -> int:
        """How many decoded windows there are so far."""
        return len(self.get(f"/api/jobs/{job}/partial").json()["items"])

    def artifact(self, job: str, name: str) -> bytes:
        answer = self.get(f"/api/jobs/{job}/artifacts/{name}")
        assert answer.status_code == 200, answer.text
        return answer.content


@pytest.fixture(scope="module")
def lectern(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("whole"), "--long", "1", **QUICK) as running:
        yield running


@pytest.fixture(scope="module")
def undisturbed(lectern: Served) -> dict[str, Any]:
    """The transcript of the lecture when nothing is killed."""
    guest = Guest(lectern)
    job = guest.upload("lecture.ogg", LECTURE.read_bytes())
    assert guest.ended(job)["status"] == "completed"
    transcript: dict[str, Any] = json.loads(guest.artifact(job, "transcript.json"))
    return transcript


def long_worker(lectern: Served) -> list[psutil.Process]:
    """The long worker's supervisor and its horse."""
    supervisor = next(child for child in psutil.Process(lectern.process.pid).children() if "workers long" in " ".join(cmdline(child)))
    return [supervisor, *supervisor.children(recursive=True)]


def test_an_upload_becomes_a_transcript_and_a_package(lectern: Served) -> None:
    guest = Guest(lectern)

    job = guest.upload("lecture.ogg", LECTURE.read_bytes())
    told = guest.ended(job)

    assert (told["status"], told["progress"], told["message"]) == ("completed", 100.0, "completed")
    assert [(task["name"], task["state"]) for task in told["tasks"]] == [
        (name, "completed") for name in ("inspect", "prepare", "transcribe", "merge", "export")
    ]
    heard = words(guest.artifact(job, "transcript.txt").decode())
    assert word_error_rate(reference(LECTURE.with_suffix(".json")), heard) <= 0.03
    assert told["result_path"] == f"/api/jobs/{job}/artifacts/package.zip"
    with zipfile.ZipFile(io.BytesIO(guest.artifact(job, "package.zip"))) as package:
        assert package.testzip() is None
        manifest = json.loads(package.read("manifest.json"))
        sums = dict(reversed(line.split("  ")) for line in package.read("SHA256SUMS").decode().splitlines())
        assert {"transcript.txt", "transcript.srt", "transcript.vtt", "transcript.json"} <= set(package.namelist())
        for name, told_sum in sums.items():
            assert hashlib.sha256(package.read(name)).hexdigest() == told_sum
        assert manifest


@pytest.mark.chaos
def test_kill_9_of_the_long_workers_group_in_the_middle_of_a_chunk_changes_nothing_in_the_transcript(
    lectern: Served, undisturbed: dict[str, Any]
) -> None:
    guest = Guest(lectern)
    job = guest.upload("lecture.ogg", LECTURE.read_bytes())
    wait_until(lambda: guest.windows(job) >= 2)

    for process in long_worker(lectern):
        os.kill(process.pid, signal.SIGKILL)

    assert guest.windows(job) < len({segment["start"] // 30 for segment in undisturbed["segments"]})  # it was in the middle
    told = guest.ended(job)
    assert told["status"] == "completed"
    assert json.loads(guest.artifact(job, "transcript.json"))["segments"] == undisturbed["segments"]


@pytest.mark.chaos
def test_kill_9_of_everything_and_a_second_start_goes_on_where_the_first_stopped(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    with served(tmp_path, "--long", "1", **QUICK) as first:
        guest = Guest(first)
        job = guest.upload("lecture.ogg", LECTURE.read_bytes())
        wait_until(lambda: guest.windows(job) >= 2)
        for process in reversed(first.family()):
            process.kill()
        first.process.wait(timeout=30)

    with served(tmp_path, "--long", "1", **QUICK) as second:
        guest = Guest(second)
        assert guest.windows(job) >= 1  # at most a second's worth is lost with appendfsync everysec, and only in a power cut
        assert guest.ended(job)["status"] == "completed"
        assert json.loads(guest.artifact(job, "transcript.json"))["segments"] == undisturbed["segments"]


def test_a_recording_that_breaks_off_fails_in_words_and_keeps_what_was_heard(lectern: Served) -> None:
    guest = Guest(lectern)
    whole = (ROOT / "samples" / "seminar.mp3").read_bytes()

    job = guest.upload("lecture.ogg", LECTURE.read_bytes()[: LECTURE.stat().st_size * 6 // 10])
    told = guest.ended(job)

    assert told["status"] == "failed"
    assert "breaks off" in told["message"]
    assert "Traceback" not in json.dumps(told)
    heard = words(guest.artifact(job, "transcript.txt").decode())
    said = reference(LECTURE.with_suffix(".json"))
    assert len(heard) > 0.4 * len(said)
    assert word_error_rate(said[: len(heard)], heard) <= 0.05
    # The next recording is none the worse for it.
    assert guest.ended(guest.upload("seminar.mp3", whole))["status"] == "completed"


def test_silence_is_a_transcript_without_words_and_a_warning(lectern: Served) -> None:
    guest = Guest(lectern)
    told = guest.ended(guest.upload("silence.ogg", (ROOT / "samples" / "silence.ogg").read_bytes()))
    assert told["status"] == "completed"
    assert any("no speech" in warning.lower() for warning in told["warnings"])


def test_a_job_is_cancelled_while_it_is_transcribed(lectern: Served) -> None:
    guest = Guest(lectern)
    job = guest.upload("lecture.ogg", LECTURE.read_bytes())
    wait_until(lambda: guest.windows(job) >= 1)
    at_work = [process.pid for process in long_worker(lectern)]
    assert guest.session.post(f"{lectern.address}/api/jobs/{job}/cancel", timeout=30).status_code in (200, 202)
    assert guest.status(job)["status"] == "cancelled"
    wait_until(lambda: f"run_gone job={job} task=transcribe.0" in (lectern.data / "logs" / "worker-long-1.log").read_text())
    heard = guest.windows(job)
    seminar = (ROOT / "samples" / "seminar.mp3").read_bytes()
    assert guest.ended(guest.upload("seminar.mp3", seminar))["status"] == "completed"  # by the same horse, which is free again
    assert [process.pid for process in long_worker(lectern)] == at_work
    assert guest.windows(job) == heard
    assert guest.session.delete(f"{lectern.address}/api/jobs/{job}", timeout=30).status_code in (200, 204)
    assert guest.get(f"/api/jobs/{job}").status_code == 404


def test_a_model_that_cannot_be_loaded_says_which_setting_to_change(tmp_path: Path) -> None:
    with served(tmp_path, "--long", "1", **(QUICK | {"WHISPER_MODEL": str(tmp_path / "nowhere")})) as lectern:
        guest = Guest(lectern)
        told = guest.ended(guest.upload("short.wav", (ROOT / "samples" / "short-en-us.wav").read_bytes()))
    assert told["status"] == "failed"
    assert "WHISPER_MODEL" in told["message"]


def test_the_command_line_client_follows_and_downloads(lectern: Served, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.submit", str(ROOT / "samples" / "seminar.mp3"), "--url", lectern.address]
    command += ["--data", str(lectern.data), "--follow", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.rglob("package.zip"))


def test_a_corrected_transcript_is_made_again_with_the_times_that_it_had(lectern: Served) -> None:
    guest = Guest(lectern)
    job = guest.upload("seminar.mp3", (ROOT / "samples" / "seminar.mp3").read_bytes(), word_timestamps=True)
    status = guest.ended(job)
    assert (status["status"], status["warnings"]) == ("completed", [])
    before = json.loads(guest.artifact(job, "transcript.json"))["segments"]
    first, *rest = before[1]["text"].split()
    corrected = " ".join([first, "quite", "something", "else", *rest])

    answer = guest.session.patch(f"{lectern.address}/api/jobs/{job}/corrections", json={"segments": {"1": {"text": corrected}}}, timeout=30)
    assert answer.status_code == 202, answer.text
    assert guest.ended(job)["status"] == "completed"

    after = json.loads(guest.artifact(job, "transcript.json"))["segments"]
    assert [*after[:1], *after[2:]] == [*before[:1], *before[2:]]
    assert (after[1]["text"], after[1]["start"], after[1]["end"]) == (corrected, before[1]["start"], before[1]["end"])
    times = {name: [(word["start"], word["end"]) for word in found[1]["words"]] for name, found in (("before", before), ("after", after))}
    assert (times["after"][:1], times["after"][4:]) == (times["before"][:1], times["before"][1:])
    assert corrected in guest.artifact(job, "transcript.txt").decode()
