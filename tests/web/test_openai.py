"""/v1 without a worker: what takes longer is handed out, who waits does not keep others from being served, refusals have OpenAI's shape."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import openai
import pytest
from openai import OpenAI

from jobs import control, limits, people, show
from jobs.settings import Settings, settings
from jobs.store import Store
from tests.web.conftest import Caller, Callers, Worker, tone
from web.openai.api import WAITING
from web.openai.asked import Asked, vocabulary
from web.openai.asked import read as read_asked
from web.problems import Problem


@pytest.fixture
def web_settings(redis: Any, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of four threads two may wait, for a second."""
    for name, value in {"MAX_UPLOAD_BYTES": "300000", "MAX_AUDIO_SECONDS": "30", "WEB_THREADS": "4", "OPENAI_WAIT_SECONDS": "1"}.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    return settings()


@pytest.fixture
def client(served: str, store: Store) -> Iterator[OpenAI]:
    token = people.add(store, "ada", org="physics")
    with OpenAI(api_key=token, base_url=f"{served}/v1", max_retries=0) as found:
        yield found


def sound(seconds: float = 2) -> tuple[str, bytes]:
    return "a.wav", tone(seconds)


def ask(owner: Caller, seconds: float = 2, **fields: Any) -> Any:

    headers = fields.pop("headers", None)
    form = {"model": "whisper-1", **fields, "file": (io.BytesIO(tone(seconds)), "a.wav")}
    return owner("POST", "/v1/audio/transcriptions", data=form, content_type="multipart/form-data", headers=headers)


def test_a_client_is_handed_the_job_waits_on_for_it_and_is_told_what_it_understands(client: OpenAI, store: Store) -> None:
    began = time.monotonic()
    answer = client.audio.transcriptions.with_raw_response.create(file=sound(), model="whisper-1")
    assert 1 <= time.monotonic() - began < 10
    body = answer.http_response.json()
    job = body["id"]
    told = {"object": "job", "id": job, "status": "pending", "status_url": f"/api/jobs/{job}", "message": body["message"]}
    assert (answer.status_code, answer.headers["Location"], body) == (202, f"/api/jobs/{job}", told)
    parsed = answer.parse()
    assert (parsed.text, parsed.status_url) == (None, f"/api/jobs/{job}"), "no transcript at all, rather than an empty one"

    with pytest.raises(openai.InternalServerError) as text:  # a text that says so would be taken for the transcript
        client.audio.transcriptions.create(file=sound(), model="whisper-1", response_format="srt")
    assert (text.value.status_code, text.value.code) == (503, "still_running")
    assert text.value.body["job"] == job, "asked again it is the same job"  # type: ignore[index]
    assert text.value.response.headers["x-should-retry"] == "true"

    patient = client.with_options(max_retries=5)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: patient.audio.transcriptions.create(file=sound(), model="whisper-1", response_format="text"))
        time.sleep(1.5)
        control.cancel(store, job)
        with pytest.raises(openai.ConflictError, match=f"job {job} was cancelled"):  # by its own retries, which do not revive it
            asked.result(timeout=30)
    assert [one["priority"] for one in show.listing(store)[0]] == ["high"]

    raises_what_it_raises_at_home(client)

    limits.give(store, "ada", bytes=30_000)
    with pytest.raises(openai.RateLimitError) as day:
        client.audio.transcriptions.create(file=sound(3), model="whisper-1")
    assert (day.value.code, day.value.param, day.value.response.headers["x-should-retry"]) == ("insufficient_quota", "file", "false")
    limits.give(store, "ada", bytes=0)
    with pytest.raises(openai.APIStatusError) as large:
        client.audio.transcriptions.create(file=("a.wav", bytes(400_000)), model="whisper-1")
    assert (large.value.status_code, large.value.code) == (413, "file_too_large")
    limits.give(store, "ada", requests=1)  # of which more than one is spent
    with pytest.raises(openai.RateLimitError) as minute:
        client.models.list()
    assert minute.value.code == "rate_limit_exceeded"
    assert minute.value.response.headers["Retry-After"]


def raises_what_it_raises_at_home(client: OpenAI) -> None:
    def ask(**given: Any) -> Any:
        return client.audio.transcriptions.create(**{"file": sound(), "model": "whisper-1", **given})

    assert [model.id for model in client.models.list()] == ["whisper-1", "small"]
    assert client.models.retrieve("whisper-1").owned_by == "lectern"
    with pytest.raises(openai.AuthenticationError) as unknown:
        client.with_options(api_key="lec_wrong").models.list()
    assert unknown.value.code == "invalid_api_key"
    with pytest.raises(openai.BadRequestError) as broken:
        ask(file=("noise.mp3", b"no recording at all" * 100))
    assert (broken.value.param, broken.value.code, broken.value.type) == ("file", "invalid_file", "invalid_request_error")
    wrong: dict[str, Any] = {"response_format": "diarized_json", "temperature": 7, "stream": True, "language": "english"}
    for param, value in wrong.items():
        with pytest.raises(openai.BadRequestError) as refused:
            ask(**{param: value})
        assert refused.value.param == param
    with pytest.raises(openai.BadRequestError, match="verbose_json"):
        ask(timestamp_granularities=["word"])
    with pytest.raises(openai.NotFoundError) as missing:
        ask(model="gpt-4o-transcribe")
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4o")


