"""Reducers: every combination of up to three states, and the order of tasks never matters."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from jobs import reducers, types
from jobs.model import JobView, TaskView
from jobs.states import JobStatus, Priority, TaskState

TASK = TaskView("a", "synthetic", "short", TaskState.PENDING, optional=True, needs=())
JOB = JobView("0" * 16, "synthetic", "ada", "acme", Priority.NORMAL, JobStatus.RUNNING, {}, 0.0, None, None, 1, (), {})


def job(*states: TaskState, status: JobStatus = JobStatus.RUNNING) -> JobView:
    tasks = tuple(
        replace(TASK, name="abc"[i], state=state, error="why" if state in ("failed", "skipped") else "") for i, state in enumerate(states)
    )
    return replace(JOB, tasks=tasks, status=status)


COMBINATIONS = [combo for size in (1, 2, 3) for combo in itertools.combinations_with_replacement(TaskState, size)]


@pytest.mark.parametrize("status", JobStatus)
@pytest.mark.parametrize("states", COMBINATIONS, ids="-".join)
def test_a_summary_is_sane_and_does_not_depend_on_the_order_of_tasks(states: tuple[TaskState, ...], status: JobStatus) -> None:
    whole = job(*states, status=status)
    summary = reducers.summarise(whole)
    assert 0 <= summary.progress <= 100
    assert (summary.progress == 100) == (status is JobStatus.COMPLETED)
    assert summary.message
    assert len(summary.warnings) == (TaskState.SKIPPED in states)
    for shuffled in itertools.permutations(whole.tasks):
        again = reducers.summarise(replace(whole, tasks=shuffled))
        assert (again.progress, again.message.split(":")[0]) == (summary.progress, summary.message.split(":")[0])


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        (job(TaskState.READY, status=JobStatus.PENDING), "waiting for a worker"),
        (job(TaskState.COMPLETED, TaskState.READY), "waiting for a worker, 1 of 2 steps done"),
        (job(TaskState.COMPLETED, TaskState.RUNNING), "b: working, 1 of 2 steps done"),
        (job(TaskState.DELAYED, TaskState.PENDING), "a will be tried again shortly, 0 of 2 steps done"),
        (job(TaskState.FAILED, TaskState.CANCELLED, status=JobStatus.FAILED), "a failed: why"),
        (job(TaskState.CANCELLED, status=JobStatus.CANCELLED), "cancelled"),
        (job(TaskState.COMPLETED, TaskState.SKIPPED, status=JobStatus.COMPLETED), "completed, 1 step skipped: b, why"),
        (job(TaskState.SKIPPED, TaskState.SKIPPED, status=JobStatus.COMPLETED), "completed, 2 steps skipped: a, why; b, why"),
    ],
)
def test_the_message_says_what_is_happening(whole: JobView, message: str) -> None:
    assert reducers.message(whole) == message


def test_what_a_task_says_of_itself_comes_before_what_is_derived() -> None:
    whole = job(TaskState.RUNNING)
    told = replace(whole, tasks=(replace(whole.tasks[0], message="transcribing, 40 %"),))
    assert reducers.message(told) == "transcribing, 40 %"


def test_a_task_that_waits_for_its_next_attempt_says_why() -> None:
    whole = job(TaskState.DELAYED)
    failed = replace(whole, tasks=(replace(whole.tasks[0], error="no network; check it\nTraceback"),))
    assert reducers.message(failed) == "a will be tried again shortly (no network; check it), 0 of 1 steps done"


def test_progress_weighs_steps_by_what_they_take() -> None:
    heavy = replace(TASK, name="h", engine="transcribe", state=TaskState.COMPLETED)
    light = replace(TASK, name="l", engine="inspect", state=TaskState.READY)
    assert reducers.progress((heavy, light), {"transcribe": 9.0}) == 90.0
    assert reducers.progress((heavy, light)) == 50.0


def test_what_was_measured_takes_the_place_of_what_was_guessed_and_guesses_keep_their_proportion() -> None:
    guessed = {"prepare": 6.0, "transcribe": 90.0, "merge": 2.0}
    assert reducers.learned(guessed, {}) == guessed
    assert reducers.learned(guessed, {"report": 3.0, "merge": 0.0}) == guessed
    measured = reducers.learned(guessed, {"prepare": 0.1, "transcribe": 0.38})
    assert measured == pytest.approx({"prepare": 0.1, "transcribe": 0.38, "merge": 0.01})


def test_progress_goes_by_what_steps_took_when_the_job_was_read() -> None:
    tasks = (replace(TASK, name="h", engine="transcribe", state=TaskState.COMPLETED), replace(TASK, name="l", engine="prepare"))
    whole = replace(JOB, tasks=tasks)
    weights = {"transcribe": 9.0, "prepare": 1.0}
    assert reducers.summarise(whole, weights).progress == 90.0
    assert reducers.summarise(replace(whole, speeds={"transcribe": 0.1, "prepare": 0.3}), weights).progress == 25.0


@pytest.mark.parametrize("name", types.names())
def test_each_job_type_expands_and_reduces(name: str) -> None:
    kind = types.find(name)
    given: dict[str, dict[str, Any]] = {
        "synthetic": {"tasks": [{"name": "a"}]},
        "transcription": {"upload": "u"},
        "quality": {"uploads": ["0" * 24]},
        "notes": {"upload": "u"},
        "export": {"jobs": ["0" * 16]},
        "callback": {"job": "0" * 16, "event": 1, "status": "failed"},
        "maintenance": {"what": "retention"},
    }
    params = given[name]
    graph = kind.expand(kind.Params.model_validate(params))
    tasks = tuple(replace(TASK, name=task.name, engine=task.engine, state=TaskState.COMPLETED) for task in graph.tasks)
    done = replace(JOB, type=name, params=params, tasks=tasks, status=JobStatus.COMPLETED, outputs={task.name: {} for task in tasks})
    assert kind.reduce(done).progress == 100


def test_an_export_says_how_many_jobs_are_in_its_package() -> None:
    kind = types.find("export")
    packing = replace(JOB, type="export", params={"jobs": ["a", "b", "c"]}, status=JobStatus.COMPLETED)
    for output, message in (
        ({"jobs": 3, "left_out": 0}, "completed, 3 jobs in one package"),
        ({"jobs": 1, "left_out": 2}, "completed, 1 job in one package, 2 left out"),
    ):
        summary = kind.reduce(replace(packing, outputs={"package": output}))
        assert (summary.message, summary.result_path) == (message, f"/api/jobs/{JOB.id}/artifacts/package.zip")
    assert kind.reduce(replace(packing, status=JobStatus.RUNNING)).result_path is None
