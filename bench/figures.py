"""What is measured: figures, both sides of each, and the goals they are held against. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Goal:
    limit: float
    at_least: bool = False  #: else at most
    below: bool = False  #: at most, and not quite

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '<' if self.below else '≤'} {number(self.limit)}"

    def reached(self, figure: float) -> bool:
        """Judge a figure as it is shown: with the digits of `number`, so that the table never contradicts itself."""
        seen = float(number(figure).replace(",", ""))
        if self.at_least:
            return seen >= self.limit
        return seen < self.limit if self.below else seen <= self.limit


#: By the figure's name in benchmarks.json.
GOALS = {
    "noop_ratio": Goal(60, at_least=True),
    "graph_ratio": Goal(80, at_least=True),
    "round_trips_per_task": Goal(1),
    "submit_round_trips": Goal(1),
    "bytes_per_finished_job": Goal(8000),
    "bytes_per_finished_job_after_ttl": Goal(3000),
    "others_ahead": Goal(1),
    "claim_flatness": Goal(1.25),
    "recovery_s": Goal(20),
    "model_jobs_ratio": Goal(0.9, at_least=True),
    "transcription_cpu_ratio": Goal(0.95, at_least=True),
    "idle_commands_per_s": Goal(2, below=True),
    "wakeup_ms": Goal(10),
    "status_vs_constant_route": Goal(0.5, at_least=True),
    "status_round_trips": Goal(1),
    "start_s": Goal(1, below=True),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the page: two sides, the figure that follows from them, and (by its key) a goal."""

    key: str  #: the figure's name in benchmarks.json
    what: str
    figure: float
    ours: float | None  #: median, in `unit`
    unit: str = ""
    theirs: float | None = None  #: median, in `unit`; None: nothing to compare with, or not measured here
    against: str = ""  #: what the other side is
    ours_key: str = ""  #: under which the side itself is written to benchmarks.json
    theirs_key: str = ""

    @property
    def goal(self) -> Goal | None:
        return GOALS.get(self.key)


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Plot:
    name: str  #: of its file
    alt: str
    svg: str


@dataclass(slots=True)
class Measured:
    """What a case came to."""

    rows: list[Row] = field(default_factory=list)
    more: dict[str, float] = field(default_factory=dict)  #: further figures, for benchmarks.json alone
    rounds: dict[str, list[float]] = field(default_factory=dict)  #: what the medians are of
    tables: list[Table] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  #: how it was measured, in sentences


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def median_ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """Return the median of the rounds' ratios: what disturbs a round disturbs both its sides."""
    return statistics.median(one / other for one, other in zip(over, under, strict=True))


def flat(measured: Measured) -> dict[str, float]:
    """Return all figures of a case by their names in benchmarks.json."""
    figures: dict[str, float] = {}
    for row in measured.rows:
        figures[row.key] = row.figure
        if row.ours_key and row.ours is not None:
            figures[row.ours_key] = row.ours
        if row.theirs_key and row.theirs is not None:
            figures[row.theirs_key] = row.theirs
    return {**figures, **measured.more}


def number(value: float) -> str:
    """Return a number for people: three digits that count, whole ones from 100 on."""
    if value == int(value) or abs(value) >= 100:
        return f"{round(value):,}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
