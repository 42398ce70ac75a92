"""A worker whose horse finds the benchmarks' own engine as well: `python -m bench.worker QUEUE…`."""

from __future__ import annotations

import sys

from jobs.settings import settings
from jobs.store import connect
from workers import log
from workers.supervisor import Supervisor

if __name__ == "__main__":
    log.configure(settings().log_level)
    Supervisor(sys.argv[1:], connect(), horse="bench.horse").work()
