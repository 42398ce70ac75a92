"""The page says what was measured, against what, and whether it is enough."""

from __future__ import annotations

from bench import machine, page
from bench.__main__ import document, throughput_plot
from bench.figures import Measured, Plot, Row, Table

ABOUT = {
    "when": "2026-11-22 10:00 UTC",
    "minutes": 11.6,
    "quick": False,
    "machine": "2 cores.",
    "versions": {"rq": "3.0.0", "python": "3.11"},
}


def noop(ratio: float = 61.25) -> Measured:
    row = Row("noop_ratio", "no-op jobs a second", ratio, 3300.4, theirs=55.2, against="stock RQ", ours_key="noop_per_s")
    return Measured([row], rounds={"noop_per_s": [3300.4, 3200.0]})


def rendered(**cases: Measured) -> str:
    return page.render(cases, **ABOUT, images="images")  # type: ignore[arg-type]


def test_a_figure_stands_beside_both_sides_and_its_goal() -> None:
    assert "| no-op jobs a second (`noop_ratio`) | stock RQ | 55.2 | 3,300 | **61.2×** | ≥ 60 | reached |" in rendered(noop=noop())


def test_a_goal_that_is_missed_is_said_so() -> None:
    assert "| **59.0×** | ≥ 60 | **not reached** |" in rendered(noop=noop(59.04))


def test_what_has_no_goal_is_not_judged() -> None:
    row = Row("horse_recovery_s", "its horse alone killed", 0.12, 0.12, unit="s")

    assert "| its horse alone killed (`horse_recovery_s`) | – | – | 0.12 s | **0.12** | – |  |" in rendered(recovery=Measured([row]))


def test_the_page_says_when_on_what_and_with_what_versions() -> None:
    text = rendered(noop=noop())

    assert "2026-11-22 10:00 UTC, in 12 minutes" in text
    assert "The machine: 2 cores." in text
    assert "rq 3.0.0, python 3.11." in text
    assert "quick" not in text


def test_a_quick_run_says_that_it_is_no_measure() -> None:
    assert "a quick one" in page.render({}, **{**ABOUT, "quick": True}, images="images")  # type: ignore[arg-type]


def test_notes_tables_and_plots_are_shown() -> None:
    table = Table("What it takes", ("key", "bytes"), [("`a|b`", "12")])

    text = rendered(memory=Measured(tables=[table], plots=[Plot("p.svg", "a plot", "<svg/>")], notes=["Over 10 jobs."]))

    assert "### memory\n\nOver 10 jobs.\n\nWhat it takes:\n\n| key | bytes |\n| --- | --- |\n| `a/b` | 12 |\n" in text
    assert "![a plot](images/p.svg)" in text


def test_the_figures_as_json_have_goals_and_every_round() -> None:
    made = document({"noop": noop()}, ABOUT)

    assert made["noop_ratio"] == 61.25
    assert made["noop_per_s"] == 3300.4
    assert made["goals"] == {"noop_ratio": {"goal": "≥ 60", "reached": True}}
    assert made["rounds"] == {"noop_per_s": [3300.4, 3200.0]}


def test_the_throughput_is_drawn_when_both_kinds_of_jobs_were_measured() -> None:
    assert throughput_plot({"noop": noop()}) is None
    drawn = throughput_plot({"noop": noop(), "graph": noop()})
    assert drawn
    assert drawn.svg.count('class="bar"') == 4


def test_the_machine_is_told_in_words() -> None:
    told = machine.in_words((0.5, 0, 0), (2.25, 0, 0))

    assert "cores" in told
    assert "The load was 0.5 in the minute before and 2.2 in the last minute of it" in told
    assert "/" not in told
    assert {"python", "rq", "redis-server", "faster-whisper"} <= machine.versions().keys()
