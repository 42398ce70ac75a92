"""A worker whose horse finds the benchmarks' own engine as well: `python -m bench.worker QUEUE…`."""

from __future__ import annotations

import sys

from jobs.settings import settings
from jobs.store import connect
from workers import log
from workers.stable import Stable
from workers.supervisor import Supervisor

if __name__ == "__main__":
    log.configure(settings().log_level)
    Supervisor(Stable(sys.argv[1:], "bench.horse"), connect()).work()
