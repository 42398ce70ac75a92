"""Listen to one recording from beginning to end: a limited program decodes it, a meter measures what comes out of its pipe."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jobs.errors import Unplayable
from workers.engines import prepare
from workers.engines.checks.decode import HIGHEST_RATE, LOWEST_RATE, MOST_STRETCHES
from workers.engines.checks.meter import Meter

if TYPE_CHECKING:
    from jobs.settings import Settings

PROGRAM = "workers.engines.checks.decode"
SAMPLE_BYTES = 4
BLOCK_BYTES = 1 << 21  #: measured at once: some seconds


class Head(NamedTuple):
    """What the program says of the recording before its samples."""

    rate: int
    channels: int
    declared_s: float
    recording: dict[str, str | int]


def head_of(line: bytes) -> Head:
    """Read the program's first line. Raises ValueError for what it cannot have said itself: it may be in the power of the file it reads."""
    told = json.loads(line)
    recording = told["recording"]
    head = Head(
        int(told["rate"]),
        int(told["channels"]),
        float(told["declared_s"]),
        {name: str(recording[name])[:64] for name in ("format", "codec", "media_type")}
        | {name: int(recording[name]) for name in ("channels", "sample_rate")},
    )
    if not (LOWEST_RATE <= head.rate <= HIGHEST_RATE and head.channels in (1, 2) and 0 <= head.declared_s < math.inf):
        raise ValueError(f"the decoder says {head}")
    return head


class Reader(prepare.Decoder):
    """The program as its reader sees it: `head` is known when `sound` has begun, the rest when it has ended."""

    head: Head | None = None
    damage: tuple[tuple[float, float], ...] = ()

    def sound(self) -> Iterator[bytes]:
        """Yield whole samples in large blocks. Raises Unplayable with the program's own sentence."""
        gathered, frame_bytes = bytearray(), 0
        for data in self.read(lambda: None):
            gathered += data
            if self.head is None and (end := gathered.find(b"\n")) >= 0:
                self.head = head_of(bytes(gathered[:end]))
                del gathered[: end + 1]
                frame_bytes = SAMPLE_BYTES * self.head.channels
            if frame_bytes and len(gathered) >= BLOCK_BYTES:
                whole = len(gathered) // frame_bytes * frame_bytes
                yield bytes(gathered[:whole])
                del gathered[:whole]
        if frame_bytes and len(gathered) >= frame_bytes:
            yield bytes(gathered[: len(gathered) // frame_bytes * frame_bytes])
        self.conclude()

    def last_words(self, told: dict[str, Any]) -> None:
        super().last_words(told)
        self.damage = tuple((float(start), float(end)) for start, end in told["damage"][:MOST_STRETCHES])


def check(path: Path, settings: Settings, heard: Callable[[float, float], None]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what was found in the recording at `path`, and the columns of its picture.

    Calls `heard` with the seconds heard so far and those there should be. Raises Unplayable for what is no recording, or none that
    can be decoded at all.
    """
    if path.stat().st_size == 0:
        raise Unplayable("the file is empty (0 bytes)")
    meter: Meter | None = None
    with prepare.decoding(path, settings, PROGRAM) as process:
        reader = Reader(process.process)
        for block in reader.sound():
            assert reader.head
            meter = meter or Meter(reader.head.rate, reader.head.channels)
            # Decoders of compressed sound may put out what is no number when the file is damaged.
            samples = np.nan_to_num(np.frombuffer(block, np.float32), copy=True, nan=0.0, posinf=1.0, neginf=-1.0)
            meter.add(np.clip(samples, -8.0, 8.0).reshape(-1, meter.channels))
            heard(meter.seconds, reader.head.declared_s)
    if meter is None or reader.head is None:
        raise Unplayable("the file is damaged, or not a recording: nothing of its sound can be decoded")
    meter.end()
    declared_s = reader.head.declared_s
    found = {
        **reader.head.recording,
        "declared_s": round(declared_s, 3),
        **meter.findings(),
        "breaks_off": reader.broken or prepare.falls_short(meter.seconds, declared_s),
        "missing_s": reader.patched_s,
        "damage": [list(stretch) for stretch in reader.damage],
    }
    return found, meter.columns.told()
