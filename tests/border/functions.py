"""What plain RQ jobs call in the tests."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from rq import Retry, get_current_job


def add(one: int, other: int = 0) -> int:
    return one + other


def boom() -> None:
    raise RuntimeError("it broke")


def nap(seconds: float, mark: str = "") -> str:
    """Sleep; leave a file called `mark` with a line for each time it began."""
    if mark:
        with Path(mark).open("a") as file:
            file.write(f"{os.getpid()}\n")
    time.sleep(seconds)
    return "slept"


def deaf_nap(seconds: float) -> None:
    """Sleep on through RQ's timeout, which is an exception."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        try:
            time.sleep(left)
        except Exception:
            continue


def touch(path: str) -> None:
    Path(path).touch()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def again(times: int) -> Retry | int:
    """Ask to be run again, `times` times."""
    job = get_current_job()
    done = (job.number_of_retries if job else 0) or 0
    return Retry(max=5) if done < times else done


def unserializable() -> object:
    return object()
