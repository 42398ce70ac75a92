"""The job type `quality`: its one task, what its reducer says, what the estimates go by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jobs.model import JobView, TaskView
from jobs.states import JobStatus, Priority, TaskState
from jobs.types import quality

TASK = TaskView("quality", "quality", "long", TaskState.RUNNING, False, (), message="7 of 20 recordings checked", progress=40.0)
JOB = JobView(
    "1", "quality", "ada", "maths", Priority.LOW, JobStatus.RUNNING, {"uploads": ["0" * 24]}, 0.0, None, None, 1, (TASK,), {}
)  # fmt: skip


def params(count: int, **more: Any) -> quality.Params:
    return quality.Params.model_validate({"uploads": [f"{n:024x}" for n in range(count)], **more})


def done(verdicts: dict[str, int], bad: list[str]) -> JobView:
    task = replace(TASK, state=TaskState.COMPLETED, progress=100.0)
    output = {"verdicts": verdicts, "bad": bad, "seconds": 90.0, "artifacts": []}
    return replace(JOB, status=JobStatus.COMPLETED, tasks=(task,), outputs={"quality": output})


def test_while_it_runs_it_says_how_many_are_checked() -> None:
    told = quality.reduce(JOB)
    assert (told.progress, told.message, told.warnings, told.result_path) == (40.0, "7 of 20 recordings checked", (), None)


def test_in_the_end_it_counts_verdicts_and_names_the_bad_ones() -> None:
    told = quality.reduce(done({"good": 13, "fair": 1, "poor": 4, "unusable": 2}, ["a", "b", "c", "d", "e"]))
    assert told.message == "20 recordings checked: 13 good, 1 fair, 4 poor, 2 unusable"
    assert told.warnings == ("6 of 20 recordings are poor or unusable: a, b, c, d, e and 1 more",)
    assert told.result_path == "/api/jobs/1/artifacts/report.html"


@pytest.mark.parametrize(
    ("verdicts", "message", "warnings"),
    [
        ({"good": 1, "poor": 0}, "1 recording checked: good", ()),
        ({"good": 0, "poor": 1}, "1 recording checked: poor", ("the recording is poor or unusable: a",)),
        ({"good": 2, "fair": 1}, "3 recordings checked: 2 good, 1 fair", ()),
    ],
)
def test_one_and_several_are_counted_in_words(verdicts: dict[str, int], message: str, warnings: tuple[str, ...]) -> None:
    told = quality.reduce(done(verdicts, ["a"] if warnings else []))
    assert (told.message, told.warnings) == (message, warnings)


def test_a_job_that_failed_says_why_and_not_that_it_was_checked() -> None:
    task = replace(TASK, state=TaskState.FAILED, error="Broken: the disk is full")
    told = quality.reduce(replace(JOB, status=JobStatus.FAILED, tasks=(task,)))
    assert told.message == "quality failed: Broken: the disk is full"


def test_its_size_is_known_when_each_length_is() -> None:
    assert quality.size(params(2, lengths=[60.0, 30.0])) == 90.0
    assert quality.size(params(2, lengths=[60.0, 0.0])) == 0.0
    assert quality.size(params(2)) == 0.0
    assert quality.length(JOB) == 0.0
    assert quality.length(done({"good": 1}, [])) == 90.0


def test_it_may_take_longer_the_more_there_is_to_hear() -> None:
    (short,), (long,), (unknown,) = (
        quality.expand(one).tasks for one in (params(1, lengths=[60.0]), params(200, lengths=[3600.0] * 200), params(2))
    )
    assert short.timeout_s == 3606
    assert long.timeout_s == 3600 + 72_000
    assert unknown.timeout_s == 3600 + 4320
    assert short.queue == "long"
