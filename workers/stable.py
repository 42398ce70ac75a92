"""Where the horses of one worker come from: one after the other, all started with the same words.

The first is started before its supervisor has imported anything large: both do that at the same time, on two cores. It waits
to be looked at before it claims anything (workers/horse.py).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from collections.abc import Sequence

from workers import scratch
from workers.harness import Harness

HOST_LETTERS = 48  #: with what follows at most 64: a longer name would make a hashtable of each small hash that it stands in


def new_name() -> str:
    """Return a name for a worker: `host:pid:random`."""
    return f"{socket.gethostname()[:HOST_LETTERS]}:{os.getpid()}:{secrets.token_hex(3)}"


class Stable:
    """Also what it takes to name a worker: `worker` is `host:pid:random`, `scratch` the folder of its horses."""

    def __init__(self, queues: Sequence[str], module: str = "workers.horse") -> None:
        self.worker = new_name()
        self.queues = tuple(queues)
        self.scratch = scratch.make_root()
        self._module = module
        self._ahead: Harness | None = None

    def start_ahead(self) -> None:
        """Start the horse that will be asked for. One that cannot be started now is started when it is."""
        with contextlib.suppress(OSError):
            self._ahead = self._spawn()

    def horse(self) -> Harness:
        """Return a horse. Raises OSError when there is no memory or no process to be had."""
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            return ahead
        horse = self._spawn()
        horse.pulse.look()
        return horse

    def close(self) -> None:
        """Remove what horses have left on disk, and the one that nobody has asked for."""
        if self._ahead is not None:
            self._ahead.kill("nobody has asked for it")
        scratch.remove(self.scratch)

    def _spawn(self) -> Harness:
        return Harness.spawn(self._module, self.worker, self.queues, self.scratch)
