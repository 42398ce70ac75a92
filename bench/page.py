"""Write what was measured as a page of Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.figures import Measured, Row, Table, number

DASH = "–"

HEAD = """# Benchmarks

Written by `make bench`, all of it from one run: {when}, in {minutes} minutes{quick}. Each case runs both of its sides in turn, on the
same Redis (without an append-only file), with logs at WARNING; what is shown are medians over the rounds, and of ratios the median of the
rounds' own. `build/benchmarks.json` has every round; [bench/cases](../bench/cases) has a file for each case, and `make bench QUICK=1`
takes a glance at most of them.

The machine: {machine}

{versions}
"""

QUICK = " (a quick one: fewer rounds, smaller backlogs and recordings, so that it is a glance and no measure)"


def render(
    cases: Mapping[str, Measured], *, when: str, minutes: float, quick: bool, machine: str, versions: Mapping[str, str], images: str
) -> str:
    """Return the page. `images` is the folder of the plots, as seen from the page."""
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    head = HEAD.format(when=when, minutes=f"{minutes:.0f}", quick=QUICK if quick else "", machine=machine, versions=f"Versions: {told}.")
    plots = [f"![{plot.alt}]({images}/{plot.name})\n" for measured in cases.values() for plot in measured.plots]
    sections = [section for name, measured in cases.items() if (section := details(name, measured))]
    return "\n".join([head, "## Figures\n", figures(cases), *plots, "## How it was measured\n", *sections]).rstrip() + "\n"


def figures(cases: Mapping[str, Measured]) -> str:
    rows = [line(row) for measured in cases.values() for row in measured.rows]
    told = "**Reached** compares the figure, as shown, with the goal; figures without a goal are there to be known.\n"
    return "\n".join([*markdown(("", "held against", "there", "Lectern", "figure", "goal", ""), rows), "", told])


def line(row: Row) -> tuple[str, ...]:
    """Return a row's cells: what, against what, both medians, the figure, the goal, whether it is reached."""
    goal = row.goal
    is_ratio = row.key.endswith(("_ratio", "_flatness")) or "_vs_" in row.key
    return (
        f"{row.what} (`{row.key}`)",
        row.against or DASH,
        DASH if row.theirs is None else with_unit(row.theirs, row.unit),
        DASH if row.ours is None else with_unit(row.ours, row.unit),
        f"**{number(row.figure)}{'×' if is_ratio else ''}**",
        str(goal) if goal else DASH,
        "" if goal is None else "reached" if goal.reached(row.figure) else "**not reached**",
    )


def with_unit(value: float, unit: str) -> str:
    return f"{number(value)} {unit}" if unit else number(value)


def details(name: str, measured: Measured) -> str:
    """Return what a case has to say besides its figures, "" for nothing."""
    if not measured.notes and not measured.tables:
        return ""
    parts = [f"### {name}\n", *(f"{note}\n" for note in measured.notes)]
    for table in measured.tables:
        parts += [f"{table.title}:\n", "\n".join(table_lines(table)), ""]
    return "\n".join(parts)


def table_lines(table: Table) -> list[str]:
    return list(markdown(table.head, table.rows))


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for cells in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
