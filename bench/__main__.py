"""`make bench`: measure every case in one run, write the figures as JSON and as a page."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from bench import machine, page, plot
from bench.bench import Bench
from bench.cases import NAMES, QUICK_NAMES, find
from bench.figures import GOALS, Measured, Plot, flat
from bench.processes import ROOT
from jobs.settings import Settings

ROUNDS, QUICK_ROUNDS = 5, 1
SIDES = ("stock RQ", "Lectern")


def main(argv: list[str] | None = None) -> int:
    given = arguments(argv)
    forget_settings()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    began, load = time.monotonic(), os.getloadavg()
    cases: dict[str, Measured] = {}
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="lectern-bench-") as folder:
        bench = Bench(Path(folder), given.quick, given.rounds or (QUICK_ROUNDS if given.quick else ROUNDS))
        for name in given.only or (QUICK_NAMES if given.quick else NAMES):
            bench.say(f"{name} …")
            at = time.monotonic()
            try:
                cases[name] = find(name)(bench)
            except Exception as error:  # the others are to be measured all the same
                failed[name] = f"{type(error).__name__}: {error}"
                bench.say(f"  {name} failed:\n{traceback.format_exc()}{bench.last_words()}")
            else:
                tell(bench, name, cases[name], time.monotonic() - at)
    if throughput := throughput_plot(cases):
        cases["graph"].plots.insert(0, throughput)
    minutes = (time.monotonic() - began) / 60
    about = {
        "when": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "minutes": minutes,
        "quick": given.quick,
        "machine": machine.in_words(load, os.getloadavg()),
        "versions": machine.versions(),
    }
    write(given.out, json.dumps({**document(cases, about), "failed": failed}, indent=2) + "\n")
    if given.doc and not failed:
        images = given.doc.parent / "images"
        text = page.render(cases, **about, images="images")
        for drawn in (drawn for measured in cases.values() for drawn in measured.plots):
            write(images / drawn.name, drawn.svg)
        write(given.doc, text)
    bench.say(f"All of it took {minutes:.1f} minutes")
    for name, why in failed.items():
        bench.say(f"{name} failed: {why}")
    return 1 if failed else 0


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a glance, in under 2 minutes: every case with a goal, one round of it, smaller sizes"
    )
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="CASE", help=f"only these of {', '.join(NAMES)}")
    parser.add_argument("--rounds", type=int, help=f"rounds, each with both sides (default {ROUNDS}, quick {QUICK_ROUNDS})")
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks.json"), help="where the figures go (%(default)s)")
    parser.add_argument("--doc", type=Path, help="where the page goes (docs/benchmarks.md, of a full run only)")
    given = parser.parse_args(argv)
    if given.rounds is not None and given.rounds < 1:
        parser.error("--rounds must be at least 1")
    if given.doc is None and not given.quick and not given.only:
        given.doc = Path("docs/benchmarks.md")
    return given


def forget_settings() -> None:
    """Keep this machine's settings and `.env` out of this process; those that are started get none either (see processes)."""
    Settings.model_config["env_file"] = None
    for name in Settings.model_fields:
        os.environ.pop(name.upper(), None)
        os.environ.pop(name, None)


def tell(bench: Bench, name: str, measured: Measured, took_s: float) -> None:
    for row in measured.rows:
        what, against, theirs, ours, figure, goal, reached = page.line(row)
        bench.say(f"  {what.replace('`', '')}: {figure.strip('*')} [{against}: {theirs}; Lectern: {ours}] goal {goal} {reached.strip('*')}")
    bench.say(f"  {name} took {took_s:.1f} s")


def document(cases: Mapping[str, Measured], about: Mapping[str, object]) -> dict[str, object]:
    """Return benchmarks.json: every figure by its name, then what it was measured on, the goals, and every round."""
    figures = {name: round(value, 4) for measured in cases.values() for name, value in flat(measured).items()}
    rounds = {name: [round(value, 4) for value in values] for measured in cases.values() for name, values in measured.rounds.items()}
    goals = {name: {"goal": str(goal), "reached": goal.reached(figures[name])} for name, goal in GOALS.items() if name in figures}
    return {**figures, "about": about, "goals": goals, "rounds": rounds}


def throughput_plot(cases: Mapping[str, Measured]) -> Plot | None:
    """Return both sides' jobs a second, no-op and graph, when both were measured."""
    rows = [(label, cases[name].rows[0]) for name, label in (("noop", "no-op"), ("graph", "six tasks")) if name in cases]
    if len(rows) < 2:
        return None
    values = [(label, side, value) for label, row in rows for side, value in zip(SIDES, (row.theirs, row.ours), strict=True) if value]
    title = "Jobs a second, one worker"
    return Plot("benchmarks-throughput.svg", f"{title}: stock RQ and Lectern", plot.bars(title, values, unit="jobs a second"))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    print(f"Written to {path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
