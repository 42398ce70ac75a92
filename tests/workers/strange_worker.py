"""A worker with a strange horse: `python -m tests.workers.strange_worker QUEUE… [--timeout-grace S] [--beat-every S] [--silence S]`."""

from __future__ import annotations

import argparse

from jobs.settings import settings
from jobs.store import connect
from workers import listed, log, watch
from workers.stable import Stable
from workers.supervisor import Supervisor

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("queue", nargs="+")
    parser.add_argument("--timeout-grace", type=float, default=watch.TIMEOUT_GRACE_S)
    parser.add_argument("--beat-every", type=float, default=listed.BEAT_EVERY_S)
    parser.add_argument("--silence", type=float, default=watch.SILENCE_S)
    given = parser.parse_args()
    listed.BEAT_EVERY_S = given.beat_every
    watch.TIMEOUT_GRACE_S = given.timeout_grace
    watch.SILENCE_S = given.silence
    log.configure(settings().log_level)
    Supervisor(Stable(given.queue, "tests.workers.strange_horse"), connect()).work()