def test_at_most_half_of_the_threads_wait_and_the_others_are_handed_out_at_once(callers: Callers) -> None:
    def one(n: int) -> tuple[int, float]:
        began = time.monotonic()
        owner = replace(callers.owner, client=callers.owner.client.application.test_client(use_cookies=False))
        status = ask(owner, 1 + n / 10).status_code
        return status, time.monotonic() - began

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(one, range(4)))
    assert [status for status, _ in told] == [202] * 4
    assert callers.owner.client.application.extensions[WAITING].acquire(blocking=False), "who waited has given its place back"
    assert sum(took >= 1 for _, took in told) >= 2


def test_who_does_not_want_to_wait_says_so(owner: Caller) -> None:
    answer = ask(owner, headers={"Prefer": "respond-async"}, response_format="text")
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (202, "respond-async")
    assert answer.json["object"] == "job"


def test_a_failed_job_is_told_and_done_again_when_it_is_asked_for_again(owner: Caller, worker: Worker, store: Store) -> None:
    job = ask(owner, headers={"Prefer": "respond-async"}).json["id"]
    worker.fail("there is no sound in it")
    answer = owner("GET", f"/api/jobs/{job}")
    assert answer.json["status"] == "failed"

    with ThreadPoolExecutor(1) as pool:
        again = pool.submit(ask, owner)
        until(lambda: show.job(store, job).status.value != "failed")
        worker.fail("there is no sound in it")
        refused = again.result(timeout=20)
    assert (refused.status_code, refused.headers["x-should-retry"]) == (400, "false")
    error = refused.json["error"]
    assert (error["param"], error["code"], error["job"]) == ("file", "invalid_file", job)
    assert "no sound" in error["message"]

    keyed = ask(owner, headers={"Idempotency-Key": "k", "Prefer": "respond-async"}).json["id"]
    assert keyed != job
    worker.complete({"seconds": 2})
    worker.take()
    control.cancel(store, keyed)
    told = ask(owner, headers={"Idempotency-Key": "k"})
    assert (told.status_code, told.json["error"]["type"]) == (409, "conflict_error"), "a key of one's own stands for what came of it"


def test_nobody_transcribes_without_a_token_and_nobody_gets_anothers_job(callers: Callers) -> None:
    refused = ask(callers.anonymous)
    assert (refused.status_code, refused.json["error"]["type"]) == (401, "authentication_error")
    jobs = {ask(one, headers={"Prefer": "respond-async"}).json["id"] for one in (callers.owner, callers.colleague, callers.admin)}
    assert len(jobs) == 3


def test_a_file_that_is_refused_leaves_nothing(owner: Caller, nothing_left: Callable[[], None]) -> None:
    for wrong in ({"model": ""}, {"model": "gpt-4o-transcribe"}, {"response_format": "xml"}, {"colour": "red"}, {"stream": "true"}):
        answer = ask(owner, **wrong)
        assert answer.status_code in (400, 404), answer.text
        assert answer.json["error"]["param"] in wrong
        assert answer.mimetype == "application/json"
    assert owner("POST", "/v1/audio/transcriptions", json={"model": "whisper-1"}).status_code == 400
    assert ask(owner, 31).json["error"]["message"].startswith("the recording is 31")
    nothing_left()


# the words of a request


def test_a_prompt_is_words_to_expect() -> None:
    assert list(vocabulary(["Faraday, Lenz's law;\n magnetic   flux,, "])) == ["Faraday", "Lenz's law", "magnetic flux"]
    long = "so many words " * 30
    cut = list(vocabulary([long]))
    assert all(len(one) <= 100 for one in cut)
    assert " ".join(cut) == long.strip()
    assert [len(one) for one in vocabulary(["x" * 250])] == [100, 100, 50]


def test_what_is_asked_for_is_a_job_with_no_step_too_many(web_settings: Settings) -> None:
    form = {
        "model": "whisper-1",
        "language": "de",
        "prompt": "Ampère, flux",
        "keywords[]": "flux\nvolt",
        "response_format": "verbose_json",
        "timestamp_granularities[]": "word\nsegment",
        "temperature": "0.2",
        "stream": "False",
    }
    job = read_asked(form).new_job(web_settings)
    assert job.type == "transcription"
    assert job.params == {"export": False, "language": "de", "vocabulary": ["flux", "volt", "Ampère"], "word_timestamps": True}
    assert Asked(model="large-v3").new_job(web_settings).params == {"export": False, "model": "large-v3"}
    assert Asked(model=web_settings.whisper_model).new_job(web_settings).params == {"export": False}
    with pytest.raises(Problem):
        read_asked({"model": "whisper-1", "timestamp_granularities[]": "word"})


def until(holds: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < give_up_at, "it did not come true in time"
        time.sleep(0.02)


def test_who_waits_for_a_job_goes_on_waiting_when_nothing_is_left_of_the_day(owner: Caller, store: Store) -> None:
    def ask(data: bytes) -> Any:
        form = {"model": "whisper-1", "file": (io.BytesIO(data), "a.wav")}
        return owner("POST", "/v1/audio/transcriptions", data=form, content_type="multipart/form-data", headers={"Prefer": "respond-async"})

    first = ask(tone(6))
    limits.give(store, "ada", minutes=0.1, bytes=len(tone(6)))

    again, another = ask(tone(6)), ask(tone(5))

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json["id"] == first.json["id"]
    assert (another.status_code, another.json["error"]["code"]) == (429, "insufficient_quota")
