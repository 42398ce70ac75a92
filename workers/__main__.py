"""`python -m workers short|long …`: one worker, a supervisor and its horse."""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
from typing import NoReturn

from jobs.errors import Misconfigured
from jobs.states import Duration
from workers import log
from workers.stable import Stable

_QUEUE = re.compile(rf"([a-z0-9_]{{1,32}}\.)?({'|'.join(Duration)})")
_ZONE = re.compile(r"[a-z0-9_]{1,32}")


def main(argv: list[str] | None = None) -> int:
    given = arguments(argv)
    for number in (signal.SIGTERM, signal.SIGINT):  # until the supervisor heeds them; a horse that was started dies with this process
        signal.signal(number, leave)
    log.configure("INFO")
    stable = Stable(queues(given.queue, given.zone))
    stable.start_ahead()

    from jobs.settings import settings  # only now: all of this takes a moment to import, and so does what the horse needs
    from jobs.store import connect
    from workers.supervisor import Supervisor

    try:
        log.configure(settings().log_level)
        Supervisor(stable, connect()).work()
    except Misconfigured as error:
        stable.close()
        log.misconfigured(error)
        return os.EX_CONFIG
    return os.EX_OK


def leave(number: int, frame: object) -> NoReturn:
    """Told to leave before there is anything to hand back. At once: an exception would surprise whatever is being imported."""
    os._exit(os.EX_OK)


def queues(names: list[str], zones: list[str]) -> list[str]:
    """Return the queues to serve, in order: each name in each zone, or in the default one."""
    return list(dict.fromkeys(name if "." in name or not zone else f"{zone}.{name}" for name in names for zone in zones or [""]))


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m workers",
        description="Serve queues, the first one first. SIGTERM or Ctrl-C: hand back and leave; a second one: at once.",
    )
    parser.add_argument("queue", nargs="+", type=_queue, help="short, long, or one of a zone: ingest.long")
    parser.add_argument(
        "--zone", nargs="+", action="extend", type=_zone, default=[], help="serve the queues of these zones instead of the default one's"
    )
    return parser.parse_args(argv)


def _queue(text: str) -> str:
    if not _QUEUE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is neither short nor long nor one of these in a zone, as in ingest.long")
    return text


def _zone(text: str) -> str:
    if not _ZONE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a zone: small letters, digits and _")
    return text


if __name__ == "__main__":
    sys.exit(main())
