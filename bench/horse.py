"""A horse that finds the benchmarks' own job type and engine as well. Started by `bench.worker`.

With BENCH_SAMPLES in its environment it writes there, when it leaves, where its processor time went.
"""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from pathlib import Path

from bench import extras, sampling
from workers import horse

WITHIN = "shift.Shift.work"  #: without the start


if __name__ == "__main__":
    extras.install()
    samples = os.environ.get("BENCH_SAMPLES")
    with sampling.sampled(Path(samples), WITHIN) if samples else nullcontext():
        code = horse.main()
    sys.exit(code)
