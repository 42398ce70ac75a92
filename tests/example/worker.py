"""A worker with such a horse: `python -m tests.example.worker QUEUE…`."""

from __future__ import annotations

import sys

from jobs.store import connect
from workers.stable import Stable
from workers.supervisor import Supervisor

if __name__ == "__main__":
    Supervisor(Stable(sys.argv[1:], "tests.example.horse"), connect()).work()
