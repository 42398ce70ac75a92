"""`make bench`: one worker against one stock `rq worker`, interleaved in one run; medians and ratios."""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path

from bench.sides import lectern, stock
from jobs.store import connect
from scripts import embedded

#: What is measured: stock jobs a round, our jobs a round.
CASES = {"noop": (False, 150, 8000), "graph": (True, 25, 1200)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds, each with both sides (default 5)")
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks.json"))
    given = parser.parse_args()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, embedded.running(Path(folder), durable=False) as url:
        client = connect(url)
        for name, (graph, theirs, ours) in CASES.items():
            rounds = []
            for number in range(given.rounds):
                rounds.append((stock(client, url, theirs, graph=graph), lectern(client, url, ours, graph=graph)))
                print(f"{name} round {number + 1}: stock RQ {rounds[-1][0]:.1f} jobs/s, Lectern {rounds[-1][1]:.0f} jobs/s", flush=True)
            figures[f"{name}_stock_per_s"] = statistics.median(their for their, _ in rounds)
            figures[f"{name}_per_s"] = statistics.median(our for _, our in rounds)
            figures[f"{name}_ratio"] = statistics.median(our / their for their, our in rounds)
            print(f"{name}: {figures[f'{name}_ratio']:.1f} times stock RQ (median of the rounds' ratios)", flush=True)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps({name: round(value, 3) for name, value in figures.items()}, indent=2) + "\n")
    print(f"Written to {given.out}")


if __name__ == "__main__":
    main()
