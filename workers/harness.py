"""Hold one horse: spawn it, read its pulse, tell it what to do, kill it, know when and how it ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from workers import memory
from workers.orders import DRAIN, Why, stop
from workers.pulse import Pulse

_DEPLOY_SIGNALS = (signal.SIGTERM, signal.SIGINT)

_LARGE_PAGES = "glibc.malloc.hugetlb"


class Harness:
    """A horse in a process group of its own. `spawn` makes one; after `ended` says how it ended, `close` it."""

    def __init__(self, process: subprocess.Popen[bytes], pulse: Pulse, orders: int) -> None:
        self._process = process
        self._orders = orders
        self.pulse = pulse
        self.pid = process.pid
        self.spawned_at = time.monotonic()
        self.killed_for = ""  #: why it was killed from here, if it was
        self.drains = False
        self._oom_kills = memory.oom_kills()

    @classmethod
    def spawn(cls, module: str, worker: str, queues: Sequence[str], scratch: Path) -> Harness:
        pulse = Pulse.create()
        read_end, write_end = os.pipe()
        command = [sys.executable, "-m", module, "--worker", worker, "--supervisor", str(os.getpid()), "--pulse", str(pulse.fd)]
        command += ["--orders", str(read_end), "--scratch", str(scratch), *queues]
        # Blocked, and inherited so: a signal that comes before the horse has learnt to ignore it must not kill it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _DEPLOY_SIGNALS)
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, start_new_session=True, pass_fds=(pulse.fd, read_end), env=environment(os.environ)
            )
        except OSError:
            pulse.close()
            os.close(write_end)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(read_end)
        os.set_blocking(write_end, False)  # a horse that does not read must not stop its supervisor
        return cls(process, pulse, write_end)

    def drain(self) -> None:
        """Tell it to hand back what it holds and leave."""
        self.drains = True
        self._tell(DRAIN)

    def stop(self, run: str, why: Why) -> None:
        """Tell it to stop `run`, if it still holds it."""
        self._tell(stop(run, why))

    def kill(self, why: str) -> None:
        """Kill it and all that its engine has started, at once."""
        self.killed_for = self.killed_for or why
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def ended(self) -> str | None:
        """How the horse ended, for people; None while it lives. Takes the rest of its group with it."""
        if self._process.returncode is None:
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return None
            # Not waited for yet, so that its id, which is its group's, cannot be another's by now.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        return describe(self._process.returncode) + (", for memory ran out" if self._starved() else "")

    def _starved(self) -> bool:
        """Whether the kernel killed it, or another process beside it, for want of memory."""
        kills = memory.oom_kills()
        return (
            self._process.returncode == -signal.SIGKILL
            and not self.killed_for
            and None not in (kills, self._oom_kills)
            and kills != self._oom_kills
        )

    @property
    def left_well(self) -> bool:
        return self._process.returncode == os.EX_OK

    def close(self) -> None:
        self.pulse.close()
        os.close(self._orders)

    def _tell(self, line: bytes) -> None:
        with contextlib.suppress(BrokenPipeError, BlockingIOError):  # it is dead, or deaf: both are noticed elsewhere
            os.write(self._orders, line)


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return the horse's environment: `given`, and what libraries read only when they are loaded, unless it says otherwise.

    The C library asks for large pages, where the system grants them on demand. A speech model takes and gives back tens of
    megabytes at a time, and with pages of 4 KB their faults are a third of the processor time of small models. And numpy's algebra,
    of which engines have little, has one thread: more would spin between calls.
    """
    tunables = given.get("GLIBC_TUNABLES", "")
    if _LARGE_PAGES not in tunables:
        tunables = ":".join(filter(None, (tunables, f"{_LARGE_PAGES}=1")))
    return {"OPENBLAS_NUM_THREADS": "1", **given, "GLIBC_TUNABLES": tunables}


def describe(returncode: int) -> str:
    if returncode >= 0:
        return f"exited with code {returncode}"
    try:
        return f"was killed by {signal.Signals(-returncode).name} (signal {-returncode})"
    except ValueError:
        return f"was killed by signal {-returncode}"
