"""Medians, ratios, and whether a goal is reached: what the page's numbers come from."""

from __future__ import annotations

import pytest

from bench.figures import GOALS, Goal, Measured, Row, flat, median_ratio, number


def test_a_ratio_is_the_median_of_the_rounds_ratios_not_the_ratio_of_medians() -> None:
    assert median_ratio([10, 90, 30], [1, 10, 2]) == 10
    assert median_ratio([1, 2], [1, 1]) == 1.5


def test_sides_with_different_numbers_of_rounds_are_refused() -> None:
    with pytest.raises(ValueError):
        median_ratio([1, 2], [1])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (1, "1"),
        (0.004, "0.00"),
        (1.254, "1.25"),
        (61.26, "61.3"),
        (100.4, "100"),
        (31_744, "31,744"),
        (1.0, "1"),
        (-2.5, "-2.50"),
    ],
)
def test_a_number_is_shown_with_three_digits_that_count(value: float, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("goal", "figure", "reached"),
    [
        (Goal(60, at_least=True), 60, True),
        (Goal(60, at_least=True), 59.94, False),
        (Goal(1.25), 1.25, True),
        (Goal(1.25), 1.26, False),
        (Goal(1), 1.004, True),  # shown as 1.00: what a worker's first claim adds to thousands of tasks
        (Goal(1), 1.01, False),
        (Goal(2, below=True), 2.0, False),
        (Goal(2, below=True), 1.99, True),
        (Goal(8000), 31_744, False),
    ],
)
def test_a_goal_is_judged_by_the_figure_as_it_is_shown(goal: Goal, figure: float, reached: bool) -> None:
    assert goal.reached(figure) is reached


def test_a_goal_says_which_way_it_goes() -> None:
    assert [str(Goal(60, at_least=True)), str(Goal(1.25)), str(Goal(2, below=True)), str(Goal(8000))] == [
        "≥ 60",
        "≤ 1.25",
        "< 2",
        "≤ 8,000",
    ]


def test_both_sides_of_a_row_are_written_under_their_names() -> None:
    row = Row("noop_ratio", "jobs", 60.0, 3300.0, theirs=55.0, ours_key="noop_per_s", theirs_key="noop_stock_per_s")

    assert flat(Measured([row], more={"extra": 1.0})) == {"noop_ratio": 60.0, "noop_per_s": 3300.0, "noop_stock_per_s": 55.0, "extra": 1.0}


def test_a_side_that_was_not_measured_is_not_written() -> None:
    row = Row("bytes_per_finished_job_after_ttl", "bytes", 2900.0, 2900.0, theirs_key="bytes_per_finished_job_after_ttl_stock")

    assert flat(Measured([row])) == {"bytes_per_finished_job_after_ttl": 2900.0}


def test_each_goal_of_the_design_is_held_against_a_figure() -> None:
    assert {"noop_ratio", "graph_ratio", "claim_flatness", "recovery_s", "others_ahead", "model_jobs_ratio"} <= GOALS.keys()
