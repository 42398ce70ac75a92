"""What an engine returns or raises, and what is recorded for it."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from jobs.errors import Misconfigured, StorageFull, Unplayable
from jobs.model import Back, Claimed, Completed, Failed, Skipped, Spawn
from jobs.record import ERROR_BYTES
from jobs.settings import Settings
from workers.outcome import GaveUp, Later, NotConfigured, TryAgain, describe, of_error, of_result

CHILDREN = ({"seconds": 1}, {"seconds": 2})


def claimed(child: int | None = None) -> Claimed:
    return Claimed("r1", "job", "a", child, "e", "short", "synthetic", 1, "ann", "acme", 1, 3, 5.0, 60.0, 0.0, {}, {}, {})


@pytest.fixture
def config() -> Settings:
    return Settings(max_output_bytes=1024, max_children=3)


@pytest.mark.parametrize("output", [{"seconds": 1.5}, [], {}, "", 0, False, "a sentence"])
def test_json_completes_the_task(output: Any, config: Settings) -> None:
    assert of_result(output, claimed(), config) == Completed(output)
    assert of_result(Completed(output), claimed(), config) == Completed(output)


def test_nothing_returned_completes_the_task_without_output(config: Settings) -> None:
    assert of_result(None, claimed(), config) == Completed(None)


@pytest.mark.parametrize("outcome", [Failed("no"), Failed("no", final=True), Skipped("not here"), Spawn(CHILDREN, output={"n": 2})])
def test_an_outcome_is_passed_on(outcome: Any, config: Settings) -> None:
    assert of_result(outcome, claimed(), config) is outcome


def test_a_split_into_nothing_is_completed(config: Settings) -> None:
    assert of_result(Spawn((), output={"n": 0}), claimed(), config) == Completed({"n": 0})


def test_more_children_than_allowed_fail_for_good_and_name_the_limit(config: Settings) -> None:
    outcome = of_result(Spawn(CHILDREN * 2), claimed(), config)
    assert outcome == Failed("a splits into 4 children, more than MAX_CHILDREN=3 allows", final=True)


def test_a_child_cannot_split(config: Settings) -> None:
    outcome = of_result(Spawn(CHILDREN), claimed(child=1), config)
    assert outcome == Failed("engine e spawned children of a.1, which is a child itself", final=True)


@pytest.mark.parametrize(
    "output",
    [{1, 2}, object(), {"time": float("nan")}, {"a": {("b",): 1}}, Completed(b"bytes"), Spawn(({"a": b"b"},)), Spawn(CHILDREN, output={1})],
)
def test_what_is_not_json_fails_for_good_and_names_the_engine(output: Any, config: Settings) -> None:
    outcome = of_result(output, claimed(), config)
    assert isinstance(outcome, Failed)
    assert outcome.final
    assert outcome.error.startswith("engine e returned for a what is not JSON")


@pytest.mark.parametrize("output", ["x" * 2000, Completed("x" * 2000), Spawn(({"x": "x" * 2000},))])
def test_an_output_beyond_the_limit_fails_for_good_and_names_the_limit(output: Any, config: Settings) -> None:
    outcome = of_result(output, claimed(), config)
    assert isinstance(outcome, Failed)
    assert outcome.final
    assert "MAX_OUTPUT_BYTES=1024" in outcome.error


def test_an_output_is_counted_as_it_is_written(config: Settings) -> None:
    fits = "ж" * 511
    assert of_result(fits, claimed(), config) == Completed(fits)
    outcome = of_result(fits + "ж", claimed(), config)
    assert isinstance(outcome, Failed)
    assert "returned 1026 bytes" in outcome.error


@pytest.mark.parametrize("kind", [Unplayable, Misconfigured])
def test_what_no_retry_can_mend_fails_for_good_with_its_sentence_alone(kind: type[Exception], config: Settings) -> None:
    assert of_error(kind("This is not a recording."), claimed(), config) == Failed("This is not a recording.", final=True)


def test_what_could_be_made_of_an_unplayable_recording_is_kept(config: Settings) -> None:
    error = Unplayable("It breaks off after 3 s.")
    error.output = {"seconds": 3}
    assert of_error(error, claimed(), config) == Failed("It breaks off after 3 s.", final=True, output={"seconds": 3})


def test_a_step_that_is_not_configured_is_skipped(config: Settings) -> None:
    assert of_error(NotConfigured("set GEMINI_API_KEY"), claimed(), config) == Skipped("set GEMINI_API_KEY")


def fail(error: BaseException) -> Failed:
    try:
        raise error
    except BaseException as caught:
        outcome = of_error(caught, claimed(), Settings())
    assert isinstance(outcome, Failed)
    return outcome


@pytest.mark.parametrize(
    ("error", "first_line"),
    [
        (RuntimeError("the model broke"), "RuntimeError: the model broke"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyError("chunk"), "KeyError: 'chunk'"),
    ],
)
def test_any_other_error_may_be_tried_again_and_brings_its_traceback(error: BaseException, first_line: str) -> None:
    failed = fail(error)
    assert not failed.final
    assert failed.error.split("\n")[0] == first_line
    assert "Traceback (most recent call last)" in failed.error
    assert "in fail" in failed.error


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (MemoryError(), "out of memory: engine e asked for more than its worker may have"),
        (
            StorageFull("the disk under the storage is full: a/b could not be written"),
            "the disk under the storage is full: a/b could not be written",
        ),
        (OSError(errno.ENOSPC, "No space left on device", "/tmp/x"), "the disk of the worker is full: /tmp/x could not be written"),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk of the worker is full: a temporary file could not be written"),
    ],
)
def test_what_ran_out_is_said_in_a_sentence_and_may_be_tried_again(error: BaseException, sentence: str) -> None:
    assert fail(error) == Failed(sentence)


def test_an_error_takes_four_kilobytes_at_most_and_keeps_its_end() -> None:
    def dig(depth: int) -> None:
        if depth:
            dig(depth - 1)
            return  # so that the frames differ
        raise ValueError("ü" * 5000)

    try:
        dig(50)
    except ValueError as error:
        text = describe(error)
    assert len(text.encode()) <= ERROR_BYTES
    assert text.startswith("ValueError: üü")
    assert text.split("\n")[0].endswith("...")


def test_what_has_to_wait_is_given_back_for_so_long(config: Settings) -> None:
    assert of_error(Later("the day's quota is spent", 3600.0), claimed(), config) == Back("the day's quota is spent", 3600.0)


def test_trouble_outside_is_told_in_a_sentence_and_what_was_given_up_is_final(config: Settings) -> None:
    assert of_error(TryAgain("it is in trouble (503)"), claimed(), config) == Failed("it is in trouble (503)")
    assert of_error(GaveUp("it keeps its answer back"), claimed(), config) == Failed("it keeps its answer back", final=True)
