"""A program: one process of the pool. Takes orders on stdin, a line of JSON each, and checks one recording after the other.

    python -m workers.engines.checks.member SCRATCH PARENT

What is found it writes to the piece of the recording itself, fenced by the task's run; on stdout it only says how far it is. It opens
no recording: `listen` has a limited program do that. Ends, with that program, when the process PARENT that started it does.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from obstore.exceptions import BaseError
from redis import RedisError

from jobs.errors import LecternError, NotFound, Stale, Unplayable
from jobs.pieces import Piece
from jobs.settings import settings
from jobs.storage import Storage
from jobs.store import Store, connect
from workers import log as logs
from workers.engines.checks import listen, picture, verdict
from workers.engines.checks.leash import die_with
from workers.pieces import Pen

TELL_S = 0.5  #: between two words on how far it is
NOTE_SECONDS = 600.0  #: of sound, between two notes in the piece of a long recording

log = logging.getLogger("workers.checks")


def main(scratch: str, parent: str) -> None:
    die_with(int(parent))
    logs.configure(settings().log_level)
    orders: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=hear_orders, args=(orders,), daemon=True).start()
    store, storage = Store(connect()), Storage.open(settings().storage_url or None)
    say({"ready": True})
    while True:
        order = orders.get()
        try:
            carry_out(order, store, storage, Path(scratch) / f"recording-{os.getpid()}")
        except Stale:
            signal.pause()  # the run is over; its horse learns of it by itself, and ends this process
        except Exception as error:  # of Redis or storage, not of the recording
            log.exception("check_broke n=%s", order["n"])
            say({"broke": f"{type(error).__name__}: {error}"})
            signal.pause()
        say({"done": order["n"]})


def hear_orders(orders: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in sys.stdin.buffer:
        orders.put(json.loads(line))
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)  # nobody is there any more who wants to know
    os._exit(os.EX_UNAVAILABLE)


def say(words: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(words).encode() + b"\n")
    sys.stdout.buffer.flush()


def carry_out(order: dict[str, Any], store: Store, storage: Storage, path: Path) -> None:
    """Check one recording. Its last item tells all that was found: verdict, remarks, findings, and where its picture lies."""
    pen = Pen(store, Piece(*order["piece"]))
    named = {"recording": order["n"], "filename": order["filename"]}
    pen.write({**named, "state": "started"})
    teller = Teller(order["n"], pen, named)
    try:
        storage.fetch(order["key"], path)
        found, columns = listen.check(path, settings(), teller.heard)
        drawn = picture.draw(order["filename"], columns, found).encode()
    except NotFound:
        pen.write({**named, **verdict.refused("the upload is no longer there")})
    except Unplayable as error:
        pen.write({**named, **verdict.refused(str(error))})
    except (LecternError, RedisError, OSError, BaseError):
        raise
    except Exception as error:  # a fault of ours that this recording has shown: the others need not suffer for it
        log.exception("check_failed n=%s", order["n"])
        pen.write({**named, **verdict.failed(f"{type(error).__name__}: {error}")})
    else:
        storage.put_bytes(order["picture"]["key"], drawn)
        shown = {**order["picture"], "bytes": len(drawn), "media_type": "image/svg+xml"}
        pen.write({**named, **verdict.checked(found), "picture": shown})
    finally:
        path.unlink(missing_ok=True)


class Teller:
    """Says how far a recording is: often to the horse, seldom to Redis."""

    def __init__(self, n: int, pen: Pen, named: dict[str, Any]) -> None:
        self._n, self._pen, self._named = n, pen, named
        self._said_at, self._noted_s = 0.0, 0.0

    def heard(self, seconds: float, of_s: float) -> None:
        if time.monotonic() - self._said_at >= TELL_S:
            self._said_at = time.monotonic()
            say({"heard": [self._n, round(seconds, 1), round(of_s, 1)]})
        if seconds - self._noted_s >= NOTE_SECONDS:
            self._noted_s = seconds
            self._pen.write({**self._named, "state": "heard", "seconds": round(seconds), "of_seconds": round(of_s)})


if __name__ == "__main__":
    main(*sys.argv[1:])
