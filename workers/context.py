"""What an engine may use while it runs. Cheap to make: everything beyond the claim is made when first asked for."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from jobs import control, quota, record
from jobs.errors import NotFound, Stale
from jobs.model import Claimed, JobView, Json
from jobs.settings import Settings
from jobs.store import Store
from workers import log, scratch
from workers.interrupted import Cancelled, HandBack, Interrupted, Superseded, TimedOut, stop
from workers.kit import Kit
from workers.outcome import GaveUp, Later, NotConfigured, TryAgain
from workers.patience import passes
from workers.pieces import Pieces
from workers.writer import Writer

if TYPE_CHECKING:
    from jobs.callbacks import Message
    from jobs.storage import Storage

__all__ = [
    "Cancelled", "Context", "GaveUp", "HandBack", "Interrupted", "Later", "NotConfigured", "Superseded", "TimedOut", "TryAgain",
]  # fmt: skip

PROGRESS_EVERY_S = 0.5  #: at most one write of progress in so long
CHECK_EVERY_S = 1.0  #: a checkpoint asks Redis whether the run still counts when it has not for so long


class Context:
    """One run, as its engine sees it."""

    __slots__ = ("_fraction", "_kit", "_log", "_message", "_scratch", "_told_at", "_writer", "claimed")

    def __init__(self, claimed: Claimed, kit: Kit) -> None:
        self.claimed = claimed
        self._kit = kit
        self._told_at = time.monotonic()
        self._fraction = 0.0
        self._message = ""
        self._log: log.TaskLog | None = None
        self._scratch: Path | None = None
        self._writer: Writer | None = None

    @property
    def settings(self) -> Settings:
        return self._kit.settings

    @property
    def store(self) -> Store:
        """All of Redis, for what Lectern does about itself (doctor, retention); other engines have what they need here."""
        return self._kit.store

    @property
    def storage(self) -> Storage:
        return self._kit.storage

    @property
    def log(self) -> log.TaskLog:
        """A logger that adds job, task and run to each line."""
        if self._log is None:
            self._log = log.of_task(self.claimed)
        return self._log

    @property
    def scratch(self) -> Path:
        """An empty folder on local disk, removed after the run."""
        if self._scratch is None:
            self._scratch = scratch.make(self._kit.scratch_root)
        return self._scratch

    def key(self, name: str) -> str:
        """Return the storage key of `name` among this run's own files."""
        return f"jobs/{self.claimed.job}/{self.claimed.node}/{self.claimed.run}/{name}"

    def progress(self, fraction: float, message: str = "") -> None:
        """Say how far the run is, 0 to 1. A checkpoint as well; written at most twice a second, a first message at once."""
        self._kit.pulse.sign()
        self._kit.orders.check(self.claimed.run)
        speaks_first = bool(message) and not self._message
        self._fraction = min(max(fraction, 0.0), 1.0)
        self._message = message or self._message
        if speaks_first or time.monotonic() - self._told_at >= PROGRESS_EVERY_S:
            self._tell()

    def checkpoint(self) -> None:
        """Give a sign of life. Raises Interrupted when the run is to stop here: to be called where it may be cut off."""
        self._kit.pulse.sign()
        self._kit.orders.check(self.claimed.run)
        if time.monotonic() - self._told_at >= CHECK_EVERY_S:
            self._tell()

    def writer(self) -> Writer:
        """Return the writer of this child's own key. Raises RuntimeError for a task that is not a child."""
        if self._writer is None:
            self._writer = Writer(self.claimed, self._kit, self._check)
        return self._writer

    def pieces(self, count: int) -> Pieces:
        """Announce that this task, which does not split into children, writes to `count` keys, each from a process of its own."""
        return Pieces(self.claimed, self._kit, self._check, count)

    def children_outputs(self, task: str) -> list[Json]:
        """Return the outputs of the children of `task`, in their order."""
        return self._kit.patiently(lambda: record.children_outputs(self._kit.store, self.claimed.job, task), self._check)

    def used(self, job: str) -> JobView:
        """Return one of the jobs that this one is made of (its type's `uses`), as it stands now. Raises NotFound, also when it is
        not named there or not of the same user.
        """
        from jobs import show, types  # only now: most engines never need them

        if job in types.uses(self.claimed.type, self.claimed.params):
            seen = self._kit.patiently(lambda: show.job(self._kit.store, job), self._check)
            if seen.user == self.claimed.user:
                return seen
        raise NotFound(f"there is no job {job}")

    def message(self) -> Message | None:
        """Return what this run is to tell of a job that has ended, for engine `callback`; None when there is nobody to tell, or nothing."""
        from jobs import callbacks, show  # only now: most engines never need them

        def find() -> Message | None:
            made_at = show.job(self._kit.store, self.claimed.job).created_at
            return callbacks.message(self._kit.store, self.claimed.params, made_at)

        return self._kit.patiently(find, self._check)

    def suspended(self, service: str) -> tuple[float, str]:
        """Return for how many seconds a service outside is not to be asked by anybody, and why; 0 when it may be."""
        return self._kit.patiently(lambda: quota.suspended(self._kit.store, service), self._check)

    def suspend(self, service: str, wait_s: float, why: str) -> None:
        """Have no worker ask a service outside for so long."""
        self._kit.patiently(lambda: quota.suspend(self._kit.store, service, wait_s, why), self._check)

    def corrections(self) -> Json | None:
        """Return what the job's owner has corrected in its transcript (see workers.engines.corrections), or None."""
        key = self._kit.patiently(lambda: control.corrections(self._kit.store, self.claimed.job), self._check)
        return json.loads(self.storage.get_bytes(key)) if key else None

    def close(self) -> None:
        """Remove what the run left on disk."""
        if self._scratch is not None:
            scratch.remove(self._scratch)

    def _check(self) -> None:
        self._kit.orders.check(self.claimed.run)

    def _tell(self) -> None:
        """Write the progress; learn whether the run still counts. While Redis is in trouble the engine works on: the lease decides."""
        self._told_at = time.monotonic()
        try:
            record.progress(self._kit.store, self.claimed, self._fraction, self._message)
        except Stale as stale:
            stop(stale)
        except Exception as error:
            if not passes(error):
                raise
            self.log.debug("progress not written: %s", error)
