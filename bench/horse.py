"""A horse that finds the benchmarks' own job type and engine as well. Started by `bench.worker`."""

from __future__ import annotations

import sys

from bench import extras
from workers import horse

if __name__ == "__main__":
    extras.install()
    sys.exit(horse.main())
