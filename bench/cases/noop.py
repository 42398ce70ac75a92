"""One worker against one stock worker: jobs of a single task that does nothing."""

from __future__ import annotations

from bench.bench import Bench
from bench.figures import Measured, Row, median, median_ratio
from bench.fill import ONE, synthetic
from bench.sides import interleaved


def measure(bench: Bench) -> Measured:
    theirs, ours = interleaved(bench, ONE, synthetic(ONE), theirs=bench.pick(150, 100), ours=bench.pick(8000, 5000))
    row = Row(
        "noop_ratio",
        "no-op jobs a second, one worker",
        median_ratio(ours, theirs),
        median(ours),
        theirs=median(theirs),
        against="stock RQ",
        ours_key="noop_per_s",
        theirs_key="noop_stock_per_s",
    )
    return Measured([row], rounds={"noop_per_s": ours, "noop_stock_per_s": theirs})
