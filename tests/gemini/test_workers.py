"""Real workers, a real Redis and a real server: what is put off, what is tried again, and a recording that is cleaned up."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from jobs import quota, record, show, submit
from jobs.model import JobView, Submission, TaskSpec
from jobs.settings import settings
from jobs.states import JobStatus, TaskState
from jobs.storage import Storage
from jobs.store import Store
from tests.gemini.api import Api, Asked, Reply, day_spent, failed, key_refused, rate_limited, said
from tests.gemini.conftest import KEY
from tests.gemini.test_cleanup import LINE, tidies
from tests.workers.conftest import ROOT, Jobs, StartWorker, Worker, jobs, start_worker, until

__all__ = ["jobs", "start_worker"]  # fixtures

LONG_S = 90.0  #: the first use of one of Google's libraries takes a busy machine a while


@pytest.fixture
def storage(tmp_path: Path, redis: Redis, api: Api, monkeypatch: pytest.MonkeyPatch) -> Storage:
    """The workers' storage; Gemini is allowed, and is the server on the loopback."""
    for name, value in {
        "STORAGE_URL": f"file://{tmp_path}/storage",
        "THIRD_PARTIES": "gemini",
        "GEMINI_API_KEY": KEY,
        "GEMINI_ENDPOINT": api.url,
        "WHISPER_MODEL": str(ROOT / "models" / "demo"),
        "LOG_LEVEL": "DEBUG",
    }.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    return Storage.open(f"file://{tmp_path}/storage")


@pytest.fixture
def part(storage: Storage, store: Store, jobs: Jobs) -> Callable[..., str]:
    """Return a function that submits a job whose task `a` cleans two sentences up."""
    storage.put_bytes("sentences.json", json.dumps(["um the first one", "the second one"]).encode())

    def part(**given: Any) -> str:
        since = store.redis.time()[0] - given.pop("waited_s", 0)
        payload = {"key": "sentences.json", "first": 0, "count": 2, "language": "en", "since": since}
        return jobs.submit(TaskSpec("a", "cleanup_part", payload=payload, backoff_s=0, **given))

    return part


def output(store: Store, job: str) -> Any:
    return show.job(store, job).outputs["a"]


def due_in_s(store: Store, job: str) -> float:
    (now, _) = store.redis.time()
    return float(store.redis.zscore(store.keys.delayed(), f"{job}-a") or 0) / 1e6 - now


def await_delayed(store: Store, jobs: Jobs, worker: Worker, job: str) -> None:
    worker.await_said("task_handed_back", within_s=LONG_S)
    jobs.await_task(job, TaskState.DELAYED, within_s=LONG_S)


@pytest.mark.parametrize("sdk", ["google-generativeai", "google-genai"])
def test_a_rate_limit_hands_the_task_back_without_an_attempt_and_it_is_done_when_it_is_over(
    sdk: str, api: Api, part: Callable[..., str], jobs: Jobs, store: Store, storage: Storage, start_worker: StartWorker
) -> None:
    api.answers(rate_limited("2s"), tidies)
    job = part()
    worker = start_worker(GEMINI_SDK=sdk)
    assert jobs.await_end(job, within_s=LONG_S) is JobStatus.COMPLETED
    (line,) = worker.said("task_handed_back")
    assert "delay_s=2 reason='Gemini takes no more requests for the moment'" in line
    assert jobs.task(job).attempts == 1
    assert len(api.asked) == 2
    assert json.loads(storage.get_bytes(output(store, job)["key"])) == {"segments": ["The first one.", "The second one."]}
    assert KEY not in worker._log.read_text()


