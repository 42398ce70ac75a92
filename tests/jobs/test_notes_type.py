"""The job type `notes`: what it may be made of, its graph, and what is told of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jobs import submit, types
from jobs.errors import InvalidSubmission
from jobs.model import JobView, Submission, TaskView
from jobs.settings import Settings
from jobs.states import JobStatus, Priority, TaskState
from tests.jobs.hands import Hands


def asked(params: dict[str, Any], **more: Any) -> Submission:
    return Submission("notes", params, user="ada", org="maths", **more)


def test_a_transcript_is_read_then_notes_are_taken_and_written() -> None:
    for params in ({"job": "7f3a"}, {"upload": "u1", "filename": "week 1.srt", "language": "en"}):
        kind, stored, graph = submit.expand(asked(params), Settings())
        assert [(task.name, task.engine, task.needs, task.queue) for task in graph.tasks] == [
            ("read", "read", (), "short"),
            ("notes", "notes", ("read",), "short"),
            ("merge", "merge", ("read", "notes"), "short"),
        ]
        assert not any(task.optional for task in graph.tasks)
        assert stored == params
        assert kind.PRIORITY is Priority.NORMAL
        assert types.takes_transcripts("notes")
    assert not types.takes_transcripts("transcription")


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "params"),
        ({"job": "7f3a", "upload": "u1"}, "params"),
        ({"job": None, "upload": None}, "params"),
        ({"job": "../etc"}, "params.job"),
        ({"job": 5}, "params.job"),
        ({"upload": ""}, "params.upload"),
        ({"upload": "u1", "language": "english"}, "params.language"),
        ({"upload": "u1", "model": "big"}, "params.model"),
    ],
)
def test_it_is_made_of_one_transcript(params: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidSubmission) as refused:
        submit.expand(asked(params), Settings())
    assert refused.value.field == field


def test_the_job_it_is_made_of_is_of_the_same_user_and_has_ended(hands: Hands) -> None:
    waits, ended = hands.submit({"name": "a"}), hands.submit({"name": "a"})
    for params, words in (({"job": "nowhere"}, "there is no job nowhere"), ({"job": waits}, "is pending; wait")):
        with pytest.raises(InvalidSubmission, match=words) as refused:
            submit.submit(hands.store, asked(params))
        assert refused.value.field == "params.job"
    hands.work()
    hands.work()
    submit.submit(hands.store, asked({"job": ended}))
    for admin in (False, True):
        with pytest.raises(InvalidSubmission, match=f"there is no job {ended}"):
            submit.submit(hands.store, replace(asked({"job": ended}, admin=admin), user="ben"))
    hands.drain()


def view(status: JobStatus, outputs: dict[str, Any], *states: TaskState) -> JobView:
    tasks = tuple(TaskView(name, name, "short", state, False, ()) for name, state in zip(("read", "notes", "merge"), states, strict=True))
    return JobView("7f", "notes", "ada", "maths", Priority.NORMAL, status, {"job": "1"}, 0.0, None, None, 1, tasks, outputs)


def test_its_progress_is_that_of_the_notes_and_its_result_the_notes() -> None:
    read = {"segments": 31, "seconds": 176.5}
    done, ready, runs, waits = TaskState.COMPLETED, TaskState.READY, TaskState.RUNNING, TaskState.PENDING

    begun = view(JobStatus.PENDING, {}, ready, waits, waits)
    assert types.reduce(begun).progress == 0
    assert types.length(begun) == 0

    half = view(JobStatus.RUNNING, {"read": read}, done, runs, waits)
    half = replace(half, tasks=(half.tasks[0], replace(half.tasks[1], progress=50.0, message="Taking notes"), half.tasks[2]))
    told = types.reduce(half)
    assert (told.progress, told.message, told.result_path) == (50.0, "Taking notes", None)
    assert types.length(half) == 176.5

    ended = types.reduce(view(JobStatus.COMPLETED, {"read": read, "notes": {}, "merge": {}}, done, done, done))
    assert (ended.progress, ended.message) == (100.0, "completed, notes of 31 segments")
    assert ended.result_path == "/api/jobs/7f/artifacts/notes.md"
    one = types.reduce(view(JobStatus.COMPLETED, {"read": {"segments": 1}, "merge": {}}, done, done, done))
    assert one.message == "completed, notes of 1 segment"
