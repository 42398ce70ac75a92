"""OpenAI's own client library against a whole installation: it gets what the job has made, and raises what it raises at home."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
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


@pytest.fixture(scope="module")
def ada(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    with served(tmp_path_factory.mktemp("openai"), "--long", "1", **SETTINGS) as running:
        yield Person(running)


@pytest.fixture(scope="module")
def job(ada: Person) -> dict[str, Any]:
    """The job behind the first request."""
    found: dict[str, Any] = ada.get(ada.raw().headers["Location"]).json()
    return found


def artifact(ada: Person, job: dict[str, Any], name: str) -> str:
    return ada.get(f"/api/jobs/{job['id']}/artifacts/{name}").text


def test_the_job_is_an_ordinary_one_of_high_priority_with_the_steps_that_are_needed(job: dict[str, Any]) -> None:
    assert (job["type"], job["status"], job["priority"], job["user"], job["org"]) == (
        "transcription",
        "completed",
        "high",
        "ada",
        "physics",
    )
    assert [task["name"] for task in job["tasks"]] == ["inspect", "prepare", "transcribe", "merge"]


def test_json_is_the_text_of_the_transcript(ada: Person, job: dict[str, Any]) -> None:
    found = ada.ask(language="en")
    assert word_error_rate(reference(SPEECH.with_suffix(".json")), words(found.text)) < 0.2
    assert found.usage.type == "duration"
    assert found.usage.seconds >= 6
    assert ada.ask().text == artifact(ada, job, "transcript.txt").strip()


@pytest.mark.parametrize(("form", "name"), [("text", "transcript.txt"), ("srt", "transcript.srt"), ("vtt", "transcript.vtt")])
def test_text_and_subtitles_are_the_jobs_own_and_the_same_file_is_not_transcribed_again(
    ada: Person, job: dict[str, Any], form: str, name: str
) -> None:
    answer = ada.raw(response_format=form)
    assert answer.headers["Location"] == f"/api/jobs/{job['id']}"
    assert answer.parse() == answer.text == artifact(ada, job, name)


def test_verbose_json_has_segments_and_where_asked_for_words(ada: Person, job: dict[str, Any]) -> None:
    found = ada.ask(response_format="verbose_json")
    heard = json.loads(artifact(ada, job, "transcript.json"))
    assert (found.task, found.language, found.duration) == ("transcribe", "english", heard["recording"]["seconds"])
    assert [(one.id, one.start, one.end, one.text) for one in found.segments] == [
        (n, one["start"], one["end"], one["text"]) for n, one in enumerate(heard["segments"])
    ]
    assert found.segments[0].avg_logprob == heard["segments"][0]["avg_logprob"]
    assert found.segments[0].compression_ratio > 0
    assert found.words is None

    timed = ada.raw(response_format="verbose_json", timestamp_granularities=["word", "segment"])
    told, its = timed.parse(), json.loads(artifact(ada, {"id": timed.headers["Location"].rpartition("/")[2]}, "transcript.json"))
    spoken = [word for segment in its["segments"] for word in segment["words"]]
    assert [(word.word, word.start, word.end) for word in told.words] == [(word["word"], word["start"], word["end"]) for word in spoken]
    assert len(told.segments) == len(its["segments"])
    assert ada.ask(response_format="verbose_json", timestamp_granularities=["word"]).segments is None


def test_what_to_expect_and_the_model_of_the_installation_reach_the_job(ada: Person) -> None:
    answer = ada.raw(model="demo", prompt="Faraday, magnetic flux", temperature=0.3, language="en")
    assert answer.parse().text
    made = ada.get(answer.headers["Location"]).json()
    transcript = json.loads(artifact(ada, made, "transcript.json"))
    assert transcript["parameters"]["vocabulary"] == ["Faraday", "magnetic flux"]
    assert transcript["parameters"].get("model") is None


def test_the_models_are_listed(ada: Person) -> None:
    assert [model.id for model in ada.client.models.list()] == ["whisper-1", "demo"]
    assert ada.client.models.retrieve("whisper-1").owned_by == "lectern"
    with pytest.raises(openai.NotFoundError):
        ada.client.models.retrieve("gpt-4o")


def test_the_client_raises_its_own_exceptions(ada: Person) -> None:
    with pytest.raises(openai.AuthenticationError) as unknown:
        OpenAI(api_key="lec_wrong", base_url=f"{ada.address}/v1", max_retries=0).models.list()
    assert unknown.value.code == "invalid_api_key"
    with pytest.raises(openai.BadRequestError) as broken:
        ada.ask(file=("noise.mp3", io.BytesIO(b"no recording at all" * 100)))
    assert (broken.value.param, broken.value.code, broken.value.type) == ("file", "invalid_file", "invalid_request_error")
    for wrong, param in (
        ({"response_format": "diarized_json"}, "response_format"),
        ({"temperature": 7}, "temperature"),
        ({"stream": True}, "stream"),
        ({"language": "english"}, "language"),
        ({"extra_body": {"colour": "red"}}, "colour"),
    ):
        with pytest.raises(openai.BadRequestError) as refused:
            ada.ask(**wrong)
        assert refused.value.param == param
    with pytest.raises(openai.BadRequestError, match="verbose_json"):
        ada.ask(timestamp_granularities=["word"])
    with pytest.raises(openai.NotFoundError) as missing:
        ada.ask(model="gpt-4o-transcribe")
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.NotFoundError):
        ada.client.audio.translations.create(file=("a.ogg", b"x"), model="whisper-1")
