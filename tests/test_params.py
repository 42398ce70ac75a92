"""What a job's parameters may be: each JSON type is taken as itself, and what was checked is what everybody reads."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import show, submit
from jobs.errors import InvalidSubmission
from jobs.model import Submission
from jobs.settings import Settings
from jobs.store import Store
from scripts.submit import read_param


def asked(params: dict[str, Any], kind: str = "transcription") -> Submission:
    return Submission(kind, params, user="ada", org="maths", admin=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("export", "false"),
        ("export", 0),
        ("word_timestamps", "no"),
        ("language", 3),
        ("vocabulary", "leaf"),
        ("vocabulary", ["leaf", 3]),
        ("vocabulary", ["x" * 101]),
        ("vocabulary", [""]),
        ("vocabulary", ["leaf"] * 201),
        ("notes", "false"),
    ],
)
def test_a_parameter_of_another_type_or_size_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidSubmission, match=rf"params\.{name}") as refused:
        submit.expand(asked({"upload": "u1", name: value}), Settings())
    assert (refused.value.field or "").startswith(f"params.{name}")


def test_lists_and_numbers_are_taken_as_json_writes_them(store: Store) -> None:
    params = {"upload": "u1", "vocabulary": ["leaf", "x" * 100], "export": False}
    job = submit.submit(store, asked(params))
    assert show.job(store, job).params == params
    assert [task.name for task in show.job(store, job).tasks][-1] == "merge"

    tasks = [{"name": "a", "seconds": 1, "duration": "long"}, {"name": "b", "needs": ["a"]}]
    job = submit.submit(store, asked({"tasks": tasks}, "synthetic"))
    assert [task.queue for task in show.job(store, job).tasks] == ["long", "short"]


def test_one_request_written_in_another_order_is_the_same_one(store: Store) -> None:
    first = submit.submit(store, asked({"upload": "u1", "export": False}), idempotency_key="k")
    assert submit.submit(store, asked({"export": False, "upload": "u1"}), idempotency_key="k") == first


def test_the_command_line_gives_false_as_false() -> None:
    params = dict(map(read_param, ["export=false", "language=en", "upload=u1"]))
    _, stored, graph = submit.expand(asked(params), Settings())
    assert stored["export"] is False
    assert "export" not in [task.name for task in graph.tasks]


def test_the_command_line_asks_for_every_step_by_its_name() -> None:
    given = ["notes=true", "detect_emotions=true", "llm_cleanup=true", "speaker_detection=diarize", 'vocabulary=["osmosis", "Dr Lovelace"]']
    _, stored, graph = submit.expand(asked({"upload": "u1", **dict(map(read_param, given))}), Settings())

    assert (stored["notes"], stored["speaker_detection"], stored["vocabulary"]) == (True, "diarize", ["osmosis", "Dr Lovelace"])
    assert {"align", "diarize", "emotions", "cleanup", "notes"} <= {task.name for task in graph.tasks}
    with pytest.raises(InvalidSubmission, match=r"params\.notes"):
        submit.expand(asked({"upload": "u1", **dict(map(read_param, ["notes=True"]))}), Settings())
