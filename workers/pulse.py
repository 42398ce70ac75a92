"""The page of memory in which a horse says what it is doing, and which its supervisor looks at when it likes.

One writer, one reader, no lock and no system call a task (docs/decisions/0010-pulse.md). The page holds a counter, the
signs of life, and two slots. A beat is written whole into the slot that holds the older one, with a number and a
checksum: a reader that meets a half-written slot, or a writer that was killed while writing, leaves the other slot.
The supervisor writes one thing there: when it last looked. A horse that nobody looks at claims nothing.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
import time
import zlib
from dataclasses import dataclass
from enum import IntEnum

_HEADER_BYTES = 64
_SLOT_BYTES = 512
_PAGE_BYTES = _HEADER_BYTES + 2 * _SLOT_BYTES
_SLOT = struct.Struct("=QIIIddddH")  # number, phase, completed, failed, busy_s, started, timeout_s, stall_s, bytes of text
_CRC = struct.Struct("=I")
_READS = 100
_MAX_TEXT_BYTES = _SLOT_BYTES - _CRC.size - _SLOT.size


class Phase(IntEnum):
    STARTING = 0  #: imports, connects
    IDLE = 1  #: waits for work
    CLAIMING = 2  #: holds nothing that it knows of; a claim as `next_run` is under way
    WORKING = 3  #: an engine is at work on `run`
    SETTLING = 4  #: the engine is done; the outcome of `run` is being recorded and `next_run` claimed
    GONE = 5  #: holds nothing and will not claim again


@dataclass(frozen=True, slots=True)
class Beat:
    """What the horse said last."""

    number: int = 0
    phase: Phase = Phase.STARTING
    run: str = ""  #: the run it holds, in WORKING and SETTLING
    rq_job: str = ""  #: whose run that is
    engine: str = ""
    next_run: str = ""  #: the run it may be claiming
    started: float = 0.0  #: when the run began, by the machine's monotonic clock
    timeout_s: float = 0.0
    stall_s: float = 0.0  #: how long the engine may give no sign of life
    completed: int = 0  #: runs of this horse that ended well
    failed: int = 0
    busy_s: float = 0.0  #: how long its engines were at work in all


class Pulse:
    """Write and read beats. The supervisor makes one per horse with `create`, the horse joins it with `attach`."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._page = mmap.mmap(fd, _PAGE_BYTES)
        self._signs = memoryview(self._page)[:8].cast("Q")
        self._looked = memoryview(self._page)[8:16].cast("d")
        self._number = 0
        self._last = Beat()
        self._started = self._uncounted_since = 0.0
        self.completed = 0
        self.failed = 0
        self.busy_s = 0.0

    @classmethod
    def create(cls) -> Pulse:
        if hasattr(os, "memfd_create"):
            fd = os.memfd_create("pulse")
        else:
            with tempfile.TemporaryFile() as file:
                fd = os.dup(file.fileno())
        os.ftruncate(fd, _PAGE_BYTES)
        return cls(fd)

    @classmethod
    def attach(cls, fd: int) -> Pulse:
        return cls(fd)

    def close(self) -> None:
        self._signs.release()
        self._looked.release()
        self._page.close()
        os.close(self.fd)

    # the horse's side

    def sign(self) -> None:
        """Give a sign of life: change the counter. Threads may race; any change will do."""
        self._signs[0] = (self._signs[0] + 1) & 0xFFFFFFFF

    @property
    def seen(self) -> bool:
        """Whether the supervisor has ever looked at this horse."""
        return self._looked[0] > 0

    def unseen_s(self) -> float:
        """For how long the supervisor has not looked: it looks every half second unless it hangs."""
        return time.monotonic() - self._looked[0]

    def idle(self) -> None:
        self._write(Phase.IDLE, "", "", "", "", 0.0, 0.0, 0.0)

    def claiming(self, next_run: str) -> None:
        """Say which run a claim is about to be made as. Called before the claim: a claim nobody knows of would be lost for a lease."""
        self._uncounted_since = 0.0
        self._write(Phase.CLAIMING, "", "", "", next_run, 0.0, 0.0, 0.0)

    def working(self, run: str, rq_job: str, engine: str, timeout_s: float, stall_s: float) -> None:
        self._count()
        self._started = self._uncounted_since = time.monotonic()
        self._write(Phase.WORKING, run, rq_job, engine, "", self._started, timeout_s, stall_s)

    def settling(self, run: str, rq_job: str, next_run: str) -> None:
        """Say that the engine is done: neither its timeout nor its stalling counts any more."""
        self._count()
        self._write(Phase.SETTLING, run, rq_job, "", next_run, self._started, 0.0, 0.0)

    def _count(self) -> None:
        if self._uncounted_since:
            self.busy_s += time.monotonic() - self._uncounted_since
            self._uncounted_since = 0.0

    def gone(self) -> None:
        self._write(Phase.GONE, "", "", "", "", 0.0, 0.0, 0.0)

    def _write(
        self, phase: Phase, run: str, rq_job: str, engine: str, next_run: str, started: float, timeout_s: float, stall_s: float
    ) -> None:
        text = f"{run}\n{rq_job}\n{engine}\n{next_run}".encode()
        if len(text) > _MAX_TEXT_BYTES:
            raise ValueError(f"the names of run {run} of {rq_job} take {len(text)} bytes, more than the {_MAX_TEXT_BYTES} of a slot")
        self._number = number = self._number + 1
        body = _SLOT.pack(number, phase, self.completed, self.failed, self.busy_s, started, timeout_s, stall_s, len(text)) + text
        offset = _HEADER_BYTES + _SLOT_BYTES * (number & 1)
        self._page[offset : offset + _CRC.size + len(body)] = _CRC.pack(zlib.crc32(body)) + body

    # the supervisor's side

    def look(self) -> None:
        """Say that the supervisor looks at this horse now. Eight bytes at once: no reader sees half of it."""
        self._looked[0] = time.monotonic()

    def signs(self) -> int:
        """How often the horse gave a sign of life. Only a change of it means anything."""
        return self._signs[0]

    def read(self) -> Beat:
        """Return the newest beat. Reads again while both slots are being written; what was read last if that does not end."""
        for _ in range(_READS):
            beats = [beat for slot in (0, 1) if (beat := self._read_slot(slot)) is not None]
            if beats:
                self._last = max(beats, key=lambda beat: beat.number)
                break
        return self._last

    def _read_slot(self, slot: int) -> Beat | None:
        offset = _HEADER_BYTES + _SLOT_BYTES * slot
        raw = self._page[offset : offset + _SLOT_BYTES]
        number, phase, completed, failed, busy_s, started, timeout_s, stall_s, size = _SLOT.unpack_from(raw, _CRC.size)
        if number == 0 and raw == bytes(_SLOT_BYTES):
            return Beat()  # never written
        end = _CRC.size + _SLOT.size + size
        if size > _MAX_TEXT_BYTES or _CRC.unpack_from(raw)[0] != zlib.crc32(raw[_CRC.size : end]):
            return None  # being written, or its writer was killed at it
        run, rq_job, engine, next_run = raw[_CRC.size + _SLOT.size : end].decode().split("\n")
        return Beat(number, Phase(phase), run, rq_job, engine, next_run, started, timeout_s, stall_s, completed, failed, busy_s)