def test_a_quota_that_is_spent_is_seen_by_all_workers_and_none_asks_until_it_is_over(
    api: Api, part: Callable[..., str], jobs: Jobs, store: Store, start_worker: StartWorker
) -> None:
    api.answers(rate_limited("1800s"))
    first = part()
    worker = start_worker()
    await_delayed(store, jobs, worker, first)
    assert due_in_s(store, first) > 20  # how long, test_asking knows
    others = [part() for _ in range(3)]
    another = start_worker()
    until(lambda: all(jobs.task(job).state is TaskState.DELAYED for job in others), within_s=LONG_S)
    assert len(api.asked) == 1
    assert [jobs.task(job).attempts for job in (first, *others)] == [0] * 4
    said = worker.said("task_handed_back") + another.said("task_handed_back")
    assert all("Gemini takes no more requests for the moment" in line for line in said)

    api.answers(tidies)  # half an hour later
    store.redis.delete(store.keys.build("quota_suspended", "gemini"))
    for job in (first, *others):
        store.redis.zadd(store.keys.delayed(), {f"{job}-a": 0})
    store.redis.rpush(store.keys.bell("short"), "1")
    assert all(jobs.await_end(job, within_s=LONG_S) is JobStatus.COMPLETED for job in (first, *others))


def test_trouble_spends_attempts_and_fails_in_a_sentence(api: Api, part: Callable[..., str], jobs: Jobs, start_worker: StartWorker) -> None:
    api.answers(failed(503, "UNAVAILABLE", "The model is overloaded."))
    job = part()
    start_worker()
    assert jobs.await_end(job, within_s=LONG_S) is JobStatus.FAILED
    assert (jobs.task(job).attempts, jobs.task(job).error) == (3, "Gemini is in trouble (503: The model is overloaded)")
    assert len(api.asked) == 3


def test_json_that_is_broken_is_asked_for_again(
    api: Api, part: Callable[..., str], jobs: Jobs, store: Store, start_worker: StartWorker
) -> None:
    api.answers(said('{"sentences": [{"n": 1'), tidies)
    job = part()
    start_worker()
    assert jobs.await_end(job, within_s=LONG_S) is JobStatus.COMPLETED
    assert (jobs.task(job).attempts, output(store, job)["why"]) == (2, "")


def test_what_waited_too_long_fails_in_a_sentence(api: Api, part: Callable[..., str], jobs: Jobs, start_worker: StartWorker) -> None:
    api.answers(rate_limited("60s"))
    job = part(waited_s=3600)
    start_worker()
    assert jobs.await_end(job, within_s=LONG_S) is JobStatus.FAILED
    assert re.search(r"quota is spent for longer than the 60 min .* 6\d min so far, 1 min to come .* can be retried", jobs.task(job).error)
    assert len(api.asked) == 1


def test_a_spent_day_is_waited_for_by_nobody_and_learnt_by_one_request(
    api: Api, part: Callable[..., str], jobs: Jobs, start_worker: StartWorker
) -> None:
    api.answers(day_spent("7200s"))
    made = [part() for _ in range(3)]
    worker = start_worker()
    assert [jobs.await_end(job, within_s=LONG_S) for job in made] == [JobStatus.FAILED] * 3
    assert all("(the day's quota of Gemini is spent)" in jobs.task(job).error for job in made)
    assert len(api.asked) == 1
    assert worker.said("task_handed_back") == []


def test_each_request_takes_a_place_in_the_quota(api: Api, part: Callable[..., str], jobs: Jobs, start_worker: StartWorker) -> None:
    api.answers(said("not JSON"), tidies)
    made = [part() for _ in range(3)]
    worker = start_worker(QUOTAS="gemini=2/3600")
    until(lambda: len(api.asked) == 2, within_s=LONG_S)
    worker.await_said("task_handed_back", times=2, within_s=LONG_S)
    assert sorted(jobs.task(job).state for job in made) == [TaskState.COMPLETED, TaskState.DELAYED, TaskState.DELAYED]
    assert len(api.asked) == 2  # the one that is to be asked again waits for a place as well


