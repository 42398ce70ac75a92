"""Run a command that does not outlive its parent: `leash.py PARENT COMMAND …`.

A program of its own, because what has to happen between fork and exec is not safe to do in a process with threads.
When the parent ends, however it ends, the kernel sends the command SIGTERM (on Linux; elsewhere nothing is done).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def prctl(option: int, value: int) -> None:
    """Call prctl(2). Does nothing where there is none."""
    if sys.platform == "linux" and ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent has ended, so that none is lost from sight."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)  # Lost the race: the parent ended before the kernel was told.
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"cannot start {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
