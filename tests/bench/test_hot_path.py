"""Where time goes is told by command and by function."""

from __future__ import annotations

import json
import time
from pathlib import Path

from bench.cases.hot_path import commands, functions
from bench.sampling import sampled

BUSY_S = 0.2  #: of processor time, a hundred looks


def busy() -> None:
    end = time.process_time() + BUSY_S
    while time.process_time() < end:
        sum(range(1000))


def outer() -> None:
    busy()


def test_processor_time_falls_to_the_function_that_takes_it_and_to_its_callers(tmp_path: Path) -> None:
    with sampled(tmp_path / "samples.json", "test_hot_path.outer"):
        outer()

    found = json.loads((tmp_path / "samples.json").read_text())
    assert found["samples"] > 10
    assert max(found["itself"], key=found["itself"].get) == "test_hot_path.busy"
    assert found["in_all"]["test_hot_path.outer"] == found["samples"]


def test_what_is_outside_does_not_count(tmp_path: Path) -> None:
    with sampled(tmp_path / "samples.json", "test_hot_path.outer"):
        busy()

    assert json.loads((tmp_path / "samples.json").read_text())["samples"] == 0


def test_commands_are_told_a_task_the_costliest_first() -> None:
    told = {"hset": {"calls": 40, "usec": 100}, "zadd": {"calls": 20, "usec": 300}}

    assert commands(told, 10).rows == [("`ZADD`", "2.00", "30.0"), ("`HSET`", "4.00", "10.0")]


def test_functions_are_told_as_shares() -> None:
    samples = {"samples": 200, "itself": {"a.b": 20, "c.d": 180}, "in_all": {"a.b": 200, "c.d": 190}}

    assert functions(samples).rows == [("`c.d`", "90%", "95%"), ("`a.b`", "10%", "100%")]