def test_a_suspension_ends_by_itself_and_a_shorter_one_does_not_end_it(store: Store) -> None:
    assert quota.suspended(store, "gemini") == (0.0, "")
    quota.suspend(store, "gemini", 3600, "the day is spent")
    quota.suspend(store, "gemini", 2, "a rate")
    wait_s, why = quota.suspended(store, "gemini")
    assert 3590 < wait_s <= 3600
    assert why == "the day is spent"
    assert 3590 < store.redis.ttl(store.keys.build("quota_suspended", "gemini")) <= 3600
    assert quota.suspended(store, "other") == (0.0, "")


# a whole transcription


@pytest.fixture
def transcribe(storage: Storage, store: Store, jobs: Jobs, tmp_path: Path) -> Callable[..., JobView]:
    """Return a function that transcribes a sample with clean-up, to its end."""

    def transcribe(sample: str) -> JobView:
        copy = tmp_path / "recording"
        shutil.copy(ROOT / "samples" / sample, copy)
        storage.put_file("uploads/u1/recording", copy)
        params = {"upload": "u1", "filename": sample, "llm_cleanup": True, "export": False}
        job = submit.submit(store, Submission(type="transcription", params=params, user="ada", org="maths"))
        jobs.await_end(job, within_s=LONG_S)
        return show.job(store, job)

    return transcribe


def state(view: JobView, task: str) -> TaskState:
    return next(found.state for found in view.tasks if found.name == task)


def transcript(view: JobView, storage: Storage) -> list[str]:
    """What was said, as it was transcribed."""
    (key,) = (found["key"] for found in view.outputs["merge"]["artifacts"] if found["name"] == "transcript.json")
    return [segment["text"] for segment in json.loads(storage.get_bytes(key))["segments"]]


def test_a_recording_is_cleaned_up_sentence_by_sentence(
    api: Api, transcribe: Callable[..., JobView], store: Store, storage: Storage, start_worker: StartWorker
) -> None:
    def louder(asked: Asked) -> Reply:
        return said({"sentences": [{"n": int(n), "text": text.upper() + "!"} for n, text in LINE.findall(asked.prompt)]})

    api.answers(rate_limited("1s"), louder)
    worker = start_worker()
    view = transcribe("lecture.ogg")
    assert (view.status, state(view, "cleanup"), state(view, "merge")) == (JobStatus.COMPLETED, TaskState.COMPLETED, TaskState.COMPLETED)
    raw = transcript(view, storage)
    parts = record.children_outputs(store, view.id, "cleanup")
    found = [text for part in parts for text in json.loads(storage.get_bytes(part["key"]))["segments"]]
    assert len(raw) > 30  # more than a request
    assert found == [f"{text.upper()}!" for text in raw]
    assert view.outputs["cleanup"]["provenance"]["third_party"] == "Google Gemini"
    assert KEY not in worker._log.read_text()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"THIRD_PARTIES": ""}, "it sends what was said to Google; an admin has to allow it: THIRD_PARTIES=gemini"),
        ({"GEMINI_API_KEY": ""}, "there is no key of the Gemini API: set GEMINI_API_KEY"),
        ({}, r"Gemini does not take GEMINI_API_KEY \(400: API key not valid"),
    ],
)
def test_without_leave_or_a_key_that_counts_the_step_is_skipped_and_the_transcript_is_there(
    given: dict[str, str], why: str, api: Api, transcribe: Callable[..., JobView], storage: Storage, start_worker: StartWorker
) -> None:
    api.answers(key_refused())
    start_worker(**given)
    view = transcribe("short-f3.ogg")
    assert (view.status, state(view, "cleanup")) == (JobStatus.COMPLETED, TaskState.SKIPPED)
    (error,) = (task.error for task in view.tasks if task.name == "cleanup")
    assert re.search(why, error)
    assert transcript(view, storage)
    assert ("cleanup" in view.outputs["merge"]["steps"]) is bool(api.asked)  # its third party is told of
    assert bool(api.asked) is not bool(given)  # it has to be tried to be refused
