"""The chaos run in a minute: everything of it but its length, and a shorter lease."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.chaos import figures, ordeal, report, verdict

#: A seed of its own each time when there is time to look for trouble; else what is known to meet every kind of blow.
SEED = random.randrange(10_000) if os.environ.get("LECTERN_LONG") else 1


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_nothing_is_lost_or_done_twice_while_workers_and_redis_are_killed(tmp_path: Path) -> None:
    form = ordeal.Form(seconds=60, jobs=150, seed=SEED, lease_s=3, renew_s=1, redis_restarts=1)

    evidence = ordeal.run(form, tmp_path, lambda line: print(line, flush=True))

    print(f"seed {SEED}")
    assert {check.promise: check.faults[:10] for check in verdict.judge(evidence) if not check.holds} == {}
    measured = figures.measure(evidence)
    assert measured.recoveries
    assert evidence.outages
    report.write(tmp_path / "report", evidence, verdict.judge(evidence), measured)
    assert str(tmp_path) not in (tmp_path / "report" / "chaos.json").read_text()
