"""One worker against one stock worker: jobs of six tasks that do nothing, on RQ's side six jobs by `depends_on`."""

from __future__ import annotations

from bench.bench import Bench
from bench.figures import Measured, Row, median, median_ratio
from bench.fill import GRAPH, synthetic
from bench.sides import interleaved


def measure(bench: Bench) -> Measured:
    theirs, ours = interleaved(bench, GRAPH, synthetic(GRAPH), theirs=bench.pick(25, 15), ours=bench.pick(1200, 700))
    row = Row(
        "graph_ratio",
        "jobs of six tasks a second, one worker",
        median_ratio(ours, theirs),
        median(ours),
        theirs=median(theirs),
        against="stock RQ, by `depends_on`",
        ours_key="graph_per_s",
        theirs_key="graph_stock_per_s",
    )
    return Measured([row], rounds={"graph_per_s": ours, "graph_stock_per_s": theirs})
