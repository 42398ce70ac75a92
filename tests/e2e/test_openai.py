"""OpenAI's own client library against a whole installation: it gets what the job has made."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests
from openai import OpenAI

from scripts.words import reference, word_error_rate, words
from tests.served import Served, served

ROOT = Path(__file__).parents[2]
SPEECH = ROOT / "samples" / "short-slt.ogg"
SETTINGS = {"WHISPER_MODEL": str(ROOT / "models" / "demo"), "OPENAI_WAIT_SECONDS": "60"}


class Person:
    """A user of the installation, with OpenAI's client."""

    def __init__(self, lectern: Served) -> None:
        command = [sys.executable, "-m", "scripts.admin", "users", "add", "ada", "--org", "physics", "--data", str(lectern.data), "--json"]
        self.token = str(json.loads(subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout)["token"])
        self.address = lectern.address
        self.client = OpenAI(api_key=self.token, base_url=f"{self.address}/v1", max_retries=0)

    def ask(self, **given: Any) -> Any:
        with SPEECH.open("rb") as file:
            return self.client.audio.transcriptions.create(**{"file": file, "model": "whisper-1", **given})

    def raw(self, **given: Any) -> Any:
        with SPEECH.open("rb") as file:
            return self.client.audio.transcriptions.with_raw_response.create(**{"file": file, "model": "whisper-1", **given})

    def get(self, path: str) -> requests.Response:
        answer = requests.get(f"{self.address}{path}", headers={"Authorization": f"Bearer {self.token}"}, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer

    def artifact(self, job: str, name: str) -> str:
        return self.get(f"/api/jobs/{job}/artifacts/{name}").text


def test_the_client_gets_what_an_ordinary_job_of_high_priority_has_made(tmp_path: Path) -> None:
    with served(tmp_path / "data", "--long", "1", **SETTINGS) as running:
        ada = Person(running)
        first = ada.raw()
        job = ada.get(first.headers["Location"]).json()
        assert (job["type"], job["status"], job["priority"]) == ("transcription", "completed", "high")
        assert [task["name"] for task in job["tasks"]] == ["inspect", "prepare", "transcribe", "merge"]
        is_the_text_of_the_transcript(ada, first, job)
        text_and_subtitles_are_the_jobs_own(ada, job)
        verbose_json_has_segments(ada, job)
        verbose_json_has_words_where_they_are_asked_for(ada)
        what_to_expect_reaches_the_job(ada)


def is_the_text_of_the_transcript(ada: Person, first: Any, job: dict[str, Any]) -> None:
    found = first.parse()
    assert word_error_rate(reference(SPEECH.with_suffix(".json")), words(found.text)) < 0.2
    assert found.text == ada.artifact(job["id"], "transcript.txt").strip()
    assert (found.usage.type, found.usage.seconds) == ("duration", 7)  # of 6.1


def text_and_subtitles_are_the_jobs_own(ada: Person, job: dict[str, Any]) -> None:
    for form in ("text", "srt", "vtt"):
        answer = ada.raw(response_format=form)
        assert answer.headers["Location"] == f"/api/jobs/{job['id']}", "the same file is not transcribed again"
        assert answer.parse() == ada.artifact(job["id"], f"transcript.{'txt' if form == 'text' else form}")


def verbose_json_has_segments(ada: Person, job: dict[str, Any]) -> None:
    found = ada.ask(response_format="verbose_json")
    heard = json.loads(ada.artifact(job["id"], "transcript.json"))
    assert (found.task, found.language, found.duration) == ("transcribe", "english", heard["recording"]["seconds"])
    told = [(one.id, one.start, one.end, one.text, one.avg_logprob) for one in found.segments]
    assert told == [(n, one["start"], one["end"], one["text"], one["avg_logprob"]) for n, one in enumerate(heard["segments"])]
    assert found.segments[0].compression_ratio > 0
    assert found.words is None


def verbose_json_has_words_where_they_are_asked_for(ada: Person) -> None:
    timed = ada.raw(response_format="verbose_json", timestamp_granularities=["word", "segment"])
    heard = json.loads(ada.artifact(timed.headers["Location"].rpartition("/")[2], "transcript.json"))
    spoken = [(word["word"], word["start"], word["end"]) for segment in heard["segments"] for word in segment["words"]]
    assert [(word.word, word.start, word.end) for word in timed.parse().words] == spoken
    assert len(spoken) > 5
    assert len(timed.parse().segments) == len(heard["segments"])
    assert ada.ask(response_format="verbose_json", timestamp_granularities=["word"]).segments is None


def what_to_expect_reaches_the_job(ada: Person) -> None:
    answer = ada.raw(model="demo", prompt="Faraday, magnetic flux", temperature=0.3, language="en")
    assert answer.parse().text
    transcript = json.loads(ada.artifact(answer.headers["Location"].rpartition("/")[2], "transcript.json"))
    assert transcript["parameters"]["vocabulary"] == ["Faraday", "magnetic flux"]
    assert transcript["parameters"]["language"] == "en"
    assert transcript["parameters"].get("model") is None
