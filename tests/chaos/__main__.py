"""`python -m tests.chaos`: hurt a fleet at work for ten minutes, say whether everything held, write the report."""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests.chaos import figures, ordeal, report, verdict


def main() -> int:
    given = arguments()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(f"ended by signal {number}"))
    form = ordeal.Form(seconds=given.seconds, jobs=given.jobs, workers=given.workers, seed=given.seed)
    folder = Path(tempfile.mkdtemp(prefix="lectern-chaos-"))
    print(f"Chaos: {form.seconds:g} s, {form.jobs} jobs, {form.workers} workers, seed {form.seed}", flush=True)
    evidence = ordeal.run(form, folder, lambda line: print(line, flush=True))
    checks = verdict.judge(evidence)
    for check in checks:
        print(f"{'held  ' if check.holds else 'BROKEN'} {check.promise} ({check.counted})")
        for fault in check.faults[:10]:
            print(f"         {fault}")
    if given.report:
        report.write(given.report, evidence, checks, figures.measure(evidence))
        print(f"The report is in {given.report}")
    if all(check.holds for check in checks):
        shutil.rmtree(folder)
        return 0
    print(f"What Redis and the workers wrote is kept in {folder}")
    return 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="how long, the drain included (default 600)")
    parser.add_argument("--jobs", type=int, default=2000, help="jobs of six tasks (default 2000)")
    parser.add_argument("--workers", type=int, default=4, help="workers (default 4)")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000), help="of load and harm (default: another each time)")
    parser.add_argument("--report", type=Path, help="folder for chaos.md, chaos.json and chaos.svg (default: none is written)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
